use rustix::process::Signal;

/// What a program is given by the kernel, beside its image and its fds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) groups: Option<Vec<u32>>,
    pub(crate) controlling_terminal: bool,
    pub(crate) parent_death_signal: Option<Signal>,
}

impl Attributes {
    /// Whether a failed exec could not put back what they change.
    pub(super) fn are_irreversible(&self) -> bool {
        let Attributes { uid, gid, groups, controlling_terminal, parent_death_signal: _ } = self;
        uid.is_some() || gid.is_some() || groups.is_some() || *controlling_terminal
    }
}
