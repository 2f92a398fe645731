//! An epoll instance whose table is known at run time only is compared before a branded task takes it.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let here = Task::here();
    let (reader, _writer) = here.pipe2(PipeFlags::empty())?;
    let epoll = here.epoll_create1()?.erase().rebrand(&here)?;
    here.epoll_ctl_add(&epoll, &reader, 1, epoll::EventFlags::IN)?;
    Ok(())
}
