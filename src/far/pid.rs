use std::fmt;
use std::hash::{Hash, Hasher};

use super::{NamespaceMismatchError, PidNamespace, PidNamespaceMismatchError, Task, Whose};
use crate::brand::Dynamic;
use crate::near::{self, AsPgid, AsPid, AsTid, sealed};

macro_rules! far_numbers {
    ($($(#[$doc:meta])* $Id:ident $What:literal)+) => {$(
        $(#[$doc])*
        pub struct $Id<P> {
            near: near::$Id<P>,
            namespace: PidNamespace<P>,
        }

        impl<P> $Id<P> {
            #[doc = concat!("What `task` calls a ", $What, ", with the pid namespace that this is said in.")]
            ///
            /// Of a [`Dynamic`](crate::Dynamic) task, the types do not say that the number is one of its namespace: then
            /// that is asserted by this.
            pub fn of<K: Task<PidNamespace = P> + ?Sized>(task: &K, near: near::$Id<P>) -> Self {
                $Id { near, namespace: task.pid_namespace().clone() }
            }

            /// The number alone.
            #[must_use]
            pub const fn near(&self) -> near::$Id<P> {
                self.near
            }

            /// The pid namespace in which it has this number.
            #[must_use]
            pub const fn namespace(&self) -> &PidNamespace<P> {
                &self.namespace
            }

            /// The same, checked at run time.
            #[must_use]
            pub fn erase(&self) -> $Id<Dynamic> {
                $Id { near: self.near.rebranded(), namespace: self.namespace.rebranded() }
            }

            /// The same, as `task` has it in its types.
            ///
            /// # Errors
            ///
            /// That `task` lives in another pid namespace.
            pub fn rebrand<K: Task + ?Sized>(
                &self,
                task: &K,
            ) -> Result<near::$Id<K::PidNamespace>, NamespaceMismatchError> {
                let namespace = task.pid_namespace();
                if namespace.is(&self.namespace) {
                    Ok(self.near.rebranded())
                } else {
                    Err(PidNamespaceMismatchError::between(namespace, Some(&self.namespace)).into())
                }
            }
        }

        impl<P> Clone for $Id<P> {
            fn clone(&self) -> Self {
                $Id { near: self.near, namespace: self.namespace.clone() }
            }
        }

        /// Whether it is the same number, in the same namespace.
        impl<P> PartialEq for $Id<P> {
            fn eq(&self, other: &Self) -> bool {
                self.near == other.near && self.namespace == other.namespace
            }
        }

        impl<P> Eq for $Id<P> {}

        impl<P> Hash for $Id<P> {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.near.hash(state);
                self.namespace.hash(state);
            }
        }

        impl<P> fmt::Display for $Id<P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}, {})", stringify!($Id), self.near.as_raw(), self.namespace)
            }
        }

        impl<P> fmt::Debug for $Id<P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )+};
}

far_numbers! {
    /// A process by its number, and the pid namespace in which it has that: a [`near::Pid`] that can be
    /// stored anywhere, and is checked when it is used.
    Pid "process"
    /// A process group by its number, and the pid namespace in which it has that: see [`Pid`].
    Pgid "process group"
    /// A thread by its number, and the pid namespace in which it has that: see [`Pid`].
    Tid "thread"
    /// A session by its number, and the pid namespace in which it has that: see [`Pid`].
    Sid "session"
}

macro_rules! taken_as {
    ($($Id:ident $As:ident)+) => {$(
        impl<P> sealed::Sealed for $Id<P> {}

        impl<P> $As<P> for $Id<P> {
            fn number(&self) -> near::$Id<P> {
                self.near
            }
            fn namespace(&self) -> Whose<'_, PidNamespace<P>> {
                Whose::Of(&self.namespace)
            }
        }
    )+};
}

taken_as! { Pid AsPid Pgid AsPgid Tid AsTid }
