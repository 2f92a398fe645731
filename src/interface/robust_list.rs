use std::ffi::c_long;
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A `struct robust_list`, with the futex word that it stands for.
#[repr(C)]
#[derive(Default)]
struct Node {
    next: AtomicUsize,
    word: AtomicU32,
}

/// `struct robust_list_head` of `futex.h`.
#[repr(C)]
struct Head {
    first: AtomicUsize,
    /// From a node to its word.
    offset: c_long,
    pending: usize,
}

/// How many nodes the kernel looks at: `ROBUST_LIST_LIMIT` of `futex.h`.
pub(crate) const ROBUST_LIST_LIMIT: usize = 2048;

/// Futex words that are linked for the kernel once and for all, whoever holds them: it looks at each, and
/// touches those that have the number of the thread that ends.
pub(crate) struct RobustWords {
    head: Head,
    nodes: Box<[Node]>,
}

impl RobustWords {
    /// So many words, all 0.
    pub(crate) fn new(count: usize) -> Arc<Self> {
        let offset = offset_of!(Node, word) as c_long;
        let words = Arc::new(RobustWords {
            head: Head { first: AtomicUsize::new(0), offset, pending: 0 },
            nodes: (0..count).map(|_| Node::default()).collect(),
        });
        // From the last to the first, as they do not move any more.
        let mut next = words.head();
        for node in words.nodes.iter().rev() {
            node.next.store(next, Ordering::Relaxed);
            next = ptr::from_ref(node).expose_provenance();
        }
        words.head.first.store(next, Ordering::Relaxed);
        words
    }

    pub(crate) fn words(&self) -> impl ExactSizeIterator<Item = &AtomicU32> {
        self.nodes.iter().map(|node| &node.word)
    }

    pub(crate) fn word(&self, index: usize) -> &AtomicU32 {
        &self.nodes[index].word
    }

    /// Where the kernel starts.
    pub(super) fn head(&self) -> usize {
        ptr::from_ref(&self.head).expose_provenance()
    }

    pub(super) const HEAD_SIZE: usize = size_of::<Head>();
}

const _: () = assert!(RobustWords::HEAD_SIZE == 24);
