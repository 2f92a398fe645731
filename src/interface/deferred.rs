//! Calls that are made by whichever task of an fd table, or of an address space, is free first.
//!
//! Dropping an fd of a child's table must not wait for the child, and must not wait for the next
//! call either: a reader at the other end may be waiting for the end of file. So its close is posted
//! here and every server of the table is woken; each makes the calls that it finds before it sleeps
//! and before it executes a request. It is the same with mappings, and the servers of a memory.
//!
//! # Safety
//!
//! 1. A [`Node`] is only ever added, and freed with its list. Lists and nodes are in memory that every
//!    server has that is, or will be, given the list: it is in arenas that the first ones have, later ones are
//!    made after those, and one that is being made is [`Expected`]. A list outlives every server that has its address: a
//!    [`Ring`](super::Ring) holds it until its server has another list or is dead.
//! 2. A node goes from free to posted under the lock, from posted to taken by whichever server's
//!    compare-exchange wins, and from taken to free by that server: each call is made at most once. If
//!    the server dies in between, the node stays as it is and is never tried again.
//! 3. In a forked copy of this process nothing is posted: what is dropped there is the original's.
#![expect(unsafe_code, reason = "memory shared with other processes")]

use std::iter;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::page::PageRef;
use super::shared_memory::{Arenas, BLOCK, Blocks};
use super::{Call, Error, Process};

/// A server that is being made: it will have the list, so what is added to that is where it can find it.
pub(super) struct Expected {
    list: Arc<DeferredCalls>,
    known: Arenas,
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut members = self.list.members();
        let place = members.expected.iter().position(|known| *known == self.known);
        members.expected.swap_remove(place.expect("it was put there, and nobody else takes it"));
    }
}

pub(super) const FREE: u32 = 0;
pub(super) const POSTED: u32 = 1;
pub(super) const TAKEN: u32 = 2;

/// A call to be made.
#[repr(C)]
pub(super) struct Node {
    pub(super) next: AtomicPtr<Node>,
    pub(super) state: AtomicU32,
    pub(super) number: AtomicU32,
    pub(super) arguments: [AtomicUsize; 2],
}

/// What the servers see of a list.
#[repr(C)]
pub(super) struct Head {
    /// How many nodes are posted.
    pub(super) posted: AtomicU32,
    pub(super) first: AtomicPtr<Node>,
}

/// The calls to be made in one fd table, or in one address space, and the servers that live in it.
pub(crate) struct DeferredCalls {
    members: Mutex<Members>,
    /// The block that the head is in, with as many nodes behind it as there is room for. Before that, there
    /// is no server.
    head: OnceLock<Blocks>,
}

#[derive(Default)]
struct Members {
    servers: Vec<Member>,
    /// Whether there has been one: what is posted before waits for it.
    has_begun: bool,
    /// Which arenas those have that are being made.
    expected: Vec<Arenas>,
    /// Where there are more nodes.
    nodes: Vec<Blocks>,
    /// Calls for which there has been no memory.
    waiting: Vec<(Call, [usize; 2])>,
}

struct Member {
    page: PageRef,
    process: Arc<Process>,
    known: Arenas,
}

impl DeferredCalls {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(DeferredCalls { members: Mutex::default(), head: OnceLock::new() })
    }

    /// Makes it ready for servers whose memory has these arenas, and for those that are forked from them.
    pub(super) fn prepare(&self, known: Arenas) -> Result<(), Error> {
        // Nodes are added by one thread at a time.
        let _members = self.members();
        if self.head.get().is_some() {
            return Ok(());
        }
        let block = Blocks::new(1, known)?;
        let head = Head { posted: AtomicU32::new(0), first: AtomicPtr::new(ptr::null_mut()) };
        // SAFETY: the block is ours alone, and large enough.
        unsafe { block.start().cast().write(head) };
        let block = self.head.get_or_init(|| block);
        self.add_nodes(block, size_of::<Head>());
        Ok(())
    }

    /// Has `call` made by the first server with nothing else to do. Once there is no server any more, what it is
    /// about is gone.
    pub(crate) fn post(&self, call: Call, arguments: [usize; 2]) {
        let mut members = self.members();
        let is_over = members.has_begun && members.servers.is_empty();
        let is_ours = self.head.get().is_none_or(Blocks::are_ours);
        if is_over || !is_ours {
            return;
        }
        members.waiting.push((call, arguments));
        if members.has_begun {
            self.post_waiting(&mut members);
        }
    }

    fn post_waiting(&self, members: &mut Members) {
        if members.waiting.is_empty() && !self.has_posted() {
            return;
        }
        while let Some((call, [first, second])) = members.waiting.pop() {
            let Some(node) = self.free_node(members) else {
                members.waiting.push((call, [first, second]));
                break;
            };
            self.list().posted.fetch_add(1, Ordering::AcqRel);
            node.number.store(call.number() as u32, Ordering::Relaxed);
            node.arguments[0].store(first, Ordering::Relaxed);
            node.arguments[1].store(second, Ordering::Relaxed);
            node.state.store(POSTED, Ordering::Release);
        }
        for server in &members.servers {
            server.page.ring();
        }
    }

    fn free_node(&self, members: &mut Members) -> Option<&Node> {
        let is_free = |node: &&Node| node.state.load(Ordering::Acquire) == FREE;
        if let Some(node) = self.nodes().find(is_free) {
            return Some(node);
        }
        let servers = members.servers.iter().map(|member| member.known);
        let known = servers.chain(members.expected.iter().copied()).min()?;
        let more = Blocks::new(1, known).ok()?;
        self.add_nodes(&more, 0);
        members.nodes.push(more);
        self.nodes().find(is_free)
    }

    /// Adds the nodes that fit into a block of the list's own, from an offset on.
    fn add_nodes(&self, block: &Blocks, offset: usize) {
        for index in 0..(BLOCK - offset) / size_of::<Node>() {
            let first = &self.list().first;
            let node = Node {
                next: AtomicPtr::new(first.load(Ordering::Relaxed)),
                state: AtomicU32::new(FREE),
                number: AtomicU32::new(0),
                arguments: [AtomicUsize::new(0), AtomicUsize::new(0)],
            };
            let place = offset + index * size_of::<Node>();
            // SAFETY: within the block, which nobody else uses yet.
            let place = unsafe { block.start().add(place) }.cast::<Node>();
            // SAFETY: as above; offsets are multiples of the alignment.
            unsafe { place.write(node) };
            first.store(place.as_ptr(), Ordering::Release);
        }
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        let at = |next: &AtomicPtr<Node>| NonNull::new(next.load(Ordering::Acquire));
        // SAFETY: (1)
        let node = move |place: NonNull<Node>| unsafe { place.as_ref() };
        iter::successors(at(&self.list().first).map(node), move |last| at(&last.next).map(node))
    }

    fn list(&self) -> &Head {
        // SAFETY: (1); written when the list was prepared.
        unsafe { self.address().as_ref() }
    }

    /// Where the servers find it, once it is prepared.
    pub(super) fn address(&self) -> NonNull<Head> {
        self.head.get().expect("nobody lives where nothing is prepared").start().cast()
    }

    /// From before a server is made whose memory will have these arenas, until it has joined.
    pub(super) fn expect(self: &Arc<Self>, known: Arenas) -> Expected {
        self.members().expected.push(known);
        Expected { list: Arc::clone(self), known }
    }

    pub(super) fn join(&self, server: &PageRef, process: &Arc<Process>, known: Arenas) {
        let mut members = self.members();
        let (page, process) = (PageRef::clone(server), Arc::clone(process));
        members.servers.push(Member { page, process, known });
        members.has_begun = true;
        // And what was posted while it was not listed.
        self.post_waiting(&mut members);
    }

    pub(super) fn leave(&self, server: &PageRef) {
        self.members().servers.retain(|member| !PageRef::ptr_eq(&member.page, server));
    }

    /// Whether something is posted that is not known to have been done.
    pub(super) fn has_posted(&self) -> bool {
        self.list().posted.load(Ordering::Acquire) > 0
    }

    /// How many tasks live there.
    pub(super) fn population(&self) -> usize {
        self.members().servers.len()
    }

    /// The processes of the tasks that live there, but for those that are about to leave.
    pub(crate) fn processes(&self) -> Vec<Arc<Process>> {
        let members = self.members();
        let stay = members.servers.iter().filter(|member| member.page.has(self));
        stay.map(|member| Arc::clone(&member.process)).collect()
    }

    /// Whether a process is one of those still.
    pub(crate) fn is_home_of(&self, process: &Arc<Process>) -> bool {
        self.processes().iter().any(|other| Arc::ptr_eq(other, process))
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
