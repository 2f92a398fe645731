//! A borrowed fd of a private table cannot become std's `BorrowedFd`.

#![forbid(unsafe_code)]

use std::os::fd;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    let borrowed: fd::BorrowedFd<'_> = writer.borrow().into();
    println!("{borrowed:?}");
    drop(its_writer);
    Ok(())
}
