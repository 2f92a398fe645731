//! `host_fds` is this process's table, in messages and in `Debug`, and no other.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(r#host_fds, private_fds);
    here.spawn_with_files(private_fds, ())?;
    Ok(())
}
