//! The clocks of a new time namespace.

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::time::Timespec;

use crate::interface::{Call, Error};

use super::DrivenTask;
use super::arguments::{open_in_proc, read_piece, write_text};

/// By how much the clocks of a time namespace are ahead of those of the machine, or behind if it is negative:
/// [`time_namespaces(7)`](https://man7.org/linux/man-pages/man7/time_namespaces.7.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOffsets {
    /// Of `CLOCK_MONOTONIC`, and those like it.
    pub monotonic: Timespec,
    /// Of `CLOCK_BOOTTIME` and its alarms, and so of `/proc/uptime`.
    pub boottime: Timespec,
}

const OFFSETS: &str = "/proc/self/timens_offsets";

/// The clocks of the time namespace that the program of a task will be in.
pub trait TimeNamespaceTask: DrivenTask {
    /// `write(/proc/self/timens_offsets, offsets)`—sets the clocks of the new time namespace that the task's
    /// program will be in.
    ///
    /// After [`unshare`](super::NamespaceTask::unshare) of [`TIME`](crate::Namespaces::TIME), and before the first
    /// program is in the namespace. The clocks of the task itself stay as they are. `/proc` has to be
    /// mounted. Driven tasks only: the kernel has no such file of a thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    /// use nearfar::task::TimeOffsets;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let child = here.spawn()?;
    /// child.unshare(Namespaces::USER | Namespaces::TIME)?; // No privileges are needed.
    /// let day = Timespec { tv_sec: 24 * 60 * 60, tv_nsec: 0 };
    /// child.set_time_offsets(TimeOffsets { monotonic: day, boottime: day })?;
    /// let up = Program::new("sh").args(["-c", "read up idle < /proc/uptime; test ${up%.*} -ge 86400"]);
    /// assert!(child.program(&up).exec()?.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `openat` and `write`: `EACCES` if the namespace is not new, or has a program already; `EPERM` without
    /// `CAP_SYS_TIME` in the user namespace that it was made in, `EINVAL` for a second or more of nanoseconds,
    /// `ERANGE` if a clock would be below 0, or too far ahead; `ENOENT` if what is at `/proc` is no procfs.
    ///
    /// # References
    ///
    /// [`time_namespaces(7)`](https://man7.org/linux/man-pages/man7/time_namespaces.7.html)
    #[doc(alias = "timens_offsets")]
    fn set_time_offsets(&self, offsets: TimeOffsets) -> Result<(), Error> {
        let file = open_in_proc(self, OFFSETS, OFlags::WRONLY)?;
        let clocks = [("monotonic", offsets.monotonic), ("boottime", offsets.boottime)];
        let line = |(clock, offset): (&str, Timespec)| {
            format!("{clock} {} {}\n", offset.tv_sec, offset.tv_nsec)
        };
        write_text(self, &file, &clocks.map(line).concat())
    }

    /// `read(/proc/self/timens_offsets)`—the clocks of the time namespace that the task's program will be in.
    ///
    /// # Errors
    ///
    /// Of `openat`: `ENOENT` if no procfs is mounted at `/proc`; of `read`, and `EIO` if this library cannot make sense
    /// of what it reads.
    ///
    /// # References
    ///
    /// [`time_namespaces(7)`](https://man7.org/linux/man-pages/man7/time_namespaces.7.html)
    #[doc(alias = "timens_offsets")]
    fn time_offsets(&self) -> Result<TimeOffsets, Error> {
        let file = open_in_proc(self, OFFSETS, OFlags::RDONLY)?;
        let text = read_piece(self, &file)?;
        let text = String::from_utf8_lossy(&text);
        let clock = |name: &str| {
            let mut numbers =
                text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
            let (tv_sec, tv_nsec) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
            Some(Timespec { tv_sec, tv_nsec })
        };
        let offsets = clock("monotonic").zip(clock("boottime"));
        let told = offsets.map(|(monotonic, boottime)| TimeOffsets { monotonic, boottime });
        // The kernel tells of both.
        told.ok_or(Error::os(Call::READ, Errno::IO))
    }
}

impl<K: DrivenTask> TimeNamespaceTask for K {}
