//! Who lives in a pid namespace: driven tasks, or programs.
//!
//! A driven task shares this program's memory, and a program that sees the task may have the privileges to
//! look into that (`/proc/PID/mem`). In this program's own pid namespace that tells it nothing that it
//! could not have from this program itself. In one that is made for it, it must see no driven task: of
//! those who live there, one becomes a program when no other is left, and afterwards nobody is driven
//! there any more. A namespace contains those that are made in it.

use std::iter;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::io::Errno;

use super::{ErrorKind, OpenNamespace, Process};

/// The population of a pid namespace that this program has made, or joined.
pub(crate) struct Residents {
    /// The one that it was made in, unless that is the host's.
    outer: Option<Arc<Residents>>,
    /// Driven tasks in it, and in those made in it.
    driven: AtomicUsize,
    /// Whether a program lives in it, or has lived.
    programs: AtomicBool,
    /// Whether it was not made here, so that nobody knows who else is in it.
    joined: bool,
    /// Which it is, once somebody has lived there, if that could be told. It stays this one, also when nobody
    /// lives there any more.
    namespace: OnceLock<OpenNamespace>,
    /// The first of them: without it, there can be no other.
    init: OnceLock<Arc<Process>>,
}

/// Held while the population of any namespace is looked at and changed.
static DOOR: Mutex<()> = Mutex::new(());

/// A driven task's place in its pid namespace, until it has ended or become a program.
pub(crate) struct Residence(Arc<Residents>);

impl Residents {
    /// A namespace that nobody lives in yet.
    pub(crate) fn none(outer: Option<&Arc<Residents>>) -> Arc<Self> {
        Residents::new(outer, false, None)
    }

    /// A namespace that others may live in.
    pub(crate) fn unknown(
        outer: Option<&Arc<Residents>>,
        namespace: Option<OpenNamespace>,
    ) -> Arc<Self> {
        Residents::new(outer, true, namespace)
    }

    fn new(
        outer: Option<&Arc<Residents>>,
        joined: bool,
        namespace: Option<OpenNamespace>,
    ) -> Arc<Self> {
        Arc::new(Residents {
            outer: outer.cloned(),
            driven: AtomicUsize::new(0),
            programs: AtomicBool::new(false),
            joined,
            namespace: namespace.map_or_else(OnceLock::new, OnceLock::from),
            init: OnceLock::new(),
        })
    }

    /// Whether this program's memory has to be hidden from those who live there.
    pub(crate) fn are_unknown(&self) -> bool {
        self.joined
    }

    /// Whether the namespace is this one of the kernel's, or why that cannot be told.
    pub(crate) fn live_in(&self, namespace: &OpenNamespace) -> Result<bool, Errno> {
        match (self.namespace.get(), self.init.get()) {
            (Some(own), _) => Ok(own == namespace),
            (None, Some(init)) => Ok(init.namespace("pid")? == *namespace),
            // Nobody has lived there yet.
            (None, None) => Err(Errno::NOENT),
        }
    }

    /// Makes room for a task that is about to be spawned.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Residence, ErrorKind> {
        let _closed = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        if self.and_outer().any(|residents| residents.programs.load(Ordering::Relaxed)) {
            return Err(ErrorKind::MemoryExposed);
        }
        for residents in self.and_outer() {
            residents.driven.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Residence(Arc::clone(self)))
    }

    /// Whether its init is ending, so that nothing can be started there any more.
    pub(crate) fn are_doomed(&self) -> bool {
        self.init.get().is_some_and(|init| init.is_ending())
    }

    fn and_outer(&self) -> impl Iterator<Item = &Residents> {
        iter::successors(Some(self), |residents| residents.outer.as_deref())
    }
}

impl Residence {
    /// Tells who it is. The first to say so is the init.
    pub(crate) fn is_of(&self, process: &Arc<Process>) {
        if !self.0.joined && self.0.init.set(Arc::clone(process)).is_ok() {
            if let Ok(namespace) = process.namespace("pid") {
                let _first = self.0.namespace.set(namespace);
            }
        }
    }

    /// Whether the namespace depends on it.
    pub(crate) fn is_inits(&self, process: &Arc<Process>) -> bool {
        self.0.init.get().is_some_and(|init| Arc::ptr_eq(init, process))
    }

    /// Allows the task to become a program, if no other driven one would be seen by it.
    pub(crate) fn becomes_program(&self) -> Result<(), ErrorKind> {
        let _closed = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.joined {
            return Ok(());
        }
        if self.0.driven.load(Ordering::Relaxed) > 1 {
            return Err(ErrorKind::MemoryExposed);
        }
        self.0.programs.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes that back: it has not become one.
    pub(crate) fn stays_driven(&self) {
        let _closed = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.programs.store(false, Ordering::Relaxed);
    }
}

impl Drop for Residence {
    fn drop(&mut self) {
        let _closed = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        for residents in self.0.and_outer() {
            residents.driven.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
