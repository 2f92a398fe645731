//! Tasks that somebody watches.
//!
//! # Safety
//!
//! 1. Everything but the interface is the watched task's own, and the interface sends to its process.
#![expect(unsafe_code, reason = "implements an unsafe trait")]

use std::fmt;

use crate::far::{self, AddressSpace, FdTable, PidNamespace};
use crate::interface::{self, Observer};
use crate::near::Pid;

/// Watching what a task does.
pub trait LayerTask: far::Task + Sized {
    /// The same task, each call of which `observer` sees, and may refuse.
    ///
    /// It is used in place of the task, by everything that takes a task: fds, buffers and pids are the
    /// task's own. Layers can be put upon each other; the last one sees a call first. What is not seen:
    /// the transitions (they take the task itself), the closes that dropped fds post, and what is only
    /// recorded for the program that the task becomes, as by
    /// [`sigprocmask`](super::SignalTask::sigprocmask).
    ///
    /// A [batch](super::BatchTask::batch) is made call by call, so that each can be refused: of a driven task, in
    /// one round trip each.
    ///
    /// A task without a layer knows nothing of this: there is no cost.
    fn layer<'layer, O: Observer + ?Sized>(
        &'layer self,
        observer: &'layer O,
    ) -> Layered<'layer, Self, O> {
        Layered { task: self, interface: interface::Layered::new(self.interface(), observer) }
    }
}

impl<K: far::Task> LayerTask for K {}

/// A task with an [`Observer`]: what [`LayerTask::layer`] returns.
pub struct Layered<'layer, K: far::Task, O: ?Sized> {
    task: &'layer K,
    interface: interface::Layered<'layer, K::Interface, O>,
}

impl<K: far::Task, O: ?Sized> Layered<'_, K, O> {
    pub(crate) fn below(&self) -> &K {
        self.task
    }
}

// SAFETY: (1)
unsafe impl<'layer, K: far::Task, O: Observer + ?Sized> far::Task for Layered<'layer, K, O> {
    type FdTable = K::FdTable;
    type AddressSpace = K::AddressSpace;
    type PidNamespace = K::PidNamespace;
    type ChildPidNamespace = K::ChildPidNamespace;
    type Interface = interface::Layered<'layer, K::Interface, O>;

    fn interface(&self) -> &Self::Interface {
        &self.interface
    }

    fn fd_table(&self) -> &FdTable<K::FdTable> {
        self.task.fd_table()
    }

    fn address_space(&self) -> &AddressSpace<K::AddressSpace> {
        self.task.address_space()
    }

    fn pid_namespace(&self) -> &PidNamespace<K::PidNamespace> {
        self.task.pid_namespace()
    }

    fn child_pid_namespace(&self) -> &PidNamespace<K::ChildPidNamespace> {
        self.task.child_pid_namespace()
    }

    fn pid(&self) -> Pid<K::PidNamespace> {
        self.task.pid()
    }
}

impl<K: far::Task + fmt::Debug, O: ?Sized> fmt::Debug for Layered<'_, K, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Layered").field(self.task).finish()
    }
}
