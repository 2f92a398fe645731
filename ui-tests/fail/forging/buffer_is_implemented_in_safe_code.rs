//! Who says where a buffer is says so in `unsafe`.

#![forbid(unsafe_code)]

use nearfar::buf::Buf;
use nearfar::near::Address;
use nearfar::prelude::*;

struct Anywhere;

trait Other<A> {
    fn address(&self) -> Address<A>;
    fn length(&self) -> usize;
}

impl Buf<HostMemory> for Anywhere {
    fn address(&self) -> Address<HostMemory> {
        Address::from(&raw const *self)
    }
    fn length(&self) -> usize {
        usize::MAX
    }
}

fn main() {
    assert_eq!(Buf::<HostMemory>::length(&[0; 3]), 3);
    println!("{} {}", Anywhere.address(), Anywhere.length());
}
