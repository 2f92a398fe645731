//! The calling thread's task cannot be used by another thread.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let pid = here.getpid()?;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(Task::here().getpid(), Ok(pid));
        });
    });
    Ok(())
}
