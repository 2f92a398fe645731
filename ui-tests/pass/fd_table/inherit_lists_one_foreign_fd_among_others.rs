//! One fd of another table in a list spoils the list.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(first_fds, second_fds);
    let (child, its_ends) = here.spawn()?.unshare_files(first_fds, (&reader, &writer))?;
    let (child, last_ends) = child.unshare_files(second_fds, (&its_ends.0, &its_ends.1))?;
    child.write(&last_ends.1, b"hello")?;
    drop((its_ends, last_ends));
    Ok(())
}
