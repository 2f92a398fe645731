//! Children that nobody will wait for any more: reaped by later spawns, once they have ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Process;
use super::ring::Estate;

/// A child to be reaped, and what its server may still use.
struct Grave {
    process: Arc<Process>,
    _estate: Option<Estate>,
}

static GRAVES: Mutex<VecDeque<Grave>> = Mutex::new(VecDeque::new());

/// How many graves one call looks at, so that many living children do not slow down every spawn.
const LOOKED_AT: usize = 8;

/// Leaves a program to be reaped by later spawns.
pub(crate) fn bury_process(process: Arc<Process>) {
    bury(process, None);
}

/// Leaves a child, and what it still uses, to be reaped by later spawns.
pub(super) fn bury(process: Arc<Process>, estate: Option<Estate>) {
    let mut graves = GRAVES.lock().unwrap_or_else(PoisonError::into_inner);
    graves.push_back(Grave { process, _estate: estate });
}

/// Reaps some of those that have ended.
pub(super) fn visit() {
    let mut graves = GRAVES.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..graves.len().min(LOOKED_AT) {
        let Some(grave) = graves.pop_front() else { return };
        // In a forked copy they are nobody's to reap.
        if grave.process.is_ours() && !grave.process.reap_if_ended() {
            graves.push_back(grave);
        }
    }
}
