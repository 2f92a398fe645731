//! `Namespace` is sealed: a user's type is not one.

#![forbid(unsafe_code)]

use nearfar::brand;
use nearfar::far::NamespaceMismatchError;

struct Mine;

#[allow(dead_code, reason = "nothing calls it")]
trait Other {
    const NAME: &'static str;
    type Mismatch;
    fn check<E>(is_same: impl FnOnce() -> bool, mismatch: impl FnOnce() -> E) -> Result<(), E>;
}

impl Other for Mine {
    const NAME: &'static str = "mine";
    type Mismatch = NamespaceMismatchError;
    fn check<E>(is_same: impl FnOnce() -> bool, mismatch: impl FnOnce() -> E) -> Result<(), E> {
        if is_same() { Ok(()) } else { Err(mismatch()) }
    }
}

fn main() {
    println!("{}", <nearfar::HostFds as brand::Namespace>::NAME);
    let _mine = Mine;
}
