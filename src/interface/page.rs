//! The memory that a driven child and its driver share.
//!
//! # Safety
//!
//! 1. A [`Page`] is mapped at `Shared::page` for as long as the `Shared` exists, which owns it.
//! 2. The kernel's and the server's writes end when `life` is 0, the keeper's when `keeper_life` is
//!    0. A page is unmapped or used again only when it has no lease and both are 0.
//! 3. `clone_args` is written before the clone that reads it, `pidfd` is written by that clone and
//!    read after it, `entries` are written only while `request` is 0: whoever writes is alone.
//! 4. The kernel wipes the page in a forked copy of this process: there, everything is 0, which
//!    reads as "the server is dead".
#![expect(unsafe_code, reason = "memory shared with another process")]

use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::close_list::CloseList;
use super::{Call, Error, futex};

/// How many requests go to the server at once.
pub(super) const ENTRIES: usize = 60;

/// A request, and the room for its answer.
#[repr(C)]
pub(super) struct Entry {
    pub(super) number: AtomicUsize,
    pub(super) arguments: [AtomicUsize; 6],
    pub(super) answer: AtomicUsize,
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

/// What the driver, the server and the keeper say to each other, and who says it.
#[repr(C, align(4096))]
pub(super) struct Page {
    /// Anyone who has left work for the server counts it up and wakes the server.
    pub(super) bell: AtomicU32,
    /// The driver: how many entries are to be executed. The server: 0, when they have been.
    pub(super) request: AtomicU32,
    /// The driver: 1 before the clone. The kernel: 0, when the child's memory is no longer ours.
    pub(super) life: AtomicU32,
    /// The driver: 1 before the keeper starts. The kernel: 0, when the keeper is gone.
    pub(super) keeper_life: AtomicU32,
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
    /// The driver: the fds that the server closes when it has nothing else to do.
    pub(super) closes: AtomicPtr<CloseList>,
    /// The kernel: the child's pidfd, a number in the table of who cloned it.
    pub(super) pidfd: UnsafeCell<c_int>,
    pub(super) clone_args: UnsafeCell<CloneArgs>,
    pub(super) entries: [Entry; ENTRIES],
}

const _: () = assert!(size_of::<Page>() == 4096);

impl Page {
    /// Tells the server that there is something to do.
    pub(super) fn ring(&self) {
        self.bell.fetch_add(1, Ordering::AcqRel);
        futex::wake(&self.bell);
    }
}

/// A mapped page.
pub(super) struct Shared {
    page: NonNull<Page>,
}

/// The right to use a page: when it is dropped, the keeper may go, and the page is used again as
/// soon as both the server and the keeper are gone.
pub(super) struct Lease(ManuallyDrop<Shared>);

/// A page in use: by the driver, by those who post closes, and as the keeper of grandchildren.
pub(super) type PageRef = Arc<Lease>;

// SAFETY: every field that is used by more than one thread is atomic, the others follow (3).
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// Pages between two uses, and those whose keeper is still on its way out.
static IDLE: Mutex<Vec<Shared>> = Mutex::new(Vec::new());

/// How many idle pages are kept for the next spawn.
const KEPT: usize = 8;

impl Shared {
    fn map() -> Result<Self, Error> {
        let size = size_of::<Page>();
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let refused = |errno| Error::os(Call::MMAP, errno);
        // SAFETY: a fresh mapping.
        let page = unsafe { mmap_anonymous(ptr::null_mut(), size, access, MapFlags::PRIVATE) }
            .map_err(refused)?;
        let page = Shared { page: NonNull::new(page.cast()).expect("a mapping is never at 0") };
        // SAFETY: (1); what is wiped in a forked copy is what (4) describes.
        unsafe { madvise(page.page.as_ptr().cast(), size, Advice::LinuxWipeOnFork) }
            .map_err(refused)?;
        Ok(page)
    }

    /// Nobody else reads or writes it any more.
    fn is_unused(&self) -> bool {
        self.life.load(Ordering::Acquire) == 0 && self.keeper_life.load(Ordering::Acquire) == 0
    }

    fn unmap(self) {
        // SAFETY: (2), and this was its owner (1).
        let unmapped = unsafe { munmap(self.page.as_ptr().cast(), size_of::<Page>()) };
        debug_assert!(unmapped.is_ok());
    }
}

impl Deref for Shared {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: (1); zeroes are valid for every field.
        unsafe { self.page.as_ref() }
    }
}

impl Lease {
    /// A page for a new child: `life` is 1, and `keeper_life` too if it gets a keeper. Of the other
    /// words, those that are read before anyone writes them are 0; the bell goes on counting.
    pub(super) fn new(with_keeper: bool) -> Result<PageRef, Error> {
        let idle = {
            let mut pages = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            let free = pages.iter().position(|page| page.is_unused());
            free.map(|index| pages.swap_remove(index))
        };
        let page = match idle {
            Some(page) => page,
            None => Shared::map()?,
        };
        page.request.store(0, Ordering::Relaxed);
        page.keeper_release.store(0, Ordering::Relaxed);
        page.spawned.store(0, Ordering::Relaxed);
        page.server_pid.store(0, Ordering::Relaxed);
        page.keeper.store(page.keeper_life.as_ptr().cast(), Ordering::Relaxed);
        page.closes.store(ptr::null_mut(), Ordering::Relaxed);
        page.keeper_life.store(u32::from(with_keeper), Ordering::Relaxed);
        page.life.store(1, Ordering::Release);
        Ok(Arc::new(Lease(ManuallyDrop::new(page))))
    }
}

impl Page {
    /// Nobody will use it: there will be neither a keeper nor a child.
    pub(super) fn abandon(&self) {
        self.keeper_life.store(0, Ordering::Release);
        self.life.store(0, Ordering::Release);
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
        self.keeper_release.store(1, Ordering::Release);
        futex::wake(&self.keeper_release);
        // SAFETY: a lease is dropped once.
        let page = unsafe { ManuallyDrop::take(&mut self.0) };
        let mut pages = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        pages.push(page);
        let mut index = 0;
        while pages.len() > KEPT && index < pages.len() {
            if pages[index].is_unused() {
                pages.swap_remove(index).unmap();
            } else {
                index += 1;
            }
        }
    }
}
