use std::fmt;
use std::hash::{Hash, Hasher};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// What tells one namespace from all others, of whatever kind, as plain data: a key for maps. It keeps nothing
/// of the namespace, and no other one will have it.
///
/// The identities themselves are compared by address, and can be keys, too; but Clippy warns of that
/// (`mutable_key_type`), because they contain locks. Ids are ordered as the namespaces were made, this process's own
/// first.
///
/// ```
/// use std::collections::HashMap;
///
/// use nearfar::far::NamespaceId;
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// brand!(private_fds);
/// let (child, ()) = here.spawn_with_files(private_fds, ())?;
/// let mut tasks: HashMap<NamespaceId, usize> = HashMap::new();
/// for table in [here.fd_table().id(), child.fd_table().id(), child.spawn()?.fd_table().id()] {
///     *tasks.entry(table).or_default() += 1;
/// }
/// assert_eq!(tasks[&child.fd_table().id()], 2);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceId {
    /// Invariant: 0 for the host's, of which each has another name.
    serial: u64,
    creator: u32,
    name: &'static str,
}

impl NamespaceId {
    /// A namespace that this process was started in.
    pub(super) const fn of_host(name: &'static str) -> Self {
        NamespaceId { serial: 0, creator: 0, name }
    }

    /// An identity that no other namespace has or will have.
    fn new(name: &'static str) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let serial = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        NamespaceId { serial, creator: process::id(), name }
    }

    pub(super) fn describe(self, f: &mut fmt::Formatter<'_>, kind: &str) -> fmt::Result {
        let NamespaceId { serial, creator, name } = self;
        match serial {
            0 => write!(f, "{kind}({name})"),
            _ => write!(f, "{kind}({name}, #{serial} made by process {creator})"),
        }
    }
}

impl fmt::Display for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe(f, "NamespaceId")
    }
}

impl fmt::Debug for NamespaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A namespace, and what this library has to know of it: `None` for the host's.
pub(super) struct Segment<T>(Option<Arc<Elsewhere<T>>>);

struct Elsewhere<T> {
    id: NamespaceId,
    known: T,
}

impl<T> Segment<T> {
    pub(super) const HOST: Self = Segment(None);

    /// A namespace that nobody else has.
    pub(super) fn new(name: &'static str, known: T) -> Self {
        Segment(Some(Arc::new(Elsewhere { id: NamespaceId::new(name), known })))
    }

    pub(super) fn known(&self) -> Option<&T> {
        self.0.as_ref().map(|elsewhere| &elsewhere.known)
    }

    pub(super) fn id(&self, host: &'static str) -> NamespaceId {
        self.0.as_ref().map_or(NamespaceId::of_host(host), |elsewhere| elsewhere.id)
    }

    /// The same, without keeping it.
    pub(super) fn downgrade(&self) -> WeakSegment<T> {
        WeakSegment(self.0.as_ref().map_or_else(Weak::new, Arc::downgrade))
    }

    /// A number that is equal for equal ones, while they live.
    #[inline]
    fn address(&self) -> usize {
        self.0.as_ref().map_or(0, |elsewhere| Arc::as_ptr(elsewhere).addr())
    }
}

/// A [`Segment`] that is gone when nobody has it any more.
pub(super) struct WeakSegment<T>(Weak<Elsewhere<T>>);

impl<T> WeakSegment<T> {
    pub(super) fn upgrade(&self) -> Option<Segment<T>> {
        self.0.upgrade().map(|elsewhere| Segment(Some(elsewhere)))
    }

    pub(super) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }
}

impl<T> Clone for Segment<T> {
    #[inline]
    fn clone(&self) -> Self {
        Segment(self.0.clone())
    }
}

impl<T> PartialEq for Segment<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.address() == other.address()
    }
}

impl<T> Eq for Segment<T> {}

impl<T> Hash for Segment<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

/// What all identities of namespaces have: a [`Segment`] in a field of that name, and the `brand`.
macro_rules! namespace_identity {
    ($($Kind:ident<$B:ident> $HostBrand:ident $host:literal)+) => {$(
        impl $Kind<$crate::brand::$HostBrand> {
            /// The one this process lives in.
            pub(crate) const HOST: Self = $Kind::of_host();
        }

        impl<$B> $Kind<$B> {
            /// The same, also for a brand that may as well have named another one.
            pub(crate) const fn of_host() -> Self {
                $Kind { segment: $crate::far::segment::Segment::HOST, brand: $crate::brand::Of::new() }
            }

            /// What tells it from all others, as a key for maps.
            #[must_use]
            pub fn id(&self) -> $crate::far::NamespaceId {
                self.segment.id($host)
            }

            /// The same namespace, whatever its brand: whoever calls this knows that the two are one.
            pub(crate) fn rebranded<C>(&self) -> $Kind<C> {
                $Kind { segment: self.segment.clone(), brand: $crate::brand::Of::new() }
            }

            /// Whether the two are the same namespace.
            #[inline]
            pub(crate) fn is<C>(&self, other: &$Kind<C>) -> bool {
                self.segment == other.segment
            }
        }

        impl<$B> Clone for $Kind<$B> {
            #[inline]
            fn clone(&self) -> Self {
                $Kind { segment: self.segment.clone(), brand: self.brand }
            }
        }

        impl<$B, C> PartialEq<$Kind<C>> for $Kind<$B> {
            fn eq(&self, other: &$Kind<C>) -> bool {
                self.is(other)
            }
        }

        impl<$B> Eq for $Kind<$B> {}

        impl<$B> std::hash::Hash for $Kind<$B> {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.segment.hash(state);
            }
        }

        impl<$B> std::fmt::Display for $Kind<$B> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.id().describe(f, stringify!($Kind))
            }
        }

        impl<$B> std::fmt::Debug for $Kind<$B> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+};
}
