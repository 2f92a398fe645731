//! Which open file an fd names is asked of a task of its table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.memfd_create("file", MemfdFlags::empty())?;
    brand!(private_fds);
    let (child, copy) = here.spawn()?.unshare_files(private_fds, &file)?;
    let known = here.file(&file)?;
    assert!(child.file(&file)?.is_same_as(&known)?);
    assert_eq!(copy.near().as_raw(), file.near().as_raw());
    Ok(())
}
