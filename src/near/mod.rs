//! Near ids: numbers that are valid in one namespace.
//!
//! A near id is the number alone, branded with the namespace it means something in. It says
//! nothing about whether the number is in use, and owns nothing: the handles in
//! [`handle`](crate::handle) do. Numbers leave freely (`as_raw`); they enter through an `unsafe`
//! function where a wrong one could break memory or I/O safety, and through a named assertion
//! where it could not.

mod address;
mod fd;
mod pid;

pub use address::Address;
pub use fd::Fd;
pub use pid::{Pgid, Pid};
