//! Files by which the kernel tells of processes: those at `/proc`.
//!
//! In another root directory, or where no procfs is mounted, somebody may have put there what they like. So the kernel
//! is asked whether a file is one of procfs before it is believed. Links to other files of a real procfs are believed.

use std::ffi::c_int;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::{FsWord, OFlags, PROC_SUPER_MAGIC, fstatfs};
use rustix::io::Errno;

/// The type of the file system at `/proc`.
pub(crate) const PROCFS: FsWord = PROC_SUPER_MAGIC;

/// The type of that of namespaces: `NSFS_MAGIC` of `linux/magic.h`.
pub(crate) const NSFS: FsWord = 0x6e73_6673;

/// Sees to it that a file is one of procfs: any other counts as not there.
pub(crate) fn check(file: impl AsFd) -> Result<(), Errno> {
    if fstatfs(file)?.f_type == PROCFS { Ok(()) } else { Err(Errno::NOENT) }
}

/// Opens what is at a path for reading, without waiting: it may be a FIFO.
pub(crate) fn open(path: &str) -> Result<File, Errno> {
    let without_waiting = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    let file = File::options().read(true).custom_flags(without_waiting).open(path);
    file.map_err(|error| reason(&error))
}

/// What is in a file of procfs.
pub(crate) fn read(path: &str) -> Result<String, Errno> {
    /// Most have less, and are read at once: std would ask for the size, which is not told, and begin with 32 bytes.
    const ROOM: usize = 4096;
    let mut file = open(path)?;
    check(&file)?;
    let (mut bytes, mut length) = (vec![0; ROOM], 0);
    loop {
        match file.read(&mut bytes[length..]).map_err(|error| reason(&error)) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
        if length == bytes.len() {
            bytes.resize(2 * length, 0);
        }
    }
    // The name of a process may be any bytes.
    Ok(String::from_utf8_lossy(&bytes[..length]).into_owned())
}

/// What `/proc` calls the process that a pidfd of this number holds: 0 if it does not show that, -1 if it has been
/// reaped. The pid namespace of the mounted procfs counts, which may be another one than this process's.
pub(crate) fn number_of(pidfd: c_int) -> Result<c_int, Errno> {
    let info = read(&format!("/proc/thread-self/fdinfo/{pidfd}"))?;
    let number = info.lines().find_map(|line| line.strip_prefix("Pid:"));
    number.and_then(|number| number.trim().parse().ok()).ok_or(Errno::BADF)
}

/// A field of a `stat` that is a number, counted from 1 as in `proc_pid_stat(5)`: one behind the name.
pub(crate) fn stat_field(stat: &str, number: usize) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    behind_name.split_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

/// The ninth field, the kernel's flags.
pub(crate) const FLAGS: usize = 9;

/// `PF_FORKNOEXEC` of `linux/sched.h` in them: cleared after the memory has been replaced.
pub(crate) const FORKED_NOT_EXECED: u64 = 0x40;

/// The kernel's reason in an error of std's.
pub(crate) fn reason(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
