//! A brand stays in its function, also in one that never returns.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() {
    let here = Task::here();
    let mut kept = None;
    let mut call = || -> ! {
        brand!(private_fds);
        let (child, ()) = here.spawn().unwrap().unshare_files(private_fds, ()).unwrap();
        let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        child.read(&zeroes, &mut [*kept.get_or_insert(0); 1]).unwrap();
        std::process::exit(0)
    };
    call()
}
