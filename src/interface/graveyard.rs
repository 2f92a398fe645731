//! Children that nobody will wait for any more: reaped by later spawns, once they have ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::{CloseList, Process};

/// A child to be reaped, and what its server may still use.
struct Grave {
    process: Arc<Process>,
    _closes: Option<Arc<CloseList>>,
}

static GRAVES: Mutex<VecDeque<Grave>> = Mutex::new(VecDeque::new());

/// How many graves one call looks at, so that many living children do not slow down every spawn.
const LOOKED_AT: usize = 8;

/// Leaves `process` to be reaped by later spawns.
pub(crate) fn bury(process: Arc<Process>, closes: Option<Arc<CloseList>>) {
    let mut graves = GRAVES.lock().unwrap_or_else(PoisonError::into_inner);
    graves.push_back(Grave { process, _closes: closes });
}

/// Reaps some of those that have ended.
pub(super) fn visit() {
    let mut graves = GRAVES.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..graves.len().min(LOOKED_AT) {
        let Some(grave) = graves.pop_front() else { return };
        // An error says that it is not ours to reap any more.
        if let (true, Ok(None)) = (grave.process.is_ours(), grave.process.try_wait()) {
            graves.push_back(grave);
        }
    }
}
