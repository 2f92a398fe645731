use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// What tells one namespace from another at run time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    serial: u64,
    creator: u32,
}

impl Identity {
    /// The namespaces this process was started in.
    pub(super) const HOST: Identity = Identity { serial: 0, creator: 0 };

    /// An identity that no other namespace has or will have.
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Identity { serial: LAST.fetch_add(1, Ordering::Relaxed) + 1, creator: std::process::id() }
    }

    pub(super) fn describe(
        self,
        f: &mut fmt::Formatter<'_>,
        kind: &str,
        name: &str,
    ) -> fmt::Result {
        if self == Identity::HOST {
            write!(f, "{kind}({name})")
        } else {
            write!(f, "{kind}({name}, #{} made by process {})", self.serial, self.creator)
        }
    }
}
