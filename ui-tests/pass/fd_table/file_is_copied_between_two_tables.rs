//! A copy goes from one fd to another of the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = here.memfd_create("ours", MemfdFlags::empty())?;
    brand!(private_fds);
    let (child, its_file) = here.spawn()?.unshare_files(private_fds, &file)?;
    let copy = child.memfd_create("its", MemfdFlags::empty())?;
    child.copy_file_range(&its_file, None, &copy, None, 10)?;
    child.close(its_file)
}
