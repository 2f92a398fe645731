use rustix::io::Errno;
use rustix::process::Signal;

use crate::interface::{Call, Error};

/// What a program is given by the kernel, beside its image and its fds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) groups: Option<Vec<u32>>,
    pub(crate) controlling_terminal: bool,
    pub(crate) parent_death_signal: Option<Signal>,
}

/// What `setresuid` and `setresgid` take for "as it is".
const NO_ID: u32 = u32::MAX;

impl Attributes {
    /// Whether the kernel would understand what is meant.
    pub(super) fn check(&self) -> Result<(), Error> {
        for (call, id) in [(Call::SETRESUID, self.uid), (Call::SETRESGID, self.gid)] {
            if id == Some(NO_ID) {
                return Err(Error::os(call, Errno::INVAL));
            }
        }
        Ok(())
    }

    /// Whether there is nothing out of the ordinary.
    pub(super) fn are_none(&self) -> bool {
        !self.are_irreversible() && self.parent_death_signal.is_none()
    }

    /// Whether a failed exec could not put back what they change.
    pub(super) fn are_irreversible(&self) -> bool {
        let Attributes { uid, gid, groups, controlling_terminal, parent_death_signal: _ } = self;
        uid.is_some() || gid.is_some() || groups.is_some() || *controlling_terminal
    }
}
