//! What the kernel says, compared with what the library believes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use nearfar::far::{self, AddressSpace, FdTable, PidNamespace};
use nearfar::prelude::*;
use nearfar::{Dynamic, near};

use super::world::{Handle, World};
use super::{Answer, DynamicTask};
use crate::common::{Resource, share};

/// A process, with what is believed of it, and the namespaces that the kernel has it in.
struct Member {
    pid: i32,
    table: FdTable<Dynamic>,
    memory: AddressSpace<Dynamic>,
    /// Its own, and that of its children, with the kernel's number: `None` if nobody has been there yet.
    namespaces: [(PidNamespace<Dynamic>, Option<u64>); 2],
}

fn number(pid: i32, kind: &str) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/{kind}")).ok()?.ino())
}

fn member(
    pid: i32,
    task: &impl far::Task<
        FdTable = Dynamic,
        AddressSpace = Dynamic,
        PidNamespace = Dynamic,
        ChildPidNamespace = Dynamic,
    >,
) -> Member {
    Member {
        pid,
        table: task.fd_table().clone(),
        memory: task.address_space().clone(),
        namespaces: [
            (task.pid_namespace().clone(), number(pid, "pid")),
            (task.child_pid_namespace().clone(), number(pid, "pid_for_children")),
        ],
    }
}

/// Whether two tasks live in all the same namespaces; `None` if the kernel does not tell.
pub(crate) fn live_together(one: &DynamicTask, other: &DynamicTask) -> Option<bool> {
    let pids = [one, other].map(|task| task.host_pid().as_raw());
    let [own, children] = ["pid", "pid_for_children"].map(|kind| pids.map(|pid| number(pid, kind)));
    let shared =
        share(Resource::Files, pids[0], pids[1]) && share(Resource::Memory, pids[0], pids[1]);
    if !shared || own[0] != own[1] {
        return Some(false);
    }
    Some(children[0]? == children[1]?)
}

/// Compares every belief about every pair of tasks, and every handle, with the kernel.
pub(crate) fn compare(world: &World) -> Answer {
    let mut members = vec![member(std::process::id() as i32, &Task::here().erase())];
    for task in &world.tasks {
        members.push(member(task.host_pid().as_raw(), task));
    }
    for (index, one) in members.iter().enumerate() {
        for other in &members[index + 1..] {
            agree(
                "fd table",
                one,
                other,
                one.table == other.table,
                share(Resource::Files, one.pid, other.pid),
            )?;
            agree(
                "memory",
                one,
                other,
                one.memory == other.memory,
                share(Resource::Memory, one.pid, other.pid),
            )?;
        }
        for other in &members[index..] {
            for (believed, number) in &one.namespaces {
                for (others, others_number) in &other.namespaces {
                    match (number, others_number) {
                        (Some(number), Some(others_number)) => {
                            agree(
                                "pid namespace",
                                one,
                                other,
                                believed == others,
                                number == others_number,
                            )?;
                        }
                        // Where somebody lives, and where nobody does, is not the same.
                        (None, Some(_)) | (Some(_), None) => {
                            agree("pid namespace", one, other, believed == others, false)?;
                        }
                        (None, None) => {}
                    }
                }
            }
        }
    }
    for (index, task) in world.tasks.iter().enumerate() {
        let is_first = world.tasks[..index].iter().all(|other| other.fd_table() != task.fd_table());
        if is_first {
            compare_handles(world, task)?;
        }
    }
    Ok(())
}

fn agree(what: &str, one: &Member, other: &Member, believed: bool, is_so: bool) -> Answer {
    if believed == is_so {
        return Ok(());
    }
    let says = |yes: bool| if yes { "the same" } else { "not the same" };
    Err(format!(
        "{what} of {} and {}: believed to be {}, and is {} ({}, {}; {:?}, {:?})",
        one.pid,
        other.pid,
        says(believed),
        says(is_so),
        one.table,
        other.table,
        one.namespaces,
        other.namespaces
    ))
}

/// Compares the handles of a task's table with what is open there.
fn compare_handles(world: &World, task: &DynamicTask) -> Answer {
    let pid = task.host_pid().as_raw();
    let believed: BTreeMap<i32, u64> = world
        .handles
        .iter()
        .filter(|handle| handle.fd.rebrand_ref(task).is_ok())
        .map(|Handle { fd, inode }| (fd.near().as_raw(), *inode))
        .collect();
    let open = open_files(pid)?;
    for (number, inode) in &believed {
        if open.get(number) != Some(inode) {
            return Err(format!("{number} of {pid} is not open on {inode}: {open:?}"));
        }
    }
    // Other parts of this process open files in its own table.
    if *task.fd_table() != *Task::here().fd_table() {
        let unknown: Vec<_> =
            open.keys().filter(|number| **number > 2 && !believed.contains_key(number)).collect();
        let stdio: Vec<_> = open.keys().copied().filter(|number| *number <= 2).collect();
        if !unknown.is_empty() || stdio != world.stdio {
            return Err(format!("{pid} has {unknown:?} open, and {stdio:?}: {open:?}"));
        }
    }
    Ok(())
}

/// The numbers that are open in a process, each with its file's inode.
pub(crate) fn open_files(pid: i32) -> Result<BTreeMap<i32, u64>, String> {
    let directory = format!("/proc/{pid}/fd");
    let entries = fs::read_dir(&directory).map_err(|error| format!("{directory}: {error}"))?;
    let mut open = BTreeMap::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("{directory}: {error}"))?.path();
        let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
        // In this process's own table others may be closed by now.
        if let (Some(number), Ok(file)) = (number, fs::metadata(&path)) {
            open.insert(number, file.ino());
        }
    }
    Ok(open)
}

/// What a task calls itself, and whether `verify` finds nothing against it.
pub(crate) fn is_itself(task: &DynamicTask) -> Answer {
    let pid: near::Pid<Dynamic> = task.getpid().map_err(|error| format!("{task:?}: {error}"))?;
    if pid != far::Task::pid(task) {
        return Err(format!("{task:?} calls itself {pid}"));
    }
    Ok(())
}
