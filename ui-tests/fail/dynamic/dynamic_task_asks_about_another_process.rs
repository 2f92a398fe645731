//! A dynamic task does not say of its pid namespace which processes it sees.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (task, other) = (here.spawn()?.erase(), here.spawn()?);
    task.sched_getattr_of(&other)?;
    drop((task, other));
    Ok(())
}
