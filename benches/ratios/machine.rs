//! What the figures were measured on.
//!
//! # Safety
//!
//! 1. The out-parameter outlives the call, which fills it in.
#![expect(unsafe_code, reason = "getrusage")]

use std::fs;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

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

/// How long all children that have been waited for have been on a processor.
pub(crate) fn used_by_children() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: (1)
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr()) }, 0);
    // SAFETY: (1)
    let usage = unsafe { usage.assume_init() };
    [usage.ru_utime, usage.ru_stime]
        .map(|time| {
            Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
        })
        .into_iter()
        .sum()
}
