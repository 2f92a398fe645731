//! `Namespace` is sealed: a user's type is not one.

#![forbid(unsafe_code)]

use nearfar::brand::{Label, Namespace};

struct Mine;

impl Label for Mine {
    const NAME: &'static str = "mine";
}

fn main() {
    println!("{}", <nearfar::HostFds as Namespace>::NAME);
}
