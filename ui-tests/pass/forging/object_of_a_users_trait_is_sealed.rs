//! There are no objects of sealed traits: one of a user's trait would be a type of the user's, to be called an fd.

#![forbid(unsafe_code)]

use nearfar::handle::AsDirFd;
use nearfar::prelude::*;

trait Directory: AsDirFd<HostFds> {}
impl Directory for Cwd {}

fn width<D: Directory + ?Sized>() -> usize {
    size_of::<&D>()
}

fn main() {
    println!("{}", width::<Cwd>());
}
