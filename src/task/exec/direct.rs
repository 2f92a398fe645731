//! A child that does nothing but become a program.
//!
//! # Safety
//!
//! 1. The memory that the requests point to lives until the child has left this memory: what is lent, and
//!    statics.
//! 2. Slots are overwritten only in a table that the child has alone: it is born with one, or unshares it first.
#![expect(unsafe_code, reason = "the calls that a new child makes")]

use std::ffi::c_int;
use std::ptr;

use crate::handle::ChildProcess;
use crate::interface::{
    Birth, Call, Error, ErrorKind, KernelSigaction, Request, Ring, is_filtered,
};
use crate::program::{Image, Program};

use super::attributes::Attributes;
use super::lending::Lending;
use super::preparation::{
    Placement, block_signals, close_on_exec, executing, has_duplicates, outcome, overwritten,
    place, set_action,
};

/// Has a new child make `calls`, on itself, and become the program, all in one go. As nobody drives it, there
/// is no need for anything that keeps it meanwhile. `None` if it takes more than that.
pub(crate) fn spawn_program(
    birth: Birth<'_>,
    calls: &[(Call, [usize; 2])],
    program: &Program,
    fds: &[(u16, c_int)],
    attributes: &Attributes,
) -> Result<Option<ChildProcess>, Error> {
    let fds: Vec<_> = fds.iter().map(|&(to, from)| Placement { from, to: to.into() }).collect();
    let overwritten = overwritten(&fds);
    let is_straight = fds.iter().all(|fd| !overwritten.contains(&fd.from));
    if !(is_straight && attributes.are_none()) {
        return Ok(None);
    }
    let image = program.image()?;
    if has_duplicates(fds.iter().map(|fd| fd.to)) {
        return Err(Error::new(Call::EXECVE, ErrorKind::ListedTwice));
    }
    let mut lending = Lending::to_ourselves();
    // The kernel copies less for who leaves the table later; but a filter can make up that it has been left.
    let birth = Birth { has_own_files: is_filtered(), ..birth };
    let leave = if birth.has_own_files { 0 } else { libc::CLOSE_RANGE_UNSHARE };
    let steps = steps(calls, close_on_exec(leave), &image, &fds, &mut lending)?;
    // SAFETY: (1), (2)
    let Some((mut ring, answers)) = (unsafe { Ring::spawn_with(birth, &steps) })? else {
        return Ok(None);
    };
    outcome(&mut ring, answers, Call::EXECVE)?;
    Ok(Some(ChildProcess::new(ring.process().clone(), None)))
}

/// Everything that the child does, each step the last if it fails.
fn steps(
    calls: &[(Call, [usize; 2])],
    leave_files: Request,
    image: &Image,
    fds: &[Placement],
    lending: &mut Lending,
) -> Result<Vec<Request>, Error> {
    static NO_SIGNAL: u64 = 0;
    let mut steps: Vec<_> =
        calls.iter().map(|(call, arguments)| Request::new(*call, *arguments)).collect();
    steps.push(leave_files);
    steps.extend(fds.iter().map(|fd| place(*fd)));
    if let Some(directory) = &image.current_dir {
        steps.push(Request::new(Call::CHDIR, [lending.bytes(directory.as_bytes_with_nul())?]));
    }
    steps.push(set_action(libc::SIGPIPE, &KernelSigaction::DEFAULT));
    steps.push(block_signals(ptr::from_ref(&NO_SIGNAL).expose_provenance()));
    let (argv, envp) = (lending.strings(&image.argv)?, lending.strings(&image.envp)?);
    steps.extend(executing(&image.candidates, [argv, envp, 0], lending)?);
    Ok(steps.into_iter().map(Request::or_exit).collect())
}
