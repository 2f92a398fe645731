//! Files of `/proc`, as a task opens them.
//!
//! # Safety
//!
//! 1. What is lent to the kernel is borrowed while the call runs.
#![expect(unsafe_code, reason = "passes memory to the kernel")]

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::far;
use crate::handle::{Cwd, Fd};
use crate::interface::{Call, Error, SyscallInterface, procfs};
use crate::task::{FileDescriptorTask, MetadataTask};

use super::{call, near};

/// Has `task` open a file of `/proc`: one of another file system counts as not there.
pub(in crate::task) fn open_in_proc<K: far::Task + ?Sized>(
    task: &K,
    path: &str,
    access: OFlags,
) -> Result<Fd<K::FdTable>, Error> {
    // Without waiting: it may be a FIFO.
    let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = task.openat(Cwd, path, flags, Mode::empty())?;
    if task.fstatfs(&file)?.f_type == procfs::PROCFS {
        Ok(file)
    } else {
        Err(Error::os(Call::OPENAT, Errno::NOENT))
    }
}

/// Has `task` write all of a text at once, as files of `/proc` take it.
pub(in crate::task) fn write_text<K: far::Task + ?Sized>(
    task: &K,
    file: &Fd<K::FdTable>,
    text: &str,
) -> Result<(), Error> {
    task.interface().lend(text.as_bytes(), |address| {
        // SAFETY: (1); the file is of the task's own table.
        unsafe { call(task, Call::WRITE, [near(task, Call::WRITE, file)?, address, text.len()]) }
            .map(drop)
    })
}
