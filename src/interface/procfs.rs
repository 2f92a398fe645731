//! Files by which the kernel tells of processes: those at `/proc`.
//!
//! In another root directory, or where no procfs is mounted, somebody may have put there what they like. So the kernel
//! is asked whose a file is before it is believed.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{FsWord, PROC_SUPER_MAGIC, fstatfs};
use rustix::io::Errno;

/// The type of the file system at `/proc`.
pub(crate) const PROCFS: FsWord = PROC_SUPER_MAGIC;

/// The type of that of namespaces: `NSFS_MAGIC` of `linux/magic.h`.
pub(crate) const NSFS: FsWord = 0x6e73_6673;

/// Sees to it that a file is one of procfs: any other counts as not there.
pub(crate) fn check(file: impl AsFd) -> Result<(), Errno> {
    if fstatfs(file)?.f_type == PROCFS { Ok(()) } else { Err(Errno::NOENT) }
}

/// What is in a file of procfs.
pub(crate) fn read(path: &str) -> Result<String, Errno> {
    let file = File::open(path).map_err(|error| reason(&error))?;
    check(&file)?;
    io::read_to_string(file).map_err(|error| reason(&error))
}

/// The kernel's reason in an error of std's.
pub(crate) fn reason(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
