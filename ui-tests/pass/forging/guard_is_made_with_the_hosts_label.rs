//! No guard has the label of this process's own table.

#![forbid(unsafe_code)]

use nearfar::brand::{Guard, Label};
use nearfar::prelude::*;

#[allow(non_camel_case_types)]
enum own_fds {}
impl Label for own_fds {
    const NAME: &'static str = "own_fds";
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    nearfar::__private::nothing_outlives_the_block_of_its_brand_unless_erased!(guard);
    let guard = Guard::<'_, own_fds>::of(guard);
    let (child, ()) = here.spawn()?.unshare_files(guard, ())?;
    child.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty())?;
    Ok(())
}
