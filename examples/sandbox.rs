//! Runs a program where it can see little and change nothing:
//! `sandbox [--bind DIR] [--no-net] CMD ARGS...`
//!
//! CMD is in user, pid, mount, network, UTS and IPC namespaces of its own. Everything is read-only but
//! DIR; `/proc` and `/tmp` are new; the network is a loopback device, and with `--no-net` not even that.
//! It has no capabilities and gets none, a few limits, and exactly standard input, output and error.
//!
//! An init that the library brings along waits for orphans inside, and passes on the signals that this program
//! passes on to it.
//!
//! It starts faster when it is linked statically, as a sandbox may well be:
//! `RUSTFLAGS=-Ctarget-feature=+crt-static cargo build --release --example sandbox --target x86_64-unknown-linux-gnu`

#![forbid(unsafe_code)]

use std::error::Error;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nearfar::prelude::*;
use nearfar::{IdMap, Outcome, SignalSet};

/// What CMD may use of the machine.
const LIMITS: [(Resource, u64); 3] =
    [(Resource::Nofile, 1024), (Resource::Nproc, 1024), (Resource::Core, 0)];

/// What is passed on to CMD.
const SIGNALS: [Signal; 6] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];

/// The `si_code` of what the kernel sends: `sigaction(2)`.
const SI_KERNEL: i32 = 0x80;

struct Sandbox {
    bind: Option<PathBuf>,
    network: bool,
    program: Program,
}

fn main() -> ExitCode {
    match options(std::env::args_os().skip(1)).and_then(|sandbox| run(&sandbox)) {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = OsString>) -> Result<Sandbox, Box<dyn Error>> {
    const USAGE: &str = "usage: sandbox [--bind DIR] [--no-net] CMD ARGS...";
    let (mut bind, mut network) = (None, true);
    while let Some(argument) = arguments.next() {
        match argument.as_bytes() {
            b"--bind" => bind = Some(arguments.next().ok_or(USAGE)?.into()),
            b"--no-net" => network = false,
            [b'-', ..] => return Err(USAGE.into()),
            _ => {
                let program = Program::new(argument).args(arguments);
                return Ok(Sandbox { bind, network, program });
            }
        }
    }
    Err(USAGE.into())
}

/// Makes the namespaces, and has the program run in them under an init.
fn run(sandbox: &Sandbox) -> Result<Outcome, Box<dyn Error>> {
    let here = Task::here();
    let signals = SignalSet::from_iter(SIGNALS);
    here.sigprocmask(SigmaskChange::Block, signals)?;

    let own = Namespaces::USER | Namespaces::MOUNT | Namespaces::NET;
    brand!(inner_pids);
    let init = here.spawn_with_namespaces(inner_pids, own | Namespaces::UTS | Namespaces::IPC);
    let init = init.map_err(|error| {
        format!("no user namespaces ({error}): see user.max_user_namespaces in sysctl(8), and whether the kernel's security modules restrict them")
    })?;
    here.deny_setgroups(&init)?;
    here.write_uid_map(&init, &[IdMap::own_uid_as(0)])?;
    here.write_gid_map(&init, &[IdMap::own_gid_as(0)])?;

    arrange_files(&init, sandbox.bind.as_deref())?;
    init.sethostname("sandbox")?;
    if sandbox.network {
        let any =
            init.socket(AddressFamily::INET, SocketType::DGRAM, None, SocketFlags::empty())?;
        init.set_device_up(&any, "lo", true)?;
    }
    for (resource, limit) in LIMITS {
        let maximum = init.getrlimit(resource)?.maximum.map_or(limit, |now| now.min(limit));
        init.setrlimit(resource, Rlimit { current: Some(maximum), maximum: Some(maximum) })?;
    }
    give_up_privileges(&init)?;

    let name = sandbox.program.get_program().to_string_lossy();
    let process = init.program(&sandbox.program).exec_under_init();
    let process = process.map_err(|error| format!("{name}: {error}"))?;
    accompany(&process, signals)?;
    Ok(process.wait()?.outcome())
}

/// A read-only root, and what is new in it.
fn arrange_files(init: &impl MountTask, bind: Option<&Path>) -> Result<(), Box<dyn Error>> {
    init.mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE;
    let kept = bind.map(|directory| init.open_tree(Cwd, directory, clone)).transpose()?;
    let read_only =
        MountAttr { attr_set: MountAttrFlags::MOUNT_ATTR_RDONLY, ..MountAttr::default() };
    init.mount_setattr(Cwd, "/", AT_RECURSIVE, read_only)?;
    let harmless = MountFlags::NOSUID | MountFlags::NODEV;
    init.mount("tmpfs", "/tmp", "tmpfs", harmless, None)?;
    init.mount("proc", "/proc", "proc", harmless | MountFlags::NOEXEC, None).map_err(|error| {
        format!("no /proc of its own ({error}): something is mounted over parts of the one here")
    })?;
    if let (Some(kept), Some(directory)) = (kept, bind) {
        let directory = directory.canonicalize()?;
        let mut place = PathBuf::from("/tmp");
        for part in directory.strip_prefix("/tmp").into_iter().flatten() {
            place.push(part);
            init.mkdirat(Cwd, &place, Mode::RWXU)?;
        }
        init.move_mount_fd(&kept, Cwd, &directory, MoveMountFlags::empty())?;
    }
    Ok(())
}

/// Once it is a program, it has no capabilities, and no program of its own gets any.
fn give_up_privileges(init: &(impl CapabilityTask + PrctlTask)) -> Result<(), nearfar::Error> {
    init.drop_capabilities_from_bounding_set(CapabilitySet::all())?;
    init.prctl_set_no_new_privs()
}

/// Passes signals on to a process until it has ended.
fn accompany(process: &ChildProcess, signals: SignalSet) -> Result<(), nearfar::Error> {
    let here = Task::here();
    let arriving = here.signalfd(signals, OFlags::NONBLOCK)?;
    loop {
        let mut fds = [PollFd::new(process, PollFlags::IN), PollFd::new(&arriving, PollFlags::IN)];
        here.ppoll(&mut fds, None)?;
        if !fds[0].revents().is_empty() {
            return Ok(());
        }
        while let Ok(info) = here.signalfd_read(&arriving) {
            // What the terminal sends, everybody in its group has got already; but of a hangup, the kernel tells
            // only who leads the session.
            let is_for_all = |signal| info.code() == SI_KERNEL && signal != Signal::HUP;
            if let Some(signal) = info.signal().filter(|signal| !is_for_all(*signal)) {
                process.send_signal(signal)?;
            }
        }
    }
}
