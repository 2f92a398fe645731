//! An fd cannot be taken out from behind a reference.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, mut writer) = here.pipe2(PipeFlags::empty())?;
    here.close(std::mem::take(&mut writer))?;
    drop(writer);
    Ok(())
}
