//! A task's fds for std's traits.

use std::io::{self, Read, Seek, SeekFrom, Write};

use crate::buf::HoldsSlices;
use crate::far;
use crate::handle::AsFd;
use crate::interface::Call;

use super::FileDescriptorTask;
use super::arguments::within;

/// A task's fds as std's `Read`, `Write` and `Seek`.
pub trait IoTask: far::Task {
    /// `read(fd, buffer)`, `write(fd, buffer)`, `lseek(fd, offset, whence)`—an fd for [`Read`], [`Write`] and [`Seek`].
    ///
    /// Checked: `fd` is of this task's fd table, and the task shares this program's memory, as the traits take slices.
    /// The task makes the calls; nothing is buffered. The fd is closed afterwards if it is given away, and not if it is
    /// lent.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{self, Read};
    ///
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let here = Task::here();
    /// let (reader, writer) = here.pipe2(PipeFlags::empty())?;
    /// brand!(private_fds);
    /// let (child, writer) = here.spawn_with_files(private_fds, writer)?;
    /// let name = child.openat(Cwd, "/proc/self/comm", OFlags::RDONLY, Mode::empty())?;
    /// io::copy(&mut child.io(&name), &mut child.io(writer))?;
    /// let mut text = String::new();
    /// here.io(&reader).read_to_string(&mut text)?;
    /// assert!(!text.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    fn io<T: AsFd<Self::FdTable>>(&self, fd: T) -> FdIo<'_, Self, T>
    where
        Self::AddressSpace: HoldsSlices,
    {
        FdIo { task: self, fd }
    }
}

impl<K: far::Task + ?Sized> IoTask for K {}

/// An fd, and a task that reads from it and writes to it: [`IoTask::io`].
#[derive(Debug)]
pub struct FdIo<'task, K: ?Sized, T> {
    task: &'task K,
    fd: T,
}

impl<K: far::Task + ?Sized, T: AsFd<K::FdTable>> Read for FdIo<'_, K, T>
where
    K::AddressSpace: HoldsSlices,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(within(Call::READ, self.task.read(&self.fd, buffer)?, buffer.len())?)
    }
}

impl<K: far::Task + ?Sized, T: AsFd<K::FdTable>> Write for FdIo<'_, K, T>
where
    K::AddressSpace: HoldsSlices,
{
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(within(Call::WRITE, self.task.write(&self.fd, buffer)?, buffer.len())?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<K: far::Task + ?Sized, T: AsFd<K::FdTable>> Seek for FdIo<'_, K, T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(offset) => rustix::fs::SeekFrom::Start(offset),
            SeekFrom::End(offset) => rustix::fs::SeekFrom::End(offset),
            SeekFrom::Current(offset) => rustix::fs::SeekFrom::Current(offset),
        };
        Ok(self.task.lseek(&self.fd, to)?)
    }
}
