//! Children that nobody will wait for any more: reaped by later spawns, once they have ended.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::ring::{Estate, ParentOfProgram};
use super::{Process, hidden_memory};

/// A child to be reaped, and what is kept until then.
struct Grave {
    process: Arc<Process>,
    _kept: Option<Kept>,
}

/// What must not go before the child has ended.
pub(super) enum Kept {
    /// What its server may still use.
    Estate { _estate: Estate },
    /// What a program's death signal depends on.
    Parent { _parent: ParentOfProgram },
}

/// What children use that nobody has a pidfd of, until their servers are gone.
static NAMELESS: Mutex<Vec<Estate>> = Mutex::new(Vec::new());

static GRAVES: Mutex<VecDeque<Grave>> = Mutex::new(VecDeque::new());

/// How many graves one call looks at, so that many living children do not slow down every spawn.
const LOOKED_AT: usize = 8;

/// Leaves a program to be reaped by later spawns.
pub(crate) fn bury_process(process: Arc<Process>, parent: Option<ParentOfProgram>) {
    bury(process, parent.map(|parent| Kept::Parent { _parent: parent }));
}

/// Leaves a child, and what must not go before it, to be reaped by later spawns.
pub(super) fn bury(process: Arc<Process>, kept: Option<Kept>) {
    let mut graves = GRAVES.lock().unwrap_or_else(PoisonError::into_inner);
    graves.push_back(Grave { process, _kept: kept });
}

/// Keeps what a child uses that nobody has a pidfd of, and that has been asked to exit.
pub(super) fn bury_nameless(estate: Estate) {
    let mut estates = NAMELESS.lock().unwrap_or_else(PoisonError::into_inner);
    estates.push(estate);
}

/// Reaps some of those that have ended.
pub(super) fn visit() {
    hidden_memory::visit();
    NAMELESS.lock().unwrap_or_else(PoisonError::into_inner).retain(Estate::is_in_use);
    let mut graves = GRAVES.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..graves.len().min(LOOKED_AT) {
        let Some(grave) = graves.pop_front() else { return };
        // In a forked copy they are nobody's to reap.
        if grave.process.is_ours() && !grave.process.reap_if_ended() {
            graves.push_back(grave);
        }
    }
}
