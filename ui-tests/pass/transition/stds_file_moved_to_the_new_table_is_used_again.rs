//! What std owns and is listed by value moves to the new table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let null = std::fs::File::open("/dev/null")?;
    brand!(private_fds);
    let (child, its_null) = here.spawn_with_files(private_fds, null)?;
    child.fcntl_getfd(&its_null)?;
    drop((child, its_null));
    Ok(())
}
