//! A child process that makes syscalls for us, over memory that it shares with us: all of it, or some
//! pages.
//!
//! # Safety
//!
//! 1. Requests are written while `request` is 0, by the only driver: a [`Ring`] is not `Sync`.
//! 2. A call returns when the server has answered or is known dead, so that the server writes to no
//!    argument after it.
//! 3. The lists of deferred calls the server has are held by the ring until the server has other ones or
//!    is dead, in the graveyard if need be ([`Estate`]).
//! 4. In a memory of its own, a child finds what is lent to it in blocks that it shares with us.
//! 5. The robust list that the kernel has the address of, of a child in our memory, is held by the ring until
//!    the kernel has told that it has another one or the child has left this memory, in the graveyard if need be.
//!    The kernel looks at it before it clears `life`.
#![expect(unsafe_code, reason = "makes the syscalls")]

mod birth;
mod request;

pub(crate) use birth::Birth;
pub(crate) use request::{Answers, Failed, Request};

use std::ffi::c_int;
use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::slice;
use std::sync::atomic::{self, AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::Signal;

use self::request::{UNANSWERED, is_passed_over};
use super::forked_memory::NOWHERE;
use super::graveyard::Kept;
use super::hidden_memory::{may_see_hidden_memory, sees_hidden};
use super::page::{CLOSES, ENTRIES, Entry, Page, PageRef, UNARMED, has_ended};
use super::residents::Residence;
use super::{
    Arenas, Batched, Call, DeferredCalls, Error, ErrorKind, ForkedMemory, HiddenMemory, MOURNING,
    Process, ProgramSignals, RemoteIoVec, RobustWords, Subject, SyscallInterface, futex, graveyard,
    local, lookout, memory, server,
};
use crate::handle::Exit;
use crate::seccomp::SeccompFilter;

/// Has a child process make the syscalls.
///
/// `Send` but not `Sync`: one driver at a time. Dropping it ends and reaps the child.
pub struct Ring {
    page: PageRef,
    /// The page whose keeper is the child's parent: its own, or that of the task it was spawned by.
    keeper: PageRef,
    process: Arc<Process>,
    /// The list of the table it lives in; `None` in the host's.
    closes: Option<Arc<DeferredCalls>>,
    /// Its memory; `None` if it is the host's.
    memory: Option<Arc<ForkedMemory>>,
    /// Whether the child is ours to end: until it has become a program.
    driven: bool,
    /// Whether it has been told to end, so that nothing may be sent any more.
    ending: AtomicBool,
    /// Once it has changed its credentials.
    hidden_memory: OnceLock<HiddenMemory>,
    /// Its place in a pid namespace that is not the host's.
    residence: Option<Residence>,
    /// What is installed when it becomes a program.
    filters: Mutex<Vec<SeccompFilter>>,
    program_signals: ProgramSignals,
    /// What the kernel looks at when the child leaves this memory; several, if it has not told which.
    robust_lists: Mutex<Vec<Arc<RobustWords>>>,
    /// Whether what its calls say may be made up.
    is_filtered: bool,
    /// All else is `Sync`, so that the compiler has this one thing to say.
    _one_driver: OneDriver,
}

/// Takes `Sync` away, and only that.
struct OneDriver(PhantomData<*mut TakeATaskByMutOrSpawnOneForEachThread>);

/// Never a value: its name is what the compiler says to someone who shares a driven task between
/// threads.
pub(crate) struct TakeATaskByMutOrSpawnOneForEachThread;

// SAFETY: there is nothing in it.
unsafe impl Send for OneDriver {}

/// How long a drop waits for the child to exit before it is continued, in case it was stopped.
const GRACE: Duration = Duration::from_millis(2);

impl Ring {
    /// The lists of what is left to the tasks of its table, and of its memory.
    fn deferred(&self) -> impl Iterator<Item = &Arc<DeferredCalls>> {
        lists_of(self.closes.as_ref(), self.memory.as_ref())
    }

    /// Its memory; `None` if it is this process's.
    pub(crate) fn memory(&self) -> Option<&Arc<ForkedMemory>> {
        self.memory.as_ref()
    }

    /// Which of the arenas its memory has.
    pub(crate) fn arenas(&self) -> Arenas {
        arenas_of(self.memory.as_ref())
    }

    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    /// Its place in a pid namespace that is not the host's.
    pub(crate) fn residence(&self) -> Option<&Residence> {
        self.residence.as_ref()
    }

    /// The filters that are installed when the child becomes a program.
    pub(crate) fn filters(&self) -> Vec<SeccompFilter> {
        self.filters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_filters(&self, filters: Vec<SeccompFilter>) {
        *self.filters.lock().unwrap_or_else(PoisonError::into_inner) = filters;
    }

    /// Has the kernel look at these words when the child leaves this memory, and at no others. In a memory of
    /// its own, the child's list is taken: by it, the kernel tells of the end.
    pub(crate) fn set_robust_list(&self, list: &Arc<RobustWords>) -> Result<(), Error> {
        assert!(self.memory.is_none(), "the list of a forked child is taken");
        let mut kept = self.robust_lists.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.iter().any(|before| Arc::ptr_eq(before, list)) {
            kept.push(Arc::clone(list));
        }
        // SAFETY: (5)
        let set =
            unsafe { self.syscall(Call::SET_ROBUST_LIST, [list.head(), RobustWords::HEAD_SIZE]) };
        // A filter can make up what that says, but not what the kernel writes.
        if let Some(head) = self.head_of_robust_list() {
            kept.retain(|list| list.head() == head);
            if head != list.head() {
                return Err(set.err().unwrap_or(Error::os(Call::SET_ROBUST_LIST, Errno::NOSYS)));
            }
        }
        set.map(drop)
    }

    /// Where the list is that the kernel looks at; `None` if it has not told.
    fn head_of_robust_list(&self) -> Option<usize> {
        const WORD: usize = size_of::<usize>();
        const NOT_TOLD: usize = usize::MAX;
        let itself = 0;
        let ask = |head| {
            // SAFETY: the kernel writes two words, to what is lent.
            unsafe { self.syscall(Call::GET_ROBUST_LIST, [itself, head, head + WORD]) }
        };
        // SAFETY: integers.
        let [head, _length] = unsafe { self.written::<[usize; 2]>(u8::MAX, ask) }.ok()?;
        Some(head).filter(|head| *head != NOT_TOLD)
    }

    /// What the kernel writes to the address that `call` is given. What it does not write is such bytes.
    ///
    /// # Safety
    ///
    /// Any bytes are a `T`.
    pub(crate) unsafe fn written<T>(
        &self,
        unwritten: u8,
        call: impl FnOnce(usize) -> Result<usize, Error>,
    ) -> Result<T, Error> {
        let mut value = MaybeUninit::<T>::uninit();
        let place = value.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: it is a local, of that many bytes, that need not be initialised.
        let bytes = unsafe { slice::from_raw_parts_mut(place, size_of::<T>()) };
        bytes.fill(MaybeUninit::new(unwritten));
        self.lend_mut(bytes, call)?;
        // SAFETY: by this function's contract; all of it is initialised.
        Ok(unsafe { value.assume_init() })
    }

    /// What the child hands over to its program of signals.
    pub(crate) fn for_program(&self) -> &ProgramSignals {
        &self.program_signals
    }

    /// What the program that the child has become needs to get its death signal at the end of this
    /// process, and no sooner.
    pub(crate) fn parent(&self) -> ParentOfProgram {
        ParentOfProgram(Arc::clone(&self.keeper))
    }

    /// Whether another task, or this process, lives in the same table.
    pub(crate) fn shares_its_table(&self) -> bool {
        self.closes.as_ref().is_none_or(|closes| closes.population() > 1)
    }

    /// Makes calls that leave the table the child is in: what is posted to that table is not closed
    /// by this child any more. If they succeed, it lives in the table of `to`; if not, where it was.
    ///
    /// # Safety
    ///
    /// As [`submit`](Self::submit).
    pub(crate) unsafe fn submit_leaving(
        &mut self,
        requests: &[Request],
        to: &Arc<DeferredCalls>,
    ) -> Result<(), Failed> {
        to.prepare(self.arenas()).map_err(Failed::at_first)?;
        self.pause_closes().map_err(Failed::at_first)?;
        let left = self.leave_for_sure().and_then(|has_left| {
            // SAFETY: by this function's contract.
            let left = unsafe { self.submit(requests) };
            left.map_err(|failed| Failed { step: failed.step + usize::from(has_left), ..failed })
        });
        if let Err(failed) = left {
            // After the first step it is between two tables, and closes nothing in either.
            if failed.step == 0 {
                self.resume_closes();
            }
            return Err(failed);
        }
        if let Some(left) = self.closes.replace(Arc::clone(to)) {
            left.leave(&self.page);
        }
        to.join(&self.page, &self.process, self.arenas());
        self.resume_closes();
        Ok(())
    }

    /// Has the child leave a table that it shares for a copy of it, if somebody may make up that it has: before slots
    /// are closed or overwritten in the copy, this looks whether one is gone that is open where it was. Whether it had
    /// to. What is posted is not closed by the child meanwhile.
    pub(crate) fn leave_for_sure(&self) -> Result<bool, Failed> {
        if !self.is_filtered || !self.shares_its_table() {
            return Ok(false);
        }
        let numbers = |call: Call, arguments: [usize; 3]| {
            // SAFETY: passes numbers. What is closed is one that nobody uses in a copy of the table.
            unsafe { self.syscall(call, arguments) }
        };
        let open_there = match &self.closes {
            None => self.process.pidfd().as_raw_fd() as usize,
            Some(_) => numbers(Call::EVENTFD2, [0, libc::EFD_CLOEXEC as usize, 0])
                .map_err(Failed::at_first)?,
        };
        let unshare = libc::CLOSE_RANGE_UNSHARE as usize;
        let left = numbers(Call::CLOSE_RANGE, [open_there, open_there, unshare]);
        let has_left = left.map_err(Failed::at_first).and_then(|_| {
            let error = match numbers(Call::FCNTL, [open_there, libc::F_GETFD as usize, 0]) {
                Err(error) if error.errno() == Some(Errno::BADF) => return Ok(true),
                Err(error) => error,
                Ok(_) => Error::os(Call::CLOSE_RANGE, Errno::NOSYS),
            };
            // Which of the two has been made up, nobody knows.
            Err(Failed { step: 1, ..Failed::at_first(error) })
        });
        match (&self.closes, &has_left) {
            (None, _) => {}
            // Where it was, it is for the others to close.
            (Some(closes), Ok(_)) => closes.post(Call::CLOSE, [open_there, 0]),
            (Some(_), Err(_)) => {
                let _as_far_as_it_goes = numbers(Call::CLOSE, [open_there, 0, 0]);
            }
        }
        has_left
    }

    /// Has the child close what is posted, and nothing that is posted from now on: before it leaves
    /// its table, or overwrites slots in it.
    pub(crate) fn pause_closes(&mut self) -> Result<(), Error> {
        let Some(closes) = &self.closes else { return Ok(()) };
        if closes.has_posted() {
            self.barrier()?;
        }
        // The server reads the list anew after every request, so it has let go of it when the next
        // one is executed.
        self.page.set_deferred(CLOSES, None);
        Ok(())
    }

    /// Has the child close again what is posted, also meanwhile.
    pub(crate) fn resume_closes(&mut self) {
        self.page.set_deferred(CLOSES, self.closes.as_ref());
        // Who posts, and rings, from here on has the child see the list.
        atomic::fence(Ordering::SeqCst);
        if self.closes.as_ref().is_some_and(|closes| closes.has_posted()) {
            self.page.ring();
        }
    }

    /// Has the child execute `requests` in order, up to the first that fails and has no
    /// [`or_next`](Request::or_next). Returns the last one's answer.
    ///
    /// # Safety
    ///
    /// As [`syscall`](SyscallInterface::syscall), for each of them.
    pub(crate) unsafe fn submit(&self, requests: &[Request]) -> Answers {
        self.hide_before(requests).map_err(Failed::at_first)?;
        let page: &Page = &self.page;
        let mut last = 0;
        let mut passed_over = Vec::new();
        for (chunk, requests) in requests.chunks(ENTRIES).enumerate() {
            for (entry, request) in page.entries.iter().zip(requests) {
                self.write(entry, request);
            }
            let is_quick = !requests.iter().any(Request::executes);
            let outcome = self.round_trip(page, requests.len(), is_quick);
            last = answers(page, requests, outcome, &mut passed_over)
                .map_err(|failed| Failed { step: failed.step + chunk * ENTRIES, ..failed })?;
        }
        Ok(last)
    }

    /// Whether others may look into the child after this, and so into its memory.
    fn exposes(&self, request: &Request) -> bool {
        request.lessens_privileges()
            && may_see_hidden_memory()
            && (self.memory.is_some() || sees_hidden(&self.process))
            || request.changes_credentials()
                && !self.process.has_these_ids(request.call, request.arguments[0])
    }

    /// Hides a child's own memory if one of these would expose it.
    fn hide_before(&self, requests: &[Request]) -> Result<(), Error> {
        if self.memory.is_none() || !requests.iter().any(|request| self.exposes(request)) {
            return Ok(());
        }
        let was_dumpable = self.set_dumpable(false)?;
        let gains = requests.iter().any(Request::changes_credentials);
        if was_dumpable && !gains && !self.process.is_seen() {
            // As with memory that is shared: not from this program.
            self.set_dumpable(true)?;
        }
        Ok(())
    }

    /// Hides a child's own memory from those who have privileges only in its namespaces, for good.
    fn hide_own_memory(&self) -> Result<(), Error> {
        self.set_dumpable(false).map(drop)
    }

    /// Has others look into a child's own memory, or not: whether they could before.
    fn set_dumpable(&self, is_dumpable: bool) -> Result<bool, Error> {
        let prctl = |option: c_int, argument: usize| {
            // SAFETY: passes numbers.
            unsafe { self.syscall(Call::PRCTL, [option as usize, argument, 0, 0, 0]) }
        };
        let before = prctl(libc::PR_GET_DUMPABLE, 0);
        let set = before.and_then(|_| prctl(libc::PR_SET_DUMPABLE, usize::from(is_dumpable)));
        match (before, set) {
            // The task is dead, which the next call will say.
            (_, Err(error)) if error.errno().is_none() => Ok(false),
            (before, set) => set.and(before).map(|before| before == 1),
        }
    }

    /// Writes a request into an entry, and sees to what has to be in place before.
    fn write(&self, entry: &Entry, request: &Request) {
        let is_hidden = self.memory.is_some() || self.hidden_memory.get().is_some();
        if !is_hidden && self.exposes(request) {
            self.hidden_memory.get_or_init(HiddenMemory::new);
        }
        if request.call == Call::SETRESUID {
            // As another user's it may be out of reach for the keeper's death signal.
            self.page.keep_vigil();
        }
        let changes_credentials = request.changes_credentials();
        request.write_to(entry, if changes_credentials { server::ARM_AGAIN } else { 0 });
    }

    /// Publishes the first `count` entries and waits until they are answered: awake for a while, if that may be
    /// soon, and for another while whenever some of them have been answered in the last one.
    fn round_trip(&self, page: &Page, count: usize, is_quick: bool) -> Result<(), ErrorKind> {
        let (request, life) = (page.request(), &page.life);
        if !page.is_alive() || self.ending.load(Ordering::Relaxed) {
            return Err(ErrorKind::NotSent);
        }
        let published = count as u32;
        page.publish(published);
        // Meanwhile.
        let (processor, servers) = (lookout::processor(), &page.server_processor);
        if page.driver_processor.load(Ordering::Relaxed) != processor {
            page.driver_processor.store(processor, Ordering::Relaxed);
        }
        if is_quick && servers.load(Ordering::Relaxed) != processor {
            let is_over =
                || request.load(Ordering::Acquire) == 0 || has_ended(life.load(Ordering::Acquire));
            let is_answered = |entry: &&Entry| entry.answer.load(Ordering::Relaxed) != UNANSWERED;
            let mut before = 0;
            while !lookout::for_a_while(is_over) {
                let answered = page.entries[..count].iter().take_while(is_answered).count();
                if answered == before {
                    break;
                }
                before = answered;
            }
        }
        self.await_answers(page, published)
    }

    /// Sleeps until so many published entries are answered, or the child is dead.
    fn await_answers(&self, page: &Page, published: u32) -> Result<(), ErrorKind> {
        let (request, life) = (page.request(), &page.life);
        loop {
            if request.load(Ordering::Acquire) == 0 {
                return Ok(());
            }
            let alive = life.load(Ordering::Acquire);
            if has_ended(alive) {
                // It may have answered before it died.
                let answered = request.load(Ordering::Acquire) == 0;
                return if answered { Ok(()) } else { Err(ErrorKind::Hangup) };
            }
            let answer = futex::Watch { word: request, value: published };
            let death = futex::Watch { word: life, value: alive };
            let patience = match page.is_in_other_memory() && alive == UNARMED {
                // Nobody would tell of its end.
                true => server::IMPATIENCE,
                false => server::PATIENCE,
            };
            let timed_out = page.sleep_on([answer, death], patience);
            if timed_out && self.process.has_ended() {
                life.store(0, Ordering::Release);
            }
        }
    }

    /// Has the child see by itself when its keeper is gone, as no signal may tell it.
    pub(crate) fn keep_vigil(&self) {
        self.page.keep_vigil();
    }

    /// Whether its server has ended because it could not go on.
    pub(crate) fn has_given_up(&self) -> bool {
        self.page.gave_up.load(Ordering::Acquire) != 0
    }

    /// Whether a child that has not answered `execve` has become the program, and is therefore not
    /// driven any more, or has died.
    pub(crate) fn has_execed(&mut self) -> Result<bool, Error> {
        let execed = self.process.has_execed(self.has_given_up())?;
        self.driven &= !execed;
        if let (true, Some(memory)) = (execed, self.hidden_memory.take()) {
            memory.show_again_after_exec_of(&self.process);
        }
        Ok(execed)
    }

    /// Kills a child that cannot go on. From here on, nothing is sent to it.
    pub(crate) fn kill(&self) {
        self.ask_to_exit();
        // After it has given up its privileges we may not be allowed to; it has been asked.
        let _refused = self.process.send_signal(Signal::KILL);
    }

    fn ask_to_exit(&self) {
        if !self.ending.swap(true, Ordering::Relaxed) {
            ask_to_exit(&self.page);
        }
    }

    /// Waits for the end of a child that has been asked to exit, and reaps it.
    pub(crate) fn reap(self) -> Result<Exit, Error> {
        self.process.wait()
    }
}

/// What has come of requests that have been answered, or of which that is the outcome. `passed_over`
/// is how those before them have failed in whose place these were tried.
fn answers(
    page: &Page,
    requests: &[Request],
    outcome: Result<(), ErrorKind>,
    passed_over: &mut Vec<Error>,
) -> Answers {
    let mut last = 0;
    for (step, (entry, request)) in page.entries.iter().zip(requests).enumerate() {
        let mut failed =
            |error| Err(Failed { step, error, passed_over: std::mem::take(passed_over) });
        let answer = entry.answer.load(Ordering::Relaxed);
        if let (UNANSWERED, Err(kind)) = (answer, outcome) {
            return failed(Error::new(request.call, kind));
        }
        last = match local::answer(request.call, answer) {
            Ok(answer) => answer,
            Err(error) if request.or_next && is_passed_over(error) => {
                passed_over.push(error);
                0
            }
            Err(error) => return failed(error),
        };
    }
    Ok(last)
}

/// The lists of what is left to the tasks of a table, and of a memory; `None` is this process's.
fn lists_of<'a>(
    closes: Option<&'a Arc<DeferredCalls>>,
    memory: Option<&'a Arc<ForkedMemory>>,
) -> impl Iterator<Item = &'a Arc<DeferredCalls>> {
    closes.into_iter().chain(memory.map(|memory| memory.unmaps()))
}

/// Which of the arenas a memory has; `None` is this process's.
fn arenas_of(memory: Option<&Arc<ForkedMemory>>) -> Arenas {
    memory.map_or(Arenas::OURS, |memory| memory.arenas())
}

/// Has an idle server exit, without waiting for it.
fn ask_to_exit(page: &Page) {
    if !page.is_alive() || page.request().load(Ordering::Acquire) != 0 {
        return;
    }
    page.entries[0].number.store(Call::EXIT_GROUP.number() as u32, Ordering::Relaxed);
    page.entries[0].arguments[0].store(0, Ordering::Relaxed);
    page.publish(1);
}

// SAFETY: the child executes what is published, once, one at a time (promise 1). It shares this program's
// memory, so addresses are the same in it, or (4) of this room (5). An answer is the kernel's, as the server
// stores it (2); `NotSent` comes before publishing (3); (2) of this room is promise 4. Every request
// is answered before the next one and after the closes posted before it (6). The child is ours, alive
// before and after (7), and held by its pidfd (8).
unsafe impl SyscallInterface for Ring {
    unsafe fn syscall<const N: usize>(
        &self,
        call: Call,
        arguments: [usize; N],
    ) -> Result<usize, Error> {
        // SAFETY: by this function's contract.
        unsafe { self.submit(&[Request::new(call, arguments)]) }.map_err(Error::from)
    }

    unsafe fn syscalls(&self, calls: &mut [Batched]) {
        let request = |of: &Batched| Request::new(of.call, of.arguments).or_go_on();
        if let Err(error) = calls.iter().try_for_each(|of| self.hide_before(&[request(of)])) {
            calls.iter_mut().for_each(|of| of.answer = Err(error));
            return;
        }
        let page: &Page = &self.page;
        for calls in calls.chunks_mut(ENTRIES) {
            let entries = &page.entries[..calls.len()];
            for (entry, batched) in entries.iter().zip(&*calls) {
                self.write(entry, &request(batched));
            }
            let mut outcome = self.round_trip(page, calls.len(), true);
            for (entry, batched) in entries.iter().zip(calls) {
                let answer = entry.answer.load(Ordering::Relaxed);
                batched.answer = match (answer, outcome) {
                    (UNANSWERED, Err(kind)) => {
                        // What comes after the one it died in has not been executed.
                        outcome = Err(ErrorKind::NotSent);
                        Err(Error::new(batched.call, kind))
                    }
                    _ => local::answer(batched.call, answer),
                };
            }
        }
    }

    fn lend<R>(&self, bytes: &[u8], call: impl FnOnce(usize) -> R) -> R {
        let Some(memory) = &self.memory else {
            return call(bytes.as_ptr().expose_provenance());
        };
        let room = memory.room(bytes.len()).ok();
        let lent = room.and_then(|mut room| Some((room.push(bytes)?, room)));
        call(lent.as_ref().map_or(NOWHERE, |(address, _)| *address))
    }

    fn lend_mut<R>(&self, bytes: &mut [MaybeUninit<u8>], call: impl FnOnce(usize) -> R) -> R {
        let Some(memory) = &self.memory else {
            return call(bytes.as_mut_ptr().expose_provenance());
        };
        let room = memory.room(bytes.len()).ok();
        let lent = room.and_then(|mut room| Some((room.push_uninit(bytes)?, room)));
        let answer = call(lent.as_ref().map_or(NOWHERE, |(address, _)| *address));
        if let Some((_, room)) = lent {
            room.copy_back(bytes);
        }
        answer
    }

    fn barrier(&self) -> Result<(), Error> {
        // SAFETY: has no arguments and no effect.
        unsafe { self.syscall(Call::GETPID, []) }.map(drop)
    }

    unsafe fn read_memory(
        &self,
        from: &[RemoteIoVec],
        into: &mut [IoSliceMut<'_>],
    ) -> Result<usize, Error> {
        // SAFETY: by this function's contract.
        unsafe { memory::read(&self.process, from, into) }
    }

    unsafe fn write_memory(
        &self,
        from: &[IoSlice<'_>],
        to: &[RemoteIoVec],
    ) -> Result<usize, Error> {
        // SAFETY: by this function's contract.
        unsafe { memory::write(&self.process, from, to) }
    }

    unsafe fn copy_fd(&self, number: c_int) -> Result<OwnedFd, Error> {
        match self.closes {
            // SAFETY: by this function's contract; the child's table is this process's.
            None => unsafe { memory::copy_own_fd(number) },
            // SAFETY: by this function's contract.
            Some(_) => unsafe { memory::copy_fd(&self.process, number) },
        }
    }

    fn program_signals(&self) -> Option<&ProgramSignals> {
        Some(&self.program_signals)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::of_child(&self.process)
    }
}

/// Keeps the thread alive that is the parent of a program, which may have a death signal.
#[derive(Clone)]
pub(crate) struct ParentOfProgram(
    #[expect(dead_code, reason = "held until it is dropped")] PageRef,
);

/// What a child uses until it has ended: the page it is asked through, its keeper, and its place
/// among the tasks of its table and memory, which may not count on being alone there before. This program's
/// memory is hidden as long if the child has other credentials.
pub(super) struct Estate {
    page: PageRef,
    _keeper: PageRef,
    deferred: Vec<Arc<DeferredCalls>>,
    _hidden_memory: Option<HiddenMemory>,
    residence: Option<Residence>,
    _robust_lists: Vec<Arc<RobustWords>>,
}

impl Estate {
    /// Whether its server is there. One that has ended before it could have the kernel say so has done that with the
    /// init of its pid namespace, at the latest.
    pub(super) fn is_in_use(&self) -> bool {
        let is_unarmed =
            self.page.is_in_other_memory() && self.page.life.load(Ordering::Acquire) == UNARMED;
        let is_over = || self.residence.as_ref().is_some_and(Residence::is_over);
        self.page.is_alive() && !(is_unarmed && is_over())
    }
}

impl Drop for Estate {
    fn drop(&mut self) {
        for deferred in &self.deferred {
            deferred.leave(&self.page);
        }
        // If it was killed before it could have the kernel say so.
        self.page.life.store(0, Ordering::Release);
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if !self.process.is_ours() {
            return;
        }
        let estate = Estate {
            page: Arc::clone(&self.page),
            _keeper: Arc::clone(&self.keeper),
            deferred: self.deferred().cloned().collect(),
            _hidden_memory: self.hidden_memory.take(),
            residence: self.residence.take(),
            _robust_lists: std::mem::take(
                self.robust_lists.get_mut().unwrap_or_else(PoisonError::into_inner),
            ),
        };
        if !self.driven || self.process.is_reaped() {
            return;
        }
        // Its server is idle, closes what is posted, and exits as soon as it runs. To kill it would
        // be no faster, and would leave open what it has not come to.
        self.ask_to_exit();
        let ended = self.process.poll(Some(GRACE)).unwrap_or(false) || {
            let _refused = self.process.send_signal(Signal::CONT);
            self.process.poll(Some(MOURNING)).unwrap_or(false)
        };
        if !ended {
            // It has had its time, or does not do what it is asked.
            let _refused = self.process.send_signal(Signal::KILL);
        }
        if !(ended && self.process.reap_if_ended()) {
            graveyard::bury(Arc::clone(&self.process), Some(Kept::Estate { _estate: estate }));
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("pid", &self.process.pid().as_raw()).finish_non_exhaustive()
    }
}
