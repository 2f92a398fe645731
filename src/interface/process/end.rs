//! Waiting for a child, reaping it, and what has become of it.

use std::ffi::c_int;
use std::os::fd::AsFd;
use std::ptr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;

use super::pidfd::{exit_of_reaped, poll_pidfd, waitid_pidfd};
use super::told::NamespaceName;
use super::{LATER, MOURNING, Parent, Process};
use crate::handle::Exit;
use crate::interface::{Call, Error, ErrorKind, offspring, procfs};

/// Where a child lives in pid namespaces inside of this process's.
#[derive(Debug)]
pub(super) struct Inside {
    /// The kernel's names of its own namespace, and of those around it. None, if that could not be told.
    namespaces: Vec<NamespaceName>,
    /// Whether its own one depends on it.
    is_init: bool,
}

/// A child that has been reaped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    exit: Exit,
    /// Whether it had become another program.
    has_execed: bool,
}

/// Which processes to wait for: those with any exit signal, or only those that have exec'd.
#[derive(Clone, Copy)]
enum Eligible {
    Every,
    /// A driven child has exit signal 0, which execve turns into SIGCHLD: only then does a wait
    /// without `__WALL` see it.
    AfterExec,
}

/// The signals of programs that do what they must not.
const FAULTS: [c_int; 6] =
    [libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV];

impl Process {
    /// Records that it lives in a pid namespace inside of this process's, and whether as its init. `namespaces` are
    /// that one and those around it; none, if they could not be told.
    pub(in crate::interface) fn lives_inside(
        self: &Arc<Self>,
        namespaces: Vec<NamespaceName>,
        is_init: bool,
    ) {
        let _first = self.inside.set(Box::new(Inside { namespaces, is_init }));
        offspring::remember(self);
    }

    /// Whether it is the init of a pid namespace inside of this process's, whose end this process may have to help.
    pub(crate) fn is_init(&self) -> bool {
        self.inside.get().is_some_and(|inside| inside.is_init)
    }

    /// Whether the end of this one, an init, waits until the other has been reaped by this process: also if that
    /// cannot be told.
    pub(in crate::interface) fn waits_for(&self, other: &Process) -> bool {
        let (Some(own), Some(others)) = (self.inside.get(), other.inside.get()) else {
            return false;
        };
        let is_there = || match own.namespaces.first() {
            Some(namespace) => {
                others.namespaces.is_empty() || others.namespaces.contains(namespace)
            }
            None => true,
        };
        let is_for_us = other.is_ours() && other.parent == Parent::Us && !other.is_reaped();
        own.is_init && !ptr::eq(self, other) && is_for_us && is_there()
    }

    /// Reaps those that the end of this one waits for, if it is an init that is ending.
    fn help_to_end(&self) {
        if !self.is_init() {
            return;
        }
        let waited_for = offspring::of(self);
        let ended: Vec<_> = waited_for.iter().filter(|other| other.has_ended()).collect();
        // What cannot be seen may be: nothing is lost by it.
        if !ended.is_empty() && self.is_said_to_end() != Some(false) {
            ended.iter().for_each(|other| other.reap_early());
        }
    }

    /// Waits until it has ended, `None` without a limit. True if it has.
    ///
    /// Those are reaped meanwhile that the end of an init waits for.
    pub(crate) fn poll(&self, limit: Option<Duration>) -> Result<bool, Error> {
        const SOON: Duration = Duration::from_millis(2);
        if !self.is_init() {
            return self.ends_within(limit);
        }
        // A limit beyond what the clock can tell is none.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut period = SOON;
        while !self.ends_within(Some(Duration::ZERO))? {
            self.help_to_end();
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match left {
                Some(left) if left <= period => return self.ends_within(Some(left)),
                _ if self.ends_within(Some(period))? => break,
                _ => period = LATER.min(2 * period),
            }
        }
        Ok(true)
    }

    pub(crate) fn ends_within(&self, limit: Option<Duration>) -> Result<bool, Error> {
        poll_pidfd(&self.pidfd, PollFlags::IN, limit)
    }

    /// Waits until it has ended and reaps it.
    pub(crate) fn wait(&self) -> Result<Exit, Error> {
        if self.is_init() {
            self.poll(None)?;
        }
        loop {
            match self.waitid(0, Eligible::Every) {
                // The pidfd is lent to others, who may have set `O_NONBLOCK`.
                Err(error) if error.errno() == Some(Errno::AGAIN) => {
                    self.poll(None)?;
                }
                exit => {
                    let exit = exit?;
                    return Ok(
                        exit.expect("a wait without WNOHANG returns when there is something")
                    );
                }
            }
        }
    }

    /// Reaps it if it has ended.
    pub(crate) fn try_wait(&self) -> Result<Option<Exit>, Error> {
        let exit = self.waitid(libc::WNOHANG, Eligible::Every)?;
        if exit.is_none() {
            self.help_to_end();
        }
        Ok(exit)
    }

    /// Reaps it if it has ended, whatever that was like. False if it has not.
    pub(crate) fn reap_if_ended(&self) -> bool {
        let mut ended = self.ends_within(Some(Duration::ZERO)).unwrap_or(false);
        if ended && self.parent == Parent::Us {
            let options = libc::WNOHANG | libc::WEXITED | libc::__WALL;
            let reaped = waitid_pidfd(self.pidfd.as_fd(), options);
            ended = matches!(reaped, Ok(Some(_)) | Err(Errno::CHILD));
        }
        self.reaped.fetch_or(ended, Ordering::Release);
        ended
    }

    /// Reaps it if it has ended, before anybody has asked for it, and unless somebody [keeps](Self::keep_number) its
    /// number: how it ended is kept.
    fn reap_early(&self) {
        // Whoever is told that it has been reaped finds here what it was.
        let Ok(mut ended) = self.ended.try_lock() else { return };
        let look = |eligible| self.waitid(libc::WNOHANG | libc::WNOWAIT, eligible);
        if let Ok(Some(exit)) = look(Eligible::Every) {
            let has_execed = look(Eligible::AfterExec).is_ok();
            self.reap_if_ended();
            *ended = Some(Ended { exit, has_execed });
        }
    }

    /// As long as this is there, nobody reaps it early, so that its number stays its own.
    pub(in crate::interface) fn keep_number(&self) -> impl Drop + use<'_> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it was, if it has been reaped early.
    fn reaped_early(&self) -> Option<Ended> {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has become another program, whatever has happened to that program since. Asked when it has
    /// left this process's memory by that, or by its end, and whether its server has given up before.
    pub(in crate::interface) fn has_execed(&self, has_given_up: bool) -> Result<bool, Error> {
        if self.parent == Parent::Init {
            return Ok(!has_given_up && self.has_execed_as_far_as_known()?);
        }
        let visible = |eligible| match self.waitid(libc::WNOHANG | libc::WNOWAIT, eligible) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::StatusLost => Ok(false),
            Err(error) => Err(error),
        };
        if visible(Eligible::AfterExec)? {
            return Ok(true);
        }
        // If it is not even there for a wait that sees every child, somebody else was quick to reap
        // it, which their wait for ordinary children could only after exec.
        Ok(!visible(Eligible::Every)? && self.reaped_early().is_none_or(|ended| ended.has_execed))
    }

    /// The same of a child that the kernel reaps, and whose server has not given up. If it has ended by now, a
    /// signal may have killed it before; else it was a program that has exited, or has run into one of those that
    /// a server does not run into.
    fn has_execed_as_far_as_known(&self) -> Result<bool, Error> {
        const MOMENT: Duration = Duration::from_millis(1);
        let deadline = Instant::now() + MOURNING;
        loop {
            match self.flags() {
                Some(flags) if flags & procfs::FORKED_NOT_EXECED == 0 => return Ok(true),
                // It is on its way, to one or the other.
                Some(_) => {}
                // Without a procfs that shows it: ending does not take that long.
                None if Instant::now() > deadline => return Ok(true),
                None => {}
            }
            if self.ends_within(Some(MOMENT))? {
                return Ok(exit_of_reaped(&self.pidfd).is_some_and(|exit| match exit.signal() {
                    None => true,
                    Some(signal) => FAULTS.contains(&signal),
                }));
            }
        }
    }

    fn waitid(&self, options: c_int, eligible: Eligible) -> Result<Option<Exit>, Error> {
        if self.parent == Parent::Init {
            let limit = (options & libc::WNOHANG != 0).then_some(Duration::ZERO);
            return self.ends_within(limit)?.then(|| self.exit_without_wait()).transpose();
        }
        let options = options
            | libc::WEXITED
            | match eligible {
                Eligible::Every => libc::__WALL,
                Eligible::AfterExec => 0,
            };
        match waitid_pidfd(self.pidfd.as_fd(), options) {
            Ok(exit) => {
                if exit.is_some() && options & libc::WNOWAIT == 0 {
                    self.reaped.store(true, Ordering::Release);
                }
                Ok(exit)
            }
            Err(Errno::CHILD) if options & libc::WNOWAIT == 0 => self.exit_without_wait().map(Some),
            Err(Errno::CHILD) => Err(Error::new(Call::WAITID, ErrorKind::StatusLost)),
            Err(errno) => Err(Error::os(Call::WAITID, errno)),
        }
    }

    /// How it ended, if somebody else has reaped it.
    fn exit_without_wait(&self) -> Result<Exit, Error> {
        self.reaped.store(true, Ordering::Release);
        if let Some(ended) = self.reaped_early() {
            return Ok(ended.exit);
        }
        exit_of_reaped(&self.pidfd).ok_or(Error::new(Call::WAITID, ErrorKind::StatusLost))
    }
}
