//! A brand stays in its function, also if that panics.

#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut kept = None;
    for _ in 0..2 {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            brand!(private_fds);
            let (child, ()) = here.spawn().unwrap().unshare_files(private_fds, ()).unwrap();
            let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
            child.read(&zeroes, &mut [*kept.get_or_insert(0); 1]).unwrap();
            resume_unwind(Box::new("as planned"))
        }));
        outcome.unwrap_or(());
    }
    Ok(())
}
