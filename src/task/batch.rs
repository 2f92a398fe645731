//! Several calls at once.
//!
//! # Safety
//!
//! 1. The fd of a call is of the task's own table, and borrowed from its owner for as long as the [`Batch`]
//!    exists, so that it stays open.
//! 2. Its buffer is memory of the task's own address space, and borrowed as long.
#![expect(unsafe_code, reason = "syscalls")]

use std::fmt;
use std::marker::PhantomData;

use crate::buf::{Buf, BufMut};
use crate::far;
use crate::handle::AsFd;
use crate::interface::{Batched, Call, Error, SyscallInterface};

use super::arguments::{near, near_buffer, near_buffer_mut};

/// Calls that are made together: of a driven task, for one round trip.
pub trait BatchTask: far::Task {
    /// A list of calls, none yet, to be made together by this task.
    ///
    /// Most of the time that a short call takes in a driven task is the way there and back: a batch goes it once. Of
    /// more than a hundred calls or so, some are made in further round trips. On the calling thread it is the same as
    /// making them one by one.
    ///
    /// Each call has an answer of its own, from [`submit`](Batch::submit).
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), nearfar::Error> {
    /// let child = Task::here().spawn()?;
    /// let (reader, writer) = child.pipe2(PipeFlags::empty())?;
    /// let (mut first, mut second) = ([0; 4], [0; 4]);
    /// let mut batch = child.batch();
    /// batch.write(&writer, b"one two").read(&reader, &mut first).read(&reader, &mut second);
    /// assert_eq!(batch.submit(), [Ok(7), Ok(4), Ok(3)]);
    /// assert_eq!((&first, &second), (b"one ", b"two\0"));
    /// # Ok(())
    /// # }
    /// ```
    fn batch(&self) -> Batch<'_, Self> {
        Batch { task: self, calls: Vec::new(), borrowed: PhantomData }
    }
}

impl<K: far::Task + ?Sized> BatchTask for K {}

/// Calls that a task is about to make together: [`BatchTask::batch`].
///
/// Checked: every fd is of the task's fd table, every buffer in its address space.
#[must_use = "nothing happens before `submit`"]
pub struct Batch<'b, K: ?Sized> {
    task: &'b K,
    /// Those with an error are not made.
    calls: Vec<Batched>,
    borrowed: PhantomData<&'b mut [u8]>,
}

impl<'b, K: far::Task + ?Sized> Batch<'b, K> {
    /// `read(fd, buffer)`—see [`read`](super::FileDescriptorTask::read).
    pub fn read(
        &mut self,
        fd: &'b (impl AsFd<K::FdTable> + ?Sized),
        buffer: &'b mut (impl BufMut<K::AddressSpace> + ?Sized),
    ) -> &mut Self {
        let buffer = near_buffer_mut(self.task, Call::READ, buffer);
        self.transfer(Call::READ, fd, buffer, 0)
    }

    /// `pread(fd, buffer, offset)`—see [`pread`](super::FileDescriptorTask::pread).
    pub fn pread(
        &mut self,
        fd: &'b (impl AsFd<K::FdTable> + ?Sized),
        buffer: &'b mut (impl BufMut<K::AddressSpace> + ?Sized),
        offset: u64,
    ) -> &mut Self {
        let buffer = near_buffer_mut(self.task, Call::PREAD, buffer);
        self.transfer(Call::PREAD, fd, buffer, offset)
    }

    /// `write(fd, buffer)`—see [`write`](super::FileDescriptorTask::write).
    pub fn write(
        &mut self,
        fd: &'b (impl AsFd<K::FdTable> + ?Sized),
        buffer: &'b (impl Buf<K::AddressSpace> + ?Sized),
    ) -> &mut Self {
        let buffer = near_buffer(self.task, Call::WRITE, buffer);
        self.transfer(Call::WRITE, fd, buffer, 0)
    }

    /// `pwrite(fd, buffer, offset)`—see [`pwrite`](super::FileDescriptorTask::pwrite).
    pub fn pwrite(
        &mut self,
        fd: &'b (impl AsFd<K::FdTable> + ?Sized),
        buffer: &'b (impl Buf<K::AddressSpace> + ?Sized),
        offset: u64,
    ) -> &mut Self {
        let buffer = near_buffer(self.task, Call::PWRITE, buffer);
        self.transfer(Call::PWRITE, fd, buffer, offset)
    }

    /// `fsync(fd)`—see [`fsync`](super::StorageTask::fsync).
    pub fn fsync(&mut self, fd: &'b (impl AsFd<K::FdTable> + ?Sized)) -> &mut Self {
        self.transfer(Call::FSYNC, fd, Ok((0, 0)), 0)
    }

    /// `fdatasync(fd)`—see [`fdatasync`](super::StorageTask::fdatasync).
    pub fn fdatasync(&mut self, fd: &'b (impl AsFd<K::FdTable> + ?Sized)) -> &mut Self {
        self.transfer(Call::FDATASYNC, fd, Ok((0, 0)), 0)
    }

    fn transfer(
        &mut self,
        call: Call,
        fd: &'b (impl AsFd<K::FdTable> + ?Sized),
        buffer: Result<(usize, usize), Error>,
        offset: u64,
    ) -> &mut Self {
        let arguments = near(self.task, call, fd).and_then(|fd| {
            let (address, length) = buffer?;
            Ok([fd, address, length, offset as usize, 0, 0])
        });
        let (arguments, answer) = match arguments {
            Ok(arguments) => (arguments, Ok(0)),
            Err(mismatch) => ([0; 6], Err(mismatch)),
        };
        self.calls.push(Batched { call, arguments, answer });
        self
    }

    /// Makes the calls, one after the other, each whatever comes of the others. Returns what came of each, in
    /// order: what it has returned, mostly a number of bytes, or the error.
    ///
    /// If the task dies, the call that it was in is a [`Hangup`](crate::ErrorKind::Hangup), and those after it are
    /// [`NotSent`](crate::ErrorKind::NotSent).
    #[must_use = "each of the calls may have failed"]
    pub fn submit(self) -> Vec<Result<usize, Error>> {
        let Batch { task, mut calls, .. } = self;
        for allowed in calls.split_mut(|batched| batched.answer.is_err()) {
            // SAFETY: (1), (2)
            unsafe { task.interface().syscalls(allowed) };
        }
        calls.into_iter().map(|batched| batched.answer).collect()
    }
}

impl<K: ?Sized> fmt::Debug for Batch<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<_> = self.calls.iter().map(|batched| batched.call).collect();
        f.debug_tuple("Batch").field(&calls).finish()
    }
}
