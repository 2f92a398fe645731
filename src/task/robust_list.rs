use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::brand::{HostMemory, Namespace, Of};
use crate::far;
use crate::interface::{Error, ROBUST_LIST_LIMIT, RobustWords};
use crate::near::AsTid;

use super::DrivenTask;
use super::driven::transition::Token;

/// In a word of a [`RobustList`]: somebody sleeps on it. Only then does the kernel wake anybody.
pub const FUTEX_WAITERS: u32 = libc::FUTEX_WAITERS;

/// In a word of a [`RobustList`]: who held it has ended.
pub const FUTEX_OWNER_DIED: u32 = libc::FUTEX_OWNER_DIED;

/// Futex words that do not stay locked for ever when a task ends that holds one: a robust list.
///
/// Who holds a word has stored its thread number there, as [`held_by`](Self::held_by) has it. A task that is to hold
/// some is [given the list](RobustListTask::set_robust_list) before. When it dies, or becomes a program, the kernel has
/// [`FUTEX_OWNER_DIED`] take the place of its number in each word that it holds, and if [`FUTEX_WAITERS`] is set there
/// too, wakes one of those who sleep on it as [`FutexScope::Shared`](super::FutexScope::Shared): the kernel's wake does
/// not reach those who say `Private`.
///
/// The words are memory of this process, for everybody here and in driven tasks. How they are locked is up to
/// who uses them: a `compare_exchange` from 0, and a [`futex_wait`](super::FutexTask::futex_wait), for example. The
/// same list can be given to several tasks of the pid namespace `P`, in which the numbers are.
///
/// ```
/// use std::sync::atomic::Ordering;
///
/// use nearfar::prelude::*;
/// use nearfar::task::{FUTEX_OWNER_DIED, RobustList};
///
/// # fn main() -> Result<(), nearfar::Error> {
/// let child = Task::here().spawn()?;
/// let locks = RobustList::new(2);
/// child.set_robust_list(&locks)?;
/// locks.word(0).store(locks.held_by(child.gettid()?), Ordering::Relaxed);
/// drop(child);
/// assert_eq!(locks.word(0).load(Ordering::Relaxed), FUTEX_OWNER_DIED);
/// assert_eq!(locks.word(1).load(Ordering::Relaxed), 0);
/// # Ok(())
/// # }
/// ```
pub struct RobustList<P> {
    words: Arc<RobustWords>,
    _namespace: Of<P>,
}

impl<P> RobustList<P> {
    /// A list of so many words, all 0.
    ///
    /// # Panics
    ///
    /// If it is more than 2048: the kernel looks at no more.
    #[must_use]
    pub fn new(words: usize) -> Self {
        assert!(words <= ROBUST_LIST_LIMIT, "the kernel looks at {ROBUST_LIST_LIMIT} words only");
        RobustList { words: RobustWords::new(words), _namespace: Of::new() }
    }

    /// A word, from 0 on.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[must_use]
    pub fn word(&self, index: usize) -> &AtomicU32 {
        self.words.word(index)
    }

    /// All of them.
    #[must_use]
    pub fn words(&self) -> impl ExactSizeIterator<Item = &AtomicU32> {
        self.words.words()
    }

    /// What a word is that this thread holds and nobody waits for: its number in `P`, where the kernel looks
    /// for it.
    #[must_use]
    pub fn held_by(&self, thread: impl AsTid<P>) -> u32 {
        thread.number().as_raw() as u32
    }
}

impl<P: Namespace> fmt::Debug for RobustList<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RobustList({}: {} words)", P::NAME, self.words().len())
    }
}

/// Words that a task lets go of when it ends. For tasks in this process's memory, where the words are.
pub trait RobustListTask: DrivenTask + far::Task<AddressSpace = HostMemory> {
    /// `set_robust_list(list)`—has the kernel look at the list when the task dies, or becomes a program.
    ///
    /// It takes the place of one that the task was given before. The words are kept for as long as the kernel may
    /// look at them, also if the list is dropped. Driven tasks only: the robust list of the calling thread is
    /// libc's.
    ///
    /// Checked: the list's numbers are of this task's pid namespace.
    ///
    /// # Errors
    ///
    /// None of the kernel's: only that the task is dead.
    ///
    /// # References
    ///
    /// [`set_robust_list(2)`](https://man7.org/linux/man-pages/man2/get_robust_list.2.html),
    /// [robust futexes](https://docs.kernel.org/locking/robust-futex-ABI.html)
    fn set_robust_list(&self, list: &RobustList<Self::PidNamespace>) -> Result<(), Error> {
        self.driver(Token(())).set_robust_list(&list.words)
    }
}

impl<K: DrivenTask + far::Task<AddressSpace = HostMemory>> RobustListTask for K {}
