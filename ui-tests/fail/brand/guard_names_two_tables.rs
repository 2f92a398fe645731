//! A guard names one table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds, other_fds);
    println!("{other_fds:?}");
    let (left, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let (right, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    drop((left, right));
    Ok(())
}
