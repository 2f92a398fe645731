//! Slices are not memory of every task, also not several of them.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn fill<K: TransferTask + far::InHostMemory>(task: &K, fd: &Fd<K::FdTable>, head: &mut [u8]) -> Result<usize, nearfar::Error> {
    task.readv(fd, &mut [head])
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let zeroes = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    assert_eq!(fill(&here, &zeroes, &mut [0; 4])?, 4);
    Ok(())
}
