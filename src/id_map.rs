use rustix::process::{getegid, geteuid};

/// A range of user or group ids, inside and outside of a new user namespace.
///
/// For a program, [`Command::uid_map`](crate::Command::uid_map); for a task,
/// [`write_uid_map`](crate::task::CredentialsTask::write_uid_map).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdMap {
    /// The first id of the range in the new user namespace.
    pub inside: u32,
    /// The first id of the range in the user namespace of the task that writes the map, or in its parent if
    /// that task is in the new one itself. For `Command`, in this process's.
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

    /// The maps as the kernel reads them.
    pub(crate) fn lines(maps: &[IdMap]) -> String {
        let line =
            |IdMap { inside, outside, count }: &IdMap| format!("{inside} {outside} {count}\n");
        maps.iter().map(line).collect()
    }
}
