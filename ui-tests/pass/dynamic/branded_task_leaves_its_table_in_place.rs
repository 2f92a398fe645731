//! A branded task says in its type where it is, so that leaving in place is for dynamic ones.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut task = Task::here().spawn()?.erase();
    task.unshare_files_in_place(())?;
    Ok(())
}
