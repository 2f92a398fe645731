//! An address of this process is not one of another space.

#![forbid(unsafe_code)]

use nearfar::near::Address;
use nearfar::prelude::*;

fn elsewhere<A>(byte: &u8) -> Address<HostMemory> {
    Address::from(&raw const *byte)
}

fn main() {
    println!("{}", elsewhere::<HostMemory>(&1));
}
