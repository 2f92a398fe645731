//! Pointers are merged in one address space.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn merge<K: far::Task, L: far::Task>(owner: &K, other: &L) -> Result<(), nearfar::Error> {
    let (low, high) = owner.ptr_slice(b"lowhigh")?.split_at(3).unwrap();
    let others = other.ptr_slice(b"other")?;
    assert_eq!(others.len() + high.len(), 9);
    low.merge(others).unwrap();
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    merge(&here, &here.spawn()?)
}
