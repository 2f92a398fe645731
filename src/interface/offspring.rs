//! The children of this process that live in pid namespaces inside of its own.
//!
//! The init of a pid namespace ends only when everybody else there has been reaped. Some of these may be
//! children of this process, whose handles are somewhere else. So whoever waits for the end of an init reaps
//! them, and leaves how they ended with them.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Process;

/// Those that there were, and perhaps are.
struct Offspring {
    children: Vec<Weak<Process>>,
    /// When to forget those that are gone, next time.
    crowded: usize,
}

static OFFSPRING: Mutex<Offspring> = Mutex::new(Offspring { children: Vec::new(), crowded: 64 });

/// Remembers a new child.
pub(super) fn remember(child: &Arc<Process>) {
    let mut offspring = OFFSPRING.lock().unwrap_or_else(PoisonError::into_inner);
    let Offspring { children, crowded } = &mut *offspring;
    if children.len() >= *crowded {
        children.retain(|child| child.strong_count() > 0);
        *crowded = (2 * children.len()).max(64);
    }
    children.push(Arc::downgrade(child));
}

/// Those that nobody has reaped yet, and that the end of `init` waits for.
pub(super) fn of(init: &Process) -> Vec<Arc<Process>> {
    let children: Vec<_> = {
        let offspring = OFFSPRING.lock().unwrap_or_else(PoisonError::into_inner);
        offspring.children.iter().filter_map(Weak::upgrade).collect()
    };
    children.into_iter().filter(|child| init.waits_for(child)).collect()
}
