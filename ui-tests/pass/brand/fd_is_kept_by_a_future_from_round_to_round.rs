//! Every round of a loop in a future makes another table.

#![forbid(unsafe_code)]

use std::future::{Future, ready};
use std::pin::pin;
use std::task::{Context, Waker};

use nearfar::prelude::*;

async fn rounds() -> Result<(), nearfar::Error> {
    let mut kept = None;
    for _ in 0..2 {
        brand!(private_fds);
        let (child, ()) = Task::here().spawn()?.unshare_files(private_fds, ())?;
        let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
        ready(()).await;
        child.read(&zeroes, &mut [*kept.get_or_insert(0); 1])?;
    }
    Ok(())
}

fn main() {
    let polled = pin!(rounds()).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_ready());
}
