//! Where ids give up their brands: the numbers of a call, all of the task's own namespaces.

use crate::brand::Namespace;
use crate::buf::{Buf, BufMut, Vectors};
use crate::far::{
    self, AddressSpace, AddressSpaceMismatchError, FdTable, FdTableMismatchError,
    NamespaceMismatchError, PidNamespace, PidNamespaceMismatchError, Whose,
};
use crate::handle::{AsDirFd, AsFd, Steady};
use crate::interface::{Call, Error, ErrorKind, LOWEST};
use crate::near::{AsPgid, AsPid, AsTid};
use crate::task::FcntlTask;

/// The number of an fd for a call of `task`: where an id gives up its brand.
#[inline(always)]
pub(in crate::task) fn near<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    fd: &(impl AsFd<K::FdTable> + ?Sized),
) -> Result<usize, Error> {
    in_own_table(task, call, fd.table())?;
    Ok(fd.near_fd().as_raw() as u32 as usize)
}

/// An fd that several calls of `task` are about, each of which relies on what the others have said.
pub(in crate::task) fn steady<'fd, K: far::Task + ?Sized, T: AsFd<K::FdTable> + ?Sized>(
    task: &K,
    fd: &'fd T,
) -> Result<Steady<'fd, T, K::FdTable>, Error> {
    if fd.near_fd().as_raw() >= LOWEST {
        return Ok(Steady::Lent(fd));
    }
    task.fcntl_dupfd_cloexec(fd, LOWEST).map(Steady::Copied)
}

/// As [`near`], of a directory.
#[inline(always)]
pub(in crate::task) fn dirfd<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    directory: &(impl AsDirFd<K::FdTable> + ?Sized),
) -> Result<usize, Error> {
    in_own_table(task, call, directory.table())?;
    Ok(directory.dirfd() as usize)
}

/// Sees to it that the fd of a call is one of the task's, if that is not said by its type.
#[inline(always)]
pub(in crate::task) fn in_own_table<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    table: Whose<'_, FdTable<K::FdTable>>,
) -> Result<(), Error> {
    let (own, known) = (task.fd_table(), table.known());
    let is_same = || table.fits(|table| table.is(own));
    K::FdTable::check(is_same, || mismatched(known, own, FdTableMismatchError::between, call))
}

macro_rules! numbers {
    ($($name:ident $As:ident $what:literal)+) => {$(
        #[doc = concat!("The number of a ", $what, " for a call of `task`.")]
        #[inline(always)]
        pub(in crate::task) fn $name<K: far::Task + ?Sized>(
            task: &K,
            call: Call,
            id: &impl $As<K::PidNamespace>,
        ) -> Result<usize, Error> {
            in_own_pids(task, call, id.namespace())?;
            Ok(id.number().as_raw() as usize)
        }
    )+};
}

numbers! {
    pid_of AsPid "process"
    pgid_of AsPgid "process group"
    tid_of AsTid "thread"
}

/// Sees to it that the number of a process in a call is one of the task's, if that is not said by its type.
#[inline(always)]
fn in_own_pids<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    namespace: Whose<'_, PidNamespace<K::PidNamespace>>,
) -> Result<(), Error> {
    let (own, known) = (task.pid_namespace(), namespace.known());
    let is_same = || namespace.fits(|namespace| namespace.is(own));
    K::PidNamespace::check(is_same, || {
        mismatched(known, own, PidNamespaceMismatchError::between, call)
    })
}

/// Sees to it that memory in a call is the task's, if that is not said by its type.
#[inline(always)]
pub(crate) fn in_own_memory<K: far::Task + ?Sized, A>(
    task: &K,
    call: Call,
    space: Whose<'_, AddressSpace<A>>,
) -> Result<(), Error> {
    let (own, known) = (task.address_space(), space.known());
    let is_same = || space.fits(|space| space.is(own));
    K::AddressSpace::check(is_same, || {
        mismatched(known, own, AddressSpaceMismatchError::between, call)
    })
}

/// The address and length of a buffer for a call of `task`.
#[inline(always)]
pub(in crate::task) fn near_buffer<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffer: &(impl Buf<K::AddressSpace> + ?Sized),
) -> Result<(usize, usize), Error> {
    in_own_memory(task, call, buffer.space())?;
    Ok((buffer.address().as_raw(), buffer.length()))
}

/// As [`near_buffer`], of one to be written to.
#[inline(always)]
pub(in crate::task) fn near_buffer_mut<K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffer: &mut (impl BufMut<K::AddressSpace> + ?Sized),
) -> Result<(usize, usize), Error> {
    in_own_memory(task, call, buffer.space())?;
    let length = buffer.length();
    Ok((buffer.address_mut().as_raw(), length))
}

/// The list of several buffers for a call of `task`.
pub(in crate::task) fn near_buffers<'b, K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffers: &'b [impl Buf<K::AddressSpace>],
) -> Result<Vectors<'b>, Error> {
    buffers.iter().try_for_each(|buffer| in_own_memory(task, call, buffer.space()))?;
    Ok(Vectors::of(buffers))
}

/// As [`near_buffers`], of those to be written to.
pub(in crate::task) fn near_buffers_mut<'b, K: far::Task + ?Sized>(
    task: &K,
    call: Call,
    buffers: &'b mut [impl BufMut<K::AddressSpace>],
) -> Result<Vectors<'b>, Error> {
    buffers.iter().try_for_each(|buffer| in_own_memory(task, call, buffer.space()))?;
    Ok(Vectors::of_mut(buffers))
}

/// Apart, so that a call has no more code than the comparison.
#[cold]
#[inline(never)]
fn mismatched<A, T, M: Into<NamespaceMismatchError>>(
    argument: Option<&A>,
    task: &T,
    between: fn(&T, Option<&A>) -> M,
    call: Call,
) -> Error {
    Error::new(call, ErrorKind::Mismatch(between(task, argument).into()))
}
