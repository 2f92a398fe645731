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

use super::{call, near, with_bytes_out};

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

/// Has `task` read what comes next in a file of `/proc`: nothing at its end.
pub(in crate::task) fn read_piece<K: far::Task + ?Sized>(
    task: &K,
    file: &Fd<K::FdTable>,
) -> Result<Vec<u8>, Error> {
    const SIZE: usize = 4096;
    let mut piece = Vec::new();
    let read = |address| {
        // SAFETY: (1); the file is of the task's own table.
        unsafe { call(task, Call::READ, [near(task, Call::READ, file)?, address, SIZE]) }
    };
    with_bytes_out(task, Call::READ, &mut piece, SIZE, read)?;
    Ok(piece)
}

/// What is behind `name` in the first line of a file of `/proc` that begins with it.
pub(in crate::task) fn field_in_proc<K: far::Task + ?Sized>(
    task: &K,
    path: &str,
    name: &str,
) -> Result<Option<String>, Error> {
    /// Before the line there may be one with 65536 groups. Only a filter has a file be without an end.
    const MOST_PIECES: usize = 1024;
    let file = open_in_proc(task, path, OFlags::RDONLY)?;
    let mut line = Vec::new();
    for _ in 0..MOST_PIECES {
        let piece = read_piece(task, &file)?;
        if piece.is_empty() {
            break;
        }
        for byte in piece {
            if byte != b'\n' {
                line.push(byte);
            } else if let Some(field) = line.strip_prefix(name.as_bytes()) {
                return Ok(Some(String::from_utf8_lossy(field).into_owned()));
            } else {
                line.clear();
            }
        }
    }
    Ok(None)
}
