#![expect(unsafe_code, reason = "declares an unsafe trait")]

use super::{AddressSpace, FdTable, PidNamespace};
use crate::brand::{Brand, Dynamic, HostFds, HostMemory, HostPids, Label, Namespace};
use crate::interface::SyscallInterface;
use crate::near;

/// A process that makes syscalls for us, and the namespaces it makes them in.
///
/// The calls themselves are in extension traits, implemented for everything that implements this
/// one: [`FileDescriptorTask`](crate::task::FileDescriptorTask) and its neighbours in
/// [`task`](crate::task). A library asks for what it uses:
///
/// ```
/// use nearfar::prelude::*;
///
/// /// Sends one line through `pipe`, whichever task that is in.
/// fn say<K: FileDescriptorTask<AddressSpace = HostMemory>>(
///     task: &K,
///     pipe: &Fd<K::FdTable>,
/// ) -> Result<(), nearfar::Error> {
///     task.write(pipe, b"hello\n").map(drop)
/// }
/// # let here = Task::here();
/// # let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
/// # say(&here, &writer).unwrap();
/// # say(&here.spawn().unwrap(), &writer).unwrap();
/// ```
///
/// # Safety
///
/// An implementation promises, for as long as the value exists:
///
/// 1. What [`interface`](Task::interface) sends is carried out by a process whose fd table, address
///    space and pid namespace are those that the associated types name and the accessors return.
/// 2. No call of the implementation changes one of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    note = "`Task::here()` is the calling thread; `spawn()` on any task makes another one",
    note = "a task is lent: take it as `&impl far::Task`, or `&K`",
    note = "a `Task` with type parameters of your own is one if they are namespaces: `F: nearfar::brand::Namespace`"
)]
pub unsafe trait Task {
    /// The fd table its fds are in.
    type FdTable: Namespace;
    /// The address space its buffers are in.
    type AddressSpace: Namespace;
    /// The pid namespace it sees.
    type PidNamespace: Namespace;
    /// The pid namespace its next children go to.
    type ChildPidNamespace: Namespace;
    /// How its syscalls get to it.
    type Interface: SyscallInterface;

    /// How its syscalls get to it.
    fn interface(&self) -> &Self::Interface;
    /// Its fd table.
    fn fd_table(&self) -> &FdTable<Self::FdTable>;
    /// Its address space.
    fn address_space(&self) -> &AddressSpace<Self::AddressSpace>;
    /// Its pid namespace.
    fn pid_namespace(&self) -> &PidNamespace<Self::PidNamespace>;
    /// The pid namespace of its next children.
    fn child_pid_namespace(&self) -> &PidNamespace<Self::ChildPidNamespace>;
    /// Its pid, as it sees it itself.
    fn pid(&self) -> near::Pid<Self::PidNamespace>;
}

/// Short for a task whose memory is this program's, so that slices can be its buffers.
pub trait InHostMemory: Task<AddressSpace = HostMemory> {}
impl<K: Task<AddressSpace = HostMemory>> InHostMemory for K {}

/// Short for a task that lives in this program's fd table.
pub trait InHostFds: Task<FdTable = HostFds> {}
impl<K: Task<FdTable = HostFds>> InHostFds for K {}

/// The fd table in which this library holds its tasks: that of this process. Sealed.
#[diagnostic::on_unimplemented(
    message = "the pidfd of the other task is not in this task's fd table",
    label = "driven tasks are held by pidfds of `host_fds`, not of `{Self}`",
    note = "ask `Task::here()`, or another task that lives in this process's fd table",
    note = "to get an fd from there into a private table: list it in `unshare_files` when the table is made, or send it over a Unix socket"
)]
pub trait HoldsTasks: Namespace {}
impl HoldsTasks for HostFds {}

/// The fd table of this process, the only one whose fds std can own. Sealed.
#[diagnostic::on_unimplemented(
    message = "std's fd types are for fds of this process's table `host_fds`, not of `{Self}`",
    label = "an fd of `{Self}` would name another file in this process",
    note = "keep it as a `nearfar::Fd` and use it through a task in its own table",
    note = "to get the file into this process: take a copy with `Task::here().pidfd_getfd(&task, &fd)`, open it in a task that shares this table, or send it over a Unix socket",
    note = "a `Dynamic` fd that is one of this process's becomes it in its type by `rebrand(&Task::here())`"
)]
pub trait HostTable: Namespace {}
impl HostTable for HostFds {}

/// An fd table of which the types do not say that it is this process's: one that a guard has named, or a
/// [`Dynamic`] one. Sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` may be this process's fd table, which others use",
    label = "what a failed exec has done to such a table could not be undone",
    note = "`unshare_files` before: of a private table, it can be",
    note = "or use `exec`, which does not give the task back",
    note = "in generic code, say that it is another one: `K::FdTable: far::NotHostTable`"
)]
pub trait NotHostTable: Namespace {}
#[diagnostic::do_not_recommend]
impl<L: Label> NotHostTable for Brand<'_, L> {}
impl NotHostTable for Dynamic {}

/// The pid namespace of this process, the only one whose numbers rustix knows. Sealed.
#[diagnostic::on_unimplemented(
    message = "rustix's numbers of processes are those of this process's pid namespace `host_pids`, not of `{Self}`",
    label = "a number of `{Self}` would be another process here",
    note = "what this process calls a driven task is `host_pid()`",
    note = "keep the number as a `near::Pid`, and use it through a task in its own pid namespace; or `pidfd_open` it there: a pidfd means the same process everywhere",
    note = "a `Dynamic` number that is one of this process's becomes it in its type by `far::Pid::of(&task, pid).rebrand(&Task::here())`, of the task that knows it so"
)]
pub trait HostNumbers: Namespace {}
impl HostNumbers for HostPids {}
