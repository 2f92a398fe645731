use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::brand::{HostMemory, HostPids, Namespace, Of};

/// What tells one namespace from another at run time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
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

macro_rules! segment {
    ($(#[$doc:meta])* $name:ident, host $host:ty) => {
        $(#[$doc])*
        pub struct $name<B> {
            identity: Identity,
            _brand: Of<B>,
        }

        impl $name<$host> {
            pub(crate) const HOST: Self = $name { identity: Identity::HOST, _brand: Of::new() };
        }

        impl<B> Clone for $name<B> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<B> Copy for $name<B> {}

        impl<B, C> PartialEq<$name<C>> for $name<B> {
            fn eq(&self, other: &$name<C>) -> bool {
                self.identity == other.identity
            }
        }

        impl<B> Eq for $name<B> {}

        impl<B> Hash for $name<B> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.identity.hash(state);
            }
        }

        impl<B: Namespace> fmt::Display for $name<B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.identity.describe(f, stringify!($name), B::NAME)
            }
        }

        impl<B: Namespace> fmt::Debug for $name<B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

segment! {
    /// The identity of an address space.
    AddressSpace, host HostMemory
}

segment! {
    /// The identity of a pid namespace.
    PidNamespace, host HostPids
}

impl<P> PidNamespace<P> {
    /// One that has just been made.
    pub(crate) fn new() -> Self {
        PidNamespace { identity: Identity::new(), _brand: Of::new() }
    }

    /// The host's, for a task that may as well have had another one.
    pub(crate) const fn of_host() -> Self {
        PidNamespace { identity: Identity::HOST, _brand: Of::new() }
    }
}
