//! A part of what is allocated ends before the whole.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let mut buffer = child.ptr_slice(b"buffer")?;
    let spare = child.ptr_slice(b"spare")?;
    let part = buffer.slice(..3).unwrap();
    assert_eq!(spare.len(), 5);
    drop(spare);
    assert_eq!(part.to_vec(&child)?, b"buf");
    Ok(())
}
