//! Leaving a shared fd table.
//!
//! # Safety
//!
//! 1. The new table's handles are let out only after `close_range` has made the table: until then it
//!    has no task.
//! 2. Nothing is sent if a slot is listed twice.
#![expect(unsafe_code, reason = "changes the task's brand")]

use std::ffi::c_int;

use crate::brand::{Brand, Guard, Label, Namespace};
use crate::far::{self, FdTable, FdTableMismatchError};
use crate::handle::{Fd, Inherit, Inheriting, Listed};
use crate::interface::{Call, Error, ErrorKind, Failed, Request, Ring};

use super::DrivenTask;
use super::driven::transition::Token;

/// What [`UnshareFilesTask::unshare_files`] returns: the task in its new table, and what was listed.
pub type Unshared<'id, K, L, X> = (
    <K as DrivenTask>::WithTable<Brand<'id, L>>,
    <X as Inherit<<K as far::Task>::FdTable>>::Inherited<Brand<'id, L>>,
);

/// Giving a task a private fd table.
pub trait UnshareFilesTask: far::Task + Sized {
    /// `close_range(CLOSE_RANGE_UNSHARE)`—leaves the fd table for a new one, named by `guard`.
    ///
    /// The new table holds what `keep` lists and 0, 1 and 2, at the same numbers, and nothing else:
    /// no fd that some other part of the program has just opened, no forgotten end of a pipe. What
    /// is listed comes back as fds of the new table; see [`Inherit`] for what can be listed. The old
    /// table's other fds stay where they are, and no longer work in this task: that would not
    /// compile.
    ///
    /// The task has another type then. Where only a condition says whether it gets a table of its own, or a struct
    /// holds it before and after, [`erase`](super::Task::erase) it, and change it
    /// [in place](super::Task::unshare_files_in_place).
    ///
    /// # Errors
    ///
    /// [`ListedTwice`](crate::ErrorKind::ListedTwice), or of `close_range`: `EMFILE`, `ENOMEM`;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) for [`Dynamic`](crate::Dynamic) fds of another table.
    /// [`NotSent`](crate::ErrorKind::NotSent) if the task was dead before,
    /// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile. The task is dropped with the error, and
    /// with it what `keep` gave away; [`try_unshare_files`](Self::try_unshare_files) gives everything back.
    ///
    /// # References
    ///
    /// [`close_range(2)`](https://man7.org/linux/man-pages/man2/close_range.2.html),
    /// [`unshare(2)`](https://man7.org/linux/man-pages/man2/unshare.2.html)
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// brand!(private_fds);
    /// let (child, writer) = here.spawn()?.unshare_files(private_fds, writer)?;
    /// child.write(&writer, b"hello")?;
    /// drop(writer);
    /// // The moved end was the only one: this is the end of file.
    /// let mut buffer = [0; 8];
    /// assert_eq!(here.read(&reader, &mut buffer)?, 5);
    /// assert_eq!(here.read(&reader, &mut buffer)?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "unshare")]
    #[doc(alias = "CLONE_FILES")]
    fn unshare_files<'id, L: Label, X: Inherit<Self::FdTable>>(
        self,
        guard: Guard<'id, L>,
        keep: X,
    ) -> Result<Unshared<'id, Self, L, X>, Error>
    where
        Self: DrivenTask,
    {
        Ok(self.try_unshare_files(guard, keep)?)
    }

    /// `close_range(3, ~0, CLOSE_RANGE_UNSHARE)`—[`unshare_files`](Self::unshare_files), which on failure gives back
    /// the task as it was, the guard, and the fds that `keep` gave away.
    ///
    /// The error holds the guard, so `?` cannot take it out of the guard's block, into a `Box<dyn Error>` of
    /// the caller's: the compiler says E0515 there. Match it, or convert it into an [`Error`] first, which
    /// drops what it gives back.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// brand!(private_fds);
    /// // One fd twice is refused, and everything comes back.
    /// let undone = here.spawn()?.try_unshare_files(private_fds, (&writer, &writer)).unwrap_err();
    /// let (child, guard) = (undone.task, undone.guard);
    /// let listed = (&writer, &reader);
    /// let (child, (writer, _)) =
    ///     child.try_unshare_files(guard, listed).map_err(nearfar::Error::from)?;
    /// child.write(&writer, b"hello")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `unshare_files`.
    ///
    /// # References
    ///
    /// [`close_range(2)`](https://man7.org/linux/man-pages/man2/close_range.2.html)
    #[expect(clippy::type_complexity, reason = "what comes back is what was given")]
    fn try_unshare_files<'id, L: Label, X: Inherit<Self::FdTable>>(
        mut self,
        guard: Guard<'id, L>,
        keep: X,
    ) -> Result<Unshared<'id, Self, L, X>, NotUnshared<Self, Guard<'id, L>, Self::FdTable>>
    where
        Self: DrivenTask,
    {
        let table = FdTable::<Brand<'id, L>>::without_tasks();
        match leave_for(&mut self, keep, &table) {
            Ok(inherited) => Ok((self.with_table(table, Token(())), inherited)),
            Err((error, moved)) => Err(NotUnshared { error, task: self, guard, moved }),
        }
    }
}

impl<K: far::Task> UnshareFilesTask for K {}

/// Has the task leave its fd table for `table`, which holds what `keep` lists. The caller sees to it that
/// the task says so from then on. On failure, what was listed by value comes back.
#[expect(clippy::type_complexity, reason = "what comes back is what was given")]
pub(super) fn leave_for<K: DrivenTask, G, X: Inherit<K::FdTable>>(
    task: &mut K,
    keep: X,
    table: &FdTable<G>,
) -> Result<X::Inherited<G>, (Error, Vec<Fd<K::FdTable>>)> {
    let from = task.fd_table().clone();
    // SAFETY: (1), (2)
    let (inherited, Listed { numbers, moved, foreign }) =
        unsafe { Inheriting::list(keep, &from, table) };
    let is_same = K::FdTable::check(
        || foreign.is_none(),
        || FdTableMismatchError::between(&from, foreign.as_ref().and_then(Option::as_ref)),
    );
    let left = match (is_same, numbers) {
        (Err(mismatch), _) => {
            Err(Error::new(Call::CLOSE_RANGE, ErrorKind::Mismatch(mismatch.into())))
        }
        (_, Err(())) => Err(Error::new(Call::CLOSE_RANGE, ErrorKind::ListedTwice)),
        // SAFETY: the handles of the slots it closes are of a table that the task does not have
        // afterwards.
        (Ok(()), Ok(numbers)) => unsafe { leave_all_but(task.ring(Token(())), &numbers, table) },
    };
    left.map(|()| inherited).map_err(|error| (error, moved))
}

/// A transition to a new fd table that did not happen.
#[non_exhaustive]
pub struct NotUnshared<K, G, F> {
    /// Why.
    pub error: Error,
    /// The task: as it was, or dead, if that is why.
    pub task: K,
    /// The guard, unused.
    pub guard: G,
    /// The fds that were listed by value, in that order.
    pub moved: Vec<Fd<F>>,
}

undone! { NotUnshared<K, G, F> Error }

/// Moves the child to a table of its own that holds `kept`, in ascending order, and 0, 1 and 2.
///
/// # Safety
///
/// Nothing relies on the other slots being open in the child.
unsafe fn leave_all_but<G>(
    ring: &mut Ring,
    kept: &[c_int],
    table: &FdTable<G>,
) -> Result<(), Error> {
    let closes = table.closes().expect("a new table is not the host's");
    let kept = (0..=2).chain(kept.iter().copied().filter(|number| *number > 2));
    let kept: Vec<usize> = kept.map(|number| number as usize).collect();
    let last = kept[kept.len() - 1];
    // The kernel copies only what is below the range, so unsharing it first is the cheapest.
    let mut requests = vec![close_range(last + 1, u32::MAX as usize, libc::CLOSE_RANGE_UNSHARE)];
    let gaps = kept.windows(2).filter(|pair| pair[0] + 1 < pair[1]);
    requests.extend(gaps.map(|gap| close_range(gap[0] + 1, gap[1] - 1, 0)));
    // SAFETY: passes numbers only; by this function's contract.
    unsafe { ring.submit_leaving(&requests, closes) }.map_err(|Failed { step, error, .. }| {
        if step > 0 {
            // Half way between two tables, it can only be ended.
            ring.kill();
        }
        error
    })
}

pub(super) fn close_range(first: usize, last: usize, flags: u32) -> Request {
    Request::new(Call::CLOSE_RANGE, [first, last, flags as usize])
}
