//! Only children have somebody who may kill them.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let child = here.spawn()?;
    let killer = here.killer();
    drop((child, killer));
    Ok(())
}
