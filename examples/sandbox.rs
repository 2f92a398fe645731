//! Runs a program where it can see little and change nothing:
//! `sandbox [--bind DIR] [--no-net] CMD ARGS...`
//!
//! CMD is in user, pid, mount, network, UTS and IPC namespaces of its own. Everything is read-only but
//! DIR; `/proc` and `/tmp` are new; the network is a loopback device, and with `--no-net` not even that.
//! It has no capabilities and gets none, a few limits, and exactly standard input, output and error.
//!
//! This program starts itself once more, inside, as the init of the pid namespace: it waits for orphans
//! and passes signals on, as this one does outside.

#![forbid(unsafe_code)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nearfar::prelude::*;
use nearfar::rustix::process::{WaitOptions, wait};
use nearfar::task::{ChildEvent, SigmaskChange};
use nearfar::{Command, IdMap, Outcome, SignalSet};

/// What CMD may use of the machine.
const LIMITS: [(Resource, u64); 3] =
    [(Resource::Nofile, 1024), (Resource::Nproc, 1024), (Resource::Core, 0)];

/// What is passed on to CMD.
const SIGNALS: [Signal; 6] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];

/// The `si_code` of what the kernel sends: `sigaction(2)`.
const SI_KERNEL: i32 = 0x80;

/// Tells this program that it is the one inside.
const INIT: &str = "--init";

struct Sandbox {
    bind: Option<PathBuf>,
    network: bool,
    command: Vec<String>,
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = if arguments.first().is_some_and(|first| first == INIT) {
        be_init(&arguments.split_off(1))
    } else {
        options(arguments).and_then(|sandbox| run(&sandbox))
    };
    match ended {
        Ok(Outcome::Exited(code)) => ExitCode::from(code),
        Ok(Outcome::Killed { signal, .. }) => ExitCode::from(128 + signal as u8),
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: Vec<String>) -> Result<Sandbox, Box<dyn Error>> {
    const USAGE: &str = "usage: sandbox [--bind DIR] [--no-net] CMD ARGS...";
    let mut sandbox = Sandbox { bind: None, network: true, command: Vec::new() };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bind" => sandbox.bind = Some(arguments.next().ok_or(USAGE)?.into()),
            "--no-net" => sandbox.network = false,
            option if option.starts_with('-') => return Err(USAGE.into()),
            _ => {
                sandbox.command = [argument].into_iter().chain(arguments).collect();
                return Ok(sandbox);
            }
        }
    }
    Err(USAGE.into())
}

/// Outside: makes the namespaces, and has this program be the init in them.
fn run(sandbox: &Sandbox) -> Result<Outcome, Box<dyn Error>> {
    let here = Task::here();
    let signals = SignalSet::from_iter(SIGNALS);
    here.sigprocmask(SigmaskChange::Block, signals)?;

    let maker = here.spawn()?;
    let own = Namespaces::USER | Namespaces::MOUNT | Namespaces::NET;
    maker.unshare(own | Namespaces::UTS | Namespaces::IPC).map_err(|error| {
        format!("no user namespaces ({error}): see user.max_user_namespaces in sysctl(8), and whether the kernel's security modules restrict them")
    })?;
    here.deny_setgroups(&maker)?;
    here.write_uid_map(&maker, &[IdMap::own_uid_as(0)])?;
    here.write_gid_map(&maker, &[IdMap::own_gid_as(0)])?;

    brand!(inner_pids);
    let init = maker.spawn_with_pids(inner_pids)?;
    drop(maker);
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

    let itself = Program::new("/proc/self/exe").arg(INIT).args(&sandbox.command);
    let process = init.program(&itself).parent_death_signal(Signal::KILL).exec()?;
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    accompany(&process, signals, || {
        Ok(here.waitid(&process, look)?.map(|event| match event {
            ChildEvent::Exited(code) => Outcome::Exited(code),
            ChildEvent::Killed(signal) => Outcome::Killed { signal, core_dumped: false },
            _ => Outcome::Killed { signal: Signal::ABORT.as_raw(), core_dumped: true },
        }))
    })
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

/// Inside: starts CMD, and does what an init has to.
fn be_init(command: &[String]) -> Result<Outcome, Box<dyn Error>> {
    let mut signals = SignalSet::from_iter(SIGNALS);
    signals.insert(Signal::CHILD);
    Task::here().sigprocmask(SigmaskChange::Block, signals)?;
    let [program, arguments @ ..] = command else { return Err("no program".into()) };
    let child = Command::new(program).args(arguments).spawn();
    let process = child.map_err(|error| format!("{program}: {error}"))?.into_process();
    let ended = || {
        while let Some((pid, status)) = wait(WaitOptions::NOHANG)? {
            if pid.as_raw_nonzero().get() == process.pid().as_raw() {
                let code = status.exit_status().map(|code| Outcome::Exited(code as u8));
                let signal = status.terminating_signal().unwrap_or_default();
                return Ok(Some(code.unwrap_or(Outcome::Killed { signal, core_dumped: false })));
            }
        }
        Ok(None)
    };
    accompany(&process, signals, ended)
}

/// Passes signals on to a process until it has ended.
fn accompany(
    process: &ChildProcess,
    signals: SignalSet,
    ended: impl Fn() -> Result<Option<Outcome>, Box<dyn Error>>,
) -> Result<Outcome, Box<dyn Error>> {
    let here = Task::here();
    let arriving = here.signalfd(signals, OFlags::NONBLOCK)?;
    loop {
        if let Some(outcome) = ended()? {
            return Ok(outcome);
        }
        let mut fds = [PollFd::new(process, PollFlags::IN), PollFd::new(&arriving, PollFlags::IN)];
        here.ppoll(&mut fds, None)?;
        while let Ok(info) = here.signalfd_read(&arriving) {
            let signal = info.signal().filter(|signal| *signal != Signal::CHILD);
            // What the terminal sends, everybody in its group has got already.
            if let Some(signal) = signal.filter(|_| info.code() != SI_KERNEL) {
                process.send_signal(signal)?;
            }
        }
    }
}
