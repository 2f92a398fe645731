//! Memory of other processes: what is read is what independent programs read there, and nothing once the
//! memory is gone.

#![allow(unsafe_code, reason = "a process that maps its memory in odd ways")]

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::{env, ptr};

use common::{another_host, deadline, fds, state, stop, until, until_blocked_in};
use nearfar::brand::Branded;
use nearfar::inspect::{Piece, ReadError, Region};
use nearfar::near::{Address, Pid};
use nearfar::prelude::*;
use nearfar::rustix::mm::{
    MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap,
};
use nearfar::rustix::process::geteuid;
use nearfar::{ErrorKind, PlainData};

const PAGE: usize = 4096;

/// A program that this library has not started; killed and reaped when this is dropped.
struct Stranger(Child);

impl Stranger {
    /// Waits until it is blocked in reading, or else in sleeping.
    fn blocked(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stranger = Stranger(child);
        let is_sleep = command.get_program() == "sleep";
        let call = if is_sleep { libc::SYS_clock_nanosleep } else { libc::SYS_read };
        until_blocked_in(stranger.pid(), call);
        stranger
    }

    fn pid(&self) -> Pid<HostPids> {
        Pid::asserted(self.0.id() as i32).unwrap()
    }

    fn pidfd(&self) -> Fd<HostFds> {
        Task::here().pidfd_open(self.pid()).unwrap()
    }

    fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().unwrap()
    }

    fn reap(&mut self) {
        self.0.wait().unwrap();
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have ended.
        let _killed = self.0.kill();
        self.reap();
    }
}

fn cat() -> Stranger {
    Stranger::blocked(&mut Command::new("cat"))
}

fn regions<A: Branded>(memory: &ProcessMemory<A>) -> Vec<Region<A>> {
    memory.regions().unwrap().map(Result::unwrap).collect()
}

fn kind(error: ReadError) -> ErrorKind {
    match error {
        ReadError::Failed(error) => error.kind(),
        other => panic!("{other}"),
    }
}

/// Every read of it says that it is gone.
#[track_caller]
fn assert_gone<A: Branded>(memory: &ProcessMemory<A>, address: Address<A>) {
    const GONE: ErrorKind = ErrorKind::MemoryGone;
    assert_eq!(kind(memory.read::<u8>(address).unwrap_err()), GONE);
    assert!(memory.read::<[u64; 4]>(memory.address(0)).unwrap_err().is_gone());
    let mut buffer = vec![0; 3 * PAGE];
    assert_eq!(kind(memory.read_slice(address, &mut buffer).unwrap_err()), GONE);
    assert_eq!(kind(memory.read_slice::<u8>(address, &mut []).unwrap_err()), GONE);
    assert_eq!(memory.read_available(address, &mut buffer).unwrap_err().kind(), GONE);
    assert_eq!(memory.read_available(address, &mut []).unwrap_err().kind(), GONE);
    let top = memory.address(usize::MAX);
    assert_eq!(memory.read_available(top, &mut buffer).unwrap_err().kind(), GONE);
    assert_eq!(kind(memory.read_c_string(address, 10).unwrap_err()), GONE);
    assert_eq!(memory.regions().unwrap_err().kind(), GONE);
    assert_eq!(memory.read_pieces(&mut []).unwrap_err().kind(), GONE);
    let (mut one, mut two) = ([0; 4], [0; 4]);
    let mut pieces = [memory.piece(address, &mut one), memory.piece(address, &mut two)];
    assert_eq!(memory.read_pieces(&mut pieces).unwrap_err().kind(), GONE);
    assert!(pieces.iter().all(|piece| piece.bytes().is_empty()));
}

/// What `dd` reads in a process.
fn read_by_dd(pid: Pid<HostPids>, address: usize, length: usize) -> Vec<u8> {
    let output = Command::new("dd")
        .arg(format!("if=/proc/{}/mem", pid.as_raw()))
        .args(["iflag=skip_bytes,count_bytes", "status=none", "bs=4096"])
        .args([format!("skip={address}"), format!("count={length}")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What `gdb` reads in a process, at each of these addresses; `None` if it is not installed.
fn read_by_gdb(pid: Pid<HostPids>, addresses: &[usize], length: usize) -> Option<Vec<Vec<u8>>> {
    let mut gdb = Command::new("gdb");
    gdb.args(["-nx", "-batch", "-p", &pid.as_raw().to_string()]);
    for address in addresses {
        gdb.args(["-ex", "echo @\\n", "-ex"]);
        gdb.arg(format!("x/{length}xb {address:#x}"));
    }
    let output = gdb.stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let parts = text.split("@\n").skip(1);
    let bytes = |part: &str| {
        let lines = part.lines().filter_map(|line| line.split_once(":\t"));
        let bytes = lines.flat_map(|(_, bytes)| bytes.split('\t'));
        bytes.map(|byte| u8::from_str_radix(byte.trim_start_matches("0x"), 16).unwrap()).collect()
    };
    Some(parts.map(bytes).collect())
}

#[test]
fn bytes_are_those_that_others_read() {
    const LENGTH: usize = 200;
    deadline(|| {
        let cat = cat();
        brand!(cat_memory);
        let memory = ProcessMemory::open(cat_memory, cat.pidfd()).unwrap();
        // The end of one mapping and the start of the next, where they touch.
        let regions = regions(&memory);
        let inner = regions.iter().filter(|region| {
            region.protection.contains(ProtFlags::READ)
                && !region.name.as_bytes().starts_with(b"[v")
        });
        let addresses: Vec<_> =
            inner.map(|region| region.mapping.end().as_raw() - LENGTH).collect();
        assert!(addresses.len() > 5);
        let ours: Vec<Vec<u8>> = addresses
            .iter()
            .map(|address| {
                let mut bytes = vec![0; LENGTH];
                memory.read_slice(memory.address(*address), &mut bytes).unwrap();
                bytes
            })
            .collect();
        assert!(ours.iter().any(|bytes| bytes.iter().any(|byte| *byte != 0)));
        for (address, bytes) in addresses.iter().zip(&ours) {
            assert_eq!(read_by_dd(cat.pid(), *address, LENGTH), *bytes, "{address:#x}");
        }
        match read_by_gdb(cat.pid(), &addresses, LENGTH) {
            Some(theirs) => assert_eq!(theirs, ours),
            None => crate::common::skip("in part: what gdb reads, as it is not installed"),
        }
    });
}

#[test]
fn regions_are_those_of_proc_and_of_the_file() {
    deadline(|| {
        let cat = cat();
        brand!(cat_memory);
        let memory = ProcessMemory::open(cat_memory, cat.pidfd()).unwrap();
        let maps = fs::read_to_string(format!("/proc/{}/maps", cat.pid().as_raw())).unwrap();
        let regions = regions(&memory);
        assert_eq!(regions.len(), maps.lines().count());
        for (region, line) in regions.iter().zip(maps.lines()) {
            let (start, end) = (region.mapping.address(), region.mapping.end());
            let range = format!("{:08x}-{:08x} ", start.as_raw(), end.as_raw());
            assert!(line.starts_with(&range), "{region:?}");
            assert!(line.ends_with(region.name.to_str().unwrap()), "{region:?}");
        }
        assert!(regions.is_sorted_by_key(|region| region.mapping.address()));
        for name in ["[heap]", "[stack]", "[vdso]"] {
            assert!(regions.iter().any(|region| region.name == name && region.path().is_none()));
        }
        let stack = regions.iter().find(|region| region.name == "[stack]").unwrap();
        assert_eq!(stack.protection, ProtFlags::READ | ProtFlags::WRITE);
        // An independent program names the file that runs, and its inode.
        let program = fs::read_link(format!("/proc/{}/exe", cat.pid().as_raw())).unwrap();
        let stat = Command::new("stat").args(["-c", "%i"]).arg(&program).output().unwrap();
        let inode = String::from_utf8(stat.stdout).unwrap().trim().parse().unwrap();
        let mapped: Vec<_> =
            regions.iter().filter(|region| region.path() == Some(&program)).collect();
        assert!(mapped.len() > 1 && mapped.iter().all(|region| region.inode == inode));
        assert!(mapped.iter().any(|region| region.protection.contains(ProtFlags::EXEC)));
        assert_eq!(memory.read::<[u8; 4]>(mapped[0].mapping.address()).unwrap(), *b"\x7fELF");
    });
}

#[test]
fn threads_may_list_it_at_the_same_time() {
    deadline(|| {
        let cat = cat();
        brand!(cat_memory);
        let memory = ProcessMemory::open(cat_memory, cat.pidfd()).unwrap();
        let expected = regions(&memory);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..100).for_each(|_| assert!(regions(&memory) == expected)));
            }
        });
    });
}

#[test]
fn a_child_that_has_become_a_program() {
    deadline(|| {
        let here = Task::here();
        let program = Program::new("sleep").arg("1000");
        let sleep = here.spawn().unwrap().program(&program).exec().unwrap().kill_on_drop(true);
        until_blocked_in(sleep.pid(), libc::SYS_clock_nanosleep);
        brand!(sleep_memory);
        let memory = ProcessMemory::open(sleep_memory, &sleep).unwrap();
        // Where the kernel says that the arguments are.
        let arguments = memory.address(common::stat(sleep.pid().as_raw(), 48) as usize);
        assert_eq!(memory.read_c_string(arguments, 100).unwrap().as_bytes(), b"sleep");
        let second = arguments.checked_add(6).unwrap();
        assert_eq!(memory.read_c_string(second, 100).unwrap().as_bytes(), b"1000");
        assert_eq!(memory.read::<[u8; 5]>(second).unwrap(), *b"1000\0");
        assert_eq!(format!("{memory:?}"), "ProcessMemory(sleep_memory)");
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        assert_gone(&memory, arguments);
    });
}

/// The memory of a program is there some moments before the program is in it, and longer where others are at work.
#[test]
fn it_is_opened_when_the_program_is_in_it() {
    deadline(|| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        std::hint::spin_loop();
                    }
                });
            }
            let _over = Over(&is_over);
            let sleep = Program::new("sleep").arg("1000");
            for _ in 0..300 {
                let process = Task::here().spawn().unwrap().program(&sleep).exec().unwrap();
                let process = process.kill_on_drop(true);
                brand!(sleep_memory);
                let memory = ProcessMemory::open(sleep_memory, &process).unwrap();
                let first = memory.regions().unwrap().next().unwrap().unwrap();
                let magic = memory.read::<[u8; 4]>(first.mapping.address()).unwrap();
                assert_eq!(magic, *b"\x7fELF");
            }
        });
    });
}

/// Says so when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_command_of_this_library() {
    deadline(|| {
        let mut cat = nearfar::Command::new("cat");
        let mut cat =
            cat.stdin(nearfar::process::Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        brand!(cat_memory);
        let pidfd = std::os::fd::AsFd::as_fd(&cat);
        let memory = ProcessMemory::open(cat_memory, pidfd).unwrap();
        assert!(!regions(&memory).is_empty());
        drop(cat.stdin.take());
        assert!(cat.wait().unwrap().success());
        assert_gone(&memory, memory.address(PAGE));
    });
}

#[test]
fn a_stopped_process_is_read() {
    deadline(|| {
        let cat = cat();
        stop(cat.pid());
        brand!(cat_memory);
        let memory = ProcessMemory::open(cat_memory, cat.pidfd()).unwrap();
        let start = regions(&memory)[0].mapping.address();
        assert_eq!(memory.read::<[u8; 4]>(start).unwrap(), *b"\x7fELF");
        assert_eq!(state(cat.pid()), Some('T'));
    });
}

#[test]
fn a_process_whose_first_thread_has_ended_is_read() {
    const SCRIPT: &str = "import ctypes, sys, threading; \
        threading.Thread(target=lambda: sys.stdin.read()).start(); \
        ctypes.CDLL(None).syscall(60, 0)";
    deadline(|| {
        let mut python = Command::new("python3");
        let python = python.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null());
        let Ok(child) = python.spawn() else {
            crate::common::skip("needs python3, to end a program's first thread alone");
            return;
        };
        let python = Stranger(child);
        until("its first thread has ended", || state(python.pid()) == Some('Z'));
        brand!(python_memory);
        let memory = ProcessMemory::open(python_memory, python.pidfd()).unwrap();
        let start = regions(&memory)[0].mapping.address();
        assert_eq!(memory.read::<[u8; 4]>(start).unwrap(), *b"\x7fELF");
        drop(python);
        assert_gone(&memory, start);
    });
}

#[test]
fn a_process_that_becomes_another_program_is_gone() {
    deadline(|| {
        let mut script = Command::new("sh");
        let mut shell = Stranger::blocked(script.args(["-c", "read x; exec sleep 1000"]));
        let pidfd = shell.pidfd();
        brand!(shell_memory, sleep_memory);
        let memory = ProcessMemory::open(shell_memory, &pidfd).unwrap();
        let start = regions(&memory)[0].mapping.address();
        memory.read::<u64>(start).unwrap();
        writeln!(shell.stdin()).unwrap();
        until_blocked_in(shell.pid(), libc::SYS_clock_nanosleep);
        assert_gone(&memory, start);
        // The same process has another memory now.
        let memory = ProcessMemory::open(sleep_memory, &pidfd).unwrap();
        let program = regions(&memory)[0].path().unwrap().to_owned();
        assert_eq!(program, fs::read_link(format!("/proc/{}/exe", shell.pid().as_raw())).unwrap());
        assert!(program.ends_with("sleep"));
    });
}

#[test]
fn a_process_that_exits_or_is_killed_is_gone() {
    deadline(|| {
        for is_killed in [false, true] {
            let mut cat = cat();
            let pidfd = cat.pidfd();
            brand!(cat_memory, zombie_memory, no_memory);
            let memory = ProcessMemory::open(cat_memory, &pidfd).unwrap();
            let start = regions(&memory)[0].mapping.address();
            if is_killed {
                cat.0.kill().unwrap();
            } else {
                drop(cat.stdin());
            }
            until("it is a zombie", || state(cat.pid()) == Some('Z'));
            assert_gone(&memory, start);
            let gone = |error: nearfar::Error| assert_eq!(error.kind(), ErrorKind::MemoryGone);
            gone(ProcessMemory::open(zombie_memory, &pidfd).unwrap_err());
            cat.reap();
            assert_gone(&memory, start);
            gone(ProcessMemory::open(no_memory, &pidfd).unwrap_err());
        }
    });
}

#[test]
fn a_process_that_never_stays_the_same_program_is_one_of_them_or_gone() {
    deadline(|| {
        let mut script = Command::new("sh");
        let again = "exec sh -c \"$0\" \"$0\"";
        let shell = Stranger(script.args(["-c", again, again]).spawn().unwrap());
        let pidfd = shell.pidfd();
        until("it is a shell", || {
            fs::read_to_string(format!("/proc/{}/comm", shell.pid().as_raw())).unwrap() == "sh\n"
        });
        let program = fs::canonicalize(
            env::split_paths(&env::var_os("PATH").unwrap())
                .map(|directory| directory.join("sh"))
                .find(|path| path.exists())
                .unwrap(),
        )
        .unwrap();
        let mut listed = 0;
        for _ in 0..500 {
            brand!(shell_memory);
            let memory = ProcessMemory::open(shell_memory, &pidfd).unwrap();
            let Ok(regions) = memory.regions() else { continue };
            listed += 1;
            // The list and the bytes are of the same memory.
            let shells = regions
                .map(Result::unwrap)
                .filter(|region| region.path() == Some(&program) && region.offset == 0);
            for region in shells {
                match memory.read::<[u8; 4]>(region.mapping.address()) {
                    Ok(magic) => assert_eq!(magic, *b"\x7fELF"),
                    Err(error) => assert!(error.is_gone(), "{region:?}: {error}"),
                }
            }
        }
        assert!(listed > 0);
    });
}

static MARK: [u64; 4] = [0x5de1_66e1, 0x97b5_3c5b, 0x0e2d_61fa, 0x7bb1_9fd3];

/// Spawns programs by `vfork`, which live in this memory until they are programs.
fn spawns_programs() {
    (0..1000).for_each(|_| assert!(Command::new("true").status().unwrap().success()));
}

/// Opens the memory of all children of a thread with such a number while there are some, again and again until
/// it is not that with `MARK` at this address any more. Whose it was, of how many.
fn opened_on_their_way(thread: &str, mark: usize, until: impl Fn() -> bool) -> (u32, u32) {
    let here = Task::here();
    let program = env::current_exe().unwrap();
    let (mut parents, mut theirs) = (0, 0);
    while let Ok(list) = fs::read_to_string(format!("/proc/{thread}/children")) {
        let child = list.split_whitespace().next().and_then(|child| child.parse().ok());
        let Some(child) = child.and_then(Pid::asserted) else {
            if until() {
                break;
            }
            continue;
        };
        let Ok(pidfd) = here.pidfd_open(child) else { continue };
        loop {
            brand!(child_memory);
            let Ok(memory) = ProcessMemory::open(child_memory, &pidfd) else { break };
            let address = memory.address(mark);
            let is_parents = memory.read::<[u64; 4]>(address).is_ok_and(|found| found == MARK);
            let Ok(regions) = memory.regions() else { break };
            let lists_parents = regions
                .map(Result::unwrap)
                .any(|region| region.mapping.contains(address) && region.path() == Some(&program));
            assert_eq!(
                is_parents, lists_parents,
                "the bytes are of one memory, the list of another"
            );
            if !is_parents {
                theirs += 1;
                break;
            }
            parents += 1;
        }
    }
    (parents, theirs)
}

#[test]
#[ignore = "run by the other tests"]
fn spawns_programs_in_its_memory() {
    let thread = Task::here().gettid().unwrap().as_raw();
    println!("\nmark {}\nthread {thread}\nready", (&raw const MARK).expose_provenance());
    spawns_programs();
}

#[test]
fn a_process_in_its_parents_memory_is_read_there_or_in_its_own() {
    deadline(|| {
        let parent = Odd::started("spawns_programs_in_its_memory");
        let thread = format!("{}/task/{}", parent.process.0.id(), parent.told("thread"));
        let has_ended = || state(parent.process.pid()) == Some('Z');
        let (parents, theirs) = opened_on_their_way(&thread, parent.told("mark"), has_ended);
        if parents == 0 || theirs == 0 {
            eprintln!("not seen: {parents} in their parent's memory and {theirs} in their own");
        }
    });
}

#[test]
fn a_child_is_never_read_in_this_memory() {
    deadline(|| {
        let (sender, spawner) = std::sync::mpsc::channel();
        let spawning = thread::spawn(move || {
            sender.send(Task::here().gettid().unwrap().as_raw()).unwrap();
            spawns_programs();
        });
        let thread = format!("self/task/{}", spawner.recv().unwrap());
        let mark = (&raw const MARK).expose_provenance();
        let (ours, theirs) = opened_on_their_way(&thread, mark, || spawning.is_finished());
        spawning.join().unwrap();
        assert_eq!(ours, 0);
        assert!(theirs > 0);

        // One that stays is refused.
        let child = Task::here().spawn().unwrap();
        let pidfd = Task::here().pidfd_open(child.host_pid()).unwrap();
        brand!(no_memory, program_memory);
        let error = ProcessMemory::open(no_memory, &pidfd).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OwnMemory);
        let sleep = Program::new("sleep").arg("1000");
        let sleep = child.program(&sleep).exec().unwrap().kill_on_drop(true);
        let memory = ProcessMemory::open(program_memory, &pidfd).unwrap();
        let found = memory.read::<[u64; 4]>(memory.address(mark));
        assert!(!found.is_ok_and(|found| found == MARK));
        drop(sleep);
    });
}

#[test]
fn this_process_can_read_itself() {
    deadline(|| {
        brand!(own_memory);
        let here = Task::here();
        let pidfd = here.pidfd_open(here.getpid().unwrap()).unwrap();
        let memory = ProcessMemory::open(own_memory, pidfd).unwrap();
        let mark = memory.address((&raw const MARK).expose_provenance());
        assert_eq!(memory.read::<[u64; 4]>(mark).unwrap(), MARK);
    });
}

#[test]
fn a_kernel_thread_has_no_memory() {
    deadline(|| {
        if fs::read_to_string("/proc/2/comm").is_ok_and(|name| name == "kthreadd\n") {
            let pidfd = Task::here().pidfd_open(Pid::asserted(2).unwrap()).unwrap();
            brand!(no_memory);
            let error = ProcessMemory::open(no_memory, pidfd).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MemoryGone);
        } else {
            crate::common::skip("needs the first pid namespace, where kernel threads are");
        }
    });
}

#[test]
fn what_is_no_pidfd_is_refused() {
    deadline(|| {
        brand!(no_memory, no_memory_either);
        let file = File::open("/dev/null").unwrap();
        let error = ProcessMemory::open(no_memory, &file).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::BADF));
        // Also a process's directory, which some calls take for a pidfd.
        let directory = File::open("/proc/self").unwrap();
        let error = ProcessMemory::open(no_memory_either, &directory).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::BADF));
    });
}

#[test]
fn a_process_of_somebody_else_is_refused_by_the_kernel() {
    deadline(|| {
        if !geteuid().is_root() {
            crate::common::skip("needs CAP_SETUID, to start a process of another user");
            return;
        }
        let cat = Stranger::blocked(Command::new("cat").uid(65534).gid(65534));
        let pidfd = cat.pidfd();
        brand!(with_capability);
        drop(ProcessMemory::open(with_capability, &pidfd).unwrap());
        // A thread without privileges.
        let refused = thread::spawn(move || {
            let none = CapabilitySet::empty();
            let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
            Task::here().capset(none).unwrap();
            brand!(without_capability);
            ProcessMemory::open(without_capability, &pidfd).unwrap_err()
        });
        let error = refused.join().unwrap();
        assert_eq!(error.errno(), Some(Errno::ACCESS), "{error}");
        assert_eq!(error.to_string(), "openat: Permission denied (os error 13)");
    });
}

#[test]
fn its_fds_are_close_on_exec_and_closed_with_it() {
    deadline(|| {
        let cat = cat();
        let open = || -> Vec<i32> {
            let directory = format!("/proc/{}/", cat.pid().as_raw());
            let ours = fds(std::process::id()).into_iter();
            ours.filter(|(_, path)| path.starts_with(&directory))
                .map(|(number, _)| number)
                .collect()
        };
        brand!(cat_memory);
        let memory = ProcessMemory::open(cat_memory, cat.pidfd()).unwrap();
        let numbers = open();
        assert_eq!(numbers.len(), 2);
        for number in numbers {
            assert!(number > 2 && common::number_is_close_on_exec(std::process::id(), number));
        }
        drop(memory);
        assert!(open().is_empty());
    });
}

/// A copy of this program that does something odd with its memory, and tells where.
struct Odd {
    process: Stranger,
    /// What it prints must have somewhere to go.
    _output: BufReader<ChildStdout>,
    lines: Vec<String>,
}

impl Odd {
    fn new() -> Self {
        Odd::started("maps_its_memory_in_odd_ways")
    }

    fn started(role: &str) -> Self {
        let mut command = another_host(role);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Stranger(command.spawn().unwrap());
        let mut output = BufReader::new(process.0.stdout.take().unwrap());
        let lines = output.by_ref().lines().map(Result::unwrap);
        let lines = lines.take_while(|line| !line.ends_with("ready")).collect();
        Odd { process, _output: output, lines }
    }

    /// A number that it has printed behind a name.
    #[track_caller]
    fn told(&self, name: &str) -> usize {
        let values = self.lines.iter().filter_map(|line| line.split_once(' '));
        let (_, value) = values.into_iter().find(|(found, _)| *found == name).unwrap();
        value.parse().unwrap()
    }

    fn files(&self) -> PathBuf {
        files(self.process.0.id())
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        // Not all of them have some.
        let _removed = fs::remove_dir_all(self.files());
    }
}

/// Where the odd process has its files.
fn files(process: u32) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("odd-{process}"))
}

const ODD_NAMES: [&[u8]; 5] =
    [b"two words ", b"new\nline\n", b"back\\slash\\n", b"\xff\xfe", b"is (deleted) [heap]"];

#[test]
#[ignore = "run by the other tests"]
fn maps_its_memory_in_odd_ways() {
    let (read, write) = (ProtFlags::READ, ProtFlags::READ | ProtFlags::WRITE);
    let anonymous = |length| {
        // SAFETY: a fresh mapping.
        unsafe { mmap_anonymous(ptr::null_mut(), length, write, MapFlags::PRIVATE) }.unwrap()
    };
    let address = |pointer: *mut libc::c_void| pointer.expose_provenance();
    let put = |target: *mut libc::c_void, bytes: &[u8]| {
        // SAFETY: the mapping is large enough, and only this test knows it.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target.cast(), bytes.len()) };
    };

    // Three pages, of which the second goes, in the end.
    let first = anonymous(3 * PAGE);
    let (hole, third) = (first.wrapping_byte_add(PAGE), first.wrapping_byte_add(2 * PAGE));
    put(first, &[b'a'; PAGE]);
    put(third, &[b'c'; PAGE]);
    println!("\nhole {}", address(hole));

    // Two pages with a string, and a list whose last element leads nowhere.
    let strings = anonymous(2 * PAGE);
    put(strings, &[b's'; PAGE + 100]);
    let list = strings.wrapping_byte_add(PAGE + 104);
    let element = |number| address(list) + size_of::<Element>() * number;
    put(
        list,
        bytemuck::bytes_of(&[
            Element { next: element(1), value: 7 },
            Element { next: element(2), value: 8 },
            Element { next: 0, value: 9 },
        ]),
    );
    println!("strings {}\nlist {}", address(strings), address(list));

    // A page that the process itself cannot read.
    let secret = anonymous(PAGE);
    put(secret, &[b'x'; PAGE]);
    // SAFETY: nobody reads it any more.
    unsafe { mprotect(secret, PAGE, MprotectFlags::empty()) }.unwrap();
    println!("secret {}", address(secret));

    // Files with odd names, one of them without a name any more, and one that ends in the first of two pages.
    let directory = files(std::process::id());
    fs::create_dir(&directory).unwrap();
    for (number, name) in ODD_NAMES.into_iter().chain([&b"gone"[..]]).enumerate() {
        let path = directory.join(std::ffi::OsString::from_vec(name.to_vec()));
        fs::write(&path, vec![number as u8; PAGE]).unwrap();
        let file = File::open(&path).unwrap();
        // SAFETY: a fresh mapping.
        let mapped =
            unsafe { mmap(ptr::null_mut(), 2 * PAGE, read, MapFlags::SHARED, &file, 0) }.unwrap();
        println!("file{number} {}", address(mapped));
    }
    fs::remove_file(directory.join("gone")).unwrap();

    // Nothing is mapped after this, so that the hole stays one.
    // SAFETY: nobody uses it any more.
    unsafe { munmap(hole, PAGE) }.unwrap();
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn names_of_files_are_what_they_are() {
    deadline(|| {
        let odd = Odd::new();
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let regions = regions(&memory);
        let at = |name: &str| {
            let address = memory.address(odd.told(name));
            regions.iter().find(|region| region.mapping.address() == address).unwrap()
        };
        for (number, name) in ODD_NAMES.iter().enumerate() {
            let region = at(&format!("file{number}"));
            let path = odd.files().join(std::ffi::OsStr::from_bytes(name));
            assert_eq!(region.path(), Some(&*path));
            assert!(region.is_shared && !region.is_deleted());
            assert_eq!(region.protection, ProtFlags::READ);
            assert_eq!(memory.read::<u8>(region.mapping.address()).unwrap(), number as u8);
        }
        let gone = at("file5");
        assert!(gone.is_deleted());
        assert_eq!(gone.path(), Some(&*odd.files().join("gone")));
    });
}

#[test]
fn a_read_says_where_it_stopped() {
    deadline(|| {
        let odd = Odd::new();
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let hole = memory.address(odd.told("hole"));
        let mut buffer = vec![0; 3 * PAGE];

        let before = hole.checked_sub(PAGE).unwrap();
        let piece = memory.read_available(before, &mut buffer).unwrap();
        assert_eq!((piece.bytes(), piece.unreadable()), (&[b'a'; PAGE][..], Some(hole)));
        let piece = memory.read_available(hole, &mut buffer).unwrap();
        assert_eq!((piece.bytes().len(), piece.unreadable()), (0, Some(hole)));
        let after = hole.checked_add(PAGE).unwrap();
        let piece = memory.read_available(after, &mut buffer[..PAGE]).unwrap();
        assert_eq!((piece.bytes(), piece.unreadable()), (&[b'c'; PAGE][..], None));

        // A value that is half there.
        let half = hole.checked_sub(3).unwrap();
        let error = memory.read::<u64>(half).unwrap_err();
        let address = hole.as_raw();
        assert_eq!(error, ReadError::Unreadable { memory: "odd_memory", address, read: 3 });
        assert_eq!(
            error.to_string(),
            format!("nothing can be read at {address:#x} of `odd_memory`")
        );
        assert_eq!(memory.read::<[u8; 3]>(half).unwrap(), *b"aaa");
        // A file that ends within its mapping.
        let file = memory.address(odd.told("file3"));
        let piece = memory.read_available(file, &mut buffer).unwrap();
        assert_eq!((piece.bytes(), piece.unreadable()), (&[3; PAGE][..], file.checked_add(PAGE)));
    });
}

#[test]
fn strings_end_where_they_end() {
    deadline(|| {
        let odd = Odd::new();
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let strings = memory.address(odd.told("strings"));
        let length = PAGE + 100;
        for limit in [length, length + 1, usize::MAX] {
            assert_eq!(
                memory.read_c_string(strings, limit).unwrap().as_bytes(),
                vec![b's'; length]
            );
        }
        let address = strings.as_raw();
        for limit in [0, 1, 100, PAGE - 1, PAGE, length - 1] {
            let error = memory.read_c_string(strings, limit).unwrap_err();
            assert_eq!(error, ReadError::Unterminated { memory: "odd_memory", address, limit });
        }
        let last = strings.checked_add(length).unwrap();
        assert_eq!(memory.read_c_string(last, 0).unwrap().as_bytes(), b"");
        // One that runs into what cannot be read.
        let hole = memory.address(odd.told("hole"));
        let start = hole.checked_sub(10).unwrap();
        assert!(matches!(
            memory.read_c_string(start, 10).unwrap_err(),
            ReadError::Unreadable { read: 10, address, .. } if address == hole.as_raw()
        ));
        assert!(matches!(
            memory.read_c_string(start, 9).unwrap_err(),
            ReadError::Unterminated { limit: 9, .. }
        ));
    });
}

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Element {
    next: usize,
    value: u64,
}

#[test]
fn pointers_are_followed() {
    fn is_plain<T: PlainData>() {}
    is_plain::<Element>();
    deadline(|| {
        let odd = Odd::new();
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let (mut next, mut values) = (odd.told("list"), Vec::new());
        while next != 0 {
            let element: Element = memory.read(memory.address(next)).unwrap();
            values.push(element.value);
            next = element.next;
        }
        assert_eq!(values, [7, 8, 9]);
        let mut elements = [Element { next: 0, value: 0 }; 3];
        memory.read_slice(memory.address(odd.told("list")), &mut elements).unwrap();
        assert_eq!(elements.map(|element| element.value), [7, 8, 9]);
    });
}

#[test]
fn what_the_process_may_not_read_is_as_the_kernel_says() {
    deadline(|| {
        let odd = Odd::new();
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let secret = memory.address(odd.told("secret"));
        let mut buffer = [0; 16];
        let ours = memory.read_slice(secret, &mut buffer).map(|()| buffer.to_vec()).ok();
        let mut file = File::open(format!("/proc/{}/mem", odd.process.0.id())).unwrap();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(secret.as_raw() as u64)).unwrap();
        let mut theirs = [0; 16];
        assert_eq!(ours, file.read_exact(&mut theirs).map(|()| theirs.to_vec()).ok());
        let region = regions(&memory).into_iter().find(|region| region.mapping.contains(secret));
        assert_eq!(region.unwrap().protection, ProtFlags::empty());
    });
}

#[test]
fn no_address_is_too_high_and_no_length_too_great() {
    deadline(|| {
        let cat = cat();
        brand!(cat_memory);
        let memory = ProcessMemory::open(cat_memory, cat.pidfd()).unwrap();
        let start = regions(&memory)[0].mapping.address();
        let mut buffer = vec![0; 2 * PAGE];
        let high = [
            0,
            1 << 47,
            (1 << 47) - PAGE,
            1 << 56,
            (1 << 63) - 1,
            1 << 63,
            0xffff_ffff_ff60_0000,
            usize::MAX - PAGE,
            usize::MAX,
        ];
        for number in high {
            let address = memory.address(number);
            let piece = memory.read_available(address, &mut buffer).unwrap();
            assert_eq!((piece.bytes().len(), piece.unreadable()), (0, Some(address)));
            assert_eq!(memory.read_available(address, &mut []).unwrap().unreadable(), None);
            memory.read_slice::<u64>(address, &mut []).unwrap();
            for error in [
                memory.read::<[u64; 2]>(address).unwrap_err(),
                memory.read_c_string(address, usize::MAX).unwrap_err(),
            ] {
                assert!(
                    matches!(error, ReadError::Unreadable { read: 0, address, .. } if address == number)
                );
            }
            let mut buffers = [[0; 32]; 3];
            let mut pieces = buffers.each_mut().map(|buffer| memory.piece(address, buffer));
            memory.read_pieces(&mut pieces).unwrap();
            assert!(pieces.iter().all(|piece| piece.unreadable() == Some(address)));
        }
        // More than there is, from a place where there is something.
        let mut huge = vec![0; 1 << 30];
        let end = memory.read_available(start, &mut huge).unwrap().unreadable().unwrap();
        assert!(regions(&memory).iter().any(|region| region.mapping.end() == end));
        assert!(start.checked_add(usize::MAX).is_none());
    });
}

/// How many reading calls this thread has made.
fn reads() -> u64 {
    let io = fs::read_to_string("/proc/thread-self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("syscr: ")).unwrap().parse().unwrap()
}

#[test]
fn pieces_are_read_by_few_calls() {
    deadline(|| {
        let odd = Odd::new();
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let hole = memory.address(odd.told("hole"));
        let mut buffers = [[0; 8]; 300];
        // From the second half of the page on, two of three in the hole, and behind it.
        let place = |number: usize| hole.as_raw() - PAGE / 2 + number * 20;
        let mut pieces: Vec<Piece<_>> = (buffers.iter_mut().enumerate())
            .map(|(number, buffer)| memory.piece(memory.address(place(number)), buffer))
            .collect();
        pieces.reverse();
        let uncounted = reads();
        let uncounted = reads() - uncounted;

        let before = reads();
        let until_hole = pieces.len() - 102;
        memory.read_pieces(&mut pieces[until_hole..]).unwrap();
        assert_eq!(reads() - before - uncounted, 1);

        memory.read_pieces(&mut pieces).unwrap();
        for piece in pieces {
            let start = piece.address().as_raw();
            let expected: &[u8] = if start < hole.as_raw() {
                &b"aaaaaaaa"[..8.min(hole.as_raw() - start)]
            } else {
                &b"cccccccc"[..if start < hole.as_raw() + PAGE { 0 } else { 8 }]
            };
            assert_eq!(piece.bytes(), expected);
            let stopped = piece.address().checked_add(expected.len());
            assert_eq!(piece.unreadable(), stopped.filter(|_| expected.len() < 8));
        }
    });
}

#[test]
fn pieces_are_what_is_read_one_by_one() {
    deadline(|| {
        let odd = Odd::new();
        stop(odd.process.pid());
        brand!(odd_memory);
        let memory = ProcessMemory::open(odd_memory, odd.process.pidfd()).unwrap();
        let bounds: Vec<usize> = regions(&memory)
            .iter()
            .flat_map(|region| [region.mapping.address().as_raw(), region.mapping.end().as_raw()])
            .collect();
        let mut state = 0x2545_f491_4f6c_dd1d_usize;
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % limit
        };
        for _ in 0..100 {
            let count = below(40);
            let wanted: Vec<(usize, usize)> = (0..count)
                .map(|_| {
                    let bound = bounds[below(bounds.len())];
                    let start = bound.wrapping_add(below(6 * PAGE)).wrapping_sub(3 * PAGE);
                    let length = [0, 1, 8, 700, PAGE, 9000, 70_000][below(7)];
                    (start, below(length + 1))
                })
                .collect();
            let mut buffers: Vec<Vec<u8>> =
                wanted.iter().map(|(_, length)| vec![0; *length]).collect();
            let mut pieces: Vec<_> = wanted
                .iter()
                .zip(&mut buffers)
                .map(|((start, _), buffer)| memory.piece(memory.address(*start), buffer))
                .collect();
            memory.read_pieces(&mut pieces).unwrap();
            for (piece, (start, length)) in pieces.iter().zip(&wanted) {
                let mut buffer = vec![0; *length];
                let alone = memory.read_available(memory.address(*start), &mut buffer).unwrap();
                assert_eq!(piece.bytes(), alone.bytes(), "{piece:?}");
                assert_eq!(piece.unreadable(), alone.unreadable(), "{piece:?}");
            }
        }
    });
}
