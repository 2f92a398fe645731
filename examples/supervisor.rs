//! Keeps the programs of a file running, until SIGINT or SIGTERM:
//! `cargo run --release --features tokio --example supervisor -- examples/supervisor.toml`
//!
//! Before a program starts, also again, it is a *prepared* child that waits for its turn: namespaces, mounts
//! and fds are in place, and what is left to do is the exec. Which namespaces it has, the file says, so no
//! type can: they are `Dynamic`, checked with each call. Such a task and its fds can be kept in a map, and go
//! from one worker of an async runtime to another.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nearfar::Dynamic;
use nearfar::handle::Exit;
use nearfar::prelude::*;
use serde::Deserialize;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};

/// Between an end and the next start: doubled each time, until the program runs for longer than the longest.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// What the file says of a program.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Service {
    /// The program and its arguments.
    command: Vec<String>,
    /// Whether it is started again also when it has ended well.
    always: bool,
    /// It is the init of a pid namespace: all that it starts ends with it. As an init, it gets no SIGTERM
    /// unless it handles it.
    private_pids: bool,
    private_network: bool,
    /// `/proc` and `/tmp` are its own.
    private_mounts: bool,
    /// The file that its output is added to.
    log: Option<PathBuf>,
    /// Its fd 3 is a socket that listens here, also between an end and the next start: `sd_listen_fds(3)`.
    listen: Option<SocketAddr>,
    #[serde(skip)]
    listener: Option<Fd<Dynamic>>,
    /// How long after SIGTERM it gets SIGKILL.
    grace_ms: Option<u32>,
    /// It gets SIGKILL if this program ends without having stopped it.
    dies_with_supervisor: bool,
}

/// A child, and what it is to become.
struct Prepared {
    task: Task<Dynamic, Dynamic, Dynamic>,
    program: Program,
    /// What the program gets, and at which numbers.
    fds: Vec<(u16, Fd<Dynamic>)>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("usage: supervisor FILE");
        return ExitCode::FAILURE;
    };
    let Err(error) = supervise(file.into()).await else { return ExitCode::SUCCESS };
    eprintln!("supervisor: {error}");
    ExitCode::FAILURE
}

async fn supervise(file: PathBuf) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let services: BTreeMap<String, Service> = toml::from_str(&std::fs::read_to_string(file)?)?;

    // All are prepared before one starts: with a mistake in the file, none does.
    let mut ready = BTreeMap::new();
    for (name, mut service) in services {
        let prepared = service.prepare().map_err(|error| format!("{name}: {error}"))?;
        ready.insert(name, (service, prepared));
    }

    let (stop, stopping) = watch::channel(());
    let mut kept = JoinSet::new();
    for (name, (service, prepared)) in ready {
        kept.spawn(service.keep(name, prepared, stopping.clone()));
    }
    select! {
        () = async { while kept.join_next().await.is_some() {} } => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    // Everybody sees that it is gone.
    drop(stop);
    while kept.join_next().await.is_some() {}
    Ok(())
}

impl Service {
    /// A child with the namespaces and the fds that the file says.
    fn prepare(&mut self) -> Result<Prepared> {
        let [path, arguments @ ..] = &self.command[..] else { return Err("no command".into()) };
        let mut program = Program::new(path).args(arguments);
        if let (Some(address), None) = (self.listen, &self.listener) {
            let socket = OwnedFd::from(TcpListener::bind(address)?);
            self.listener = Some(Fd::from(socket).erase());
        }
        let mut task = Task::here().spawn()?.erase();
        if self.private_pids {
            task.unshare_pid_in_place()?;
            task = task.spawn()?;
        }
        // Of this program's fds it keeps 0, 1, 2, and the socket if there is one.
        let mut fds = Vec::new();
        if let Some(listener) = task.unshare_files_in_place(self.listener.as_ref())? {
            fds.push((3, listener));
            let pid = task.getpid()?.as_raw().to_string();
            program = program.env("LISTEN_FDS", "1").env("LISTEN_PID", pid);
        }
        fds.push((0, task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty())?));
        if let Some(path) = &self.log {
            let append = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
            let log = task.openat(Cwd, path, append, Mode::from(0o640))?;
            fds.extend([(1, task.dup(&log)?), (2, log)]);
        }
        if self.private_network {
            task.unshare(Namespaces::NET)?;
        }
        if self.private_mounts {
            task.unshare(Namespaces::MOUNT)?;
            task.mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
            task.mount("proc", "/proc", "proc", MountFlags::NOSUID, None)?;
            task.mount("tmpfs", "/tmp", "tmpfs", MountFlags::NOSUID, None)?;
        }
        // A Ctrl-C is for this program alone, and what it starts can be stopped together.
        task.setpgrp()?;
        Ok(Prepared { task, program, fds })
    }

    /// Has it run, again and again if the file says so, until it is to stop.
    async fn keep(mut self, name: String, prepared: Prepared, mut stop: watch::Receiver<()>) {
        let (mut next, mut delay) = (Ok(prepared), FIRST_DELAY);
        loop {
            let start = Instant::now();
            let ended = match next {
                Ok(prepared) => self.run(&name, prepared, &mut stop).await,
                Err(error) => Err(error),
            };
            let (succeeded, how) = match ended {
                Ok(exit) => (exit.success(), exit.to_string()),
                Err(error) => (false, error.to_string()),
            };
            tell(&name, how);
            if (succeeded && !self.always) || stop.has_changed().is_err() {
                return;
            }
            if start.elapsed() > LONGEST_DELAY {
                delay = FIRST_DELAY;
            }
            tell(&name, format_args!("again in {delay:?}"));
            next = block_in_place(|| self.prepare());
            select! {
                () = sleep(delay) => delay = LONGEST_DELAY.min(delay * 2),
                _ = stop.changed() => return,
            }
        }
    }

    /// From the exec to the end, of the program and of the others in its process group.
    async fn run(
        &self,
        name: &str,
        Prepared { task, program, fds }: Prepared,
        stop: &mut watch::Receiver<()>,
    ) -> Result<Exit> {
        let mut exec = task.program(&program).fds(fds.iter().map(|(number, fd)| (*number, fd)));
        if self.dies_with_supervisor {
            exec = exec.parent_death_signal(Signal::KILL);
        }
        let mut process = exec.exec()?.kill_on_drop(true);
        tell(name, format_args!("runs as {}", process.id()));
        select! {
            ended = process.ended_async() => ended?,
            _ = stop.changed() => {
                process.send_signal_to_group(Signal::TERM)?;
                let grace = Duration::from_millis(self.grace_ms.unwrap_or(5000).into());
                let _or_not = timeout(grace, process.ended_async()).await;
            }
        }
        // Until it has been waited for, the group is surely its own.
        process.send_signal_to_group(Signal::KILL)?;
        process.ended_async().await?;
        Ok(process.wait()?)
    }
}

/// Says what has become of a program; that nobody listens is no reason to stop.
fn tell(name: &str, what: impl Display) {
    let _lost = writeln!(io::stdout(), "{name}: {what}");
}
