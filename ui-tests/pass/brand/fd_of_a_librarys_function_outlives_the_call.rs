//! What a library's function lends is gone after the call, also if the label is the library's: `erase()` what is kept.

#![forbid(unsafe_code)]

use nearfar::Error;
use nearfar::brand::Label;
use nearfar::prelude::*;

#[allow(non_camel_case_types)]
enum worker_fds {}
impl Label for worker_fds {
    const NAME: &'static str = "worker_fds";
}

fn with_worker<R>(
    body: impl for<'id> FnOnce(&Task<Brand<'id, worker_fds>, HostMemory, HostPids>) -> R,
) -> Result<R, Error> {
    brand!(fds: worker_fds);
    let (worker, ()) = Task::here().spawn_with_files(fds, ())?;
    Ok(body(&worker))
}

fn main() -> Result<(), Error> {
    let mut kept = None;
    with_worker(|worker| {
        let file = worker.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
        worker.fstat(&file)?;
        kept = Some(file.erase());
        Ok::<_, Error>(())
    })??;
    assert!(kept.is_some());
    Ok(())
}
