//! A task whose table was named in a function cannot leave it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn prepare() -> Result<impl FileDescriptorTask, nearfar::Error> {
    brand!(private_fds);
    let child = Task::here().spawn()?;
    Ok(child.unshare_files(private_fds, ())?.0)
}

fn main() -> Result<(), nearfar::Error> {
    prepare()?.getpid()?;
    Ok(())
}
