//! A task whose table was named in a loop cannot be its result.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = loop {
        brand!(private_fds);
        let child = here.spawn()?;
        break (child, private_fds).0;
    };
    child.getpid()?;
    Ok(())
}
