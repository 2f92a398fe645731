//! The calling thread's task cannot be sent to another thread.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let pid = here.getpid()?;
    std::thread::spawn(move || {
        assert_ne!(child.getpid(), Ok(pid));
    })
    .join()
    .expect("it does not panic");
    Ok(())
}
