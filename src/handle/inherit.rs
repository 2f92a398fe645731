//! What crosses into a new fd table.
//!
//! # Safety
//!
//! 1. An [`Inheriting`] is made by a transition only, which has the kernel copy the listed slots
//!    into the table `G` before it lets out what `inherit` returned; if it cannot, it drops that.
//!    The table has no task until then, so that dropping the handles closes nothing.
//! 2. A listed slot is open until the transition has been carried out: it is borrowed for `'call`,
//!    which is longer than the transition, or its handle is kept here.
//! 3. No slot is listed twice, or it would have two owners in `G`; the transition checks.
#![expect(unsafe_code, reason = "the one place where an fd crosses into a new table")]

use std::ffi::c_int;
use std::fmt;
use std::os::fd;

use super::{AsFd, BorrowedFd, Fd};
use crate::brand::{Dynamic, HostFds};
use crate::far::FdTable;
use crate::near;

/// What can be listed when a new fd table is made, and comes back as fds of that table.
///
/// A reference to an fd is listed as a copy: the original stays where it is. An fd itself is moved:
/// its old slot is closed once the new table exists, so that no forgotten end of a pipe is left.
/// Lists are `()`, tuples, arrays, `Vec`, `Option`, and your own structs:
///
/// ```
/// use nearfar::prelude::*;
///
/// struct Stdio<F> {
///     input: Fd<F>,
///     output: Fd<F>,
/// }
///
/// impl<F> Inherit<F> for Stdio<F> {
///     type Inherited<G> = Stdio<G>;
///     fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Stdio<G>
///     where
///         Self: 'call,
///     {
///         Stdio { input: self.input.inherit(to), output: self.output.inherit(to) }
///     }
/// }
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let here = Task::here();
/// let (input, output) = here.pipe2(PipeFlags::empty())?;
/// brand!(private_fds);
/// let (child, stdio) = here.spawn()?.unshare_files(private_fds, Stdio { input, output })?;
/// child.write(&stdio.output, b"x")?;
/// child.read(&stdio.input, &mut [0; 1])?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "this cannot be inherited from the fd table the task is leaving",
    label = "`{Self}` is not an fd, or a list of fds, of `{F}`",
    note = "only what is open in the table that is copied can be in the copy",
    note = "list fds of that table by reference (a copy) or by value (a move); to get others across, open the file in the task, or send it over a Unix socket",
    note = "a list of references is passed by value: `[&one, &other]`, or as a `Vec`",
    note = "behind a `Box`, `Rc`, `Arc` or `&mut`, it is listed as `&*it`; what another library owns, or a `ChildProcess`, as std's borrow `std::os::fd::AsFd::as_fd(&it)`",
    note = "where one side is `Dynamic`: `erase()` what is listed for a dynamic task, `rebrand(&task)` it for a branded one"
)]
pub trait Inherit<F> {
    /// The same, in the table `G`.
    type Inherited<G>;

    /// Lists every fd in it, by calling `inherit` on each.
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
    where
        Self: 'call;
}

/// The fds listed so far for a crossing from the table `F` to the table `G`.
pub struct Inheriting<'call, F, G> {
    from: FdTable<F>,
    table: FdTable<G>,
    listed: Vec<BorrowedFd<'call, F>>,
    moved: Vec<Fd<F>>,
    foreign: Option<Option<FdTable<F>>>,
}

impl<F, G> fmt::Debug for Inheriting<'_, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inheriting")
            .field("copies", &self.listed.len())
            .field("moves", &self.moved.len())
            .finish()
    }
}

/// The numbers that cross, in order, and the handles that were given up for it.
pub(crate) struct Listed<F> {
    /// Ascending, each once; `Err` if one was listed twice.
    pub(crate) numbers: Result<Vec<c_int>, ()>,
    pub(crate) moved: Vec<Fd<F>>,
    /// If something is not known by its type to be of the table that is copied, and is not: of which it is, as far as
    /// that is known. Where types leave that open, nothing may be sent then.
    pub(crate) foreign: Option<Option<FdTable<F>>>,
}

impl<'call, F, G> Inheriting<'call, F, G> {
    /// Lists `keep` for a crossing from one table into another.
    ///
    /// # Safety
    ///
    /// The caller does what (1) and (3) say.
    pub(crate) unsafe fn list<X: Inherit<F> + 'call>(
        keep: X,
        from: &FdTable<F>,
        table: &FdTable<G>,
    ) -> (X::Inherited<G>, Listed<F>) {
        let mut to = Inheriting {
            from: from.clone(),
            table: table.clone(),
            listed: Vec::new(),
            moved: Vec::new(),
            foreign: None,
        };
        let inherited = keep.inherit(&mut to);
        let borrowed = to.listed.iter().map(|fd| fd.near().as_raw());
        let mut numbers: Vec<c_int> =
            borrowed.chain(to.moved.iter().map(|fd| fd.near().as_raw())).collect();
        numbers.sort_unstable();
        let twice = numbers.windows(2).any(|pair| pair[0] == pair[1]);
        let numbers = if twice { Err(()) } else { Ok(numbers) };
        (inherited, Listed { numbers, moved: to.moved, foreign: to.foreign })
    }

    fn look_at(&mut self, fd: &impl AsFd<F>) {
        let table = fd.table();
        if !table.fits(|table| table.is(&self.from)) {
            self.foreign = Some(table.known().cloned());
        }
    }

    /// What can be copied owns nothing: it is a borrow, for `'call` at least.
    fn copy(&mut self, fd: impl AsFd<F> + Copy + 'call) -> Fd<G> {
        self.look_at(&fd);
        let near = fd.near_fd();
        // SAFETY: (2); borrowed for `'call`.
        self.listed.push(unsafe { BorrowedFd::from_near(near) });
        self.same_slot(near)
    }

    fn take(&mut self, fd: Fd<F>) -> Fd<G> {
        self.look_at(&fd);
        let near = fd.near();
        self.moved.push(fd);
        self.same_slot(near)
    }

    fn same_slot(&self, near: near::Fd<F>) -> Fd<G> {
        let near = near::Fd::new(near.as_raw()).expect("a slot's number is not negative");
        // SAFETY: (1), (2), (3): by the time anyone can use it, it is open there, and its only owner.
        unsafe { Fd::from_near(near, &self.table) }
    }
}

impl<F> Inherit<F> for Fd<F> {
    type Inherited<G> = Fd<G>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
    where
        Self: 'call,
    {
        to.take(self)
    }
}

impl<F> Inherit<F> for &Fd<F> {
    type Inherited<G> = Fd<G>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
    where
        Self: 'call,
    {
        to.copy(self)
    }
}

impl<F> Inherit<F> for BorrowedFd<'_, F> {
    type Inherited<G> = Fd<G>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Fd<G>
    where
        Self: 'call,
    {
        to.copy(self)
    }
}

/// What std has open is of this process's table, which may be that of a dynamic task.
macro_rules! inherit_std {
    ($Std:ty, $F:ty, |$to:ident, $std:ident| $listed:expr) => {
        impl Inherit<$F> for $Std {
            type Inherited<G> = Fd<G>;
            fn inherit<'call, G>(self, $to: &mut Inheriting<'call, $F, G>) -> Fd<G>
            where
                Self: 'call,
            {
                let $std = self;
                $listed
            }
        }
    };
}

macro_rules! inherit_std_owner {
    ($($owner:ty),+ $(,)?) => {$(
        inherit_std! { $owner, HostFds, |to, owner| to.take(Fd::from(owner)) }
        inherit_std! { $owner, Dynamic, |to, owner| to.take(Fd::from(owner).erase()) }
        inherit_std_borrow! { &$owner }
    )+};
}

macro_rules! inherit_std_borrow {
    ($($borrow:ty),+ $(,)?) => {$(
        inherit_std! { $borrow, HostFds, |to, fd| to.copy(fd) }
        inherit_std! { $borrow, Dynamic, |to, fd| to.copy(fd) }
    )+};
}

macro_rules! inherit_std_stream {
    ($($stream:ty),+ $(,)?) => {
        inherit_std_borrow! { $(&$stream),+ }
    };
}

with_std_owners! { inherit_std_owner }
inherit_std_owner! { fd::OwnedFd }
with_std_streams! { inherit_std_stream }
inherit_std_borrow! { fd::BorrowedFd<'_> }

impl<F, X: Inherit<F>> Inherit<F> for Option<X> {
    type Inherited<G> = Option<X::Inherited<G>>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
    where
        Self: 'call,
    {
        self.map(|fd| fd.inherit(to))
    }
}

impl<F, X: Inherit<F>> Inherit<F> for Vec<X> {
    type Inherited<G> = Vec<X::Inherited<G>>;
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
    where
        Self: 'call,
    {
        self.into_iter().map(|fd| fd.inherit(to)).collect()
    }
}

/// A copy of each.
macro_rules! inherit_each_of {
    ($([$($N:tt)*] $list:ty;)+) => {$(
        impl<'list, F, X, $($N)*> Inherit<F> for &'list $list
        where
            &'list X: Inherit<F>,
        {
            type Inherited<G> = Vec<<&'list X as Inherit<F>>::Inherited<G>>;
            fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
            where
                Self: 'call,
            {
                self.iter().map(|fd| fd.inherit(to)).collect()
            }
        }
    )+};
}

inherit_each_of! {
    [] [X];
    [] Vec<X>;
    [const N: usize] [X; N];
}

impl<F, X: Inherit<F>, const N: usize> Inherit<F> for [X; N] {
    type Inherited<G> = [X::Inherited<G>; N];
    fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
    where
        Self: 'call,
    {
        self.map(|fd| fd.inherit(to))
    }
}

macro_rules! inherit_tuple {
    ($($X:ident)*) => {
        impl<F, $($X: Inherit<F>),*> Inherit<F> for ($($X,)*) {
            type Inherited<G> = ($($X::Inherited<G>,)*);
            #[allow(
                non_snake_case,
                unused_variables,
                clippy::unused_unit,
                reason = "types name the variables; of an empty tuple there are none"
            )]
            fn inherit<'call, G>(self, to: &mut Inheriting<'call, F, G>) -> Self::Inherited<G>
            where
                Self: 'call,
            {
                let ($($X,)*) = self;
                ($($X.inherit(to),)*)
            }
        }
    };
}

inherit_tuple!();
inherit_tuple!(X1);
inherit_tuple!(X1 X2);
inherit_tuple!(X1 X2 X3);
inherit_tuple!(X1 X2 X3 X4);
inherit_tuple!(X1 X2 X3 X4 X5);
inherit_tuple!(X1 X2 X3 X4 X5 X6);
inherit_tuple!(X1 X2 X3 X4 X5 X6 X7);
inherit_tuple!(X1 X2 X3 X4 X5 X6 X7 X8);
