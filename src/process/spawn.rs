//! From a command to a child.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;

use super::command::{Command, Session, Settings};
use super::prepare::{self, ChildTask, Preparation, child_fds};
use super::stdio::{Source, Stdio};
use super::{Child, IdMap};
use crate::brand::{Guard, HostFds, HostMemory, HostPids, Namespace};
use crate::far::{PidNamespace, Task as _};
use crate::handle::{AsFd as OurAsFd, ChildProcess, Cwd, Fd, OnDrop};
use crate::interface::{Birth, Call, Error, Residents};
use crate::near;
use crate::program::Program;
use crate::task::{
    CredentialsTask, ExecTask, FileDescriptorTask, ProcessTask, Task, UnshareFilesTask,
    spawn_program,
};

/// A driven child in this process's table, as spawned.
type NewChild = Task<HostFds, HostMemory, HostPids>;

/// What the standard streams are that the command does not name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// This process's own.
    Inherited,
    /// No input, and pipes for the output.
    Captured,
}

/// Which process group a program is in if the command does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// This process's.
    Inherited,
    /// One of its own.
    OwnByDefault,
}

/// An fd for the program: made for it, or kept by the command.
enum Given<'a> {
    Made(Fd<HostFds>),
    Kept(BorrowedFd<'a>),
}

impl Given<'_> {
    fn as_std(&self) -> BorrowedFd<'_> {
        match self {
            Given::Made(fd) => fd.as_fd(),
            Given::Kept(fd) => *fd,
        }
    }
}

/// The program's fds by number, and this process's ends of its pipes.
struct Streams<'a> {
    fds: BTreeMap<u16, Given<'a>>,
    ends: [Option<OwnedFd>; 3],
}

pub(super) fn spawn(command: &mut Command, unnamed: Unnamed, group: Group) -> io::Result<Child> {
    let Command { program, fds, settings, preparations } = command;
    if !preparations.is_empty() {
        // Nothing is prepared for what cannot be told to the kernel.
        program.image()?;
    }
    let Streams { fds, ends: [stdin, stdout, stderr] } = streams(fds, unnamed)?;
    let process = start(program, &fds, settings, preparations, group)?;
    let process = process.on_drop(settings.on_drop);
    let (stdin, stdout, stderr) =
        (stdin.map(Into::into), stdout.map(Into::into), stderr.map(Into::into));
    Ok(Child::new(process, stdin, stdout, stderr))
}

/// Opens what has to be opened.
fn streams(sources: &BTreeMap<u16, Stdio>, unnamed: Unnamed) -> Result<Streams<'_>, Error> {
    let here = Task::here();
    let mut streams = Streams { fds: BTreeMap::new(), ends: [None, None, None] };
    let unnamed_source = |number| match unnamed {
        Unnamed::Inherited => &Source::Inherit,
        Unnamed::Captured if number == 0 => &Source::Null,
        Unnamed::Captured => &Source::Piped,
    };
    let standard = (0..=2).filter(|number| !sources.contains_key(number));
    let standard = standard.map(|number| (number, unnamed_source(number)));
    for (number, source) in
        sources.iter().map(|(number, stdio)| (*number, &stdio.0)).chain(standard)
    {
        let given = match source {
            Source::Inherit => continue,
            Source::Null => {
                let access = if number == 0 { OFlags::RDONLY } else { OFlags::WRONLY };
                Given::Made(here.openat(Cwd, "/dev/null", access, Mode::empty())?)
            }
            Source::Piped => {
                let (reader, writer) = here.pipe2(PipeFlags::empty())?;
                let (theirs, ours) = if number == 0 { (reader, writer) } else { (writer, reader) };
                streams.ends[usize::from(number)] = Some(ours.into());
                Given::Made(theirs)
            }
            Source::Owned(fd) => Given::Kept(fd.as_fd()),
            Source::Shared(fd) => Given::Kept(*fd),
        };
        streams.fds.insert(number, given);
    }
    Ok(streams)
}

/// Makes the child, prepares it, and has it become the program.
fn start(
    program: &Program,
    fds: &BTreeMap<u16, Given<'_>>,
    settings: &Settings,
    preparations: &mut [Preparation],
    group: Group,
) -> io::Result<ChildProcess> {
    let own_pids = if settings.pid_namespace { libc::CLONE_NEWPID } else { 0 };
    let residents = settings.pid_namespace.then(|| Residents::none(None));
    let birth = Birth {
        namespaces: settings.namespaces.bits() as c_int | own_pids,
        cgroup: settings.cgroup.as_ref().map(AsRawFd::as_raw_fd),
        residents: residents.as_ref(),
        ..Birth::default()
    };
    let is_killed = settings.on_drop == OnDrop::GroupIsKilled;
    let leads_one = group == Group::OwnByDefault || is_killed;
    let needs_group = leads_one && settings.session.group.is_none() && !settings.session.new;
    if let Some(process) = start_directly(program, fds, settings, preparations, needs_group, birth)?
    {
        return Ok(process);
    }
    let child = Task::here().spawn_as(birth)?;
    write_id_maps(&child, &settings.uid_map, &settings.gid_map)?;
    enter_session(&child, &settings.session)?;
    if preparations.is_empty() {
        if needs_group {
            child.setpgrp()?;
        }
        let fds: Vec<_> = fds.iter().map(|(number, fd)| (*number, fd.as_std())).collect();
        return become_program(child, program, &fds, settings);
    }
    prepare_and_start(child, residents, program, fds, settings, preparations, needs_group)
}

/// Has the child become the program once the preparations have been made, in a table of its own.
fn prepare_and_start(
    child: NewChild,
    residents: Option<Arc<Residents>>,
    program: &Program,
    fds: &BTreeMap<u16, Given<'_>>,
    settings: &Settings,
    preparations: &mut [Preparation],
    needs_group: bool,
) -> io::Result<ChildProcess> {
    generativity::make_guard!(unique);
    let table = Guard::<child_fds>::of(unique);
    // Two of the program's may be the same fd of this process, and are one copy then.
    let for_program: BTreeMap<_, _> =
        fds.values().map(|fd| (fd.as_std().as_raw_fd(), fd.as_std())).collect();
    let slots: Vec<RawFd> = for_program.keys().copied().collect();
    let for_program: Vec<_> = for_program.into_values().collect();
    let for_steps = preparations.iter().map(|step| beside(&step.fds, &slots));
    let for_steps = for_steps.collect::<io::Result<Vec<_>>>()?;
    let listed_for_steps: Vec<Vec<_>> =
        for_steps.iter().map(|fds| fds.iter().map(Given::as_std).collect()).collect();
    let (child, (copies, for_steps)) =
        child.unshare_files(table, (for_program, listed_for_steps))?;

    let host_pid = child.pid();
    let (namespace, own_pid) = match residents {
        Some(residents) => (PidNamespace::of(residents), INIT),
        None => (PidNamespace::of_host(), host_pid.as_raw()),
    };
    let own_pid = near::Pid::asserted(own_pid).expect("it is positive");
    let child: ChildTask<'_> = child.with_pids(namespace, own_pid);
    for (step, fds) in preparations.iter_mut().zip(&for_steps) {
        (step.run)(&child, fds).map_err(prepare::into_io)?;
    }
    drop(for_steps);
    if needs_group {
        match child.setpgrp() {
            // It leads a session, and so a group.
            Err(error) if error.errno() == Some(Errno::PERM) => {}
            made => drop(made?),
        }
    }

    let copy_of = |fd: &Given<'_>| {
        let index = slots.binary_search(&fd.as_std().as_raw_fd());
        &copies[index.expect("every fd of the program is listed")]
    };
    let fds: Vec<_> = fds.iter().map(|(number, fd)| (*number, copy_of(fd))).collect();
    become_program(child.with_pids(PidNamespace::HOST, host_pid), program, &fds, settings)
}

/// Has the child become the program at once, if nothing has to be done to it from here.
fn start_directly(
    program: &Program,
    fds: &BTreeMap<u16, Given<'_>>,
    settings: &Settings,
    preparations: &[Preparation],
    needs_group: bool,
    birth: Birth<'_>,
) -> Result<Option<ChildProcess>, Error> {
    let Settings { session, uid_map, gid_map, .. } = settings;
    let joins_group = session.group.is_some_and(|group| group != 0);
    if joins_group
        || settings.under_init
        || !(preparations.is_empty() && uid_map.is_empty() && gid_map.is_empty())
    {
        return Ok(None);
    }
    let leads_group = needs_group || session.group.is_some() && !session.new;
    let calls = [
        session.new.then_some((Call::SETSID, [0; 2])),
        leads_group.then_some((Call::SETPGID, [0; 2])),
    ];
    let calls: Vec<_> = calls.into_iter().flatten().collect();
    let fds: Vec<_> = fds.iter().map(|(number, fd)| (*number, fd.as_std().as_raw_fd())).collect();
    spawn_program(birth, &calls, program, &fds, &settings.attributes)
}

/// Writes the maps of a child's new user namespace.
fn write_id_maps(child: &NewChild, uids: &[IdMap], gids: &[IdMap]) -> Result<(), Error> {
    let here = Task::here();
    if !uids.is_empty() {
        here.write_uid_map(child, uids)?;
    }
    if !gids.is_empty() {
        match here.write_gid_map(child, gids) {
            // Who may not choose groups outside may map one only for a namespace that does neither.
            Err(error) if error.errno() == Some(Errno::PERM) => {
                here.deny_setgroups(child)?;
                here.write_gid_map(child, gids)?;
            }
            written => written?,
        }
    }
    Ok(())
}

/// A step's fds, at other numbers than the program's.
fn beside<'a>(fds: &'a [OwnedFd], slots: &[RawFd]) -> io::Result<Vec<Given<'a>>> {
    let taken = |fd: &OwnedFd| slots.binary_search(&fd.as_raw_fd()).is_ok();
    let given = |fd: &'a OwnedFd| match taken(fd) {
        true => Ok(Given::Made(fd.try_clone()?.into())),
        false => Ok(Given::Kept(fd.as_fd())),
    };
    fds.iter().map(given).collect()
}

/// The pid that the first process of a pid namespace has in it.
const INIT: i32 = 1;

/// Puts the child where it can be signalled together with what it starts.
fn enter_session(child: &NewChild, session: &Session) -> Result<(), Error> {
    if session.new {
        child.setsid()?;
    }
    match session.group {
        None => Ok(()),
        // The leader of a session leads a group as well.
        Some(0) if session.new => Ok(()),
        Some(0) => child.setpgrp().map(drop),
        Some(group) => join_group(child.pid(), group),
    }
}

/// Puts the child into a group that is there, from here: the number is of this process's pid namespace.
fn join_group(child: near::Pid<HostPids>, group: i32) -> Result<(), Error> {
    let refused = |errno| Error::os(Call::SETPGID, errno);
    if group < 0 {
        return Err(refused(Errno::INVAL));
    }
    let [child, group] = [child.as_raw(), group].map(rustix::process::Pid::from_raw);
    rustix::process::setpgid(child, group).map_err(refused)
}

fn become_program<F: Namespace>(
    child: Task<F, HostMemory, HostPids>,
    program: &Program,
    fds: &[(u16, impl OurAsFd<F>)],
    settings: &Settings,
) -> io::Result<ChildProcess> {
    let exec = child.program(program).attributes(settings.attributes.clone());
    let exec = exec.fds(fds.iter().map(|(number, fd)| (*number, fd)));
    Ok(if settings.under_init { exec.exec_under_init() } else { exec.exec() }?)
}
