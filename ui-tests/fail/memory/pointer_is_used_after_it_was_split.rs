//! What has been split is two pointers, and not a third one.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let bytes = child.ptr_slice(b"lowhigh")?;
    let (low, high) = bytes.split_at(3).unwrap();
    assert_eq!(low.len() + high.len(), 7);
    assert!(bytes.to_vec(&child)?.starts_with(b"low"));
    Ok(())
}
