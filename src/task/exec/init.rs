//! A program under an init.
//!
//! # Safety
//!
//! 1. What the requests point to lives until they are answered or the child has left this memory.
//! 2. The task is in a table of its own before it closes everything there, and is dropped whatever comes of it.
#![expect(unsafe_code, reason = "the calls by which a task becomes an init")]

use std::ffi::{OsStr, c_int};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::process::Signal;

use crate::handle::ChildProcess;
use crate::interface::{
    Answers, Birth, Call, Error, ErrorKind, Failed, KernelSigaction, Request, Residents, Ring,
    SyscallInterface, init,
};
use crate::program::{CStrings, Program};
use crate::task::capability::VERSION as CAPABILITY_VERSION;
use crate::task::driven::transition::Token;
use crate::task::spawn::own_pid;
use crate::task::unshare_files::close_range;
use crate::task::{DrivenTask, SignalTask};

use super::attributes::Attributes;
use super::lending::Lending;
use super::preparation::{OnFailure, Placement, execute, outcome, set_action, steps_to_ids};

/// Has a child of this task, an init, become the program, and the task itself an init that does no more than that.
/// Returns the init.
pub(super) fn execute_under_init<K: DrivenTask>(
    mut task: K,
    program: &Program,
    file: Option<c_int>,
    fds: Vec<Placement>,
    attributes: &Attributes,
) -> Result<ChildProcess, Error> {
    attributes.check()?;
    let residents = own_namespace(&task)?;
    let ring = task.driver(Token(()));
    if attributes.controlling_terminal {
        // Before there is a child, which has it from here.
        take_terminal(ring, &fds)?;
    }
    let mut child =
        ring.spawn_sibling(Birth { residents: Some(&residents), ..Birth::default() })?;
    // The init it is left with may not get to know of the end of this process, or not end by it.
    child.keep_vigil();
    child.set_filters(ring.filters());
    let pid = own_pid::<K::PidNamespace>(&child)?;
    pass_on_pending(&task, &child)?;
    let ring = task.ring(Token(()));
    become_init(ring, pid.as_raw(), attributes)?;
    let process = ChildProcess::new(Arc::clone(ring.process()), Some(ring.parent()));
    let process = process.kill_on_drop(true);
    let in_forked_memory = ring.memory().is_some().then(|| &**child.process());
    if ring.process().leaves_memory(in_forked_memory) == Some(false) {
        // The program would see it there.
        return Err(Error::new(Call::EXECVEAT, ErrorKind::MemoryExposed));
    }
    // Nobody is driven there any more but the child.
    drop(task);

    let attributes =
        Attributes { controlling_terminal: false, parent_death_signal: None, ..attributes.clone() };
    match execute(&mut child, program, file, fds, &attributes, OnFailure::Drop) {
        // Whether a signal has killed it before or after, the end of the init tells of it.
        Err(error) if error.kind() == ErrorKind::Hangup && !child.has_given_up() => {}
        executed => executed?,
    }
    Ok(process.kill_on_drop(false))
}

/// The pid namespace that a task is the init of, if its children go there.
fn own_namespace<K: DrivenTask>(task: &K) -> Result<Arc<Residents>, Error> {
    let ring = task.driver(Token(()));
    let own = ring.residence().filter(|place| place.is_inits(ring.process()));
    let own = own.map(|place| place.residents());
    // A command's child is told to be in this process's, wherever it is.
    let children = task.child_pid_namespace().residents();
    own.filter(|own| children.is_none_or(|children| Arc::ptr_eq(own, children)))
        .cloned()
        .ok_or(Error::new(Call::EXECVE, ErrorKind::NotInit))
}

/// Makes the terminal that the program gets as its standard input that of the session, which the init leads.
fn take_terminal(ring: &Ring, fds: &[Placement]) -> Result<(), Error> {
    let stdin = fds.iter().find(|fd| fd.to == 0).map_or(0, |fd| fd.from);
    let do_not_steal = 0;
    // SAFETY: passes numbers.
    unsafe { ring.syscall(Call::IOCTL, [stdin as usize, libc::TIOCSCTTY as usize, do_not_steal]) }?;
    Ok(())
}

/// Sends a child the signals that wait for the program in its parent, which a child does not have from there.
fn pass_on_pending(task: &impl SignalTask, child: &Ring) -> Result<(), Error> {
    let pending = task.sigpending()?;
    let ordinary = (1..32).filter_map(Signal::from_named_raw);
    for signal in ordinary.filter(|signal| pending.contains(*signal) && *signal != Signal::CHILD) {
        child.process().send_signal(signal).map_err(|error| match error.errno() {
            // It has been killed, and the kernel has reaped it.
            Some(Errno::SRCH) => Error::new(Call::EXECVE, ErrorKind::Hangup),
            _ => error,
        })?;
    }
    Ok(())
}

/// Has the task become the init that ends as its child `pid` does.
fn become_init(ring: &mut Ring, pid: c_int, attributes: &Attributes) -> Result<(), Error> {
    // What other threads drop from here on is left to the others of the table.
    ring.pause_closes()?;
    let mut lending = Lending::to(ring);
    give_up_everything(ring, attributes, &mut lending)?;
    let file = memory_file(ring, &init::file(pid), &mut lending)?;

    let (mut argv, no_environment) = (CStrings::default(), CStrings::default());
    argv.push([OsStr::from_bytes(init::NAME.to_bytes())])?;
    let (argv, envp) = (lending.strings(&argv)?, lending.strings(&no_environment)?);
    let itself = lending.bytes(c"".to_bytes_with_nul())?;
    let (flag, death_signal) = (libc::AT_EMPTY_PATH as usize, libc::SIGKILL as usize);
    let arguments = [file, itself, argv, envp, flag, death_signal];
    // Its children are its own to reap then.
    let reaps = set_action(libc::SIGCHLD, &KernelSigaction::DEFAULT);
    let exec = Request::new(Call::EXECVEAT, arguments).or_exit();
    let answers = submit(ring, [reaps, exec]);
    outcome(ring, answers, Call::EXECVEAT)
}

/// Leaves the task nothing that the program could use by taking control of the init: it becomes the same user, without
/// capabilities, and without a way to get them back, in the root directory, with no fds.
fn give_up_everything(
    ring: &Ring,
    attributes: &Attributes,
    lending: &mut Lending,
) -> Result<(), Error> {
    let ids = steps_to_ids(ring, attributes, lending)?;
    let version = lending.words(vec![CAPABILITY_VERSION as usize])?;
    let none = lending.words(vec![0; 3])?;
    let root = lending.bytes(c"/".to_bytes_with_nul())?;
    let no_new_privileges = [libc::PR_SET_NO_NEW_PRIVS as usize, 1, 0, 0, 0];
    // In a table of its own.
    let everything = close_range(0, u32::MAX as usize, libc::CLOSE_RANGE_UNSHARE);
    let steps = iter::once(everything).chain(ids).chain([
        Request::new(Call::CAPSET, [version, none]),
        Request::new(Call::PRCTL, no_new_privileges),
    ]);
    submit(ring, steps.map(Request::or_exit))?;
    // If a filter has made the first up, the table is still everybody's.
    match submit(ring, [Request::new(Call::FCNTL, [0, libc::F_GETFD as usize])]) {
        Err(Failed { error, .. }) if error.errno() == Some(Errno::BADF) => {}
        // It is dead.
        Err(Failed { error, .. }) if error.errno().is_none() => return Err(error),
        _ => return Err(Error::os(Call::CLOSE_RANGE, Errno::NOSYS)),
    }
    // Who may not go there may go nowhere, then.
    let _stays = submit(ring, [Request::new(Call::CHDIR, [root])]);
    Ok(())
}

/// Has the task open a new file that holds this, and that nobody can read: so nobody can look into who executes it,
/// without `CAP_SYS_PTRACE`.
fn memory_file(ring: &Ring, contents: &[u8], lending: &mut Lending) -> Result<usize, Error> {
    /// Also where memory files cannot be executed unless it is said so: `sysctl vm.memfd_noexec`.
    const MFD_EXEC: u32 = 0x10;
    const ONLY_EXECUTED: usize = 0o111;
    let name = lending.bytes(init::NAME.to_bytes_with_nul())?;
    let create =
        |flags: u32| submit(ring, [Request::new(Call::MEMFD_CREATE, [name, flags as usize])]);
    let file = match create(libc::MFD_CLOEXEC | MFD_EXEC) {
        // Linux before 6.3.
        Err(Failed { error, .. }) if error.errno() == Some(Errno::INVAL) => {
            create(libc::MFD_CLOEXEC)
        }
        created => created,
    };
    let file = file?;
    if file != 0 {
        // Only a filter leaves something open where everything is closed.
        return Err(Error::os(Call::CLOSE_RANGE, Errno::NOSYS));
    }
    let address = lending.bytes(contents)?;
    let steps = [
        Request::new(Call::FCHMOD, [file, ONLY_EXECUTED]),
        Request::new(Call::WRITE, [file, address, contents.len()]),
    ];
    match submit(ring, steps)? {
        written if written == contents.len() => Ok(file),
        _ => Err(Error::os(Call::WRITE, Errno::FBIG)),
    }
}

fn submit(ring: &Ring, requests: impl IntoIterator<Item = Request>) -> Answers {
    let requests: Vec<_> = requests.into_iter().collect();
    // SAFETY: (1), (2)
    unsafe { ring.submit(&requests) }
}
