//! A program under an init.
//!
//! # Safety
//!
//! 1. What the requests point to lives until they are answered or the child has left this memory.
//! 2. The task is in a table of its own before it closes everything there, and is dropped whatever comes of it.
#![expect(unsafe_code, reason = "the calls by which a task becomes an init")]

use std::ffi::c_int;
use std::sync::Arc;

use rustix::io::Errno;

use crate::handle::ChildProcess;
use crate::interface::{
    Answers, Birth, Call, Error, ErrorKind, Failed, KernelSigaction, Request, Residents, Ring,
    SyscallInterface, init,
};
use crate::program::{CStrings, Program};

use super::attributes::Attributes;
use super::lending::Lending;
use super::preparation::{OnFailure, Placement, execute, outcome, set_action};

/// Has a child of this task, an init, become the program, and the task itself an init that does no more than that.
/// Returns the init. `children` are those who live where the task's children go, if that is told apart.
pub(super) fn execute_under_init(
    mut ring: Ring,
    children: Option<&Arc<Residents>>,
    program: &Program,
    file: Option<c_int>,
    fds: Vec<Placement>,
    attributes: &Attributes,
) -> Result<ChildProcess, Error> {
    let residents = own_namespace(&ring, children)?;
    if attributes.controlling_terminal {
        // Before there is a child, which has it from here.
        take_terminal(&ring, &fds)?;
    }
    let mut child =
        ring.spawn_sibling(Birth { residents: Some(&residents), ..Birth::default() })?;
    child.set_filters(ring.filters());
    // SAFETY: takes no arguments.
    let pid = unsafe { child.syscall(Call::GETPID, []) }?;
    become_init(&mut ring, pid as c_int)?;
    let process = ChildProcess::new(Arc::clone(ring.process()), Some(ring.parent()));
    let process = process.kill_on_drop(true);
    // Nobody is driven there any more but the child.
    drop(ring);

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
fn own_namespace(ring: &Ring, children: Option<&Arc<Residents>>) -> Result<Arc<Residents>, Error> {
    let own = ring.residence().filter(|place| place.is_inits(ring.process()));
    let own = own.map(|place| place.residents());
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

/// Has the task become the init that ends as its child `pid` does.
fn become_init(ring: &mut Ring, pid: c_int) -> Result<(), Error> {
    // What other threads drop from here on is left to the others of the table.
    ring.pause_closes()?;
    let file = init::file(pid);
    let mut lending = Lending::to(ring);
    let mut argv = CStrings::default();
    argv.push([init::NAME])?;
    let name = lending.bytes(argv.as_bytes())?;
    let contents = lending.bytes(&file)?;
    let no_environment = CStrings::default();
    let (argv, envp) = (lending.strings(&argv)?, lending.strings(&no_environment)?);
    let itself = lending.bytes(c"".to_bytes_with_nul())?;
    let steps = |flags: u32| {
        [
            close_everything(),
            Request::new(Call::MEMFD_CREATE, [name, flags as usize]),
            Request::new(Call::WRITE, [THE_ONLY_FD, contents, file.len()]),
            // The kernel does not reap its children any more.
            set_action(libc::SIGCHLD, &KernelSigaction::DEFAULT),
            Request::new(Call::EXECVEAT, {
                let (flag, signal) = (libc::AT_EMPTY_PATH as usize, libc::SIGKILL as usize);
                [THE_ONLY_FD, itself, argv, envp, flag, signal]
            }),
        ]
    };
    let answers = match submit(ring, &steps(libc::MFD_CLOEXEC | MFD_EXEC)) {
        // Linux before 6.3.
        Err(Failed { step: 1, error, .. }) if error.errno() == Some(Errno::INVAL) => {
            submit(ring, &steps(libc::MFD_CLOEXEC))
        }
        answers => answers,
    };
    outcome(ring, answers, Call::EXECVEAT)
}

/// Where everything has been closed, the first file that is opened is here.
const THE_ONLY_FD: usize = 0;

/// Also where memory files cannot be executed unless it is said so: `sysctl vm.memfd_noexec`.
const MFD_EXEC: u32 = 0x10;

/// Leaves a shared table, and closes what is in its own.
fn close_everything() -> Request {
    let (first, last) = (0, u32::MAX as usize);
    Request::new(Call::CLOSE_RANGE, [first, last, libc::CLOSE_RANGE_UNSHARE as usize])
}

fn submit(ring: &Ring, requests: &[Request]) -> Answers {
    // SAFETY: (1), (2)
    unsafe { ring.submit(requests) }
}
