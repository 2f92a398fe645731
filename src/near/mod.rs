//! Near ids: numbers that are valid in one namespace.
//!
//! A near id is the number alone, branded with the namespace it means something in. It says nothing about whether the
//! number is in use, and owns nothing: the handles in [`handle`](crate::handle) do. Numbers leave freely, by `as_raw`;
//! `Display` also says of which namespace they are, so that a path such as `/proc/PID` is made with `as_raw`. A pid can
//! be made of an integer (`asserted`) or of rustix's `Pid`, since a wrong one harms nobody's memory or files; the
//! number of an fd comes only with the fd, from the kernel or from std; the number of a watch only from its inotify
//! instance; an address of this program only as a pointer, one of another program through its [memory](crate::inspect).

/// What near ids have in common: they are copied, compared and shown as the numbers that they are, shown with the
/// name of their namespace.
macro_rules! near_id {
    ($Id:ident, $shown:literal) => {
        impl<B> Clone for $Id<B> {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<B> Copy for $Id<B> {}

        impl<B> PartialEq for $Id<B> {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.as_raw() == other.as_raw()
            }
        }

        impl<B> Eq for $Id<B> {}

        impl<B> PartialOrd for $Id<B> {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl<B> Ord for $Id<B> {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.as_raw().cmp(&other.as_raw())
            }
        }

        impl<B> std::hash::Hash for $Id<B> {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.as_raw().hash(state);
            }
        }

        impl<B: $crate::brand::Namespace> std::fmt::Display for $Id<B> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($Id), "({}:", $shown, ")"), B::NAME, self.as_raw())
            }
        }

        impl<B: $crate::brand::Namespace> std::fmt::Debug for $Id<B> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

mod address;
mod fd;
mod mapping;
mod pid;
mod watch;

pub use address::{Address, AsAddress};
pub use fd::Fd;
pub(crate) use mapping::range_within;
pub use mapping::{MemoryMapping, PageSize};
pub(crate) use pid::sealed;
pub use pid::{AsPgid, AsPid, AsTid, Pgid, Pid, Sid, Tid};
pub use watch::{AsWatch, Watch};
