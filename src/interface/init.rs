//! The program that the init of a pid namespace becomes so that another can be started under it.
//!
//! It waits for everybody, passes signals on, and ends as the one process ends that it is there for. It has no fds, no
//! environment, and one page: an ELF file of a few hundred bytes, made here, that holds nothing of this program's. So
//! unlike any other program it may live beside a driven task: it does not look into it, and in it there is nothing to be
//! seen.
//!
//! # Safety
//!
//! 1. The code runs only as a program of its own. Here it is jumped over, and read.
//! 2. It is between two labels of one piece of assembly, in this program's text, which is readable as long as that
//!    can be executed.
#![expect(unsafe_code, reason = "assembly")]

use std::arch::asm;
use std::ffi::CStr;
use std::slice;

/// What the program is called.
pub(crate) const NAME: &CStr = c"init";

/// Its exit status if it cannot go on: there is nobody to wait for, or a filter denies it what it does.
const FAILURE: u8 = 255;

/// Added to the number of the signal by which a process has ended, to tell of it by an exit status, as shells do.
const BY_SIGNAL: u8 = 128;

/// Where the file is in the program's memory.
const BASE: u64 = 0x40_0000;

const HEADERS: usize = size_of::<libc::Elf64_Ehdr>() + size_of::<libc::Elf64_Phdr>();

/// The file, for an init that ends as its child `pid` does. It is started with every signal blocked.
pub(crate) fn file(pid: libc::pid_t) -> Vec<u8> {
    let (code, pid) = (code(), pid.to_le_bytes());
    let length = HEADERS + code.len();
    let mut file = headers(length, HEADERS + pid.len());
    file.extend(pid);
    file.extend(&code[pid.len()..]);
    file
}

/// Those of a static executable that is loaded as it is: `elf(5)`.
fn headers(length: usize, entry: usize) -> Vec<u8> {
    const VERSION: u32 = 1;
    const SYSTEM_V: u8 = 0;
    let [a, b, c, d] = *b"\x7fELF";
    let identity = [a, b, c, d, libc::ELFCLASS64, libc::ELFDATA2LSB, VERSION as u8, SYSTEM_V];
    let (entry, length) = (BASE + entry as u64, length as u64);
    let mut headers = Vec::with_capacity(HEADERS);
    // The kernel's `Elf64_Ehdr`, field by field.
    headers.extend(identity);
    headers.extend([0; libc::EI_NIDENT - 8]);
    headers.extend(libc::ET_EXEC.to_le_bytes());
    headers.extend(libc::EM_X86_64.to_le_bytes());
    headers.extend(VERSION.to_le_bytes());
    headers.extend(entry.to_le_bytes());
    headers.extend((size_of::<libc::Elf64_Ehdr>() as u64).to_le_bytes());
    let (no_sections, no_flags) = (0_u64, 0_u32);
    headers.extend(no_sections.to_le_bytes());
    headers.extend(no_flags.to_le_bytes());
    headers.extend((size_of::<libc::Elf64_Ehdr>() as u16).to_le_bytes());
    headers.extend((size_of::<libc::Elf64_Phdr>() as u16).to_le_bytes());
    let (segments, sections) = (1_u16, [0_u16; 3]);
    headers.extend(segments.to_le_bytes());
    headers.extend(sections.map(u16::to_le_bytes).as_flattened());
    // And `Elf64_Phdr`: the whole file.
    headers.extend(libc::PT_LOAD.to_le_bytes());
    headers.extend((libc::PF_R | libc::PF_X).to_le_bytes());
    let (offset, page) = (0_u64, 4096_u64);
    for field in [offset, BASE, BASE, length, length, page] {
        headers.extend(field.to_le_bytes());
    }
    headers
}

/// What is executed, with room for the pid before it.
fn code() -> &'static [u8] {
    /// `sizeof(siginfo_t)`.
    const SIGINFO: usize = size_of::<libc::siginfo_t>();
    /// Where on the stack it keeps what the kernel tells it, and the set of all signals.
    const STATUS: usize = SIGINFO;
    const SIGNALS: usize = SIGINFO + 8;
    /// The offset of `si_code`.
    const CODE: usize = 8;
    /// The `si_code` of what the kernel sends.
    const SI_KERNEL: i32 = 0x80;

    let start: *const u8;
    let end: *const u8;
    // SAFETY: (1)
    unsafe {
        asm!(
            "lea {start}, [rip + 2f]",
            "lea {end}, [rip + 9f]",
            "jmp 9f",

            // The pid.
            "2:",
            ".long 0",
            // rbp: the pid.
            "mov ebp, [rip + 2b]",
            "sub rsp, {FRAME}",
            "mov qword ptr [rsp + {SIGNALS}], -1",

            // Reaps who has ended.
            "3:",
            "mov eax, {SYS_WAIT4}",
            "mov edi, -1",
            "lea rsi, [rsp + {STATUS}]",
            "mov edx, {NOHANG}",
            "xor r10d, r10d",
            "syscall",
            "test eax, eax",
            "jz 5f",
            "mov edi, {FAILURE}",
            "js 6f",
            "mov esi, eax",
            "mov eax, [rsp + {STATUS}]",
            "cmp al, {STOPPED}",
            "je 8f",
            "cmp esi, ebp",
            "jne 3b",
            "mov edi, eax",
            "and edi, 0x7f",
            "jz 4f",
            "add edi, {BY_SIGNAL}",
            "jmp 6f",
            "4:",
            "movzx edi, ah",
            "jmp 6f",

            // Only who has asked to be traced by its parent is seen to stop. Nobody traces it here: it goes on, and
            // gets the signal, unless that is the one that tells a tracer of an exec. esi: who.
            "8:",
            "movzx ecx, ah",
            "xor edx, edx",
            "cmp ecx, {SIGTRAP}",
            "cmove ecx, edx",
            "mov r10d, ecx",
            "mov eax, {SYS_PTRACE}",
            "mov edi, {PTRACE_DETACH}",
            "syscall",
            "jmp 3b",

            // Waits for a signal, and passes it on.
            "5:",
            "mov eax, {SYS_RT_SIGTIMEDWAIT}",
            "lea rdi, [rsp + {SIGNALS}]",
            "mov rsi, rsp",
            "xor edx, edx",
            "mov r10d, {SIGSET_SIZE}",
            "syscall",
            "cmp eax, {SIGCHLD}",
            "je 3b",
            "cmp eax, -{EINTR}",
            "je 5b",
            "mov edi, {FAILURE}",
            "test eax, eax",
            "js 6f",
            // What the terminal sends, everybody in its group has got already. But of a hangup it tells only who
            // leads the session.
            "cmp dword ptr [rsp + {CODE}], {SI_KERNEL}",
            "jne 7f",
            "cmp eax, {SIGHUP}",
            "je 7f",
            "cmp eax, {SIGCONT}",
            "jne 5b",
            "7:",
            "mov esi, eax",
            "mov edi, ebp",
            "mov eax, {SYS_KILL}",
            "syscall",
            "jmp 5b",

            // edi: the exit status.
            "6:",
            "mov eax, {SYS_EXIT_GROUP}",
            "syscall",
            "ud2",
            "9:",
            start = out(reg) start,
            end = out(reg) end,
            FRAME = const (SIGNALS + super::SIGSET_SIZE).next_multiple_of(16),
            STATUS = const STATUS,
            SIGNALS = const SIGNALS,
            CODE = const CODE,
            SI_KERNEL = const SI_KERNEL,
            SIGSET_SIZE = const super::SIGSET_SIZE,
            NOHANG = const libc::WNOHANG | libc::__WALL,
            FAILURE = const FAILURE,
            STOPPED = const 0x7f,
            BY_SIGNAL = const BY_SIGNAL,
            SIGCHLD = const libc::SIGCHLD,
            SIGTRAP = const libc::SIGTRAP,
            EINTR = const libc::EINTR,
            PTRACE_DETACH = const libc::PTRACE_DETACH,
            SYS_PTRACE = const libc::SYS_ptrace,
            SIGHUP = const libc::SIGHUP,
            SIGCONT = const libc::SIGCONT,
            SYS_WAIT4 = const libc::SYS_wait4,
            SYS_RT_SIGTIMEDWAIT = const libc::SYS_rt_sigtimedwait,
            SYS_KILL = const libc::SYS_kill,
            SYS_EXIT_GROUP = const libc::SYS_exit_group,
            options(nomem, nostack, preserves_flags),
        );
    }
    let length = end.addr() - start.addr();
    // SAFETY: (2)
    unsafe { slice::from_raw_parts(start, length) }
}
