//! A table that was named in a block is not for ever: its fds cannot be in a static.

#![forbid(unsafe_code)]

use std::any::Any;
use std::sync::Mutex;

use nearfar::prelude::*;

static KEPT: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(private_fds);
    let (_child, _its_writer) = here.spawn()?.unshare_files(private_fds, &writer)?;
    *KEPT.lock().unwrap() = Some(Box::new(_its_writer));
    Ok(())
}
