//! A recursion makes another table in every round.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn descend<Outer>(depth: u32, outer: Option<&Fd<Outer>>) -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(inner_fds);
    let (child, ()) = here.spawn()?.unshare_files(inner_fds, ())?;
    let zeroes = child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    if let Some(outer) = outer {
        child.read(outer, &mut [0; 1])?;
    }
    if depth == 0 { Ok(()) } else { descend(depth - 1, Some(&zeroes)) }
}

fn main() -> Result<(), nearfar::Error> {
    descend::<HostFds>(2, None)
}
