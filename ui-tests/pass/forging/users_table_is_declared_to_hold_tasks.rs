//! Only this process's table holds the pidfds of its tasks.

#![forbid(unsafe_code)]

use nearfar::brand::{Brand, Label};
use nearfar::far::HoldsTasks;

trait Other {}

enum Mine {}

impl Label for Mine {
    const NAME: &'static str = "mine";
}

fn holds<F: HoldsTasks>() -> &'static str {
    F::NAME
}

impl Other for Brand<'static, Mine> {}

fn main() -> Result<(), nearfar::Error> {
    println!("{}", holds::<nearfar::HostFds>());
    Ok(())
}
