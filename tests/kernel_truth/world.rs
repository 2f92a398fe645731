//! A population of dynamic tasks, and what is done to it.

use std::sync::Mutex;

use nearfar::far::{self, NamespaceMismatchError, PidNamespace, Task as _};
use nearfar::interface::{Call, Observer};
use nearfar::near::Pid;
use nearfar::prelude::*;
use nearfar::task::NotExecuted;
use nearfar::{Dynamic, Error, ErrorKind, near};

use super::step::{Action, Step};
use super::truth::{compare, is_itself, live_together, open_files};
use super::{Answer, DynamicTask};
use crate::common::{Resource, is_dead, share, until, until_blocked_in};

const MOST_TASKS: usize = 7;
const MOST_HANDLES: usize = 24;
const MOST_NOTES: usize = 8;

pub(crate) struct World {
    /// In the order they were made in.
    pub(crate) tasks: Vec<DynamicTask>,
    pub(crate) handles: Vec<Handle>,
    /// What has been written to some memory, each something else; and a process that has that memory, as
    /// long as it lives.
    notes: Vec<(Pointer<Dynamic, u64>, u64, Pid<HostPids>)>,
    /// Which of 0, 1 and 2 this process has.
    pub(crate) stdio: Vec<i32>,
    /// Pid namespaces that were made, each with the one that it was made in.
    inside: Vec<(PidNamespace<Dynamic>, PidNamespace<Dynamic>)>,
    steps: usize,
}

/// An fd, and the inode of its file, which nobody else has: so it says which open file that is.
pub(crate) struct Handle {
    pub(crate) fd: Fd<Dynamic>,
    pub(crate) inode: u64,
}

/// Writes down what is sent.
#[derive(Default)]
struct Recorder(Mutex<Vec<Call>>);

impl Observer for Recorder {
    fn before(&self, call: Call, _: &[usize]) -> Result<(), Errno> {
        self.0.lock().expect("nobody panics with it").push(call);
        Ok(())
    }
}

fn failed(what: &str) -> impl Fn(Error) -> String {
    move |error| format!("{what}: {error}")
}

/// That something was refused for this reason alone.
fn is_mismatch<T>(what: &str, answer: Result<T, Error>) -> Result<NamespaceMismatchError, String> {
    match answer.map_err(|error| (error, error.kind())) {
        Err((_, ErrorKind::Mismatch(mismatch))) => Ok(mismatch),
        Err((error, _)) => Err(format!("{what} was refused for another reason: {error}")),
        Ok(_) => Err(format!("{what} went through")),
    }
}

/// That something was done, or refused by the kernel for one of these reasons, or by the library for
/// another than a mismatch.
fn or_refused<T>(
    what: &str,
    answer: Result<T, Error>,
    reasons: &[Errno],
) -> Result<Option<T>, String> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(error) => match error.kind() {
            ErrorKind::Os(errno) if reasons.contains(&errno) => Ok(None),
            ErrorKind::InitEnded | ErrorKind::MemoryExposed => Ok(None),
            _ => Err(format!("{what}: {error}")),
        },
    }
}

impl World {
    pub(crate) fn new() -> Result<Self, String> {
        let open = open_files(std::process::id() as i32)?;
        let stdio = open.into_keys().filter(|number| *number <= 2).collect();
        Ok(World {
            tasks: Vec::new(),
            handles: Vec::new(),
            notes: Vec::new(),
            stdio,
            inside: Vec::new(),
            steps: 0,
        })
    }

    /// Does something, and compares all that is believed with the kernel.
    pub(crate) fn step(&mut self, step: Step) -> Answer {
        self.act(step)?;
        // What was dropped is closed by whichever task was free first: until each has answered, it may be open.
        self.tasks.iter().try_for_each(is_itself)?;
        compare(self)?;
        self.steps += 1;
        if let Some(index) = self.steps.checked_rem(self.tasks.len()) {
            let truth = self.tasks[index].verify().map_err(failed("verify"))?;
            if truth.is_refuted() {
                return Err(format!("{:?}: {truth}", self.tasks[index]));
            }
        }
        Ok(())
    }

    /// Ends everything, in an order in which nothing waits for the rest.
    pub(crate) fn end(mut self) -> Answer {
        while self.tasks.pop().is_some() {}
        Ok(())
    }

    fn act(&mut self, Step { action, who, other, bits }: Step) -> Answer {
        let is_full = self.tasks.len() >= MOST_TASKS;
        match action {
            Action::SpawnApart if !is_full => return self.spawn_apart(who, bits),
            Action::Drop if !self.handles.is_empty() => {
                self.handles.swap_remove(usize::from(other) % self.handles.len());
                return Ok(());
            }
            _ => {}
        }
        if self.tasks.is_empty() {
            return self.spawn_apart(who, bits);
        }
        let who = usize::from(who) % self.tasks.len();
        let other_task = usize::from(other) % self.tasks.len();
        match action {
            Action::SpawnApart | Action::Drop => Ok(()),
            Action::Open => self.open(who),
            Action::Duplicate => self.duplicate(who, other),
            Action::Replace => self.replace(who, other, bits),
            Action::Close => self.close(who, other),
            Action::Pin => self.pin(who, other),
            Action::Send => self.send(who, other_task, bits),
            Action::Spawn | Action::Fork | Action::SpawnWithPids if is_full => Ok(()),
            Action::Spawn | Action::Fork | Action::SpawnWithPids => self.spawn(who, action),
            Action::UnshareFiles => self.unshare_files(who, bits),
            Action::UnsharePid => self.unshare_pid(who),
            Action::SetnsPid => self.setns_pid(who, other_task, bits),
            Action::UnshareOther => self.unshare_other(who, bits),
            Action::Exec => self.exec(who, other, bits),
            Action::TryExec => self.try_exec(who, other, bits),
            Action::Exit => self.remove(who, |task, dependents| {
                drop(dependents);
                let exit = task.exit(7).map(|exit| exit.code());
                // Of the child of an init, older kernels do not tell.
                let is_lost = exit.is_err_and(|error| error.kind() == ErrorKind::StatusLost);
                if exit == Ok(Some(7)) || is_lost { Ok(()) } else { Err(format!("exit: {exit:?}")) }
            }),
            Action::Kill => self.kill(who),
            Action::DropTask => self.remove(who, |task, dependents| {
                drop((dependents, task));
                Ok(())
            }),
            Action::MisuseFd => self.misuse_fd(who, other, bits),
            Action::MisuseList => self.misuse_list(who, other, bits),
            Action::MisusePid => self.misuse_pid(who, other_task, bits),
            Action::Rebrand => self.rebrand(who, other_task),
            Action::Allocate => self.allocate(who),
            Action::Look => self.look(who, other),
            Action::Compare => self.compare_files(who, other_task, bits),
            Action::Secretly => self.secretly(who),
        }
    }

    /// The handles that are, or are not, of a task's table.
    fn handles_of(&self, task: usize, own: bool) -> Vec<usize> {
        let is_own = |handle: &Handle| handle.fd.rebrand_ref(&self.tasks[task]).is_ok();
        (0..self.handles.len()).filter(|index| is_own(&self.handles[*index]) == own).collect()
    }

    fn handle_of(&self, task: usize, own: bool, which: u8) -> Option<usize> {
        let handles = self.handles_of(task, own);
        let index = usize::from(which).checked_rem(handles.len())?;
        Some(handles[index])
    }

    fn keep(&mut self, fd: Fd<Dynamic>, inode: u64) {
        self.handles.push(Handle { fd, inode });
        if self.handles.len() > MOST_HANDLES {
            self.handles.remove(0);
        }
    }

    fn spawn_apart(&mut self, who: u8, bits: u16) -> Answer {
        let here = Task::here();
        let task = match (who % 4, bits % 2) {
            (0, _) => here.spawn().map_err(failed("spawn"))?.erase(),
            (1, 0) => {
                brand!(memory, private_fds);
                here.fork(memory, private_fds, ()).map_err(failed("fork"))?.0.erase()
            }
            _ => {
                brand!(private_fds);
                here.spawn_with_files(private_fds, ()).map_err(failed("spawn"))?.0.erase()
            }
        };
        self.tasks.push(task);
        Ok(())
    }

    fn spawn(&mut self, parent: usize, action: Action) -> Answer {
        let task = &self.tasks[parent];
        brand!(inner_pids, memory);
        // The limit of nested namespaces, and what a namespace without init says.
        let reasons = [Errno::INVAL, Errno::NOSPC, Errno::NOMEM, Errno::USERS, Errno::PERM];
        let child = match action {
            Action::Fork => task.spawn_with_memory(memory).map(|child| child.erase()),
            Action::SpawnWithPids => task.spawn_with_pids(inner_pids).map(|child| child.erase()),
            _ => task.spawn(),
        };
        let reasons = if action == Action::SpawnWithPids { &reasons[..] } else { &[Errno::NOMEM] };
        let Some(child) = or_refused("spawn", child, reasons)? else { return Ok(()) };
        if action == Action::SpawnWithPids {
            self.inside.push((child.pid_namespace().clone(), task.pid_namespace().clone()));
        } else if child.pid_namespace() != task.child_pid_namespace() {
            return Err(format!("{child:?} is not where the children of {task:?} go"));
        }
        self.tasks.push(child);
        Ok(())
    }

    fn open(&mut self, who: usize) -> Answer {
        let task = &self.tasks[who];
        let fd = task.memfd_create("truth", MemfdFlags::empty()).map_err(failed("memfd_create"))?;
        let inode = task.fstat(&fd).map_err(failed("fstat"))?.st_ino;
        self.keep(fd, inode);
        Ok(())
    }

    fn duplicate(&mut self, who: usize, which: u8) -> Answer {
        let Some(index) = self.handle_of(who, true, which) else { return self.open(who) };
        let Handle { fd, inode } = &self.handles[index];
        let (copy, inode) = (self.tasks[who].dup(fd).map_err(failed("dup"))?, *inode);
        self.keep(copy, inode);
        Ok(())
    }

    fn replace(&mut self, who: usize, which: u8, bits: u16) -> Answer {
        let Some(slot) = self.handle_of(who, true, which) else { return Ok(()) };
        let slot = self.handles.swap_remove(slot);
        let Some(from) = self.handle_of(who, true, bits as u8) else { return Ok(()) };
        let Handle { fd, inode } = &self.handles[from];
        let (fd, inode) = (self.tasks[who].dup_onto(fd, slot.fd).map_err(failed("dup3"))?, *inode);
        self.keep(fd, inode);
        Ok(())
    }

    fn close(&mut self, who: usize, which: u8) -> Answer {
        let Some(index) = self.handle_of(who, true, which) else { return Ok(()) };
        let Handle { fd, .. } = self.handles.swap_remove(index);
        self.tasks[who].close(fd).map_err(failed("close"))
    }

    /// Takes a copy under brands, and out of them again.
    fn pin(&mut self, who: usize, which: u8) -> Answer {
        let Some(index) = self.handle_of(who, true, which) else { return Ok(()) };
        let Handle { fd, inode } = &self.handles[index];
        let (copy, inode) = self.tasks[who].pin(|task| {
            let fd = fd.rebrand_ref(task).map_err(|error| format!("rebrand_ref: {error}"))?;
            let copy = task.dup(fd).map_err(failed("dup"))?;
            let child = task.spawn();
            // Where nothing can be started, nothing can.
            or_refused("spawn", child, &[Errno::NOMEM])?;
            Ok::<_, String>((copy.erase(), *inode))
        })?;
        self.keep(copy, inode);
        Ok(())
    }

    /// Sends a copy into the table of another task, which may be the same.
    fn send(&mut self, from: usize, to: usize, bits: u16) -> Answer {
        let Some(index) = self.handle_of(from, true, bits as u8) else { return self.open(from) };
        let Handle { fd, inode } = &self.handles[index];
        let (sender, receiver) = (&self.tasks[from], &self.tasks[to]);
        let name = format!("nearfar-truth-{}-{}", std::process::id(), self.steps);
        let address =
            SocketAddrUnix::new_abstract_name(name.as_bytes()).expect("it is short enough");
        let socket = |task: &DynamicTask| {
            let (family, kind) = (AddressFamily::UNIX, SocketType::DGRAM);
            task.socket(family, kind, None, SocketFlags::empty()).map_err(failed("socket"))
        };
        let (theirs, ours) = (socket(receiver)?, socket(sender)?);
        receiver.bind(&theirs, address.clone()).map_err(failed("bind"))?;
        sender.connect(&ours, address).map_err(failed("connect"))?;
        if let Some(foreign) = self.handle_of(from, false, (bits >> 8) as u8) {
            let foreign = &self.handles[foreign].fd;
            is_mismatch("sendmsg", sender.send_fds(&ours, [fd, foreign]))?;
        }
        sender.send_fds(&ours, [fd]).map_err(failed("sendmsg"))?;
        let [copy] = receiver.recv_fds(&theirs).map_err(failed("recvmsg"))?;
        let inode = *inode;
        drop((theirs, ours));
        self.keep(copy, inode);
        Ok(())
    }

    /// Takes two bits for each of the task's handles: left behind, copied, moved, or copied twice.
    fn unshare_files(&mut self, who: usize, bits: u16) -> Answer {
        let own = self.handles_of(who, true);
        let how = |index: usize| match own.iter().position(|own| *own == index) {
            Some(position) if position < 8 => bits >> (2 * position) & 3,
            _ => 0,
        };
        let all = std::mem::take(&mut self.handles).into_iter().enumerate();
        let (moved, rest): (Vec<_>, Vec<_>) = all.partition(|(index, _)| how(*index) == 2);
        let (moved, moved_inodes): (Vec<_>, Vec<_>) =
            moved.into_iter().map(|(_, Handle { fd, inode })| (fd, inode)).unzip();
        let copied = rest.iter().filter(|(index, _)| how(*index) & 1 == 1);
        let copied: Vec<_> = copied.map(|(_, handle)| handle).collect();
        // Rarely, so that most lists are in order.
        let twice = copied.first().filter(|_| bits >> 13 == 7 && how(own[0]) == 3);
        let listed = (moved, copied.iter().map(|copied| &copied.fd).collect::<Vec<_>>());
        let unshared =
            self.tasks[who].unshare_files_in_place((listed, twice.map(|twice| &twice.fd)));
        let answer = match unshared {
            Ok(_) if twice.is_some() => Err("a list with an fd twice went through".into()),
            Ok(((moved, copies), _)) => {
                let inodes = copied.iter().map(|copied| copied.inode).collect::<Vec<_>>();
                let kept =
                    moved.into_iter().zip(moved_inodes).chain(copies.into_iter().zip(inodes));
                self.handles = kept.map(|(fd, inode)| Handle { fd, inode }).collect();
                Ok(())
            }
            Err(undone) => {
                let back = undone.moved.into_iter().zip(moved_inodes);
                self.handles = back.map(|(fd, inode)| Handle { fd, inode }).collect();
                match undone.error.kind() {
                    ErrorKind::ListedTwice if twice.is_some() => Ok(()),
                    _ => Err(format!("close_range: {}", undone.error)),
                }
            }
        };
        self.handles.extend(rest.into_iter().map(|(_, handle)| handle));
        while self.handles.len() > MOST_HANDLES {
            self.handles.remove(0);
        }
        answer
    }

    fn unshare_pid(&mut self, who: usize) -> Answer {
        let task = &mut self.tasks[who];
        let reasons = [Errno::INVAL, Errno::NOSPC, Errno::USERS, Errno::PERM];
        if or_refused("unshare", task.unshare_pid_in_place(), &reasons)?.is_some() {
            self.inside.push((task.child_pid_namespace().clone(), task.pid_namespace().clone()));
        }
        Ok(())
    }

    /// Joins the own namespace of another task, or that of its children.
    fn setns_pid(&mut self, who: usize, other: usize, bits: u16) -> Answer {
        let other = self.tasks[other].host_pid().as_raw();
        let kind = if bits & 3 == 0 { "pid_for_children" } else { "pid" };
        let path = format!("/proc/{other}/ns/{kind}");
        let task = &mut self.tasks[who];
        // Nobody has been there yet; or it is looked for by who may not look.
        let reasons = [Errno::NOENT, Errno::ACCESS, Errno::PERM];
        let file = task.openat(Cwd, path, OFlags::RDONLY, Mode::empty());
        let Some(file) = or_refused("openat", file, &reasons)? else { return Ok(()) };
        let foreign = self.handles.iter().find(|handle| handle.fd.rebrand_ref(task).is_err());
        if let Some(Handle { fd, .. }) = foreign {
            is_mismatch("setns", task.setns_pid_in_place(fd))?;
        }
        let joined = task.setns_pid_in_place(&file);
        or_refused("setns", joined, &[Errno::INVAL, Errno::PERM])?;
        Ok(())
    }

    /// What changes no namespace that ids belong to.
    fn unshare_other(&mut self, who: usize, bits: u16) -> Answer {
        let kinds = [Namespaces::UTS, Namespaces::IPC, Namespaces::MOUNT, Namespaces::USER];
        let kind = kinds[usize::from(bits) % kinds.len()];
        let reasons = [Errno::NOSPC, Errno::USERS, Errno::PERM];
        or_refused("unshare", self.tasks[who].unshare(kind), &reasons).map(drop)
    }

    /// Those that end with this one: if it is an init, all in its pid namespace and in those inside.
    fn dependents(&self, who: usize) -> Vec<usize> {
        let namespace = self.tasks[who].pid_namespace();
        if far::Task::pid(&self.tasks[who]).as_raw() != 1
            || namespace == Task::here().pid_namespace()
        {
            return Vec::new();
        }
        let is_in = |task: &DynamicTask| {
            let mut at = task.pid_namespace();
            loop {
                if at == namespace {
                    return true;
                }
                match self.inside.iter().find(|(inner, _)| *inner == *at) {
                    Some((_, outer)) => at = outer,
                    None => return false,
                }
            }
        };
        (0..self.tasks.len()).filter(|index| *index != who && is_in(&self.tasks[*index])).collect()
    }

    /// Ends a task. An init waits for the others of its namespace, so these go first, unless they are to
    /// be looked at.
    fn remove(
        &mut self,
        who: usize,
        end: impl FnOnce(DynamicTask, Vec<DynamicTask>) -> Answer,
    ) -> Answer {
        let dependents = self.dependents(who);
        let mut all: Vec<Option<DynamicTask>> = self.tasks.drain(..).map(Some).collect();
        let task = all[who].take().expect("it is there");
        // An init was made before the others that it waits for.
        let dependents =
            dependents.into_iter().rev().filter_map(|index| all[index].take()).collect();
        self.tasks = all.into_iter().flatten().collect();
        end(task, dependents)
    }

    fn kill(&mut self, who: usize) -> Answer {
        self.remove(who, |task, dependents| {
            task.killer().kill().map_err(failed("kill"))?;
            for dependent in dependents {
                // If it is an init itself, those that it waits for have gone before.
                until("dead with its init", || is_dead(dependent.host_pid()));
                match dependent.getpid().map_err(|error| error.kind()) {
                    Err(ErrorKind::NotSent | ErrorKind::Hangup) => {}
                    answer => return Err(format!("{dependent:?} outlives its init: {answer:?}")),
                }
            }
            until("dead", || is_dead(task.host_pid()));
            match task.getpid().map_err(|error| error.kind()) {
                Err(ErrorKind::NotSent | ErrorKind::Hangup) => Ok(()),
                answer => Err(format!("{task:?} is dead and says {answer:?}")),
            }
        })
    }

    fn exec(&mut self, who: usize, which: u8, bits: u16) -> Answer {
        if !self.dependents(who).is_empty() {
            // It is refused, and the task would be dropped before those that it waits for.
            return self.try_exec(who, which, bits);
        }
        let own = self.handle_of(who, true, which);
        let task = self.tasks.remove(who);
        let sleep = Program::new("sleep").arg("1000");
        let exec = task.program(&sleep);
        let (exec, listed) = match own.map(|index| &self.handles[index]) {
            Some(Handle { fd, inode }) => (exec.fd(9, fd), Some((9, *inode))),
            None => (exec, None),
        };
        let Some(program) = or_refused("execve", exec.exec(), &[])? else { return Ok(()) };
        self.look_at(program, listed)
    }

    fn try_exec(&mut self, who: usize, which: u8, bits: u16) -> Answer {
        let foreign = self.handle_of(who, false, bits as u8);
        let task = self.tasks.remove(who);
        let missing = Program::new("/no/such/program");
        let mut exec = task.program(&missing);
        if let Some(foreign) = foreign.filter(|_| bits & 1 == 0) {
            exec = exec.fd(u16::from(which), &self.handles[foreign].fd);
        }
        let NotExecuted { error, task, .. } =
            exec.try_exec().err().ok_or("a program that there is not has been executed")?;
        self.tasks.insert(who, task);
        match error.kind() {
            ErrorKind::Os(Errno::NOENT) | ErrorKind::SharedTable | ErrorKind::MemoryExposed => {
                Ok(())
            }
            ErrorKind::Mismatch(_) if foreign.is_some() && bits & 1 == 0 => Ok(()),
            _ => Err(format!("execve: {error}")),
        }
    }

    /// The program has exactly what it was given; ends it.
    fn look_at(&self, program: ChildProcess, listed: Option<(i32, u64)>) -> Answer {
        let pid = program.pid().as_raw();
        // With what its loader has opened closed.
        until_blocked_in(pid, libc::SYS_clock_nanosleep);
        let open = open_files(pid)?;
        let others: Vec<_> = open.iter().filter(|(number, _)| **number > 2).collect();
        let expected: Vec<_> = listed.iter().map(|(number, inode)| (number, inode)).collect();
        if others != expected {
            return Err(format!("the program has {open:?} open, and was given {listed:?}"));
        }
        program.kill().map_err(failed("kill"))?;
        program.wait().map_err(failed("waitid")).map(drop)
    }

    fn misuse_fd(&mut self, who: usize, which: u8, bits: u16) -> Answer {
        let Some(index) = self.handle_of(who, false, which) else { return Ok(()) };
        let Handle { fd, inode } = self.handles.swap_remove(index);
        let own = self.handle_of(who, true, (bits >> 8) as u8);
        let own = own.map(|index| &self.handles[index].fd);
        let recorder = Recorder::default();
        let task = self.tasks[who].layer(&recorder);
        let mut fd = Some(fd);
        let foreign = || fd.as_ref().expect("it is only given up at the end");
        let refused = match (bits % 10, own) {
            (0, Some(own)) => is_mismatch("fcntl", task.fcntl_dupfd_query(own, foreign())),
            (1, Some(own)) => is_mismatch("splice", {
                task.splice(own, None, foreign(), None, 1, SpliceFlags::empty())
            }),
            (2, _) => is_mismatch("dup", task.dup(foreign())),
            (3, _) => is_mismatch("openat", {
                task.openat(foreign(), "x", OFlags::RDONLY, Mode::empty())
            }),
            (4, _) => is_mismatch("setns", task.setns_mount(foreign())),
            (5, _) => is_mismatch("fchdir", task.fchdir(foreign())),
            (6, _) => is_mismatch("ftruncate", task.ftruncate(foreign(), 1)),
            // These give it up, and it is closed where it was open.
            (7, _) => is_mismatch("close", task.close(fd.take().expect("it is there"))),
            (8, Some(own)) => {
                is_mismatch("dup3", task.dup_onto(own, fd.take().expect("it is there")))
            }
            _ => is_mismatch("fstat", task.fstat(foreign())),
        };
        let text = refused?.to_string();
        let sent = recorder.0.into_inner().expect("nobody panics with it");
        if !sent.is_empty() {
            return Err(format!("{sent:?} was sent with an fd of another table"));
        }
        if !text.contains(&format!("lives in {}", self.tasks[who].fd_table())) {
            return Err(format!("the refusal does not name the task's table: {text}"));
        }
        self.handles.extend(fd.map(|fd| Handle { fd, inode }));
        Ok(())
    }

    fn misuse_list(&mut self, who: usize, which: u8, bits: u16) -> Answer {
        let Some(foreign) = self.handle_of(who, false, which) else { return Ok(()) };
        let foreign = self.handles.swap_remove(foreign);
        let own = self.handle_of(who, true, bits as u8).map(|own| self.handles.swap_remove(own));
        let inodes: Vec<_> = own.iter().map(|own| own.inode).chain([foreign.inode]).collect();
        let own = own.map(|own| own.fd);
        let undone = if bits >> 8 & 1 == 0 {
            let undone = self.tasks[who].unshare_files_in_place((own, foreign.fd)).map(drop);
            undone.map_err(|undone| (undone.error, undone.moved))
        } else {
            let undone = self.tasks[who].unshare_files_in_place((own, &foreign.fd)).map(drop);
            undone.map_err(|undone| {
                (undone.error, undone.moved.into_iter().chain([foreign.fd]).collect())
            })
        };
        let Err((error, moved)) = undone else { return Err("a foreign fd was listed".into()) };
        is_mismatch("close_range", Err::<(), _>(error))?;
        if moved.len() != inodes.len() {
            return Err(format!("{} of {} came back", moved.len(), inodes.len()));
        }
        let back = moved.into_iter().zip(inodes);
        self.handles.extend(back.map(|(fd, inode)| Handle { fd, inode }));
        Ok(())
    }

    fn misuse_pid(&mut self, who: usize, other: usize, bits: u16) -> Answer {
        let (task, other) = (&self.tasks[who], &self.tasks[other]);
        let near: near::Pid<Dynamic> = far::Task::pid(other);
        let name = far::Pid::of(other, near);
        let recorder = Recorder::default();
        let watched = task.layer(&recorder);
        let is_foreign = task.pid_namespace() != other.pid_namespace();
        match bits % 4 {
            // A number alone says nothing, also if it is one of the task's own.
            0 => is_mismatch("kill", watched.kill(near, Signal::CONT)).map(drop)?,
            1 if is_foreign => is_mismatch("kill", watched.kill(&name, Signal::CONT)).map(drop)?,
            2 if is_foreign => is_mismatch("pidfd_open", watched.pidfd_open(&name)).map(drop)?,
            3 if is_foreign => is_mismatch("getpgid", watched.getpgid(&name)).map(drop)?,
            // What is of the same namespace is signalled: the kernel finds it by that number.
            _ => return task.kill(&name, Signal::CONT).map_err(failed("kill")),
        }
        let sent = recorder.0.into_inner().expect("nobody panics with it");
        if sent.is_empty() { Ok(()) } else { Err(format!("{sent:?} was sent with a foreign pid")) }
    }

    /// A task is taken for another if, and only if, it lives where that does.
    fn rebrand(&mut self, who: usize, other: usize) -> Answer {
        if who == other {
            return Ok(());
        }
        let expected = live_together(&self.tasks[who], &self.tasks[other]);
        let task = self.tasks.remove(who);
        let other = &self.tasks[if other > who { other - 1 } else { other }];
        let (task, is_same) = match task.rebrand(other) {
            Ok(task) => (task, true),
            Err(undone) => (undone.handle, false),
        };
        let answer = match expected {
            Some(expected) if expected != is_same => Err(format!(
                "{task:?} and {other:?} live together: {expected}, rebrand says {is_same}"
            )),
            _ => Ok(()),
        };
        self.tasks.insert(who, task);
        answer.and_then(|()| self.take_slices(who))
    }

    /// A task takes slices of this program if, and only if, it has this program's memory.
    fn take_slices(&mut self, who: usize) -> Answer {
        let task = &mut self.tasks[who];
        let expected = share(Resource::Memory, task.host_pid(), std::process::id());
        let name = task.pin_in_host_memory(|task| {
            let file = task.openat(Cwd, "/proc/version", OFlags::RDONLY, Mode::empty())?;
            let mut start = [0; 5];
            task.read(&file, &mut start)?;
            Ok::<_, Error>(start)
        });
        match name {
            Ok(start) if expected && start == Ok(*b"Linux") => Ok(()),
            Err(NamespaceMismatchError::AddressSpace(_)) if !expected => Ok(()),
            answer => Err(format!("{task:?} in this memory: {expected}, and says {answer:?}")),
        }
    }

    fn allocate(&mut self, who: usize) -> Answer {
        let task = &self.tasks[who];
        let number = self.steps as u64;
        let note = task.ptr(&number).map_err(failed("ptr"))?;
        if self.notes.len() == MOST_NOTES {
            drop(self.notes.remove(0));
        }
        self.notes.push((note, number, task.host_pid()));
        Ok(())
    }

    /// A note is read, and changed, by those who live in its memory, and by nobody else.
    fn look(&mut self, who: usize, which: u8) -> Answer {
        let Some(index) = usize::from(which).checked_rem(self.notes.len()) else { return Ok(()) };
        let task = &self.tasks[who];
        let (note, number, writer) = &mut self.notes[index];
        // If the writer has ended, it is not known here which memory it had.
        let writer_lives = self.tasks.iter().any(|task| task.host_pid() == *writer);
        let expected = writer_lives.then(|| share(Resource::Memory, task.host_pid(), *writer));
        match note.read(task) {
            Ok(found) if found == *number && expected != Some(false) => {}
            Err(error) if expected != Some(true) => {
                is_mismatch("process_vm_writev", note.write(task, &0))?;
                return is_mismatch("process_vm_readv", Err::<(), _>(error)).map(drop);
            }
            answer => {
                return Err(format!(
                    "{number} in the memory of {task:?}: {expected:?}, {answer:?}"
                ));
            }
        }
        *number = self.steps as u64;
        note.write(task, number).map_err(failed("process_vm_writev"))
    }

    /// Two fds, of whichever tables, are of one open file if, and only if, that is the same memory file.
    fn compare_files(&self, who: usize, other: usize, bits: u16) -> Answer {
        let handle = |task, which| Some(&self.handles[self.handle_of(task, true, which)?]);
        let pair = handle(who, bits as u8).zip(handle(other, (bits >> 8) as u8));
        let Some((one, another)) = pair else { return Ok(()) };
        // In a user namespace of its own, a task is still one that may be looked into.
        let file = |task: usize, handle: &Handle| {
            self.tasks[task].file(&handle.fd).map_err(failed("pidfd_getfd"))
        };
        let same = file(who, one)?.is_same_as(&file(other, another)?).map_err(failed("kcmp"))?;
        if same == (one.inode == another.inode) {
            return Ok(());
        }
        Err(format!("{:?} and {:?} are one open file: {same}", one.fd, another.fd))
    }

    fn secretly(&mut self, who: usize) -> Answer {
        use nearfar::interface::SyscallInterface;
        let files = [libc::CLONE_FILES as usize];
        // SAFETY: no memory is involved. That the table is another one is what is to be found.
        let left = unsafe { self.tasks[who].interface().syscall(Call::UNSHARE, files) };
        left.map(drop).map_err(failed("unshare"))
    }
}
