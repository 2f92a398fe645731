//! This program's memory, hidden while a child with other credentials shares it.
//!
//! Whoever has the child's new uid could look into the child, and so into this program, but for the
//! `dumpable` flag, which belongs to the memory: the kernel clears it when credentials change, and
//! nobody sets it again. Here it is cleared before that, and set again once the last such child has left
//! the memory. So it is for a child that has given up capabilities which this program has, as other processes of
//! the same user, which do not have them, could look into the child; but only if this program still can, then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{DumpableBehavior, dumpable_behavior, geteuid, set_dumpable_behavior};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities};

use super::{Generation, Process};

/// The memory of the process that has made it is not dumpable for as long as there is one of these.
pub(super) struct HiddenMemory(Generation);

struct State {
    /// Whose memory this is about: a forked copy of this process has its own, and no children in it.
    of: Option<Generation>,
    /// How many of them there are.
    hiders: usize,
    /// Whether the memory was dumpable before the first one.
    was_dumpable: bool,
    /// Children of which nobody could tell whether they had left: each counts as a hider.
    unsure: Vec<Arc<Process>>,
}

static STATE: Mutex<State> =
    Mutex::new(State { of: None, hiders: 0, was_dumpable: false, unsure: Vec::new() });

impl State {
    fn lock() -> MutexGuard<'static, State> {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if state.of.as_ref().is_some_and(|generation| !generation.is_current()) {
            // Nobody shares the copy's memory, but it has come hidden.
            state.unsure.clear();
            state.show(usize::MAX);
            state.of = None;
        }
        state
    }

    /// So many fewer hide it.
    fn show(&mut self, fewer: usize) {
        if self.hiders == 0 {
            return;
        }
        self.hiders = self.hiders.saturating_sub(fewer);
        if self.hiders == 0 && self.was_dumpable {
            let _set = set_dumpable_behavior(DumpableBehavior::Dumpable);
        }
    }
}

impl HiddenMemory {
    pub(super) fn new() -> Self {
        let mut state = State::lock();
        let generation = *state.of.get_or_insert_with(Generation::current);
        if state.hiders == 0 {
            state.was_dumpable = matches!(dumpable_behavior(), Ok(DumpableBehavior::Dumpable));
            let _set = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        }
        state.hiders += 1;
        HiddenMemory(generation)
    }

    /// Ends it for a child that has become a program, as soon as that can be seen to have left the
    /// memory: `life` and exit signal change shortly before the memory does.
    pub(super) fn show_again_after_exec_of(self, child: &Arc<Process>) {
        if child.leaves_memory(None) != Some(true) {
            // It stays a hider, until a later look.
            State::lock().unsure.push(Arc::clone(child));
            std::mem::forget(self);
        }
    }
}

/// Whether this thread has capabilities for which a child that gives them up is hidden: those without which it would
/// not itself get at what is hidden, neither by calls nor by the files of `/proc`, which are root's then. So if it is
/// not told.
pub(super) fn may_see_hidden_memory() -> bool {
    capabilities(None).map_or(true, |CapabilitySets { effective, .. }| {
        effective.contains(CapabilitySet::SYS_PTRACE)
            && (effective.contains(CapabilitySet::DAC_OVERRIDE) || geteuid().is_root())
    })
}

/// Whether this thread does get at a child that shares this memory while it is hidden: in a user namespace that this
/// program has entered since it was executed, the capabilities count for nothing there.
pub(super) fn sees_hidden(child: &Process) -> bool {
    let _hidden = HiddenMemory::new();
    child.is_seen()
}

/// Looks again at those of whom nobody was sure.
pub(super) fn visit() {
    let mut state = State::lock();
    let before = state.unsure.len();
    state.unsure.retain(|child| child.has_left_memory(None) != Some(true));
    let left = before - state.unsure.len();
    state.show(left);
}

impl Drop for HiddenMemory {
    fn drop(&mut self) {
        let mut state = State::lock();
        // A forked copy inherits those of children that it does not have.
        if state.of == Some(self.0) {
            state.show(1);
        }
    }
}
