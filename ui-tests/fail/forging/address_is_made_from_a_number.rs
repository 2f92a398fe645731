//! Safe code makes addresses from pointers only, and only in its own memory.

#![forbid(unsafe_code)]

use nearfar::near::Address;
use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let byte = 1_u8;
    let address = Address::<HostMemory>::new(0x1000);
    println!("{address} {byte}");
    Ok(())
}
