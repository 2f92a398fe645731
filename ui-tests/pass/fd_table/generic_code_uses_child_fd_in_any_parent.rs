//! Code for any task cannot use the fd of a child's private table in the parent.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn peek<K: SpawnTask>(parent: &K) -> Result<(), nearfar::Error> {
    brand!(private_fds);
    let (child, ()) = parent.spawn_with_files(private_fds, ())?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    child.fstat(&zeroes)?;
    drop(zeroes);
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    peek(&Task::here())
}
