//! Fds of two tables cannot trade places.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (child, (mut one, mut other)) =
        here.spawn()?.unshare_files(private_fds, (&writer, here.dup(&writer)?))?;
    let mut host = writer;
    println!("{host}");
    std::mem::swap(&mut one, &mut host);
    host = here.dup(&host)?;
    drop((child, one, other, host));
    Ok(())
}
