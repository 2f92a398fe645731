//! A thread that may outlive the block cannot have a task whose table was named in it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    brand!(private_fds);
    let _shared = here.spawn()?;
    let (_child, ()) = here.spawn()?.unshare_files(private_fds, ())?;
    let thread = std::thread::spawn(move || _child.getpid());
    thread.join().expect("it does not panic")?;
    Ok(())
}
