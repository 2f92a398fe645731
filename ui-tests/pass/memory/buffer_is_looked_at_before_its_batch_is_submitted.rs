//! What a call of a batch reads into is not looked at before the call is made.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let zero = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let mut buffer = [1; 8];
    let mut batch = child.batch();
    batch.read(&zero, &mut buffer);
    assert_eq!(batch.submit(), [Ok(8)]);
    assert_eq!(buffer, [0; 8]);
    Ok(())
}
