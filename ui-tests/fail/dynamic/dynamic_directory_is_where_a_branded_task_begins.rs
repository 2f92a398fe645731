//! A directory whose table is known at run time only is compared before a branded task takes it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let root = here.openat(Cwd, "/", OFlags::DIRECTORY, Mode::empty())?.erase();
    let root = &root;
    here.openat(root, "dev", OFlags::DIRECTORY, Mode::empty())?;
    Ok(())
}
