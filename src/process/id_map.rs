use rustix::process::{getegid, geteuid};

use crate::brand::HostPids;
use crate::handle::Cwd;
use crate::interface::Error;
use crate::near::Pid;
use crate::task::{FileDescriptorTask, Task};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// A range of user or group ids, inside and outside of a new user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdMap {
    /// The first id of the range as the program sees it.
    pub inside: u32,
    /// The first id of the range as this process sees it.
    pub outside: u32,
    /// How many ids the range has.
    pub count: u32,
}

impl IdMap {
    /// This process's effective user, as `inside`: the map that everybody may use.
    #[must_use]
    pub fn own_uid_as(inside: u32) -> Self {
        IdMap { inside, outside: geteuid().as_raw(), count: 1 }
    }

    /// This process's effective group, as `inside`: the map that everybody may use.
    #[must_use]
    pub fn own_gid_as(inside: u32) -> Self {
        IdMap { inside, outside: getegid().as_raw(), count: 1 }
    }
}

/// Writes the maps of a child's new user namespace.
pub(super) fn write(pid: Pid<HostPids>, uids: &[IdMap], gids: &[IdMap]) -> Result<(), Error> {
    if !uids.is_empty() {
        write_file(pid, "uid_map", &lines(uids))?;
    }
    if !gids.is_empty() {
        let lines = lines(gids);
        match write_file(pid, "gid_map", &lines) {
            // Who may not choose groups outside may map one only for a namespace that does neither.
            Err(error) if error.errno() == Some(Errno::PERM) => {
                write_file(pid, "setgroups", "deny")?;
                write_file(pid, "gid_map", &lines)?;
            }
            written => written?,
        }
    }
    Ok(())
}

fn lines(maps: &[IdMap]) -> String {
    let line = |IdMap { inside, outside, count }: &IdMap| format!("{inside} {outside} {count}\n");
    maps.iter().map(line).collect()
}

/// Writes a file of `/proc/PID`, at once: the kernel takes a map in one piece. The pid is the child's
/// own, as nobody else reaps it.
fn write_file(pid: Pid<HostPids>, name: &str, text: &str) -> Result<(), Error> {
    let here = Task::here();
    let path = format!("/proc/{}/{name}", pid.as_raw());
    let file = here.openat(Cwd, path, OFlags::WRONLY, Mode::empty())?;
    here.write(&file, text.as_bytes()).map(drop)
}
