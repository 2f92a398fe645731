//! A task whose table was named in a block cannot leave it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = {
        brand!(private_fds);
        let child = here.spawn()?;
        (child, private_fds).0
    };
    child.getpid()?;
    Ok(())
}
