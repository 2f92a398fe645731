//! The memory that a driven child and its driver share.
//!
//! # Safety
//!
//! 1. A [`Page`] is in a block that `Shared` owns, and has been written before there is a `Shared`.
//! 2. The kernel's and the server's writes end when `life` says so, the keeper's when `keeper_life` is
//!    0. A block is given back only when its page has no lease and both are over.
//! 3. `clone_args` is written before the clone that reads it, `pidfd` is written by that clone and
//!    read after it, `entries` are written only while `request` is 0: whoever writes is alone.
//! 4. In a forked copy of this process, a page of the original's reads as 0 everywhere, which means
//!    that the server is dead; what is written to it is seen by that copy alone.
#![expect(unsafe_code, reason = "memory shared with another process")]

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::mem::{ManuallyDrop, MaybeUninit, offset_of};
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::Timespec;

use super::deferred::{DeferredCalls, Head};
use super::shared_memory::{Arenas, BLOCK, Blocks};
use super::{Error, futex, lookout, server};

/// How many requests go to the server at once.
pub(super) const ENTRIES: usize = 124;

/// How many blocks a page takes.
const BLOCKS: usize = 2;

/// A request, and the room for its answer: as large as what one processor gets from another at once.
#[repr(C, align(64))]
pub(super) struct Entry {
    pub(super) number: AtomicU32,
    /// Of the first entry. The driver: how many entries are to be executed. The server: 0, when they have
    /// been.
    request: AtomicU32,
    pub(super) arguments: [AtomicUsize; 6],
    pub(super) answer: AtomicUsize,
}

impl Entry {
    /// Where `request` is in it.
    pub(super) const REQUEST: usize = offset_of!(Entry, request);
}

/// `struct clone_args` of `sched.h`, in the version that has a cgroup.
#[repr(C)]
#[derive(Default)]
pub(super) struct CloneArgs {
    pub(super) flags: u64,
    pub(super) pidfd: u64,
    pub(super) child_tid: u64,
    pub(super) parent_tid: u64,
    pub(super) exit_signal: u64,
    pub(super) stack: u64,
    pub(super) stack_size: u64,
    pub(super) tls: u64,
    pub(super) set_tid: u64,
    pub(super) set_tid_size: u64,
    pub(super) cgroup: u64,
}

/// What one side alone has access to at a time.
#[repr(transparent)]
pub(super) struct Exclusive<T>(UnsafeCell<T>);

// SAFETY: (3)
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    pub(super) const fn get(&self) -> *mut T {
        self.0.get()
    }
}

/// What the driver, the server and the keeper say to each other, and who says it.
#[repr(C, align(4096))]
pub(super) struct Page {
    /// Anyone who has left work for the server counts it up, and wakes the server.
    pub(super) bell: AtomicU32,
    /// The server: 1 while it sleeps on `bell`, and has to be woken.
    pub(super) server_asleep: AtomicU32,
    /// The driver: 1 while it sleeps on `request`.
    pub(super) driver_asleep: AtomicU32,
    /// The driver: the processor that it was on when it published the last request.
    pub(super) driver_processor: AtomicU32,
    /// The server: the processor that it was on after the last request.
    pub(super) server_processor: AtomicU32,
    /// The driver: 1 before the clone. A child with memory of its own: its thread's number, and that
    /// somebody waits. The kernel: 0, when the child's memory is no longer ours; or if that is its own,
    /// that the owner has died: see [`has_ended`].
    pub(super) life: AtomicU32,
    /// The server: 1, when it cannot go on, and exits.
    pub(super) gave_up: AtomicU32,
    /// The driver: 1 before the keeper starts. The kernel: 0, when the keeper is gone.
    pub(super) keeper_life: AtomicU32,
    /// The kernel: the keeper's number, once there is a keeper; and that it has died, before `keeper_life` and also if
    /// it was the last one in our memory.
    pub(super) keeper_tid: AtomicI32,
    /// The driver: 1, when the keeper may go.
    pub(super) keeper_release: AtomicU32,
    /// The keeper: 1, when `spawned_pid` has the answer of `clone3`.
    pub(super) spawned: AtomicU32,
    /// The keeper: the answer of `clone3`, a pid or an errno. Once it is there, so is `server_pid`.
    pub(super) spawned_pid: AtomicI64,
    /// The kernel: the child's pid as who cloned it sees it, once there is a child.
    pub(super) server_pid: AtomicI32,
    /// The driver: the `keeper_life` the server depends on.
    pub(super) keeper: AtomicPtr<AtomicU32>,
    /// The driver: after how long a sleep the server looks whether that is 0. Null, if a signal tells it.
    pub(super) vigil: AtomicPtr<Timespec>,
    /// The driver: what the server does when it has nothing else to do, for its table and for its memory.
    pub(super) deferred: [AtomicPtr<Head>; DEFERRED_LISTS],
    /// The driver: where `robust_list` ends, for a server with memory of its own; or null.
    pub(super) robust_list: RobustList,
    /// The driver: where the keeper's ends.
    pub(super) keeper_list: RobustList,
    /// The kernel: the child's pidfd, a number in the table of who cloned it.
    pub(super) pidfd: Exclusive<c_int>,
    pub(super) clone_args: Exclusive<CloneArgs>,
    pub(super) entries: [Entry; ENTRIES],
}

const _: () = assert!(size_of::<Page>() == BLOCKS * BLOCK);

/// How far `keeper_tid` is behind what `keeper` points to. Behind a `life`, which it points to where there is no keeper,
/// there is a word that never looks like that of somebody who has died.
pub(super) const TID_BEHIND_LIFE: usize =
    offset_of!(Page, keeper_tid) - offset_of!(Page, keeper_life);
const _: () = assert!(offset_of!(Page, life) + TID_BEHIND_LIFE == offset_of!(Page, gave_up));

/// The `struct robust_list_head` of a list with one entry. The kernel marks the futex of that when its owner ends or
/// leaves its memory: unlike `CLONE_CHILD_CLEARTID`, also for the last one in it.
#[repr(C)]
pub(super) struct RobustList {
    pub(super) first: AtomicPtr<RobustList>,
    /// From the entry to its futex.
    offset: AtomicUsize,
    pending: AtomicUsize,
    /// Where the only entry points: to the head, as the last of a list does.
    pub(super) entry: AtomicPtr<RobustList>,
}

impl RobustList {
    /// Has it be about the word at an address.
    fn set_futex(&self, address: usize) {
        let RobustList { first, offset, entry, .. } = self;
        let behind_entry = address as isize - entry.as_ptr().addr() as isize;
        first.store(entry.as_ptr().cast(), Ordering::Relaxed);
        offset.store(behind_entry as usize, Ordering::Relaxed);
        entry.store(ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
    }
}

/// The `life` of a server that has not begun to serve.
pub(super) const UNARMED: u32 = 1;

/// Whether a `life` is over.
pub(super) const fn has_ended(life: u32) -> bool {
    life == 0 || life & libc::FUTEX_OWNER_DIED != 0
}

/// How many lists of deferred calls a server has.
pub(super) const DEFERRED_LISTS: usize = 2;
/// That of its fd table.
pub(super) const CLOSES: usize = 0;
/// That of its memory.
pub(super) const UNMAPS: usize = 1;

impl Page {
    /// How many entries are to be executed: 0, when they have been.
    pub(super) fn request(&self) -> &AtomicU32 {
        &self.entries[0].request
    }

    /// Has the server execute the first `count` entries.
    pub(super) fn publish(&self, count: u32) {
        self.request().swap(count, Ordering::SeqCst);
        // If it falls asleep from here on, it sees the request.
        if self.server_asleep.load(Ordering::SeqCst) != 0 {
            self.ring();
        }
    }

    /// Tells the server that there is something to do.
    pub(super) fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        // If it falls asleep from here on, it sees that the bell has changed.
        if self.server_asleep.load(Ordering::SeqCst) != 0 {
            futex::wake(&self.bell);
        }
    }

    /// Sleeps as the driver, until something happens to one of the words. True if the time may be over.
    pub(super) fn sleep_on(&self, watches: [futex::Watch<'_>; 2], limit: Duration) -> bool {
        self.driver_asleep.store(1, Ordering::SeqCst);
        let timed_out = futex::wait_either(watches, limit);
        self.driver_asleep.store(0, Ordering::Relaxed);
        timed_out
    }

    /// Has the server see by itself when its keeper is gone, as the signal may not reach it any more.
    pub(super) fn keep_vigil(&self) {
        self.vigil.store((&raw const server::VIGIL).cast_mut(), Ordering::Relaxed);
    }

    /// Whether the server has memory of its own, so that this page is all that it shares with us.
    pub(super) fn is_in_other_memory(&self) -> bool {
        !self.robust_list.first.load(Ordering::Relaxed).is_null()
    }

    /// Gives the server one of its lists, or takes it away.
    pub(super) fn set_deferred(&self, which: usize, list: Option<&Arc<DeferredCalls>>) {
        let head = list.map_or(ptr::null_mut(), |list| list.address().as_ptr());
        self.deferred[which].store(head, Ordering::Release);
    }

    /// Whether the server is there, and does what is left to it in this list.
    pub(super) fn has(&self, list: &DeferredCalls) -> bool {
        let address = list.address().as_ptr();
        let mut lists = self.deferred.iter().map(|list| list.load(Ordering::Acquire));
        self.is_alive() && lists.any(|list| list == address)
    }

    /// Whether the server is there.
    pub(super) fn is_alive(&self) -> bool {
        !has_ended(self.life.load(Ordering::Acquire))
    }

    /// Nobody will use it: there will be neither a keeper nor a child.
    pub(super) fn abandon(&self) {
        self.keeper_life.store(0, Ordering::Release);
        self.life.store(0, Ordering::Release);
    }
}

/// A page in its block.
pub(super) struct Shared {
    block: Blocks,
}

/// The right to use a page: when it is dropped, the keeper may go, and the block is used again as
/// soon as both the server and the keeper are gone.
pub(super) struct Lease(ManuallyDrop<Shared>);

/// A page in use: by the driver, by those who post calls, and as the keeper of grandchildren.
pub(super) type PageRef = Arc<Lease>;

/// Pages without a lease whose server or keeper is still on its way out.
static LEAVING: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

/// Those of them that are still in use.
fn leaving() -> MutexGuard<'static, Vec<Shared>> {
    let mut pages = LEAVING.lock().unwrap_or_else(PoisonError::into_inner);
    pages.retain(|page| page.is_alive() || page.keeper_life.load(Ordering::Acquire) != 0);
    pages
}

impl Deref for Shared {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: zeroes are valid for every field.
        static ALL_ZERO: Page = unsafe { MaybeUninit::zeroed().assume_init() };
        if !self.block.are_ours() {
            return &ALL_ZERO;
        }
        // SAFETY: (1)
        unsafe { self.block.start().cast().as_ref() }
    }
}

/// What a page is for.
#[derive(Clone, Copy)]
pub(super) struct Purpose {
    /// Whether the server gets a keeper of its own.
    pub(super) with_keeper: bool,
    /// Which arenas the memory has that the server is cloned from.
    pub(super) known: Arenas,
    /// Whether the server's memory is not this process's.
    pub(super) in_other_memory: bool,
}

impl Lease {
    /// A page for a new child: `life` is 1, and `keeper_life` too if it gets a keeper. What is read before
    /// anyone writes it is 0.
    pub(super) fn new(purpose: Purpose) -> Result<PageRef, Error> {
        drop(leaving());
        let block = Blocks::new(BLOCKS, purpose.known)?;
        // SAFETY: the blocks are ours alone, together as large as a page, and zeroes are valid for every field.
        // An entry is written before it is read, but for the first one.
        unsafe { block.start().write_bytes(0, offset_of!(Page, entries) + size_of::<Entry>()) };
        let page = Shared { block };
        page.keeper.store(page.keeper_life.as_ptr().cast(), Ordering::Relaxed);
        if purpose.in_other_memory {
            page.robust_list.set_futex(page.life.as_ptr().addr());
        }
        page.keeper_list.set_futex(page.keeper_tid.as_ptr().addr());
        page.driver_processor.store(lookout::processor(), Ordering::Relaxed);
        page.server_processor.store(lookout::NO_PROCESSOR, Ordering::Relaxed);
        page.keeper_life.store(u32::from(purpose.with_keeper), Ordering::Relaxed);
        page.life.store(UNARMED, Ordering::Release);
        Ok(Arc::new(Lease(ManuallyDrop::new(page))))
    }
}

impl Deref for Lease {
    type Target = Page;

    fn deref(&self) -> &Page {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.keeper_life.load(Ordering::Acquire) != 0 {
            self.keeper_release.store(1, Ordering::Release);
            futex::wake(&self.keeper_release);
        }
        // SAFETY: a lease is dropped once.
        let page = unsafe { ManuallyDrop::take(&mut self.0) };
        leaving().push(page);
    }
}
