//! This program's memory, hidden while a child with other credentials shares it.
//!
//! Whoever has the child's new uid could look into the child, and so into this program, but for the
//! `dumpable` flag, which belongs to the memory: the kernel clears it when credentials change, and
//! nobody sets it again. Here it is set again once the last such child has left the memory.
//!
//! # Safety
//!
//! 1. The calls pass numbers only.
#![expect(unsafe_code, reason = "calls that rustix does not have")]

use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::process::{DumpableBehavior, dumpable_behavior, set_dumpable_behavior};

use super::Process;

/// The memory is not dumpable for as long as there is one of these.
pub(super) struct HiddenMemory(());

struct State {
    /// How many of them there are.
    hiders: usize,
    /// Whether the memory was dumpable before the first one.
    was_dumpable: bool,
}

static STATE: Mutex<State> = Mutex::new(State { hiders: 0, was_dumpable: false });

impl HiddenMemory {
    pub(super) fn new() -> Self {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if state.hiders == 0 {
            state.was_dumpable = matches!(dumpable_behavior(), Ok(DumpableBehavior::Dumpable));
            let _set = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        }
        state.hiders += 1;
        HiddenMemory(())
    }

    /// Ends it for a child that has become a program, if that can be seen to have left the memory. If
    /// not, the memory stays hidden: `life` and exit signal change shortly before the memory does.
    pub(super) fn show_again_after_exec_of(self, child: &Process) {
        /// The kernel is some microseconds from there, if it is not interrupted.
        const LOOKS: usize = 1000;
        for _ in 0..LOOKS {
            match shares_our_memory(child) {
                Some(true) => thread::yield_now(),
                Some(false) => return,
                None => break,
            }
        }
        std::mem::forget(self);
    }
}

impl Drop for HiddenMemory {
    fn drop(&mut self) {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        state.hiders -= 1;
        if state.hiders == 0 && state.was_dumpable {
            let _set = set_dumpable_behavior(DumpableBehavior::Dumpable);
        }
    }
}

/// `kcmp(KCMP_VM)`; `None` if the kernel does not tell. The pid is the child's own, as it has not been
/// reaped.
fn shares_our_memory(child: &Process) -> Option<bool> {
    const KCMP_VM: libc::c_int = 1;
    let pids = [std::process::id() as i32, child.pid().as_raw()];
    // SAFETY: (1)
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pids[0], pids[1], KCMP_VM, 0, 0) };
    match order {
        0 => Some(true),
        1.. => Some(false),
        _ => None,
    }
}
