//! Who lives in a pid namespace: driven tasks, or programs.
//!
//! A driven task shares this program's memory, and a program that sees the task may have the privileges to
//! look into that (`/proc/PID/mem`). In this program's own pid namespace that tells it nothing that it
//! could not have from this program itself. In one that is made for it, it must see no driven task: of
//! those who live there, one becomes a program when no other is left, and afterwards nobody is driven
//! there any more. A namespace contains those that are made in it. The [init](super::init) that this library brings
//! along is no such program.
//!
//! Who comes to a namespace that others may live in is hidden: this program's memory is, for as long. So it
//! does not matter who sees those, and they are not counted. If it cannot be told which namespace that is, it may be
//! any that was made here.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::io::Errno;

use super::{ErrorKind, OpenNamespace, Process, graveyard};

/// The population of a pid namespace that this program has made, or joined.
pub(crate) struct Residents {
    /// The one that it was made in, unless that is the host's.
    outer: Option<Arc<Residents>>,
    /// Driven tasks in it, and in those made in it, that are not hidden.
    driven: AtomicUsize,
    /// How many programs live in it, or have lived.
    programs: AtomicUsize,
    /// Whether it was there already, so that nobody knows who else is in it.
    joined: bool,
    /// Of one that was joined: what is known of it by who has made it here.
    made: Option<Arc<Residents>>,
    /// Which it is, once somebody has lived there or joined it, if that could be told. It stays this one, also when nobody
    /// lives there any more.
    namespace: OnceLock<OpenNamespace>,
    /// The first of them: without it, there can be no other.
    init: OnceLock<Arc<Process>>,
}

/// Held while the population of any namespace is looked at and changed: how many driven tasks there are, in all of
/// them, that are not hidden.
static DOOR: Mutex<usize> = Mutex::new(0);

/// A driven task's place in its pid namespace, until it has ended or become a program.
pub(crate) struct Residence {
    residents: Arc<Residents>,
    /// Whether it is not counted.
    is_hidden: bool,
}

impl Residents {
    /// A namespace that nobody lives in yet.
    pub(crate) fn none(outer: Option<&Arc<Residents>>) -> Arc<Self> {
        Arc::new(Residents {
            outer: outer.cloned(),
            driven: AtomicUsize::new(0),
            programs: AtomicUsize::new(0),
            joined: false,
            made: None,
            namespace: OnceLock::new(),
            init: OnceLock::new(),
        })
    }

    /// A namespace that others may live in, and what was known of it before.
    pub(crate) fn unknown(
        outer: Option<&Arc<Residents>>,
        namespace: Option<OpenNamespace>,
        known: Option<&Arc<Residents>>,
    ) -> Arc<Self> {
        let made = known.map(|known| known.made.as_ref().unwrap_or(known));
        Arc::new(Residents {
            outer: outer.cloned(),
            driven: AtomicUsize::new(0),
            programs: AtomicUsize::new(0),
            joined: true,
            made: made.cloned(),
            namespace: namespace.map_or_else(OnceLock::new, OnceLock::from),
            init: OnceLock::new(),
        })
    }

    /// Whether this program's memory has to be hidden from those who live there, or see those who do.
    pub(crate) fn are_unknown(&self) -> bool {
        self.and_outer().any(|residents| residents.joined)
    }

    /// Whether the namespace is this one of the kernel's, or why that cannot be told.
    pub(crate) fn live_in(&self, namespace: &OpenNamespace) -> Result<bool, Errno> {
        match (self.namespace.get(), self.init.get()) {
            (Some(own), _) => Ok(own == namespace),
            (None, Some(init)) => match init.namespace("pid") {
                // Nothing can be started there any more.
                Err(_) if init.is_ending() => Ok(false),
                own => Ok(own? == *namespace),
            },
            // The first one is being spawned.
            (None, None) if self.driven.load(Ordering::Relaxed) > 0 => Err(Errno::AGAIN),
            // Nobody has lived there yet; or it was joined, and nobody knows which it is.
            (None, None) => Err(Errno::NOENT),
        }
    }

    /// Makes room for a task that is about to be spawned.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Residence, ErrorKind> {
        let mut driven = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        let is_hidden = self.are_unknown();
        if !is_hidden {
            if self.and_outer().any(|residents| residents.programs.load(Ordering::Relaxed) > 0) {
                return Err(ErrorKind::MemoryExposed);
            }
            *driven += 1;
            for residents in self.and_outer() {
                residents.driven.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(Residence { residents: Arc::clone(self), is_hidden })
    }

    /// Whether its init is ending, so that nothing can be started there any more.
    pub(crate) fn are_doomed(&self) -> bool {
        self.init.get().is_some_and(|init| init.is_ending())
    }

    fn and_outer(&self) -> impl Iterator<Item = &Residents> {
        iter::successors(Some(self), |residents| residents.outer.as_deref())
    }

    /// Whether it may be one that was made here, as nobody could tell.
    fn is_unidentified(&self) -> bool {
        self.joined && self.namespace.get().is_none()
    }

    /// All that is known of the namespace.
    fn and_made(&self) -> impl Iterator<Item = &Residents> {
        iter::once(self).chain(self.made.as_deref())
    }
}

impl Residence {
    /// Tells who it is, and in which namespace, if that can be told. The first to say so is the init.
    pub(crate) fn is_of(&self, process: &Arc<Process>, own: Option<OpenNamespace>) {
        let Residents { joined, init, namespace, .. } = &*self.residents;
        if !joined && init.set(Arc::clone(process)).is_ok() {
            if let Some(own) = own {
                let _first = namespace.set(own);
            }
        }
    }

    /// Whether the namespace depends on it.
    pub(crate) fn is_inits(&self, process: &Arc<Process>) -> bool {
        self.residents.init.get().is_some_and(|init| Arc::ptr_eq(init, process))
    }

    /// Whether nobody can live there any more: the init's end waits for everybody's.
    pub(crate) fn is_over(&self) -> bool {
        self.residents.init.get().is_some_and(|init| init.has_ended())
    }

    /// Who else is there.
    pub(crate) fn residents(&self) -> &Arc<Residents> {
        &self.residents
    }

    /// Allows the task to become a program, if no other driven one would be seen by it.
    pub(crate) fn becomes_program(&self) -> Result<(), ErrorKind> {
        // Some may be counted that are gone.
        graveyard::visit();
        let all = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        let itself = usize::from(!self.is_hidden);
        let driven = |residents: &Residents| residents.driven.load(Ordering::Relaxed);
        let may_be_seen = match self.residents.is_unidentified() {
            true => *all,
            false => self.residents.and_made().map(driven).sum(),
        };
        if may_be_seen > itself {
            return Err(ErrorKind::MemoryExposed);
        }
        for residents in self.residents.and_made() {
            residents.programs.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes that back: it has not become one.
    pub(crate) fn stays_driven(&self) {
        let _closed = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        for residents in self.residents.and_made() {
            residents.programs.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Residence {
    fn drop(&mut self) {
        let mut driven = DOOR.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_hidden {
            *driven -= 1;
            for residents in self.residents.and_outer() {
                residents.driven.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}
