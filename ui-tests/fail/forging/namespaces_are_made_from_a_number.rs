//! Kinds of namespaces are not made from a number, which could hold bits that change a brand.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let child = Task::here().spawn()?;
    let kinds = Namespaces(0x2000_0000);
    child.unshare(kinds)?;
    Ok(())
}
