//! A child that left this process's table cannot list std's files.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let file = std::fs::File::create("/dev/null").expect("everybody can write there");
    brand!(first_fds, second_fds);
    let (child, its_file) = here.spawn()?.unshare_files(first_fds, &file)?;
    let (child, last_file) = child.unshare_files(second_fds, &file)?;
    child.write(&last_file, b"hello")?;
    drop((its_file, last_file));
    Ok(())
}
