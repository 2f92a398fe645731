//! Two guards are two brands, also in a function that never returns.

#![forbid(unsafe_code)]

use nearfar::brand::{Guard, Label};
use nearfar::prelude::*;

#[allow(non_camel_case_types)]
enum private_fds {}

impl Label for private_fds {
    const NAME: &'static str = "private_fds";
}

fn main() {
    never_returns()
}

fn never_returns() -> ! {
    nearfar::__private::nothing_outlives_the_block_of_its_brand_unless_erased!(first);
    let first = Guard::<'_, private_fds>::of(first);
    nearfar::__private::nothing_outlives_the_block_of_its_brand_unless_erased!(second);
    let second = Guard::<'_, private_fds>::of(second);
    let here = Task::here();
    let (left, ()) = here.spawn().unwrap().unshare_files(first, ()).unwrap();
    let (right, ()) = here.spawn().unwrap().unshare_files(second, ()).unwrap();
    let zeroes = left.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
    right.read(&zeroes, &mut [0; 1]).unwrap();
    drop(right);
    loop {
        std::process::exit(0);
    }
}
