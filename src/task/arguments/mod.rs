//! How arguments get to a task, and answers back.

mod answers;
mod brands;
mod lending;
mod proc_files;

pub(crate) use brands::in_own_memory;

pub(super) use answers::{positive, received, received_ends, within};
pub(super) use brands::{
    dirfd, in_own_table, near, near_buffer, near_buffer_mut, near_buffers, near_buffers_mut,
    pgid_of, pid_of, steady, tid_of,
};
pub(super) use lending::{
    Plain, Told, with_bytes_of_sizes, with_bytes_out, with_in_out, with_lent, with_out, with_path,
    with_paths, with_slice_mut, with_timeout, with_told,
};
pub(super) use proc_files::{field_in_proc, open_in_proc, read_piece, write_text};

use crate::far;
use crate::interface::{Call, Error, ErrorKind, SyscallInterface};

/// Has `task` execute `call`.
///
/// # Safety
///
/// As [`SyscallInterface::syscall`].
#[expect(unsafe_code, reason = "passes the contract on")]
#[inline(always)]
pub(super) unsafe fn call<K: far::Task + ?Sized, const N: usize>(
    task: &K,
    call: Call,
    arguments: [usize; N],
) -> Result<usize, Error> {
    // SAFETY: by this function's contract.
    unsafe { task.interface().syscall(call, arguments) }
}

/// The argument for flags, if `call` may be given all of them.
pub(super) fn known<B: Into<u64>>(call: Call, bits: B, allowed: B) -> Result<usize, Error> {
    let bits = bits.into();
    if bits & !allowed.into() == 0 {
        Ok(bits as usize)
    } else {
        Err(Error::new(call, ErrorKind::UnknownFlags))
    }
}
