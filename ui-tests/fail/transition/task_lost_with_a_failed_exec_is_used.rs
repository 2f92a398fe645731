//! `exec` gives no task back, also if it fails; `try_exec` does.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let missing = Program::new("/nonexistent");
    let failed = child.program(&missing).exec().expect_err("there is no such file");
    let again: &dyn Fn() -> _ = &|| failed.task.getpid();
    again()?;
    Ok(())
}
