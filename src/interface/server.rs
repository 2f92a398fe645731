//! What runs in a driven child, and the thread of ours that is its parent.
//!
//! The child shares this program's memory, thread-local storage included, or has a copy of it as it was
//! at some moment in the middle of other threads' work. So none of its code may be Rust: it is the loop below, which uses no stack, no TLS and no libc, and which no signal
//! interrupts. Each driven child has a **keeper**, a thread of this process that clones it and then
//! sleeps for as long as the child is driven. The child asks to be killed when its parent thread
//! ends (`PR_SET_PDEATHSIG`), so it lives exactly as long as the keeper: through the end of the
//! thread that called `spawn`, but not through a SIGKILL, an exit or an exec of this process, which
//! all end the keeper, whatever the child is blocked in.
//!
//! # Safety
//!
//! 1. Keeper and server run with all signals blocked, so no handler of this program runs on them.
//!    The child's handlers are reset (`CLONE_CLEAR_SIGHAND`). Nor have they a stack: what would run on them all the same
//!    ends the program.
//! 2. They touch no memory but the [`Page`](super::page::Page), the deferred calls it points to, this room's
//!    statics, and what the syscalls they are asked to make touch. They never push, pop or call. All of that is at the
//!    same addresses in a child with a copy of this memory.
//! 3. Both leave the page alone once the kernel has ended their `life` words, which it does at
//!    exit and exec (`CLONE_CHILD_CLEARTID`; with a memory of its own, a robust futex).
//! 4. `syscall` preserves every register but `rax`, `rcx` and `r11`.
#![expect(unsafe_code, reason = "assembly")]

use std::arch::asm;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::Timespec;

use super::deferred::{self, Head, Node};
use super::page::{CloneArgs, DEFERRED_LISTS, Entry, Page, PageRef, RobustList, TID_BEHIND_LIFE};
use super::{Call, Error, ErrorKind, Local, SyscallInterface, futex, local, lookout};

/// `struct sigaction` as the kernel takes it.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct KernelSigaction {
    handler: usize,
    flags: u64,
    restorer: usize,
    mask: u64,
}

impl KernelSigaction {
    pub(crate) const DEFAULT: Self = KernelSigaction::of(libc::SIG_DFL);
    pub(crate) const IGNORE: Self = KernelSigaction::of(libc::SIG_IGN);

    const fn of(handler: usize) -> Self {
        KernelSigaction { handler, flags: 0, restorer: 0, mask: 0 }
    }

    /// The handler's address, or one of libc's constants that are none.
    pub(crate) const fn handler(&self) -> usize {
        self.handler
    }
}

pub(super) static IGNORE: KernelSigaction = KernelSigaction::IGNORE;

/// The path of the root directory.
static ROOT: [u8; 2] = *b"/\0";

/// How long a server sleeps at most that its death signal may not reach.
pub(super) static VIGIL: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The size of the kernel's signal sets.
pub(crate) const SIGSET_SIZE: usize = 8;

/// Only a filter has `clone3` succeed without making a child.
pub(super) const CLONE3_MADE_UP: Error = Error::os(Call::CLONE3, Errno::NOSYS);

/// And `clone` without making a keeper.
const CLONE_MADE_UP: Error = Error::os(Call::CLONE, Errno::NOSYS);

/// Added to the number of a call after which the server arms its death signal again, as the kernel
/// disarms it when credentials change.
pub(super) const ARM_AGAIN: usize = 1 << 31;

/// Added to the number of a call in whose place the next one is made if it finds nothing that can be
/// executed: the errors in [`PASSED_OVER`].
pub(super) const OR_NEXT: usize = 1 << 30;

/// Added to the number of a call after whose failure the child exits.
pub(super) const OR_EXIT: usize = 1 << 29;

/// Added to the number of a call after whose failure the next ones are made all the same.
pub(super) const OR_GO_ON: usize = 1 << 28;

/// After which errors `execvp(3)` looks further.
pub(super) const PASSED_OVER: [Errno; 6] =
    [Errno::NOENT, Errno::ACCESS, Errno::NOTDIR, Errno::STALE, Errno::NODEV, Errno::TIMEDOUT];

/// The fourth argument of an `execve`, or the sixth of an `execveat`, before which the death signal has been set for the program.
pub(crate) const DEATH_SIGNAL_AS_IT_IS: usize = usize::MAX;

/// The exit status of a server that cannot go on.
const FAILURE: u8 = 255;

/// How long a sleep lasts at most before everything is looked at again, in case that the kernel has not told of
/// an end.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The same, while nobody would wake it at the server's end.
pub(super) const IMPATIENCE: Duration = Duration::from_millis(10);

/// Starts a keeper, which clones the child that `page.clone_args` describe, and waits for the
/// kernel's answer: the child's pid.
pub(super) fn start(page: &PageRef) -> Result<i32, Error> {
    let blocked = SignalsBlocked::new().inspect_err(|_| page.abandon())?;
    let answer = clone(page, Cloner::Keeper, &blocked);
    drop(blocked);
    if page.keeper_tid.load(Ordering::Acquire) == 0 {
        page.abandon();
        return Err(local::answer(Call::CLONE, answer).err().unwrap_or(CLONE_MADE_UP));
    }

    loop {
        // In this order: a keeper answers before it goes.
        let gone = page.keeper_life.load(Ordering::Acquire) == 0;
        if page.spawned.load(Ordering::Acquire) != 0 {
            break;
        }
        if gone {
            // A filter has killed it at its first call.
            page.life.store(0, Ordering::Release);
            return Err(Error::new(Call::CLONE3, ErrorKind::Hangup));
        }
        let spawned = futex::Watch { word: &page.spawned, value: 0 };
        let death = futex::Watch { word: &page.keeper_life, value: 1 };
        futex::wait_either([spawned, death], PATIENCE);
    }
    let answer = page.spawned_pid.load(Ordering::Acquire) as usize;
    let refused = local::answer(Call::CLONE3, answer).err();
    match page.server_pid.load(Ordering::Acquire) {
        0 => {
            page.life.store(0, Ordering::Release);
            Err(refused.unwrap_or(CLONE3_MADE_UP))
        }
        pid => Ok(pid),
    }
}

/// Clones the child that `page.clone_args` describe as one of this thread's own, without a keeper: its first
/// requests have been published, and are the last.
pub(super) fn start_directly(page: &PageRef) -> Result<i32, Error> {
    let blocked = SignalsBlocked::new().inspect_err(|_| page.abandon())?;
    let answer = clone(page, Cloner::Caller, &blocked);
    drop(blocked);
    let refused = local::answer(Call::CLONE3, answer).err();
    match page.server_pid.load(Ordering::Acquire) {
        0 => {
            page.abandon();
            Err(refused.unwrap_or(CLONE3_MADE_UP))
        }
        pid => Ok(pid),
    }
}

/// Who clones a child.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cloner {
    /// A thread made for it.
    Keeper,
    /// The calling thread.
    Caller,
}

/// Blocks every signal on this thread, also those that libc keeps to itself.
struct SignalsBlocked {
    before: u64,
}

/// Nobody blocks these.
const NEVER_BLOCKED: u64 = 1 << (libc::SIGKILL - 1) | 1 << (libc::SIGSTOP - 1);

impl SignalsBlocked {
    fn new() -> Result<Self, Error> {
        let blocked = SignalsBlocked { before: change_signal_mask(None)? };
        change_signal_mask(Some(u64::MAX))?;
        // Only a filter has this succeed and change nothing.
        match change_signal_mask(None)? | NEVER_BLOCKED {
            u64::MAX => Ok(blocked),
            _ => Err(Error::os(Call::RT_SIGPROCMASK, Errno::NOSYS)),
        }
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        // If it is refused, which it was not before, the thread goes on as it is.
        let _blocked = change_signal_mask(Some(self.before));
    }
}

/// Sets this thread's mask, if there is one: which one it was.
fn change_signal_mask(mask: Option<u64>) -> Result<u64, Error> {
    let new = mask.as_ref().map_or(ptr::null(), ptr::from_ref).expose_provenance();
    let mut before = 0_u64;
    let old = (&raw mut before).expose_provenance();
    // SAFETY: reads and writes the two masks, which outlive the call.
    unsafe {
        let arguments = [libc::SIG_SETMASK as usize, new, old, SIGSET_SIZE];
        Local::new().syscall(Call::RT_SIGPROCMASK, arguments)
    }?;
    Ok(before)
}

/// `clone(2)` of the keeper, or `clone3(2)` of the child. In the caller this returns what the kernel answered;
/// keeper and child never leave the assembly. Both start with the caller's signal mask.
#[inline(never)]
fn clone(page: &Page, cloner: Cloner, _blocked: &SignalsBlocked) -> usize {
    let thread = libc::CLONE_VM
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID;
    let answer;
    // SAFETY: (1) by `_blocked`; (2), (3), (4) by reading it: what each part touches is said beside
    // it. There is no stack, and none is used. Only the caller comes back.
    unsafe {
        asm!(
            "test r13d, r13d",
            "jz 13f",
            "mov eax, {SYS_CLONE3}",
            "lea rdi, [r12 + {CLONE_ARGS}]",
            "mov esi, {CLONE_ARGS_SIZE}",
            "syscall",
            "test rax, rax",
            "jnz 99f",
            "cmp dword ptr [r12 + {SERVER_PID}], 0",
            "jne 20f",
            "jmp 99f",
            "13:",
            "syscall",
            "test rax, rax",
            "jnz 99f",
            // A filter can make up a 0: then there is no keeper, and this is still the caller.
            "cmp dword ptr [r12 + {KEEPER_TID}], 0",
            "je 99f",

            // ---- The keeper. r12: the page. Children with a memory of their own may not see its life end.
            "xor esp, esp",
            "mov eax, {SYS_SET_ROBUST_LIST}",
            "lea rdi, [r12 + {KEEPER_LIST}]",
            "mov esi, {ROBUST_LIST_SIZE}",
            "syscall",
            "mov eax, {SYS_CLONE3}",
            "lea rdi, [r12 + {CLONE_ARGS}]",
            "mov esi, {CLONE_ARGS_SIZE}",
            "syscall",
            "test rax, rax",
            "jnz 12f",
            // In the child. A filter can make up a 0, too: then there is no child.
            "cmp dword ptr [r12 + {SERVER_PID}], 0",
            "jne 20f",
            "12:",
            "mov r13, rax",
            "mov [r12 + {SPAWNED_PID}], rax",
            // From here on, it is in no directory that may be unmounted before the child has ended.
            "mov eax, {SYS_CHDIR}",
            "lea rdi, [rip + {ROOT}]",
            "syscall",
            "mov dword ptr [r12 + {SPAWNED}], 1",
            "mov eax, {SYS_FUTEX}",
            "lea rdi, [r12 + {SPAWNED}]",
            "mov esi, {FUTEX_WAKE}",
            "mov edx, 1",
            "syscall",
            "test r13, r13",
            "js 14f",
            // Sleeps until it is released; goes, and takes the child along, if it cannot.
            "13:",
            "cmp dword ptr [r12 + {KEEPER_RELEASE}], 0",
            "jne 14f",
            "mov eax, {SYS_FUTEX}",
            "lea rdi, [r12 + {KEEPER_RELEASE}]",
            "mov esi, {FUTEX_WAIT}",
            "xor edx, edx",
            "xor r10d, r10d",
            "syscall",
            "test eax, eax",
            "jz 13b",
            "cmp eax, -{EAGAIN}",
            "je 13b",
            "cmp eax, -{EINTR}",
            "je 13b",
            "14:",
            "mov eax, {SYS_EXIT}",
            "xor edi, edi",
            "syscall",
            "ud2",

            // ---- The child. r12: its page.
            "20:",
            "xor esp, esp",
            // With a memory of its own: has the kernel tell of the end, as the clone's flag does otherwise.
            "cmp qword ptr [r12 + {ROBUST_LIST}], 0",
            "je 19f",
            "mov eax, {SYS_SET_ROBUST_LIST}",
            "lea rdi, [r12 + {ROBUST_LIST}]",
            "mov esi, {ROBUST_LIST_SIZE}",
            "syscall",
            "test eax, eax",
            "jnz 40f",
            "mov eax, {SYS_GETTID}",
            "syscall",
            "test eax, eax",
            "jle 40f",
            "or eax, {WAITERS}",
            "mov [r12 + {LIFE}], eax",
            "19:",
            // SIGPIPE becomes an error of the call.
            "mov eax, {SYS_RT_SIGACTION}",
            "mov edi, {SIGPIPE}",
            "lea rsi, [rip + {IGNORE}]",
            "xor edx, edx",
            "mov r10d, {SIGSET_SIZE}",
            "syscall",
            "xor r13d, r13d",
            // Arms the death signal. If the keeper was gone before, its number says so: the kernel marks it
            // before it sends death signals. r13: entries left, when execve has failed.
            "21:",
            "mov eax, {SYS_PRCTL}",
            "mov edi, {PR_SET_PDEATHSIG}",
            "mov esi, {SIGKILL}",
            "syscall",
            "test eax, eax",
            "jnz 40f",
            "mov rax, [r12 + {KEEPER}]",
            "cmp dword ptr [rax], 0",
            "je 40f",
            "test dword ptr [rax + {TID_BEHIND_LIFE}], {OWNER_DIED}",
            "jnz 40f",
            "test r13d, r13d",
            "jnz 34f",

            // Looks for work. r14: the bell, read before looking, so that no ring is missed.
            "22:",
            "mov r14d, [r12 + {BELL}]",
            // Does what is posted. rbx: which list, rbp: the node. Another server may be at it, too.
            "xor ebx, ebx",
            "25:",
            "mov r15, [r12 + rbx * 8 + {DEFERRED}]",
            "test r15, r15",
            "jz 27f",
            "cmp dword ptr [r15 + {POSTED_COUNT}], 0",
            "je 27f",
            "mov rbp, [r15 + {FIRST}]",
            "23:",
            "test rbp, rbp",
            "jz 27f",
            "mov eax, {POSTED}",
            "mov ecx, {TAKEN}",
            "lock cmpxchg [rbp + {STATE}], ecx",
            "jne 24f",
            "mov eax, [rbp + {POSTED_NUMBER}]",
            "mov rdi, [rbp + {POSTED_ARGUMENTS}]",
            "mov rsi, [rbp + {POSTED_ARGUMENTS} + 8]",
            "syscall",
            "mov dword ptr [rbp + {STATE}], {FREE}",
            "lock dec dword ptr [r15 + {POSTED_COUNT}]",
            "jz 27f",
            "24:",
            "mov rbp, [rbp + {NEXT}]",
            "jmp 23b",
            "27:",
            "inc ebx",
            "cmp ebx, {LISTS}",
            "jb 25b",

            "26:",
            "mov r13d, [r12 + {REQUEST}]",
            "test r13d, r13d",
            "jnz 30f",
            // Nothing to do. The driver may be about to send the next request: looks out for it, if it does
            // not keep the driver from its processor by that. rbx: until when.
            "cmp dword ptr [r12 + {DRIVER_PROCESSOR}], {NO_PROCESSOR}",
            "je 17f",
            "rdtscp",
            "cmp ecx, [r12 + {SERVER_PROCESSOR}]",
            "je 15f",
            "mov [r12 + {SERVER_PROCESSOR}], ecx",
            "15:",
            "cmp ecx, [r12 + {DRIVER_PROCESSOR}]",
            "je 17f",
            "shl rdx, 32",
            "lea rbx, [rax + rdx + {LOOKOUT}]",
            "16:",
            // The clock takes longer to read than the word.
            ".rept 4",
            "pause",
            "cmp dword ptr [r12 + {REQUEST}], 0",
            "jne 22b",
            ".endr",
            "cmp [r12 + {BELL}], r14d",
            "jne 22b",
            "rdtsc",
            "shl rdx, 32",
            "or rax, rdx",
            "cmp rax, rbx",
            "jb 16b",
            // Sleeps until the bell rings. If a filter denies that, there is no way to go on without burning
            // a processor. Who rings after this is seen will wake it; who rang before has changed the bell.
            "17:",
            "mov eax, 1",
            "xchg [r12 + {SERVER_ASLEEP}], eax",
            "cmp dword ptr [r12 + {REQUEST}], 0",
            "jne 18f",
            "mov eax, {SYS_FUTEX}",
            "lea rdi, [r12 + {BELL}]",
            "mov esi, {FUTEX_WAIT}",
            "mov edx, r14d",
            "mov r10, [r12 + {VIGIL}]",
            "syscall",
            "mov dword ptr [r12 + {SERVER_ASLEEP}], 0",
            "test eax, eax",
            "jz 22b",
            "cmp eax, -{EAGAIN}",
            "je 22b",
            "cmp eax, -{EINTR}",
            "je 22b",
            // Looks whether the keeper is gone, as at first. r13: 0, nothing is requested.
            "cmp eax, -{ETIMEDOUT}",
            "je 21b",
            "jmp 40f",

            "18:",
            "mov dword ptr [r12 + {SERVER_ASLEEP}], 0",
            "jmp 22b",

            // Executes the requests up to the first that fails, but for those after which it is gone on, or
            // of which the next one takes the place. rbp: the entry, r13: how many.
            "30:",
            "lea rbp, [r12 + {ENTRIES}]",
            "31:",
            "mov eax, [rbp + {NUMBER}]",
            "and eax, {NUMBER_MASK}",
            "bt dword ptr [rbp + {NUMBER}], {ARM_AGAIN_BIT}",
            "mov rdi, [rbp + {ARGUMENTS}]",
            "mov rsi, [rbp + {ARGUMENTS} + 8]",
            "mov rdx, [rbp + {ARGUMENTS} + 16]",
            "mov r10, [rbp + {ARGUMENTS} + 24]",
            "mov r8,  [rbp + {ARGUMENTS} + 32]",
            "mov r9,  [rbp + {ARGUMENTS} + 40]",
            "jc 36f",
            "cmp eax, {SYS_EXECVE}",
            "je 37f",
            "cmp eax, {SYS_EXECVEAT}",
            "je 41f",
            "cmp eax, {SYS_CLONE3}",
            "je 38f",
            "32:",
            "syscall",
            "33:",
            "mov [rbp + {ANSWER}], rax",
            "34:",
            "mov rax, [rbp + {ANSWER}]",
            "cmp rax, -{MAX_ERRNO}",
            "jb 29f",
            "bt dword ptr [rbp + {NUMBER}], {OR_GO_ON_BIT}",
            "jc 29f",
            "bt dword ptr [rbp + {NUMBER}], {OR_NEXT_BIT}",
            "jnc 28f",
            "cmp rax, -{ENOENT}",
            "je 29f",
            "cmp rax, -{EACCES}",
            "je 29f",
            "cmp rax, -{ENOTDIR}",
            "je 29f",
            "cmp rax, -{ESTALE}",
            "je 29f",
            "cmp rax, -{ENODEV}",
            "je 29f",
            "cmp rax, -{ETIMEDOUT}",
            "je 29f",
            "28:",
            "bt dword ptr [rbp + {NUMBER}], {OR_EXIT_BIT}",
            "jc 40f",
            "jmp 35f",
            "29:",
            "add rbp, {ENTRY_SIZE}",
            "dec r13d",
            "jnz 31b",
            "35:",
            // The other way round: whoever falls asleep from here on sees the answer.
            "xor eax, eax",
            "xchg [r12 + {REQUEST}], eax",
            "cmp dword ptr [r12 + {DRIVER_ASLEEP}], 0",
            "je 22b",
            "mov eax, {SYS_FUTEX}",
            "lea rdi, [r12 + {REQUEST}]",
            "mov esi, {FUTEX_WAKE}",
            "mov edx, 1",
            "syscall",
            "test eax, eax",
            "jns 22b",
            "jmp 40f",

            // A call that may have disarmed the death signal.
            "36:",
            "syscall",
            "mov [rbp + {ANSWER}], rax",
            "jmp 21b",

            // execve: the new program gets the death signal that came as the fourth argument, 0 for
            // none. If that cannot be had, nothing is executed; if the execve fails, the child is
            // armed again.
            "37:",
            "cmp r10, {AS_IT_IS}",
            "je 39f",
            "mov r14, rdi",
            "mov r15, rsi",
            "mov r8, rdx",
            "mov eax, {SYS_PRCTL}",
            "mov edi, {PR_SET_PDEATHSIG}",
            "mov esi, r10d",
            "syscall",
            "test eax, eax",
            "jnz 33b",
            "mov eax, {SYS_EXECVE}",
            "mov rdi, r14",
            "mov rsi, r15",
            "mov rdx, r8",
            "jmp 36b",

            // execveat: the same, with the death signal as the sixth argument.
            "41:",
            "cmp r9, {AS_IT_IS}",
            "je 39f",
            "mov r14, rdi",
            "mov r15, rsi",
            "mov eax, {SYS_PRCTL}",
            "mov edi, {PR_SET_PDEATHSIG}",
            "mov esi, r9d",
            "syscall",
            "test eax, eax",
            "jnz 33b",
            "mov eax, {SYS_EXECVEAT}",
            "mov rdi, r14",
            "mov rsi, r15",
            "jmp 36b",

            // With filters in place, nothing that the child does afterwards is sure to be done. If this
            // comes back at all, it is the end.
            "39:",
            "syscall",
            "mov [rbp + {ANSWER}], rax",
            "jmp 40f",

            // clone3: a grandchild starts here, with the page that came as the last argument.
            "38:",
            "mov r15, r9",
            "syscall",
            "test rax, rax",
            "jnz 33b",
            "cmp dword ptr [r15 + {SERVER_PID}], 0",
            "je 33b",
            "mov r12, r15",
            "jmp 20b",

            "40:",
            "mov dword ptr [r12 + {GAVE_UP}], 1",
            "mov eax, {SYS_EXIT_GROUP}",
            "mov edi, {FAILURE}",
            "syscall",
            "ud2",

            "99:",

            inlateout("rax") libc::SYS_clone as usize => answer,
            inlateout("rdi") thread as usize => _,
            inlateout("rsi") 0_usize => _,
            in("rdx") page.keeper_tid.as_ptr(),
            in("r10") page.keeper_life.as_ptr(),
            in("r8") 0_usize,
            in("r12") ptr::from_ref(page),
            inlateout("r13") u64::from(cloner == Cloner::Caller) => _,
            lateout("rcx") _,
            lateout("r11") _,
            IGNORE = sym IGNORE,
            ROOT = sym ROOT,
            SYS_CHDIR = const libc::SYS_chdir,
            SYS_CLONE3 = const libc::SYS_clone3,
            SYS_EXECVE = const libc::SYS_execve,
            SYS_EXECVEAT = const libc::SYS_execveat,
            SYS_EXIT = const libc::SYS_exit,
            SYS_EXIT_GROUP = const libc::SYS_exit_group,
            SYS_FUTEX = const libc::SYS_futex,
            SYS_GETTID = const libc::SYS_gettid,
            SYS_PRCTL = const libc::SYS_prctl,
            SYS_RT_SIGACTION = const libc::SYS_rt_sigaction,
            SYS_SET_ROBUST_LIST = const libc::SYS_set_robust_list,
            PR_SET_PDEATHSIG = const libc::PR_SET_PDEATHSIG,
            SIGPIPE = const libc::SIGPIPE,
            SIGKILL = const libc::SIGKILL,
            SIGSET_SIZE = const SIGSET_SIZE,
            FUTEX_WAKE = const libc::FUTEX_WAKE,
            FUTEX_WAIT = const libc::FUTEX_WAIT,
            WAITERS = const libc::FUTEX_WAITERS,
            EAGAIN = const libc::EAGAIN,
            EINTR = const libc::EINTR,
            GAVE_UP = const offset_of!(Page, gave_up),
            FAILURE = const FAILURE,
            MAX_ERRNO = const local::MAX_ERRNO,
            ENOENT = const libc::ENOENT,
            EACCES = const libc::EACCES,
            ENOTDIR = const libc::ENOTDIR,
            ESTALE = const libc::ESTALE,
            ENODEV = const libc::ENODEV,
            ETIMEDOUT = const libc::ETIMEDOUT,
            NUMBER_MASK = const !(ARM_AGAIN | OR_NEXT | OR_EXIT | OR_GO_ON) as u32,
            OR_NEXT_BIT = const OR_NEXT.trailing_zeros(),
            OR_GO_ON_BIT = const OR_GO_ON.trailing_zeros(),
            OR_EXIT_BIT = const OR_EXIT.trailing_zeros(),
            ARM_AGAIN_BIT = const ARM_AGAIN.trailing_zeros(),
            AS_IT_IS = const DEATH_SIGNAL_AS_IT_IS as isize,
            CLONE_ARGS = const offset_of!(Page, clone_args),
            CLONE_ARGS_SIZE = const size_of::<CloneArgs>(),
            SPAWNED_PID = const offset_of!(Page, spawned_pid),
            SPAWNED = const offset_of!(Page, spawned),
            SERVER_PID = const offset_of!(Page, server_pid),
            KEEPER_TID = const offset_of!(Page, keeper_tid),
            KEEPER_LIST = const offset_of!(Page, keeper_list) + offset_of!(RobustList, first),
            TID_BEHIND_LIFE = const TID_BEHIND_LIFE,
            OWNER_DIED = const libc::FUTEX_OWNER_DIED,
            KEEPER_RELEASE = const offset_of!(Page, keeper_release),
            KEEPER = const offset_of!(Page, keeper),
            VIGIL = const offset_of!(Page, vigil),
            BELL = const offset_of!(Page, bell),
            DRIVER_PROCESSOR = const offset_of!(Page, driver_processor),
            SERVER_PROCESSOR = const offset_of!(Page, server_processor),
            NO_PROCESSOR = const lookout::NO_PROCESSOR as i32,
            LOOKOUT = const lookout::TICKS,
            SERVER_ASLEEP = const offset_of!(Page, server_asleep),
            DRIVER_ASLEEP = const offset_of!(Page, driver_asleep),
            DEFERRED = const offset_of!(Page, deferred),
            LISTS = const DEFERRED_LISTS,
            LIFE = const offset_of!(Page, life),
            ROBUST_LIST = const offset_of!(Page, robust_list) + offset_of!(RobustList, first),
            ROBUST_LIST_SIZE = const offset_of!(RobustList, entry),
            REQUEST = const offset_of!(Page, entries) + Entry::REQUEST,
            ENTRIES = const offset_of!(Page, entries),
            ENTRY_SIZE = const size_of::<Entry>(),
            NUMBER = const offset_of!(Entry, number),
            ARGUMENTS = const offset_of!(Entry, arguments),
            ANSWER = const offset_of!(Entry, answer),
            POSTED_COUNT = const offset_of!(Head, posted),
            FIRST = const offset_of!(Head, first),
            NEXT = const offset_of!(Node, next),
            STATE = const offset_of!(Node, state),
            POSTED_NUMBER = const offset_of!(Node, number),
            POSTED_ARGUMENTS = const offset_of!(Node, arguments),
            FREE = const deferred::FREE,
            POSTED = const deferred::POSTED,
            TAKEN = const deferred::TAKEN,
        );
    }
    answer
}
