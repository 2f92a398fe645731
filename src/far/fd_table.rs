use std::sync::Arc;

use super::segment::Segment;
use crate::brand::{Namespace, Of};
use crate::interface::{Call, DeferredCalls};

/// The identity of an fd table.
pub struct FdTable<F> {
    /// For a table this process's own `close` does not reach: who does it there.
    segment: Segment<Arc<DeferredCalls>>,
    brand: Of<F>,
}

namespace_identity! { FdTable<F> HostFds "host_fds" }

impl<F: Namespace> FdTable<F> {
    /// A table no task lives in yet: closing an fd in it does nothing.
    pub(crate) fn without_tasks() -> Self {
        FdTable { segment: Segment::new(F::NAME, DeferredCalls::new()), brand: Of::new() }
    }
}

impl<F> FdTable<F> {
    /// What is left to the tasks of this table; `None` if it is the host's.
    pub(crate) fn closes(&self) -> Option<&Arc<DeferredCalls>> {
        self.segment.known()
    }

    /// Has a slot closed by any of its tasks. False if this is the host's table, which the host closes.
    #[inline]
    pub(crate) fn close(self, number: i32) -> bool {
        let is_elsewhere = self.closes().is_some();
        if is_elsewhere {
            self.post_close(number);
        }
        is_elsewhere
    }

    /// Apart, so that whoever drops an fd of the host's has no more code than its close.
    #[inline(never)]
    fn post_close(self, number: i32) {
        if let Some(closes) = self.closes() {
            closes.post(Call::CLOSE, [number as usize, 0]);
        }
    }
}
