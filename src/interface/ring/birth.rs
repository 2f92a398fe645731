//! How a driven child begins.
//!
//! # Safety
//!
//! As in [the room above](super), and "page (3)" is of [that room](crate::interface::page).
#![expect(
    unsafe_code,
    reason = "writes what the kernel reads at a clone, and reads what it writes"
)]

use std::ffi::c_int;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use super::request::{Answers, Request, makes_user_namespace};
use super::{Estate, OneDriver, Ring, answers, arenas_of, ask_to_exit, lists_of};
use crate::interface::hidden_memory::may_see_hidden_memory;
use crate::interface::memory::{copy_above_stdio, opened_here, own_fd_flags};
use crate::interface::page::{CLOSES, CloneArgs, ENTRIES, Lease, Page, PageRef, Purpose, UNMAPS};
use crate::interface::process::Parent;
use crate::interface::residents::{Residence, Residents};
use crate::interface::{
    Arenas, Call, DeferredCalls, Error, ErrorKind, ForkedMemory, Generation, HiddenMemory,
    KernelSigaction, Local, Process, ProgramSignals, SyscallInterface, graveyard, is_filtered,
    server,
};

/// What is special about a child from its first moment on.
#[derive(Clone, Copy, Default)]
pub(crate) struct Birth<'birth> {
    /// The namespaces that are made for it: `CLONE_NEW..` flags.
    pub(crate) namespaces: c_int,
    /// The cgroup it is in: an fd in the table of who clones it.
    pub(crate) cgroup: Option<c_int>,
    /// Who lives in the pid namespace that it comes to, if that is not the host's.
    pub(crate) residents: Option<&'birth Arc<Residents>>,
    /// Whether it gets a copy of its parent's memory, and not that itself.
    pub(crate) is_forked: bool,
    /// Whether it gets a copy of its parent's fd table, and not that itself.
    pub(crate) has_own_files: bool,
}

impl Birth<'_> {
    fn write_to(&self, arguments: &mut CloneArgs) {
        arguments.flags |= self.namespaces as u64;
        if let Some(cgroup) = self.cgroup {
            const CLONE_INTO_CGROUP: u64 = 1 << 33;
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = cgroup as u64;
        }
    }

    /// Sees to what has to be in place before there is a child.
    fn move_in(&self) -> Result<Place, Error> {
        let refused = |kind| Error::new(Call::CLONE3, kind);
        let admit = |residents: &Arc<Residents>| residents.admit().map_err(refused);
        let residence = self.residents.map(admit).transpose()?;
        let hidden_memory = self.exposes().then(HiddenMemory::new);
        Ok(Place { residence, hidden_memory })
    }

    /// Whether others may look into the child who may not look into its parent.
    fn exposes(&self) -> bool {
        self.meets_others() || makes_user_namespace(self.namespaces) && may_see_hidden_memory()
    }

    /// Whether nobody knows who lives where it comes to.
    fn meets_others(&self) -> bool {
        self.residents.is_some_and(|residents| residents.are_unknown())
    }

    /// What a refused clone means.
    fn explain(&self, error: Error) -> Error {
        match self.residents {
            Some(residents) if residents.are_doomed() => {
                Error::new(error.call(), ErrorKind::InitEnded)
            }
            _ => error,
        }
    }
}

/// What a child has in its pid namespace.
#[derive(Default)]
struct Place {
    residence: Option<Residence>,
    hidden_memory: Option<HiddenMemory>,
}

fn clone_args(page: &Lease, others: c_int, birth: &Birth<'_>) -> CloneArgs {
    // Their values are above what `c_int` holds, and libc's constants have that type.
    const CLONE_CLEAR_SIGHAND: u64 = 1 << 32;
    // In a memory of its own, its robust list tells of its end. Not both: what comes second would find the page with
    // another child.
    let end = if page.is_in_other_memory() { 0 } else { libc::CLONE_CHILD_CLEARTID };
    let reports = libc::CLONE_PIDFD | libc::CLONE_PARENT_SETTID | end;
    let memory = if birth.is_forked { 0 } else { libc::CLONE_VM };
    let files = if birth.has_own_files { 0 } else { libc::CLONE_FILES };
    let flags = memory | files | others | reports;
    let mut arguments = CloneArgs {
        flags: flags as u64 | CLONE_CLEAR_SIGHAND,
        pidfd: page.pidfd.get() as u64,
        child_tid: page.life.as_ptr() as u64,
        parent_tid: page.server_pid.as_ptr() as u64,
        ..CloneArgs::default()
    };
    birth.write_to(&mut arguments);
    arguments
}

/// That of a new child, in the table of who has cloned it.
fn number_of_pidfd(page: &Page) -> c_int {
    // SAFETY: page (3): the kernel has written it, or it is 0.
    unsafe { page.pidfd.get().read() }
}

impl Ring {
    /// A child of the calling thread that shares its fd table, and its memory unless it is forked.
    pub(crate) fn spawn(birth: Birth<'_>) -> Result<Self, Error> {
        Generation::prepare()?;
        graveyard::visit();
        let memory = birth.is_forked.then(|| ForkedMemory::of_child(Arenas::OURS)).transpose()?;
        let page = Lease::new(Purpose {
            with_keeper: true,
            known: Arenas::OURS,
            in_other_memory: memory.is_some(),
        })?;
        page.set_deferred(UNMAPS, memory.as_ref().map(|memory| memory.unmaps()));
        // SAFETY: page (3): nobody else has it yet.
        unsafe { page.clone_args.get().write(clone_args(&page, 0, &birth)) };
        let place = birth.move_in().inspect_err(|_| page.abandon())?;
        let pid = server::start(&page).map_err(|error| birth.explain(error))?;
        // SAFETY: the caller's table is this process's.
        let process = unsafe { Process::from_pidfd(number_of_pidfd(&page), pid) };
        let (ring, moved) =
            Ring::new(Arc::clone(&page), page, process, None, memory, place, is_filtered());
        moved?;
        Ok(if birth.meets_others() { ring } else { ring.shown_if_unseen() })
    }

    /// Without hiding from this program itself what a birth has hidden.
    fn shown_if_unseen(mut self) -> Self {
        if self.hidden_memory.get().is_some() && !self.process.is_seen() {
            self.hidden_memory.take();
        }
        self
    }

    /// A child of the calling thread that makes these calls, each of which [ends it](Request::or_exit) if it
    /// fails, and nothing else: it has no keeper, so it must not be driven. `None` if they are too many for that.
    ///
    /// # Safety
    ///
    /// As [`submit`](Self::submit).
    pub(crate) unsafe fn spawn_with(
        birth: Birth<'_>,
        requests: &[Request],
    ) -> Result<Option<(Self, Answers)>, Error> {
        if requests.len() > ENTRIES || birth.is_forked || birth.residents.is_some() {
            return Ok(None);
        }
        Generation::prepare()?;
        graveyard::visit();
        let page = Lease::new(Purpose {
            with_keeper: false,
            known: Arenas::OURS,
            in_other_memory: false,
        })?;
        // It depends on nothing but this thread, which is here until it has ended.
        page.keeper.store(page.life.as_ptr().cast(), Ordering::Relaxed);
        // It is waited for anyhow. So a debugger does not take it for a thread, and where memory is short, the kernel
        // does not choose it to be killed, with everybody who shares its memory.
        let arguments = clone_args(&page, libc::CLONE_VFORK, &birth);
        // SAFETY: page (3): nobody else has it yet.
        unsafe { page.clone_args.get().write(arguments) };
        for (entry, request) in page.entries.iter().zip(requests) {
            request.write_to(entry, 0);
        }
        page.publish(requests.len() as u32);
        let prepared = birth.move_in().and_then(|place| Ok((place, room_above_stdio()?)));
        let (place, room) = prepared.inspect_err(|_| page.abandon())?;
        let pid = server::start_directly(&page)?;
        drop(room);
        // SAFETY: the caller's table is this process's.
        let process = unsafe { Process::from_pidfd(number_of_pidfd(&page), pid) };
        // Who has given it files of its own has done so for that reason.
        let is_filtered = birth.has_own_files;
        let (ring, moved) =
            Ring::new(Arc::clone(&page), page, process, None, None, place, is_filtered);
        // Until then, it uses what the requests point to.
        let outcome = ring.await_answers(&ring.page, requests.len() as u32);
        moved?;
        let answers = answers(&ring.page, requests, outcome, &mut Vec::new());
        Ok(Some((ring, answers)))
    }

    /// A child like this one, in the same fd table: a child of the same parent, or of this one if it is
    /// an init, which cannot have siblings.
    pub(crate) fn spawn_sibling(&self, birth: Birth<'_>) -> Result<Self, Error> {
        graveyard::visit();
        let room = self.closes.is_some().then(|| self.room_for_a_pidfd()).transpose()?;
        let is_init = self.residence.as_ref().is_some_and(|place| place.is_inits(&self.process));
        if is_init {
            self.leave_reaping_to_the_kernel()?;
        }
        if self.memory.is_some() && birth.exposes() {
            // Its child's is the same, or a copy.
            self.hide_own_memory()?;
        }
        let parent = if is_init { Parent::Init } else { self.process.parent() };
        let memory = match birth.is_forked {
            true => Some(ForkedMemory::of_child(self.arenas())?),
            false => self.memory.clone(),
        };
        let page = self.page_of_sibling(&birth, is_init, memory.is_some())?;
        let mut place = birth.move_in().inspect_err(|_| page.abandon())?;
        if self.hidden_memory.get().is_some() {
            // It has the same credentials.
            place.hidden_memory.get_or_insert_with(HiddenMemory::new);
        }
        page.set_deferred(CLOSES, self.closes.as_ref());
        page.set_deferred(UNMAPS, memory.as_ref().map(|memory| memory.unmaps()));
        let known = arenas_of(memory.as_ref());
        let _expected = self.closes.as_ref().map(|closes| closes.expect(known));
        let pid = self.clone_sibling(&page).map_err(|error| birth.explain(error))?;
        // From another pid namespace, it is not the pid that this process knows.
        let pid_here = self.residence.is_none().then_some(pid);
        drop(room);
        let keeper = Arc::clone(&self.keeper);
        let process = match self.hold_sibling(&page, pid_here, parent) {
            Ok(process) => process,
            Err(error) => {
                if error.kind() == ErrorKind::Hangup {
                    // It may have ended before it could have the kernel say so.
                    page.life.store(0, Ordering::Release);
                }
                let deferred = lists_of(self.closes.as_ref(), memory.as_ref()).cloned().collect();
                dismiss(Estate::of_new(page, keeper, deferred, place), pid_here);
                return Err(error);
            }
        };
        let (mut sibling, moved) =
            Ring::new(page, keeper, process, self.closes.clone(), memory, place, self.is_filtered);
        moved?;
        // With those that it has from its parent, however they come to be ignored there.
        sibling.program_signals = self.program_signals.clone();
        let is_hidden_anyhow = self.hidden_memory.get().is_some() || birth.meets_others();
        Ok(if is_hidden_anyhow { sibling } else { sibling.shown_if_unseen() })
    }

    /// The page of a sibling, or of a child of this one, which depends on the same keeper.
    fn page_of_sibling(
        &self,
        birth: &Birth<'_>,
        is_child: bool,
        in_other_memory: bool,
    ) -> Result<PageRef, Error> {
        let page =
            Lease::new(Purpose { with_keeper: false, known: self.arenas(), in_other_memory })?;
        page.keeper.store(self.keeper.keeper_life.as_ptr().cast(), Ordering::Relaxed);
        let mut arguments = clone_args(&page, if is_child { 0 } else { libc::CLONE_PARENT }, birth);
        if is_child {
            // It tells of its end as ordinary ones do, which an init ignores.
            arguments.exit_signal = libc::SIGCHLD as u64;
        }
        // SAFETY: page (3): nobody else has it yet.
        unsafe { page.clone_args.get().write(arguments) };
        Ok(page)
    }

    /// Has the child clone another one, which starts on its page: its pid, as the child sees it.
    fn clone_sibling(&self, page: &Lease) -> Result<c_int, Error> {
        let arguments = [
            page.clone_args.get() as usize,
            size_of::<CloneArgs>(),
            0,
            0,
            0,
            ptr::from_ref::<Page>(page).expose_provenance(),
        ];
        // SAFETY: the server's branch for clone3 starts the sibling on its page, which lives on.
        let spawned = unsafe { self.syscall(Call::CLONE3, arguments) };
        match page.server_pid.load(Ordering::Acquire) {
            0 => {
                page.life.store(0, Ordering::Release);
                Err(spawned.err().unwrap_or(server::CLONE3_MADE_UP))
            }
            // There is a sibling, even if this child was killed before it could say so.
            pid => Ok(pid),
        }
    }

    /// Takes over the pidfd of a sibling, by which this process holds it.
    fn hold_sibling(
        &self,
        page: &Page,
        pid: Option<c_int>,
        parent: Parent,
    ) -> Result<Process, Error> {
        let number = self.fetch(number_of_pidfd(page), pid)?;
        match pid {
            // SAFETY: `fetch` returns a new fd of this process's table.
            Some(pid) => Ok(unsafe { Process::from_pidfd(number, pid) }),
            // SAFETY: as above.
            None => unsafe { Process::from_foreign_pidfd(number, parent) },
        }
    }

    /// Has the children of this one, an init, reaped by the kernel as they end.
    fn leave_reaping_to_the_kernel(&self) -> Result<(), Error> {
        if self.program_signals.sigchld_is_taken() {
            return Ok(());
        }
        let action = ptr::from_ref(&server::IGNORE).expose_provenance();
        let ignore = |before| {
            let arguments = [libc::SIGCHLD as usize, action, before, server::SIGSET_SIZE];
            // SAFETY: the kernel reads a static, and writes what is lent.
            unsafe { self.syscall(Call::RT_SIGACTION, arguments) }
        };
        // SAFETY: integers.
        let before: KernelSigaction = unsafe { self.written(0, ignore) }?;
        if before.handler() == libc::SIG_IGN {
            self.program_signals.set_ignores_sigchld(true);
        }
        self.program_signals.take_sigchld();
        Ok(())
    }

    /// Keeps a number of this process's table free for a pidfd that will come from another one: so it is said before
    /// there is a sibling if there is no room, unless other threads take it.
    fn room_for_a_pidfd(&self) -> Result<OwnedFd, Error> {
        copy_above_stdio(self.process.pidfd()).map_err(|errno| Error::os(Call::PIDFD_GETFD, errno))
    }

    /// The new sibling's pidfd, from the child's table in this process's.
    fn fetch(&self, number: c_int, pid: Option<c_int>) -> Result<c_int, Error> {
        if self.closes.is_none() {
            return Ok(number);
        }
        let local = |call, arguments: [usize; 3]| {
            // SAFETY: takes numbers only, and makes a new fd.
            unsafe { Local::new().syscall(call, arguments) }
        };
        let pidfd = self.process.pidfd().as_raw_fd() as usize;
        let mut here = local(Call::PIDFD_GETFD, [pidfd, number as usize, 0]);
        let errno = here.err().and_then(|error| error.errno());
        if let (Some(Errno::PERM | Errno::NOSYS | Errno::SRCH), Some(pid)) = (errno, pid) {
            // A host that is not dumpable, or has a filter, may not look into its children's tables,
            // and a child that has been killed has none. The pid is of the host's namespace, and
            // stays the sibling's until it is reaped, which nobody else can.
            here = local(Call::PIDFD_OPEN, [pid as usize, 0, 0]);
        }
        // If the child is dead, its table went with it.
        // SAFETY: the fd is the child's own copy, and nobody else knows of it.
        let _closed = unsafe { self.syscall(Call::CLOSE, [number as usize]) };
        here.and_then(|number| opened_here(Call::PIDFD_GETFD, number))
    }

    /// Starts to drive a new child, and whether it can be kept: whether its pidfd is out of the way of 0, 1 and 2.
    fn new(
        page: PageRef,
        keeper: PageRef,
        mut process: Process,
        closes: Option<Arc<DeferredCalls>>,
        memory: Option<Arc<ForkedMemory>>,
        place: Place,
        is_filtered: bool,
    ) -> (Self, Result<(), Error>) {
        let moved = process.move_above_stdio();
        let process = Arc::new(process);
        let ring = Ring {
            page,
            keeper,
            process,
            closes,
            memory,
            driven: true,
            ending: AtomicBool::new(false),
            hidden_memory: OnceLock::new(),
            residence: place.residence,
            filters: Mutex::default(),
            program_signals: ProgramSignals::default(),
            robust_lists: Mutex::default(),
            is_filtered,
            _one_driver: OneDriver(PhantomData),
        };
        if let Some(residence) = &ring.residence {
            let own = ring.process.namespace("pid").ok();
            let namespaces = own.as_ref().and_then(|own| own.and_those_around().ok());
            residence.is_of(&ring.process, own);
            let is_init = residence.is_inits(&ring.process);
            ring.process.lives_inside(namespaces.unwrap_or_default(), is_init);
        }
        if let (None, Some(hidden)) = (&ring.memory, place.hidden_memory) {
            // A copy has come hidden, and stays so.
            let _first = ring.hidden_memory.set(hidden);
        }
        for deferred in ring.deferred() {
            deferred.join(&ring.page, &ring.process, ring.arenas());
        }
        (ring, moved)
    }
}

/// Keeps a number above 2 free for a pidfd that may come to one of those, where it does not stay: so it is said before
/// there is a child if there is no room, unless other threads take it. `None` if those are taken, or if a filter does
/// not let that be seen to.
fn room_above_stdio() -> Result<Option<OwnedFd>, Error> {
    let is_free = |number: c_int| {
        own_fd_flags(number).err().and_then(|error| error.errno()) == Some(Errno::BADF)
    };
    if !(0..=2).any(is_free) {
        return Ok(None);
    }
    // Who reads from such a number meanwhile does not wait there.
    let low = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    match low.and_then(copy_above_stdio) {
        Ok(room) => Ok(Some(room)),
        Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM)) => {
            Err(Error::os(Call::FCNTL, errno))
        }
        Err(_) => Ok(None),
    }
}

impl Estate {
    /// What a new child uses that has not joined anything.
    fn of_new(
        page: PageRef,
        keeper: PageRef,
        deferred: Vec<Arc<DeferredCalls>>,
        place: Place,
    ) -> Self {
        let Place { residence, hidden_memory } = place;
        Estate {
            page,
            _keeper: keeper,
            deferred,
            _hidden_memory: hidden_memory,
            residence,
            _robust_lists: Vec::new(),
        }
    }
}

/// Ends a new sibling that could not be held on to, while nothing else knows its pid. One that has no
/// pid here that is known stays to be reaped when this process ends.
fn dismiss(estate: Estate, pid: Option<c_int>) {
    ask_to_exit(&estate.page);
    let Some(pid) = pid else { return graveyard::bury_nameless(estate) };
    // SAFETY: passes no pointer. The child is ours and not reaped, so the pid is still its own. If it
    // is stopped, it goes on, and exits.
    unsafe { libc::kill(pid, libc::SIGCONT) };
    // SAFETY: as above.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) } < 0
        && Errno::from_io_error(&io::Error::last_os_error()) == Some(Errno::INTR)
    {}
}
