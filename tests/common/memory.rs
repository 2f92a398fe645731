//! What the kernel says of an address space.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use nearfar::near::{Address, MemoryMapping};
use nearfar::prelude::*;

use super::ToPid;

/// A line of `/proc/PID/maps`.
#[derive(Debug)]
pub(crate) struct Region {
    pub(crate) range: Range<usize>,
    pub(crate) access: String,
    pub(crate) offset: u64,
    pub(crate) name: String,
}

/// What is mapped in a process.
pub(crate) fn regions(pid: impl ToPid) -> Vec<Region> {
    let maps = fs::read_to_string(format!("/proc/{}/maps", pid.to_pid())).expect("it exists");
    maps.lines().map(region).collect()
}

fn region(line: &str) -> Region {
    let (fields, name) = line.split_at_checked(73).unwrap_or((line, ""));
    let mut fields = fields.split_whitespace();
    let mut field = || fields.next().expect("there are five fields");
    let (start, end) = field().split_once('-').expect("a range");
    let number = |digits| u64::from_str_radix(digits, 16).expect("hexadecimal");
    let access = field().to_owned();
    let offset = number(field());
    let range = number(start) as usize..number(end) as usize;
    Region { range, access, offset, name: name.trim().to_owned() }
}

/// What is mapped at an address.
pub(crate) fn region_at<A>(pid: impl ToPid, address: Address<A>) -> Option<Region> {
    regions(pid).into_iter().find(|region| region.range.contains(&address.as_raw()))
}

/// The ranges in which something of this name is mapped.
pub(crate) fn ranges_of(pid: impl ToPid, name: &str) -> Vec<Range<usize>> {
    let named = |region: &Region| region.name.contains(name);
    regions(pid).into_iter().filter(named).map(|region| region.range).collect()
}

/// The addresses of pages.
pub(crate) fn range<A>(pages: MemoryMapping<A>) -> Range<usize> {
    pages.address().as_raw()..pages.end().as_raw()
}

/// A field of `/proc/PID/smaps` of what is mapped at an address.
#[track_caller]
pub(crate) fn smaps<A>(pid: impl ToPid, address: Address<A>, field: &str) -> String {
    let smaps = fs::read_to_string(format!("/proc/{}/smaps", pid.to_pid())).expect("it exists");
    let mut lines = smaps.lines();
    let is_header = |line: &str| {
        line.split_once('-').is_some_and(|(start, rest)| {
            let end = rest.split(' ').next().unwrap_or_default();
            let number = |digits| usize::from_str_radix(digits, 16).ok();
            matches!((number(start), number(end)), (Some(start), Some(end))
            if (start..end).contains(&address.as_raw()))
        })
    };
    lines.by_ref().find(|line| is_header(line)).expect("something is mapped there");
    let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {field}")).trim().to_owned()
}

/// Whether what is mapped at an address has this flag in `/proc/PID/smaps`.
#[track_caller]
pub(crate) fn has_flag<A>(pid: impl ToPid, address: Address<A>, flag: &str) -> bool {
    smaps(pid, address, "VmFlags").split(' ').any(|found| found == flag)
}

/// What is in memory, by `/proc/PID/mem`.
pub(crate) fn mem<A>(pid: impl ToPid, address: Address<A>, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let memory = File::open(format!("/proc/{}/mem", pid.to_pid()))?;
    memory.read_exact_at(&mut bytes, address.as_raw() as u64)?;
    Ok(bytes)
}

/// The pid of a task that is in this program's pid namespace.
pub(crate) fn pid_of(task: &impl far::Task) -> i32 {
    task.getpid().expect("it lives").as_raw()
}
