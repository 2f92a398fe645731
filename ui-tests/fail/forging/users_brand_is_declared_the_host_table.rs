//! Only this process's table is a table for std's fds.

#![forbid(unsafe_code)]

use nearfar::brand::{Brand, Label};
use nearfar::far::HostTable;

trait Other {}

enum Mine {}

impl Label for Mine {
    const NAME: &'static str = "mine";
}

fn is_host<F: HostTable>() -> &'static str {
    F::NAME
}

impl HostTable for Brand<'static, Mine> {}

fn main() {
    println!("{}", is_host::<nearfar::HostFds>());
}
