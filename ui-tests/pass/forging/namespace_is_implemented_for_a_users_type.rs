//! `Namespace` is sealed: a user's type is not one.

#![forbid(unsafe_code)]

use nearfar::brand;

struct Mine;

impl brand::Label for Mine {
    const NAME: &'static str = "mine";
}

fn main() {
    println!("{}", <nearfar::HostFds as brand::Namespace>::NAME);
    let _mine = Mine;
}
