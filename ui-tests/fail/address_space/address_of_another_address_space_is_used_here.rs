//! An address of another address space is none of this program.

#![forbid(unsafe_code)]

use nearfar::prelude::*;
use nearfar::near::Address;

fn print(address: Address<HostMemory>) {
    println!("{address}");
}

fn show<K: far::Task>(task: &K) -> Result<(), nearfar::Error> {
    let (here, there) = (Task::here().ptr(&1_u32)?, task.ptr(&2_u32)?);
    assert!(here.address().as_raw() != there.address().as_raw());
    print(there.address());
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    show(&Task::here().spawn()?)
}
