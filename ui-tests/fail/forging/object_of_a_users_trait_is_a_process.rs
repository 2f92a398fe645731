//! There are no objects of sealed traits: one of a user's trait would be a type of the user's, to be called a process.

#![forbid(unsafe_code)]

use nearfar::ChildProcess;
use nearfar::handle::AsProcess;
use nearfar::prelude::*;

trait Process: AsProcess<HostPids> {}
impl Process for ChildProcess {}

fn width<P: Process + ?Sized>() -> usize {
    size_of::<&P>()
}

fn main() {
    println!("{}", width::<dyn Process>());
}
