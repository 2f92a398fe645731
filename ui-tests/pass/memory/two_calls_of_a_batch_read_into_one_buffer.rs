//! Each call of a batch has a buffer of its own to read into.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let zero = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    let (first, second) = (&mut [1; 8], &mut [1; 8]);
    second.fill(2);
    let mut batch = child.batch();
    batch.read(&zero, first).read(&zero, second);
    assert_eq!(batch.submit(), [Ok(8), Ok(8)]);
    assert_eq!((*first, *second), ([0; 8], [0; 8]));
    Ok(())
}
