//! Two calls of one closure make two tables.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut kept = None;
    let mut call = || {
        brand!(private_fds);
        let (child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
        let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
        child.read(&zeroes, &mut [*kept.get_or_insert(0); 1])
    };
    call()?;
    call()?;
    Ok(())
}
