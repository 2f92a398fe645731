//! Only an fd that is known to be of this process's table is one for std.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let null = here.openat(Cwd, "/dev/null", OFlags::RDWR, Mode::empty())?.erase();
    drop(std::fs::File::from(null.rebrand(&here)?));
    Ok(())
}
