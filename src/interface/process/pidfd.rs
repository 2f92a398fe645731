//! What a pidfd can be asked.
//!
//! # Safety
//!
//! 1. Out-parameters are locals that outlive the call.
#![expect(unsafe_code, reason = "calls that rustix does not have, or not in this form")]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::brand::HostPids;
use crate::handle::{Exit, Usage};
use crate::interface::{Call, Error, poll_until, procfs};
use crate::near::Pid;

/// Waits for events of a pidfd, `None` without a limit. True if there are any.
pub(super) fn poll_pidfd(
    pidfd: &OwnedFd,
    events: PollFlags,
    limit: Option<Duration>,
) -> Result<bool, Error> {
    // A limit beyond what the clock can tell is none.
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let ready = poll_until(&mut [PollFd::new(pidfd, events)], deadline);
    ready.map(|ready| ready > 0).map_err(|errno| Error::os(Call::PPOLL, errno))
}

/// `waitid(P_PIDFD)` with the resource usage, which libc's wrapper leaves out.
pub(super) fn waitid_pidfd(pidfd: BorrowedFd<'_>, options: c_int) -> Result<Option<Exit>, Errno> {
    // SAFETY: zeroes are a valid `siginfo_t`.
    let mut info: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: zeroes are a valid `rusage`.
    let mut usage: libc::rusage = unsafe { MaybeUninit::zeroed().assume_init() };
    loop {
        // SAFETY: (1)
        let answer = unsafe {
            libc::syscall(
                libc::SYS_waitid,
                libc::P_PIDFD,
                pidfd.as_raw_fd(),
                &raw mut info,
                options,
                &raw mut usage,
            )
        };
        match io::Error::last_os_error().raw_os_error() {
            // Who is traced by this process is also seen to stop, whatever is waited for.
            _ if answer == 0 && info.si_code == libc::CLD_TRAPPED => {
                if options & libc::WNOHANG != 0 {
                    return Ok(None);
                }
            }
            _ if answer == 0 => break,
            Some(libc::EINTR) => {}
            errno => return Err(Errno::from_raw_os_error(errno.unwrap_or(libc::EINVAL))),
        }
    }
    if info.si_signo == 0 {
        return Ok(None);
    }
    // SAFETY: the kernel has filled it in for a child.
    let status = unsafe { info.si_status() };
    Ok(Some(Exit::from_siginfo(info.si_code, status, Usage::new(usage))))
}

/// How a process ended that somebody else has reaped: Linux 6.15 and later remember it for as long
/// as there is a pidfd.
pub(super) fn exit_of_reaped(pidfd: &OwnedFd) -> Option<Exit> {
    pidfd_exit(pidfd).or_else(|| {
        // Whoever reaps it has it vanish first, and its status remembered a moment later: then the
        // pidfd hangs up. Where much else is going on, it may take some moments to vanish.
        const MOMENT: Duration = Duration::from_millis(20);
        const MOST_MOMENTS: u32 = 50;
        for _ in 0..MOST_MOMENTS {
            let hung_up = poll_pidfd(pidfd, PollFlags::empty(), Some(MOMENT)).unwrap_or(true);
            if hung_up || number_in_proc(pidfd).is_none() {
                break;
            }
        }
        pidfd_exit(pidfd)
    })
}

/// What `/proc` calls a process, if it does.
pub(super) fn number_in_proc(pidfd: &OwnedFd) -> Option<c_int> {
    procfs::number_of(pidfd.as_raw_fd()).ok().filter(|number| *number > 0)
}

/// The pid that a process has in this process's pid namespace.
pub(super) fn pid_here(pidfd: &OwnedFd) -> Option<Pid<HostPids>> {
    // Linux since 6.13.
    let told = pidfd_info(pidfd, 0).map(|info| info.ids[0] as c_int);
    Pid::asserted(told.or_else(|| number_in_proc(pidfd))?)
}

/// How a process ended that has been reaped: Linux since 6.15.
fn pidfd_exit(pidfd: &OwnedFd) -> Option<Exit> {
    const PIDFD_INFO_EXIT: u64 = 1 << 3;
    let info = pidfd_info(pidfd, PIDFD_INFO_EXIT)?;
    (info.mask & PIDFD_INFO_EXIT != 0).then(|| Exit::from_wait_status(info.exit_code, None))
}

/// `struct pidfd_info` of `pidfd.h`, up to the member that was added with the exit code.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroupid: u64,
    /// First of all, the pid.
    ids: [u32; 11],
    exit_code: i32,
}

const _: () = assert!(size_of::<PidfdInfo>() == 64);

/// `ioctl(pidfd, PIDFD_GET_INFO)`
fn pidfd_info(pidfd: &OwnedFd, mask: u64) -> Option<PidfdInfo> {
    const PIDFD_GET_INFO: libc::Ioctl =
        rustix::ioctl::opcode::read_write::<PidfdInfo>(0xFF, 11) as libc::Ioctl;
    let mut info = PidfdInfo { mask, ..PidfdInfo::default() };
    // SAFETY: (1)
    let answer = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &raw mut info) };
    (answer == 0).then_some(info)
}
