//! Finding a process's memory by its pidfd.

use std::ffi::c_int;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, pread};

use crate::brand::HostFds;
use crate::handle::{AsDirFd, Cwd, Fd};
use crate::interface::{Call, Error, ErrorKind, procfs};
use crate::near;
use crate::task::{DirectoryTask, FileDescriptorTask, Task};

fn gone() -> Error {
    Error::new(Call::OPENAT, ErrorKind::MemoryGone)
}

/// `mem` and `maps`.
type Files = (Fd<HostFds>, Fd<HostFds>);

/// Opens the memory of the process that a pidfd holds, and the list of its mappings.
pub(super) fn files(pidfd: near::Fd<HostFds>) -> Result<Files, Error> {
    /// How long a process may need to leave a memory: a child this program's, after the kernel has said that it
    /// does.
    const LEAVING: Duration = Duration::from_secs(1);

    let started = Instant::now();
    loop {
        let number = number_in_proc(pidfd)?;
        let found = find(number);
        // If it has not been reaped meanwhile, the number was its own for all that time.
        number_in_proc(pidfd)?;
        match found? {
            Found::Files(files) if is_this_process(number) || !is_our_memory(&files.0) => {
                return Ok(files);
            }
            Found::Files(_) if started.elapsed() > LEAVING => {
                return Err(Error::new(Call::OPENAT, ErrorKind::OwnMemory));
            }
            // Some programs are made from inside, and never loaded.
            Found::Unfinished(files) if started.elapsed() > LEAVING => return Ok(files),
            Found::Nothing => return Err(gone()),
            // It becomes one program after the other.
            Found::TwoMemories if started.elapsed() > LEAVING => {
                return Err(Error::os(Call::OPENAT, Errno::AGAIN));
            }
            // It has just become another program, or is ending.
            Found::Files(_) | Found::Unfinished(_) | Found::TwoMemories => thread::yield_now(),
        }
    }
}

/// Whether this is the number of this process, or of one of its threads.
fn is_this_process(number: c_int) -> bool {
    directory(Cwd, Path::new(&format!("/proc/self/task/{number}"))).is_ok()
}

/// Whether a memory is this program's: then what is written here is found there.
fn is_our_memory(mem: &Fd<HostFds>) -> bool {
    let word = AtomicU64::new(0);
    let address = (&raw const word).expose_provenance() as u64;
    // A copy of this memory, or any other, may have the one there by chance, but not one after the other.
    [0x517c_c1b7_2722_0a95, 0xae83_3e48_d8dd_f56a_u64].into_iter().all(|mark| {
        word.store(mark, Ordering::SeqCst);
        let mut found = [0; 8];
        pread(mem, &mut found, address) == Ok(8) && found == mark.to_ne_bytes()
    })
}

/// That somebody still lives in the memory of this `mem`.
pub(super) fn check(mem: &Fd<HostFds>) -> Result<(), Error> {
    // Whether anything is mapped at 0 does not matter: only of a memory that is gone, nothing is read
    // without an error.
    match pread(mem, &mut [0], 0) {
        Ok(0) => Err(Error::new(Call::PREAD, ErrorKind::MemoryGone)),
        Ok(_) | Err(Errno::IO) => Ok(()),
        Err(errno) => Err(Error::os(Call::PREAD, errno)),
    }
}

enum Found {
    Files(Files),
    /// Those of a memory that a program is still being loaded into.
    Unfinished(Files),
    Nothing,
    TwoMemories,
}

/// Looks into the process, and if its first thread has ended, into the others.
fn find(number: c_int) -> Result<Found, Error> {
    let process = directory(Cwd, Path::new(&format!("/proc/{number}")))?;
    let found = find_in(&process)?;
    if !matches!(found, Found::Nothing) {
        return Ok(found);
    }
    let threads =
        Task::here().openat(&process, "task", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    for thread in Task::here().getdents64(&threads) {
        let name = thread?.name;
        if !name.as_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let found = match directory(&threads, Path::new(&name)) {
            Ok(thread) => find_in(&thread)?,
            // It has ended since.
            Err(error) if error.errno() == Some(Errno::NOENT) => continue,
            Err(error) => return Err(error),
        };
        if !matches!(found, Found::Nothing) {
            return Ok(found);
        }
    }
    Ok(Found::Nothing)
}

/// The memory of a thread, by its directory, which the kernel ties to that thread.
fn find_in(thread: &Fd<HostFds>) -> Result<Found, Error> {
    let look = || -> Result<Found, Error> {
        let Some(before) = Layout::of(thread)? else { return Ok(Found::Nothing) };
        let mem = file(thread, "mem")?;
        let maps = file(thread, "maps")?;
        let is_loaded = before.is_loaded();
        let is_same = Layout::of(thread)? == Some(before);
        Ok(match check(&mem) {
            Ok(()) if is_same && is_loaded => Found::Files((mem, maps)),
            Ok(()) if is_same => Found::Unfinished((mem, maps)),
            Ok(()) => Found::TwoMemories,
            Err(error) if error.kind() == ErrorKind::MemoryGone => Found::TwoMemories,
            Err(error) => return Err(error),
        })
    };
    match look() {
        // The thread has no memory any more.
        Err(error) if error.errno() == Some(Errno::SRCH) => Ok(Found::Nothing),
        found => found,
    }
}

/// What tells the memory of a process from the one that it gets when it becomes a program.
///
/// A memory that the process has left is gone, unless another process still lives in it, as the parent of one
/// that was made with `vfork`: then only this tells that `mem` is of the one and `maps` of the other.
#[derive(PartialEq)]
struct Layout {
    /// Whether it is not a copy of its parent's.
    is_program: bool,
    /// Where the code, the data, the stack, the heap, the arguments and the environment are, most of them at
    /// random.
    places: Vec<u64>,
}

impl Layout {
    /// Whether the code is where it is to be, which the kernel says when all of the program is.
    fn is_loaded(&self) -> bool {
        const END_OF_CODE: usize = 1;
        self.places[END_OF_CODE] != 0
    }

    /// As `proc_pid_stat(5)` has it; `None` without a memory.
    fn of(thread: &Fd<HostFds>) -> Result<Option<Self>, Error> {
        let mut stat = Vec::new();
        let read = File::from(file(thread, "stat")?).read_to_end(&mut stat);
        read.map_err(|error| refused(procfs::reason(&error)))?;
        let stat = String::from_utf8_lossy(&stat);
        let field =
            |number| procfs::stat_field(&stat, number).ok_or(Error::os(Call::READ, Errno::IO));
        let (flags, size) = (field(procfs::FLAGS)?, field(23)?);
        if size == 0 {
            return Ok(None);
        }
        let places = (26..=28).chain(45..=51).map(field).collect::<Result<_, _>>()?;
        Ok(Some(Layout { is_program: flags & procfs::FORKED_NOT_EXECED == 0, places }))
    }
}

fn directory(base: impl AsDirFd<HostFds>, path: &Path) -> Result<Fd<HostFds>, Error> {
    open(base, path, OFlags::PATH | OFlags::DIRECTORY)
}

fn file(directory: &Fd<HostFds>, name: &str) -> Result<Fd<HostFds>, Error> {
    open(directory, Path::new(name), OFlags::RDONLY)
}

/// Opens a file of procfs.
fn open(base: impl AsDirFd<HostFds>, path: &Path, flags: OFlags) -> Result<Fd<HostFds>, Error> {
    // Without waiting: what is there may be a FIFO.
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = Task::here().openat(base, path, flags, Mode::empty())?;
    procfs::check(&file).map_err(refused)?;
    Ok(file)
}

/// What `/proc` calls the process that a pidfd holds, for as long as it has not been reaped.
fn number_in_proc(pidfd: near::Fd<HostFds>) -> Result<c_int, Error> {
    match procfs::number_of(pidfd.as_raw()).map_err(refused)? {
        0 => Err(refused(Errno::SRCH)),
        number if number < 0 => Err(gone()),
        number => Ok(number),
    }
}

fn refused(errno: Errno) -> Error {
    Error::os(Call::OPENAT, errno)
}
