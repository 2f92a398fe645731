//! The fds of a table that are to be closed by whichever of its tasks is free first.
//!
//! Dropping an fd of a child's table must not wait for the child, and must not wait for the next
//! call either: a reader at the other end may be waiting for the end of file. So the number is
//! posted here and every server of the table is woken; each closes what it finds before it sleeps
//! and before it executes a request.
//!
//! # Safety
//!
//! 1. A [`Node`] is only ever added, and freed with its list. A list outlives every server that has
//!    its address: a [`Ring`](super::Ring) holds it until its server has another list or is dead.
//! 2. A node goes from free to posted under the lock, from posted to closing by whichever server's
//!    compare-exchange wins, and from closing to free by that server: each number is closed at
//!    most once. If the server dies in between, the node stays as it is and is never tried again.

use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::page::PageRef;

pub(super) const FREE: u32 = 0;
pub(super) const POSTED: u32 = 1;
pub(super) const CLOSING: u32 = 2;

/// An fd to be closed.
#[repr(C)]
pub(super) struct Node {
    pub(super) next: AtomicPtr<Node>,
    pub(super) state: AtomicU32,
    pub(super) fd: AtomicI32,
}

/// The fds to be closed in one table, and the servers that live in it.
#[repr(C)]
pub(crate) struct CloseList {
    /// How many nodes are posted.
    pub(super) posted: AtomicU32,
    pub(super) first: AtomicPtr<Node>,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    servers: Vec<PageRef>,
    #[expect(clippy::vec_box, reason = "servers hold the nodes' addresses")]
    nodes: Vec<Box<Node>>,
}

impl CloseList {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(CloseList {
            posted: AtomicU32::new(0),
            first: AtomicPtr::new(ptr::null_mut()),
            members: Mutex::default(),
        })
    }

    /// Has `fd` closed by the first server with nothing else to do. Without any server the table is
    /// gone, and the fd with it.
    pub(crate) fn post(&self, fd: i32) {
        let mut members = self.members();
        if members.servers.is_empty() {
            return;
        }
        self.posted.fetch_add(1, Ordering::AcqRel);
        let free = members.nodes.iter().find(|node| node.state.load(Ordering::Acquire) == FREE);
        if let Some(node) = free {
            node.fd.store(fd, Ordering::Relaxed);
            node.state.store(POSTED, Ordering::Release);
        } else {
            let node = Box::new(Node {
                next: AtomicPtr::new(self.first.load(Ordering::Relaxed)),
                state: AtomicU32::new(POSTED),
                fd: AtomicI32::new(fd),
            });
            self.first.store(ptr::from_ref(&*node).cast_mut(), Ordering::Release);
            members.nodes.push(node);
        }
        for server in &members.servers {
            server.ring();
        }
    }

    pub(super) fn join(&self, server: &PageRef) {
        self.members().servers.push(PageRef::clone(server));
        // What was posted while it was not listed.
        server.ring();
    }

    pub(super) fn leave(&self, server: &PageRef) {
        self.members().servers.retain(|member| !PageRef::ptr_eq(member, server));
    }

    /// Whether something is posted that is not known to be closed.
    pub(super) fn has_posted(&self) -> bool {
        self.posted.load(Ordering::Acquire) > 0
    }

    /// How many tasks live in the table.
    pub(super) fn population(&self) -> usize {
        self.members().servers.len()
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
