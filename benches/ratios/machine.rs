//! What the figures were measured on.
//!
//! # Safety
//!
//! 1. The out-parameter outlives the call, which fills it in.
#![expect(unsafe_code, reason = "getrusage and sysconf")]

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Spent, time};

/// Processor, cores, kernel and compiler, in a line.
pub(crate) fn describe() -> String {
    let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find_map(|line| line.strip_prefix("model name"));
    let model =
        model.map_or("an unknown processor", |model| model.trim_start_matches([' ', '\t', ':']));
    let hypervisor =
        information.lines().any(|line| line.starts_with("flags") && line.contains(" hypervisor"));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc
        .map_or_else(|_| "rustc".into(), |said| String::from_utf8_lossy(&said.stdout).into_owned());
    let rustc = rustc.split(" (").next().unwrap_or_default().trim();
    format!(
        "{model}, {} cores{}, Linux {}, {rustc}",
        cores(),
        if hypervisor { " of a virtual machine" } else { "" },
        kernel.trim(),
    )
}

/// How many processors this program may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How much memory there is for asking, in bytes.
pub(crate) fn available_memory() -> u64 {
    let information = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = information.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// The repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory that this program was built in: `target/release`.
pub(crate) fn build_directory() -> PathBuf {
    let itself = std::env::current_exe().expect("/proc is mounted");
    let deps = itself.parent().expect("a file is in a directory");
    deps.parent().expect("cargo builds it two levels down").into()
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").expect("cargo runs this program"))
}

/// Whether a program is to be found.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// What something takes of the time, and this program and its children of the processors.
pub(crate) fn spend(mut what: impl FnMut()) -> Spent {
    let before = used_by_this() + used_by_children();
    let wall = time(1, &mut what);
    let used = used_by_this() + used_by_children() - before;
    Spent { wall, cpu: used.as_secs_f64() }
}

/// How long all children that have been waited for have been on a processor.
fn used_by_children() -> Duration {
    used_by(libc::RUSAGE_CHILDREN)
}

/// How long the threads of this program have.
fn used_by_this() -> Duration {
    used_by(libc::RUSAGE_SELF)
}

fn used_by(whom: libc::c_int) -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: (1)
    assert_eq!(unsafe { libc::getrusage(whom, usage.as_mut_ptr()) }, 0);
    // SAFETY: (1)
    let usage = unsafe { usage.assume_init() };
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    duration(usage.ru_utime) + duration(usage.ru_stime)
}

/// How busy the processors are with what others do.
pub(crate) struct Others {
    all: f64,
    idle: f64,
    ours: Duration,
}

impl Others {
    /// From now on.
    pub(crate) fn watch() -> Self {
        let stat = fs::read_to_string("/proc/stat").expect("procfs is mounted");
        let first = stat.lines().next().expect("it has a line for all processors");
        let ticks: Vec<f64> =
            first.split_whitespace().skip(1).filter_map(|ticks| ticks.parse().ok()).collect();
        // `proc_stat(5)`: user, nice, system, idle, iowait, irq, softirq, steal.
        let (all, idle) = (ticks.iter().take(8).sum(), ticks[3] + ticks[4]);
        Others { all, idle, ours: used_by_this() + used_by_children() }
    }

    /// How much of the processors others have used since then, in percent.
    pub(crate) fn percent(&self) -> f64 {
        let now = Others::watch();
        // SAFETY: passes a number.
        let second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
        let all = now.all - self.all;
        let busy = all - (now.idle - self.idle);
        let ours = (now.ours - self.ours).as_secs_f64() * second;
        ((busy - ours) / all * 100.0).max(0.0)
    }
}
