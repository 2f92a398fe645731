use std::ffi::c_int;
use std::num::NonZeroI32;

use crate::brand::{HostPids, Of};
use crate::far::{HostNumbers, PidNamespace, Whose};

macro_rules! process_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        pub struct $name<P> {
            /// Invariant: positive.
            number: NonZeroI32,
            namespace: Of<P>,
        }

        impl<P> $name<P> {
            /// Asserts that `number`, learned from outside (a file, a command line), is one of the
            /// pid namespace `P`. `None` unless it is positive: the kernel gives 0 and negative
            /// numbers other meanings.
            #[must_use]
            pub const fn asserted(number: c_int) -> Option<Self> {
                match NonZeroI32::new(number) {
                    Some(number) if number.get() > 0 => {
                        Some($name { number, namespace: Of::new() })
                    }
                    _ => None,
                }
            }

            /// The number, for interfaces that take plain integers.
            #[inline]
            #[must_use]
            pub const fn as_raw(self) -> c_int {
                self.number.get()
            }

            /// The same number, for a namespace that is known to be the same.
            pub(crate) const fn rebranded<Q>(self) -> $name<Q> {
                $name { number: self.number, namespace: Of::new() }
            }
        }

        near_id! { $name, "{}" }

        const _: () = {
            assert!(size_of::<$name<crate::HostPids>>() == 4);
            assert!(size_of::<Option<$name<crate::HostPids>>>() == 4);
        };
    };
}

process_number! {
    /// The number of a process in the pid namespace `P`; always positive.
    ///
    /// The process may be gone and the number may be another's by the time it is used: only a
    /// pidfd holds on to a process.
    Pid
}

process_number! {
    /// The number of a process group in the pid namespace `P`; always positive.
    Pgid
}

process_number! {
    /// The number of a session in the pid namespace `P`; always positive.
    Sid
}

process_number! {
    /// The number of a thread in the pid namespace `P`; always positive. That of a process's first
    /// thread is the process's [`Pid`].
    Tid
}

/// A process's first thread.
impl<P> From<Pid<P>> for Tid<P> {
    fn from(process: Pid<P>) -> Self {
        Tid { number: process.number, namespace: process.namespace }
    }
}

/// What rustix calls a process, it has learned in this process's pid namespace.
impl From<rustix::process::Pid> for Pid<HostPids> {
    fn from(pid: rustix::process::Pid) -> Self {
        Pid::asserted(pid.as_raw_pid()).expect("rustix's numbers are positive, too")
    }
}

impl<P: HostNumbers> From<Pid<P>> for rustix::process::Pid {
    fn from(pid: Pid<P>) -> Self {
        rustix::process::Pid::from_raw(pid.as_raw()).expect("it is positive")
    }
}

pub(crate) mod sealed {
    pub trait Sealed {
        /// So there are no objects, to which another crate could give what it likes.
        const NO_OBJECT: () = ();
    }
    impl<T: Sealed + ?Sized> Sealed for &T {}
}

/// What a call takes as the number of a process in the pid namespace `P`: a [`Pid`] of it, or a
/// [`far::Pid`](crate::far::Pid), which brings its namespace along. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not the number of a process in this task's pid namespace",
    label = "`{Self}` is not a process of `{P}`",
    note = "a number means something only in the pid namespace it was learned in",
    note = "a driven task has two names: `pid()` is what it calls itself, `host_pid()` what this process calls it; ask a task of the right namespace",
    note = "a number that was learned elsewhere is one of the namespace that you say: `near::Pid::asserted(number)`",
    note = "a process that is held is signalled by its handle: `child.send_signal(..)`, a driven task by its `killer()`",
    note = "a pidfd means the same process everywhere: `pidfd_open` it where its number is known",
    note = "a group or session is no process, also in one namespace: its leader may have ended",
    note = "what rustix calls a process is one of `host_pids`: `near::Pid::from(it)`",
    note = "where one side is `Dynamic`: `far::Pid::of(&task, pid).erase()`, of the task that knows it so, for a dynamic task; `rebrand(&task)` that for a branded one"
)]
pub trait AsPid<P>: sealed::Sealed {
    #[doc(hidden)]
    fn number(&self) -> Pid<P>;

    /// The namespace that it is of.
    #[doc(hidden)]
    fn namespace(&self) -> Whose<'_, PidNamespace<P>>;
}

/// What a call takes as the number of a process group in the pid namespace `P`: a [`Pgid`] of it, or a
/// [`far::Pgid`](crate::far::Pgid), which brings its namespace along. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not the number of a process group in this task's pid namespace",
    label = "`{Self}` is not a process group of `{P}`",
    note = "a number means something only in the pid namespace it was learned in",
    note = "a driven task has two names: `pid()` is what it calls itself, `host_pid()` what this process calls it; ask a task of the right namespace",
    note = "a pidfd means the same process everywhere: `pidfd_open` it where its number is known",
    note = "the group of a process, in one namespace, is what `getpgid` says",
    note = "where one side is `Dynamic`: `far::Pgid::of(&task, group).erase()`, of the task that knows it so, for a dynamic task; `rebrand(&task)` that for a branded one"
)]
pub trait AsPgid<P>: sealed::Sealed {
    #[doc(hidden)]
    fn number(&self) -> Pgid<P>;

    /// The namespace that it is of.
    #[doc(hidden)]
    fn namespace(&self) -> Whose<'_, PidNamespace<P>>;
}

/// What a call takes as the number of a thread in the pid namespace `P`: a [`Tid`] of it, or a
/// [`far::Tid`](crate::far::Tid), which brings its namespace along. Sealed.
#[diagnostic::on_unimplemented(
    message = "this is not the number of a thread in this task's pid namespace",
    label = "`{Self}` is not a thread of `{P}`",
    note = "a number means something only in the pid namespace it was learned in",
    note = "a driven task has two names: `pid()` is what it calls itself, `host_pid()` what this process calls it; ask a task of the right namespace",
    note = "a pidfd means the same process everywhere: `pidfd_open` it where its number is known",
    note = "the first thread of a process, in one namespace, has the number of the process",
    note = "where one side is `Dynamic`: `far::Tid::of(&task, tid).erase()`, of the task that knows it so, for a dynamic task; `rebrand(&task)` that for a branded one"
)]
pub trait AsTid<P>: sealed::Sealed {
    #[doc(hidden)]
    fn number(&self) -> Tid<P>;

    /// The namespace that it is of.
    #[doc(hidden)]
    fn namespace(&self) -> Whose<'_, PidNamespace<P>>;
}

macro_rules! taken_as {
    ($($Id:ident $As:ident)+) => {$(
        impl<P> sealed::Sealed for $Id<P> {}

        impl<P> $As<P> for $Id<P> {
            #[inline(always)]
            fn number(&self) -> $Id<P> {
                *self
            }
            #[inline(always)]
            fn namespace(&self) -> Whose<'_, PidNamespace<P>> {
                Whose::AsItsTypeSays
            }
        }

        impl<P, T: $As<P> + ?Sized> $As<P> for &T {
            #[inline(always)]
            fn number(&self) -> $Id<P> {
                (**self).number()
            }
            #[inline(always)]
            fn namespace(&self) -> Whose<'_, PidNamespace<P>> {
                (**self).namespace()
            }
        }
    )+};
}

taken_as! { Pid AsPid Pgid AsPgid Tid AsTid }
