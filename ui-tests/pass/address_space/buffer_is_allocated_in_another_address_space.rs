//! A buffer is allocated where the task that it is for lives.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn fill<K: far::Task, L: far::Task>(reader: &K, other: &L) -> Result<(), nearfar::Error> {
    let file = reader.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
    other.getpid()?;
    let mut buffer = reader.malloc_slice::<u8>(16)?;
    reader.read(&file, &mut buffer).map(drop)
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    fill(&here, &here.spawn()?)
}
