//! Nobody can declare that an fd of one table is an fd of another.

#![forbid(unsafe_code)]

use nearfar::brand::{Brand, Label};
use nearfar::{handle, near, prelude::*};

struct Mine;

impl Label for Mine {
    const NAME: &'static str = "mine";
}

#[allow(dead_code, reason = "nothing calls it")]
trait Other<F> {
    fn near_fd(&self) -> near::Fd<F>;
}

impl<'id> handle::AsFd<Brand<'id, Mine>> for Fd<HostFds> {
    fn near_fd(&self) -> near::Fd<Brand<'id, Mine>> {
        unreachable!("there is nothing to return")
    }
}

fn main() {
    handle::AsFd::<HostFds>::near_fd(&std::io::stdin());
    let _mine = Mine;
}
