//! Brands: the type-level names of namespaces.
//!
//! # Why two brands are never the same type
//!
//! A [`Brand<'id, Label>`](Brand) has two halves, and they do different jobs.
//!
//! 1. `'id` is **unique and invariant**. It is that of a [`generativity`] guard, whose end is tied
//!    to the drop of one local variable: no two variables are dropped at the same place,
//!    so no two guards can have the same lifetime, also not those made by the same line of a loop,
//!    by a recursion or by two calls. Every carrier of a brand is a `PhantomData<fn(B) -> B>`
//!    (`Of`), so the compiler can neither shorten nor lengthen it to make two brands agree.
//! 2. `Label` is **readable**. It is a type of the name the user chose, so mixing up two differently
//!    named namespaces is an ordinary type error that the compiler reports at the wrong argument
//!    with both names, before it even looks at lifetimes.
//!
//! The label alone would be unsound (one line in a loop makes many namespaces with one label), the
//! lifetime alone would be unreadable. Soundness rests on the first half only.
//!
//! The host's brands are `Brand<'static, host::..>`, with labels that are no [`Label`]s. So no guard has one of them:
//! its label is none of these, and its lifetime, which ends inside a function body, is never `'static`. `brand!`
//! refuses their names, too, so that nothing else even looks like one.

// # Safety
//
// Nothing here is `unsafe`: a brand is made only out of a `generativity::Guard`, which safe code gets only from
// `make_guard!`, and from `brand!` (`unique.rs`).

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use crate::far::NamespaceMismatchError;

/// Declares namespaces that do not exist yet: for each name a label type, and a variable of the
/// same name that holds a one-use [`Guard`].
///
/// The guard is given to the transition that creates the namespace; from then on the namespace's
/// brand, with this name, is part of the type of everything that belongs to it. The name shows up
/// in compiler messages and in `Debug` output, so choose it as you would a variable's.
///
/// A brand cannot leave the block it was declared in, and every evaluation of `brand!` makes a new
/// one, even at the same line of a loop.
///
/// # What the compiler says
///
/// Mixing up two namespaces of different names is an error at the wrong argument that names both.
///
/// If something of a namespace outlives its block, or is mixed with one that the same line has made in another round,
/// only the lifetimes differ, and the error is E0597 at the `brand!` itself: "`private_fds` does not live long enough".
/// Its last note says what is wrong, as the name of the macro in which it originates:
/// `nothing_outlives_the_block_of_its_brand_unless_erased`. Then look for what leaves the block. To declare the brand
/// further out helps, if not every round of a loop needs one of its own; else `erase()` what is to be kept, as a task
/// or handle that is [`Dynamic`] may be stored anywhere.
///
/// If it is an error that leaves, with the guard in it, as by `?` from a function that returns a
/// `Box<dyn Error>`, this is E0515, "cannot return value referencing local variable `private_fds`"; see
/// [`try_unshare_files`](crate::task::UnshareFilesTask::try_unshare_files).
///
/// It declares variables, so it belongs into a function, and not among the items of a module.
///
/// The names of this process's own namespaces, `host_fds`, `host_memory` and `host_pids`, are taken.
///
/// A name can be declared once in a block, as it is also a type there: the second time it is E0428, "the
/// name is defined multiple times".
///
/// # A label that other functions name, too
///
/// The label is a type of that block alone. A library that hands its callers something of a namespace that it has
/// made, and so writes its brand in a signature, declares the label itself: `brand!(variable: label)`. The
/// caller can neither keep it nor mix up two of them, as what it passes must work for every lifetime.
///
/// ```
/// use nearfar::brand::Label;
/// use nearfar::prelude::*;
///
/// /// The fd table of a worker.
/// #[allow(non_camel_case_types)]
/// pub enum worker_fds {}
/// impl Label for worker_fds {
///     const NAME: &'static str = "worker_fds";
/// }
///
/// pub fn with_worker<R>(
///     body: impl for<'id> FnOnce(&Task<Brand<'id, worker_fds>, HostMemory, HostPids>) -> R,
/// ) -> Result<R, nearfar::Error> {
///     brand!(fds: worker_fds);
///     let (worker, ()) = Task::here().spawn_with_files(fds, ())?;
///     Ok(body(&worker))
/// }
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let length = with_worker(|worker| {
///     let file = worker.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
///     worker.read(&file, &mut [0; 16])
/// })??;
/// assert!(length > 0);
/// # Ok(())
/// # }
/// ```
///
/// # Examples
///
/// ```
/// use nearfar::prelude::*;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let here = Task::here();
/// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
///
/// brand!(private_fds);
/// let (child, writer) = here.spawn()?.unshare_files(private_fds, writer)?;
/// child.write(&writer, b"hello")?;
/// # let mut buffer = [0; 8];
/// # assert_eq!(here.read(&reader, &mut buffer)?, 5);
/// assert!(format!("{writer:?}").starts_with("Fd(private_fds:"));
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! brand {
    ($($name:tt: $label:ty),+ $(,)?) => {$(
        $crate::__private::nothing_outlives_the_block_of_its_brand_unless_erased!($name);
        let $name = $crate::brand::Guard::<'_, $label>::of($name);
    )+};
    ($($name:tt),+ $(,)?) => {$(
        $crate::__not_the_hosts!($name);
        #[allow(non_camel_case_types, reason = "it is called as the variable is")]
        enum $name {}
        impl $crate::brand::Label for $name {
            const NAME: &'static str = ::core::stringify!($name);
        }
        $crate::__private::nothing_outlives_the_block_of_its_brand_unless_erased!($name);
        let $name = $crate::brand::Guard::<'_, $name>::of($name);
    )+};
}

/// Refuses a name that the compiler and `Debug` say of this process's own namespaces.
#[doc(hidden)]
#[macro_export]
macro_rules! __not_the_hosts {
    (r#host_fds) => {
        $crate::__not_the_hosts!(host_fds);
    };
    (r#host_memory) => {
        $crate::__not_the_hosts!(host_memory);
    };
    (r#host_pids) => {
        $crate::__not_the_hosts!(host_pids);
    };
    (host_fds) => {
        ::core::compile_error!(
            "`host_fds` is this process's own fd table: give the new one another name"
        );
    };
    (host_memory) => {
        ::core::compile_error!(
            "`host_memory` is this process's own address space: give the new one another name"
        );
    };
    (host_pids) => {
        ::core::compile_error!(
            "`host_pids` is this process's own pid namespace: give the new one another name"
        );
    };
    ($name:ident) => {};
}

/// The name of a namespace, as a type. Implemented by [`brand!`](crate::brand!), and by hand for a label that is named
/// in signatures; the names of this process's own namespaces are taken:
///
/// ```compile_fail
/// use nearfar::brand::Label;
/// use nearfar::prelude::*;
///
/// enum Mine {}
/// impl Label for Mine {
///     const NAME: &'static str = "host_fds";
/// }
/// brand!(mine: Mine);
/// ```
pub trait Label {
    /// The name as the user wrote it.
    const NAME: &'static str;
}

/// A namespace: `'id` is its unique invariant lifetime, `Label` the name it was given.
///
/// Never a value; only a type argument, as in `Fd<Brand<'_, private_fds>>`. The module explains
/// [why no two are the same](self).
pub struct Brand<'id, Label> {
    _id: PhantomData<fn(&'id ()) -> &'id ()>,
    _label: PhantomData<fn(Label) -> Label>,
}

impl<L> fmt::Debug for Brand<'_, L>
where
    Self: Namespace,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAME)
    }
}

/// The right to create one namespace. Made by [`brand!`](crate::brand!), used up by a transition.
#[must_use = "a guard does nothing until a transition uses it to name a new namespace"]
pub struct Guard<'id, Label> {
    _brand: Of<Brand<'id, Label>>,
}

impl<'id, L: Label> Guard<'id, L> {
    #[doc(hidden)]
    pub fn of(_unique: generativity::Guard<'id>) -> Self {
        const {
            assert!(
                !host::has(L::NAME),
                "this is the name of one of this process's own namespaces: choose another one"
            );
        }
        Guard { _brand: Of::new() }
    }
}

impl<L: Label> fmt::Debug for Guard<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({})", L::NAME)
    }
}

/// A namespace an id can belong to: a [`Brand`], or [`Dynamic`]. Sealed.
pub trait Namespace: sealed::Sealed {
    /// The name the namespace was given.
    const NAME: &'static str;

    /// What is wrong with an id that is of another namespace than its type says: for a brand nothing, as
    /// there is no such id.
    type Mismatch: Into<NamespaceMismatchError>;

    /// Sees to it that the id of a call is of the task's namespace: `is_same` tells, for those of which the types
    /// do not.
    #[doc(hidden)]
    fn check<E>(is_same: impl FnOnce() -> bool, mismatch: impl FnOnce() -> E) -> Result<(), E>;
}

impl<L> Namespace for Brand<'_, L>
where
    Self: Named,
{
    const NAME: &'static str = <Self as Named>::NAME;
    type Mismatch = Infallible;

    #[inline(always)]
    fn check<E>(_is_same: impl FnOnce() -> bool, _mismatch: impl FnOnce() -> E) -> Result<(), E> {
        Ok(())
    }
}

/// A namespace that the types tell apart from all others: a [`Brand`], and not [`Dynamic`]. Sealed.
#[diagnostic::on_unimplemented(
    message = "the types do not tell `{Self}` apart from other namespaces",
    label = "a number alone does not say of which one it is",
    note = "have it under a brand meanwhile: `it.pin(|it| ..)`",
    note = "in generic code, say that it is branded: `A: nearfar::brand::Branded`"
)]
pub trait Branded: Namespace {}
impl<L> Branded for Brand<'_, L> where Self: Named {}

/// A namespace that is known at run time only.
///
/// Tasks and handles of this brand are checked with each call, and can be stored anywhere: in maps and
/// statics, by async runtimes, and where a task changes its namespaces on a condition. `erase()` makes them
/// of branded ones, `rebrand()` and [`pin`](crate::Task::pin) go back.
///
/// # Numbers alone
///
/// A handle remembers its namespace, so that it can be checked. What is nothing but a number does not: a
/// [`BorrowedFd`](crate::BorrowedFd), and so the fds of a [`PollFd`](crate::task::PollFd); a
/// [`near::Pid`](crate::near::Pid) and its like. A dynamic task refuses them, whatever they are of. Pass it the `&Fd`,
/// and a [`far::Pid`](crate::far::Pid); or pin the task: then all of these are branded, and nothing is left to be
/// checked. A slice is this process's memory: a dynamic task takes it if it has that, too. Generic code that is to work
/// for dynamic tasks as well takes fds as `impl AsFd<K::FdTable>` and pids as `impl AsPid<K::PidNamespace>`, and leaves
/// the choice to its caller.
///
/// ```
/// use nearfar::prelude::*;
/// use nearfar::far;
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let mut task = Task::here().spawn()?.erase();
/// let null = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?;
/// task.fstat(&null)?;
/// assert!(task.fstat(null.borrow()).unwrap_err().to_string().contains("pass the `&Fd` itself"));
///
/// let itself = far::Pid::of(&task, task.getpid()?);
/// task.getpgid(&itself)?;
/// task.pin(|task| task.getpgid(task.getpid()?).map(drop))?;
/// # Ok(())
/// # }
/// ```
///
/// Never a value; only a type argument, as in `Fd<Dynamic>`.
#[derive(Debug)]
pub enum Dynamic {}

impl Namespace for Dynamic {
    const NAME: &'static str = "dynamic";
    type Mismatch = NamespaceMismatchError;

    #[inline(always)]
    fn check<E>(is_same: impl FnOnce() -> bool, mismatch: impl FnOnce() -> E) -> Result<(), E> {
        if is_same() { Ok(()) } else { Err(mismatch()) }
    }
}

/// What a namespace is called.
trait Named {
    const NAME: &'static str;
}

impl<L: Label> Named for Brand<'_, L> {
    const NAME: &'static str = L::NAME;
}

mod sealed {
    pub trait Sealed {}
    impl<L> Sealed for super::Brand<'_, L> where Self: super::Named {}
    impl Sealed for super::Dynamic {}
}

/// The labels of namespaces that this library names itself.
macro_rules! labels {
    (of the host: $($name:ident $doc:literal)+) => {$(
        $crate::brand::labels! { @type $name $doc }
        impl Named for Brand<'_, $name> {
            const NAME: &'static str = stringify!($name);
        }
    )+};
    (@type $name:ident $doc:literal) => {
        #[doc = $doc]
        #[allow(non_camel_case_types, reason = "labels are named like the namespaces users declare")]
        #[derive(Debug)]
        pub enum $name {}
    };
    ($($name:ident $doc:literal)+) => {$(
        $crate::brand::labels! { @type $name $doc }
        impl $crate::brand::Label for $name {
            const NAME: &'static str = stringify!($name);
        }
    )+};
}

pub(crate) use labels;

/// The labels of the namespaces the calling program itself runs in. They are not [`Label`]s, so that
/// no guard can have one.
pub mod host {
    use super::{Brand, Named};

    /// Whether a name is that of one of these.
    pub(super) const fn has(name: &str) -> bool {
        matches!(name.as_bytes(), b"host_fds" | b"host_memory" | b"host_pids")
    }

    labels! {
        of the host:
        host_fds "Label of this process's fd table."
        host_memory "Label of this process's address space."
        host_pids "Label of this process's pid namespace."
    }
}

/// The fd table of the process this code runs in: std's descriptors live here.
pub type HostFds = Brand<'static, host::host_fds>;
/// The address space of the process this code runs in: Rust's references point into it.
pub type HostMemory = Brand<'static, host::host_memory>;
/// The pid namespace of the process this code runs in.
pub type HostPids = Brand<'static, host::host_pids>;

/// Carries the brand `B` in a type that holds no `B`: invariant in `B`, and `Send`, `Sync` and
/// `Unpin` whatever `B` is. The one place where a brand's variance is decided.
pub(crate) struct Of<B>(PhantomData<fn(B) -> B>);

impl<B> Of<B> {
    pub(crate) const fn new() -> Self {
        Of(PhantomData)
    }
}

impl<B> Clone for Of<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Of<B> {}

const _: () = {
    assert!(size_of::<HostFds>() == 0);
    assert!(size_of::<Guard<'static, host::host_fds>>() == 0);
    assert!(size_of::<Of<HostFds>>() == 0);
};
