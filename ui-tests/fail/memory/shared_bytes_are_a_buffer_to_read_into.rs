//! Bytes that others may have a reference to are read from, not written to.

#![forbid(unsafe_code)]

use std::sync::Arc;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zero = here.openat(Cwd, "/dev/zero", OFlags::RDWR, Mode::empty())?;
    let mut shared: Arc<[u8]> = Arc::new([1; 8]);
    here.read(&zero, &mut shared)?;
    assert_eq!(Arc::get_mut(&mut shared).map(|bytes| bytes[0]), Some(1));
    Ok(())
}
