//! What flows from a pipe flows into the same table.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    here.write(&writer, b"hello")?;
    let null = here.openat(Cwd, "/dev/null", OFlags::WRONLY, Mode::empty())?;
    brand!(private_fds);
    let (child, its_null) = here.spawn()?.unshare_files(private_fds, &null)?;
    here.splice(&reader, None, &its_null, None, 5, SpliceFlags::empty())?;
    child.close(its_null)?;
    Ok(())
}
