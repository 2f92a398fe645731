//! A child in a private table cannot use std's files, which are in this process's table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = std::fs::File::create("/dev/null").expect("everybody can write there");
    brand!(private_fds);
    let (child, its_file) = here.spawn()?.unshare_files(private_fds, &file)?;
    child.write(&file, b"hello")?;
    drop(its_file);
    Ok(())
}
