//! A struct that outlives the block cannot keep an fd of a table named in it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

struct Log<F> {
    file: Option<Fd<F>>,
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut log = Log { file: None };
    {
        brand!(private_fds);
        let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
        log.file = Some(child.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?);
    }
    drop(log.file);
    Ok(())
}
