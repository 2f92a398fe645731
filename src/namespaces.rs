use std::fmt;

/// Kinds of namespaces that a task can have of its own without changing what its fds, addresses and
/// pids mean.
///
/// Those that change a brand are not among them. A private fd table is made by
/// [`unshare_files`](crate::task::UnshareFilesTask::unshare_files), which takes the task and names the table; a pid
/// namespace by [`spawn_with_pids`](crate::task::SpawnTask::spawn_with_pids) and
/// [`spawn_with_namespaces`](crate::task::SpawnTask::spawn_with_namespaces), by
/// [`unshare_pid`](crate::task::UnsharePidTask::unshare_pid) for the children of a task, and by
/// [`Command::unshare_pid`](crate::process::Command::unshare_pid).
///
/// ```
/// use nearfar::Namespaces;
///
/// let own = Namespaces::USER | Namespaces::MOUNT;
/// assert!(own.contains(Namespaces::MOUNT) && !own.contains(Namespaces::NET));
/// assert_eq!(format!("{own:?}"), "Namespaces(USER | MOUNT)");
/// assert_eq!(own - Namespaces::USER, Namespaces::MOUNT);
/// assert_eq!(own.into_iter().collect::<Namespaces>(), own);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Namespaces(u64);

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $flag:ident)+) => {
        impl Namespaces {
            $($(#[$doc])* pub const $kind: Namespaces = Namespaces(libc::$flag as u64);)+

            /// All of them.
            #[must_use]
            pub const fn all() -> Self {
                Namespaces($(libc::$flag as u64)|+)
            }

            const NAMES: &[(Namespaces, &str)] = &[$((Namespaces::$kind, stringify!($kind))),+];
        }
    };
}

kinds! {
    /// Users, groups and capabilities (`CLONE_NEWUSER`).
    USER CLONE_NEWUSER
    /// Mounts (`CLONE_NEWNS`).
    MOUNT CLONE_NEWNS
    /// Network devices, addresses, ports and firewalls (`CLONE_NEWNET`).
    NET CLONE_NEWNET
    /// Host and domain name (`CLONE_NEWUTS`).
    UTS CLONE_NEWUTS
    /// System V IPC and POSIX message queues (`CLONE_NEWIPC`).
    IPC CLONE_NEWIPC
    /// The root of the cgroups that are seen (`CLONE_NEWCGROUP`).
    CGROUP CLONE_NEWCGROUP
    /// Clocks that count from the start (`CLONE_NEWTIME`). It is new for the program that the task becomes, and
    /// for children with memory of their own, from their first moment on; the task itself stays where it is.
    TIME CLONE_NEWTIME
}

/// Never used: its name is what the compiler says of [`Namespaces::PID`].
#[doc(hidden)]
#[allow(non_camel_case_types, reason = "read by people")]
#[derive(Debug)]
pub struct a_pid_namespace_has_a_name__use_spawn_with_pids_or_unshare_pid;

impl Namespaces {
    #[doc(hidden)]
    pub const PID: a_pid_namespace_has_a_name__use_spawn_with_pids_or_unshare_pid =
        a_pid_namespace_has_a_name__use_spawn_with_pids_or_unshare_pid;

    /// None.
    #[must_use]
    pub const fn empty() -> Self {
        Namespaces(0)
    }

    /// Whether all `kinds` are among these.
    #[must_use]
    pub const fn contains(self, kinds: Namespaces) -> bool {
        self.0 & kinds.0 == kinds.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds `kinds`.
    pub fn insert(&mut self, kinds: Namespaces) {
        *self |= kinds;
    }

    /// Takes `kinds` away.
    pub fn remove(&mut self, kinds: Namespaces) {
        *self -= kinds;
    }

    /// The `CLONE_NEW*` bits.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    fn combined(self, other: Self, bits: fn(u64, u64) -> u64) -> Self {
        Namespaces(bits(self.0, other.0))
    }
}

set_operators! { Namespaces }

/// Each kind by itself.
impl IntoIterator for Namespaces {
    type Item = Namespaces;
    type IntoIter = std::vec::IntoIter<Namespaces>;

    fn into_iter(self) -> Self::IntoIter {
        let kinds = Self::NAMES.iter().map(|(kind, _)| *kind);
        kinds.filter(|kind| self.contains(*kind)).collect::<Vec<_>>().into_iter()
    }
}

impl FromIterator<Namespaces> for Namespaces {
    fn from_iter<I: IntoIterator<Item = Namespaces>>(kinds: I) -> Self {
        kinds.into_iter().fold(Namespaces::empty(), |all, kind| all | kind)
    }
}

impl Extend<Namespaces> for Namespaces {
    fn extend<I: IntoIterator<Item = Namespaces>>(&mut self, kinds: I) {
        *self |= kinds.into_iter().collect();
    }
}

impl fmt::Debug for Namespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = Self::NAMES.iter().filter(|(kind, _)| self.contains(*kind));
        let names: Vec<_> = kinds.map(|(_, name)| *name).collect();
        write!(f, "Namespaces({})", names.join(" | "))
    }
}
