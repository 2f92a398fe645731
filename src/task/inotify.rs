//! Watching files.
//!
//! # Safety
//!
//! 1. Every fd number in a call comes from a handle or a borrow of the task's own table (`near`), and
//!    stays open for the call.
//! 2. Every address in a call is lent, with its length or as a string that ends in a NUL byte; the kernel
//!    keeps none of them after the call.
//! 3. Flags are masked to those that this room knows.
//! 4. An fd that a call returns is new, open in the task's table and nobody else's.
#![expect(unsafe_code, reason = "syscalls")]

use std::ffi::{OsStr, c_int};
use std::fmt;
use std::iter::FusedIterator;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::inotify::{CreateFlags, ReadFlags, WatchFlags};
use rustix::path;

use crate::brand::{Brand, Guard, Label, Namespace, Of};
use crate::far;
use crate::handle::{AsInotify, Inotify};
use crate::interface::{Call, Error};
use crate::near::{AsWatch, Watch};

use super::arguments::{call, known, near, received, with_path, with_slice_mut, within};

/// Calls on inotify instances.
///
/// The watches of an instance are branded with it, as every instance numbers its own from 1: a watch of
/// another one does not compile.
///
/// A path with a NUL byte in it is [`InteriorNul`](crate::ErrorKind::InteriorNul), and not sent.
///
/// On a driven task every call can also fail because the task has died:
/// [`NotSent`](crate::ErrorKind::NotSent) if it was dead before,
/// [`Hangup`](crate::ErrorKind::Hangup) if it died meanwhile.
pub trait InotifyTask: far::Task {
    /// `inotify_init1(flags)`—an inotify instance, whose watches are called after `watches`.
    ///
    /// `IN_CLOEXEC` is always set.
    ///
    /// # Examples
    ///
    /// ```
    /// use nearfar::prelude::*;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let directory = std::env::temp_dir().join(format!("nearfar-doc-{}", std::process::id()));
    /// # std::fs::create_dir(&directory)?;
    /// let here = Task::here();
    /// brand!(spool);
    /// let inotify = here.inotify_init1(spool, inotify::CreateFlags::empty())?;
    /// let created = inotify::WatchFlags::CREATE;
    /// let watch = here.inotify_add_watch(&inotify, directory.as_path(), created)?;
    /// std::fs::write(directory.join("job"), "print this")?;
    /// for event in here.inotify_read(&inotify, &mut [0; 4096])? {
    ///     assert_eq!(event.watch, Some(watch));
    ///     assert_eq!(event.name, Some("job".as_ref()));
    /// }
    /// here.inotify_rm_watch(&inotify, watch)?;
    /// # std::fs::remove_dir_all(&directory)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Of `inotify_init1`: `EMFILE` also above `/proc/sys/fs/inotify/max_user_instances`;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for anything but `IN_NONBLOCK` and `IN_CLOEXEC`.
    ///
    /// # References
    ///
    /// [`inotify_init1(2)`](https://man7.org/linux/man-pages/man2/inotify_init.2.html)
    #[doc(alias = "inotify_init")]
    fn inotify_init1<'id, L: Label>(
        &self,
        watches: Guard<'id, L>,
        flags: CreateFlags,
    ) -> Result<Inotify<Brand<'id, L>, Self::FdTable>, Error> {
        let _ = watches;
        let allowed = CreateFlags::CLOEXEC.union(CreateFlags::NONBLOCK);
        let flags = known(Call::INOTIFY_INIT1, flags.bits(), allowed.bits())?
            | CreateFlags::CLOEXEC.bits() as usize;
        // SAFETY: (3); a number.
        let number = unsafe { call(self, Call::INOTIFY_INIT1, [flags]) }?;
        // SAFETY: (4)
        unsafe { received(self, number) }.map(Inotify::made)
    }

    /// `inotify_add_watch(inotify, path, flags)`—watches a file or directory, or changes what it is
    /// watched for.
    ///
    /// Checked: `inotify` is of this task's fd table. A file that is watched already keeps its watch, and
    /// loses the old flags but for `IN_MASK_ADD`. A relative path starts in the working directory of this
    /// task; what is watched is the file, wherever it is moved.
    ///
    /// # Errors
    ///
    /// Of `inotify_add_watch`: `EACCES` if it may not be read, `ENOSPC` above
    /// `/proc/sys/fs/inotify/max_user_watches`, `EINVAL` for no event at all;
    /// [`UnknownFlags`](crate::ErrorKind::UnknownFlags) for flags this library does not know.
    ///
    /// # References
    ///
    /// [`inotify_add_watch(2)`](https://man7.org/linux/man-pages/man2/inotify_add_watch.2.html)
    fn inotify_add_watch<I: AsInotify<Self::FdTable>>(
        &self,
        inotify: &I,
        path: impl path::Arg,
        flags: WatchFlags,
    ) -> Result<Watch<I::Watches>, Error> {
        let flags = known(Call::INOTIFY_ADD_WATCH, flags.bits(), KNOWN.bits())?;
        let number = with_path(self, Call::INOTIFY_ADD_WATCH, path, |path| {
            let arguments = [near(self, Call::INOTIFY_ADD_WATCH, inotify)?, path, flags];
            // SAFETY: (1), (2), (3)
            unsafe { call(self, Call::INOTIFY_ADD_WATCH, arguments) }
        })?;
        Ok(Watch::new(number as c_int))
    }

    /// `inotify_rm_watch(inotify, watch)`—watches a file no more. Its last event is `IN_IGNORED`.
    ///
    /// Checked: `inotify` is of this task's fd table, `watch` is of `inotify`.
    ///
    /// # Errors
    ///
    /// Of `inotify_rm_watch`: `EINVAL` if the watch is gone.
    ///
    /// # References
    ///
    /// [`inotify_rm_watch(2)`](https://man7.org/linux/man-pages/man2/inotify_rm_watch.2.html)
    fn inotify_rm_watch<I: AsInotify<Self::FdTable>>(
        &self,
        inotify: &I,
        watch: impl AsWatch<I::Watches>,
    ) -> Result<(), Error> {
        let arguments =
            [near(self, Call::INOTIFY_RM_WATCH, inotify)?, watch.number().as_raw() as usize];
        // SAFETY: (1); a number that the kernel looks up.
        unsafe { call(self, Call::INOTIFY_RM_WATCH, arguments) }.map(drop)
    }

    /// `read(inotify, buffer)`—waits for events, and returns those that fit into `buffer`, oldest first.
    ///
    /// Checked: `inotify` is of this task's fd table. An event takes 16 bytes and, in a directory, up to 256
    /// more for the name.
    ///
    /// # Errors
    ///
    /// Of `read`: `EINVAL` if the next event does not fit into `buffer`, `EAGAIN` if there is none and the
    /// instance is `IN_NONBLOCK`.
    ///
    /// # References
    ///
    /// [`inotify(7)`](https://man7.org/linux/man-pages/man7/inotify.7.html)
    fn inotify_read<'buffer, I: AsInotify<Self::FdTable>>(
        &self,
        inotify: &I,
        buffer: &'buffer mut [u8],
    ) -> Result<InotifyEvents<'buffer, I::Watches>, Error> {
        let room = buffer.len();
        let length = with_slice_mut(self, buffer, |address| {
            // SAFETY: (1), (2)
            unsafe { call(self, Call::READ, [near(self, Call::READ, inotify)?, address, room]) }
        })?;
        let bytes = &buffer[..within(Call::READ, length, room)?];
        Ok(InotifyEvents { bytes, watches: Of::new() })
    }
}

impl<K: far::Task + ?Sized> InotifyTask for K {}

const KNOWN: WatchFlags = WatchFlags::ALL_EVENTS
    .union(WatchFlags::DONT_FOLLOW)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::MASK_ADD)
    .union(WatchFlags::MASK_CREATE)
    .union(WatchFlags::ONESHOT)
    .union(WatchFlags::ONLYDIR);

/// Something that has happened to what the inotify instance `W` watches.
#[doc(alias = "inotify_event")]
#[non_exhaustive]
pub struct InotifyEvent<'buffer, W> {
    /// Whose event it is; `None` if events were lost (`IN_Q_OVERFLOW`).
    pub watch: Option<Watch<W>>,
    /// What has happened.
    pub flags: ReadFlags,
    /// The same in both events of a move, and 0 in others.
    pub cookie: u32,
    /// The name of the file in the directory that is watched; `None` if it is about what is watched itself.
    pub name: Option<&'buffer OsStr>,
}

impl<W> Clone for InotifyEvent<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for InotifyEvent<'_, W> {}

impl<W: Namespace> fmt::Debug for InotifyEvent<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InotifyEvent")
            .field("watch", &self.watch)
            .field("flags", &self.flags)
            .field("cookie", &self.cookie)
            .field("name", &self.name)
            .finish()
    }
}

/// What [`inotify_read`](InotifyTask::inotify_read) has read, event by event.
#[must_use = "the events are in no other place any more"]
pub struct InotifyEvents<'buffer, W> {
    bytes: &'buffer [u8],
    watches: Of<W>,
}

impl<'buffer, W> Iterator for InotifyEvents<'buffer, W> {
    type Item = InotifyEvent<'buffer, W>;

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.bytes.split_first_chunk::<HEAD>()?;
        let [watch, flags, cookie, length] = [0, 4, 8, 12].map(|offset| {
            let field = head[offset..].first_chunk().expect("it has four fields");
            u32::from_ne_bytes(*field)
        });
        // The kernel writes whole events.
        let (name, rest) = rest.split_at_checked(length as usize)?;
        self.bytes = rest;
        let name = name.split(|byte| *byte == 0).next().filter(|name| !name.is_empty());
        let watch = watch as c_int;
        Some(InotifyEvent {
            watch: (watch >= 0).then(|| Watch::new(watch)),
            flags: ReadFlags::from_bits_retain(flags),
            cookie,
            name: name.map(OsStr::from_bytes),
        })
    }
}

impl<W> FusedIterator for InotifyEvents<'_, W> {}

impl<W: Namespace> fmt::Debug for InotifyEvents<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = InotifyEvents { bytes: self.bytes, watches: self.watches };
        f.debug_list().entries(rest).finish()
    }
}

/// The size of an event without its name: four 32-bit fields.
const HEAD: usize = size_of::<libc::inotify_event>();
const _: () = assert!(HEAD == 16);
