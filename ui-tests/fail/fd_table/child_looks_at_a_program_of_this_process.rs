//! A program is waited for in the table that its pidfd is in.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let process = here.spawn()?.program(&Program::new("true")).exec()?;
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    child.waitid(&process, WaitIdOptions::EXITED)?;
    process.wait()?;
    child.getpid()?;
    Ok(())
}
