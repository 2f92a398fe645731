use rustix::fs::OFlags;

use crate::interface::{Call, Error, ErrorKind};

/// The kernel's `O_LARGEFILE`, which it reports but libc defines as 0.
const LARGEFILE: u32 = 0o100_000;

/// The flags to open a file with, if `call` may be given all of them.
#[inline]
pub(in crate::task) fn known_open_flags(call: Call, flags: OFlags) -> Result<OFlags, Error> {
    let known = OFlags::ACCMODE
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::DIRECTORY
        | OFlags::DSYNC
        | OFlags::EXCL
        | OFlags::NOATIME
        | OFlags::NOCTTY
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::PATH
        | OFlags::SYNC
        | OFlags::TMPFILE
        | OFlags::TRUNC
        | OFlags::DIRECT
        | OFlags::CLOEXEC
        | OFlags::from_bits_retain(LARGEFILE);
    if known.contains(flags) { Ok(flags) } else { Err(Error::new(call, ErrorKind::UnknownFlags)) }
}
