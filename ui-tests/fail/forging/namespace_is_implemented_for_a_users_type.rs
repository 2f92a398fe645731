//! `Namespace` is sealed: a user's type is not one.

#![forbid(unsafe_code)]

use nearfar::brand;
use nearfar::far::NamespaceMismatchError;

struct Mine;

#[allow(dead_code, reason = "nothing calls it")]
trait Mismatched {
    const NAME: &'static str;
    type Mismatch;
    fn check(
        is_same: impl FnOnce() -> bool,
        mismatch: impl FnOnce() -> NamespaceMismatchError,
    ) -> Result<(), Self::Mismatch>;
}

impl brand::Namespace for Mine {
    const NAME: &'static str = "mine";
    type Mismatch = std::convert::Infallible;
    fn check(
        _is_same: impl FnOnce() -> bool,
        _mismatch: impl FnOnce() -> NamespaceMismatchError,
    ) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

fn main() {
    println!("{}", <nearfar::HostFds as brand::Namespace>::NAME);
    let _mine = Mine;
}
