//! Generic code, too, has a child use only what is in the table that it has moved to.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn leave<K: DrivenTask>(child: K, fd: Fd<K::FdTable>) -> Result<(), nearfar::Error> {
    brand!(private_fds);
    let (child, its_fd) = child.unshare_files(private_fds, &fd)?;
    child.fcntl_getfd(&its_fd)?;
    drop((fd, its_fd));
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let (_reader, writer) = child.pipe2(PipeFlags::empty())?;
    leave(child, writer)
}
