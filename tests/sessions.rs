//! Process groups and sessions.

mod common;

use common::{deadline, passes, stat};
use nearfar::near::Pgid;
use nearfar::prelude::*;

/// The process group and the session that `/proc` tells.
fn group_and_session(process: i32) -> (i32, i32) {
    (stat(process, 5) as i32, stat(process, 6) as i32)
}

fn me() -> i32 {
    std::process::id() as i32
}

#[test]
fn a_child_starts_in_its_parents_group_and_session() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let ours = group_and_session(me());
        assert_eq!(group_and_session(child.pid().as_raw()), ours);
        // 0 is a session of an outer pid namespace.
        let number = |session: Option<nearfar::near::Sid<_>>| session.map_or(0, |it| it.as_raw());
        assert_eq!(number(here.getsid_own().unwrap()), ours.1);
        assert_eq!(number(child.getsid_own().unwrap()), ours.1);
    });
}

#[test]
fn a_child_leads_a_session_of_its_own() {
    deadline(|| {
        let here = Task::here();
        let before = group_and_session(me());
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        let session = child.setsid().unwrap();
        assert_eq!(session.as_raw(), pid);
        assert_eq!(group_and_session(pid), (pid, pid));
        assert_eq!(child.getsid_own().unwrap(), Some(session));
        assert_eq!(child.getpgrp().unwrap(), Pgid::asserted(pid));

        let error = child.setsid().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM), "it leads a group already");
        assert_eq!(error.to_string(), "setsid: Operation not permitted (os error 1)");
        let error = child.setpgid(here.getpgrp().unwrap().unwrap()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM), "of another session");

        let grandchild = child.spawn().unwrap();
        assert_eq!(group_and_session(grandchild.pid().as_raw()), (pid, pid));
        assert_eq!(grandchild.getsid_own().unwrap(), Some(session));
        assert_eq!(group_and_session(me()), before);
        // Neither ends the other, and both are still ours.
        drop(child);
        assert_eq!(grandchild.getpid().unwrap(), grandchild.pid());
        assert_eq!(grandchild.exit(3).unwrap().code(), Some(3));
    });
}

#[test]
fn children_make_and_join_a_group() {
    deadline(|| {
        let here = Task::here();
        let before = group_and_session(me());
        let (first, second) = (here.spawn().unwrap(), here.spawn().unwrap());
        let leader = first.pid().as_raw();
        first.setpgrp().unwrap();
        let group = first.getpgrp().unwrap().unwrap();
        assert_eq!(group.as_raw(), leader);
        second.setpgid(group).unwrap();
        for member in [&first, &second] {
            assert_eq!(group_and_session(member.pid().as_raw()), (leader, before.1));
        }
        second.setpgrp().unwrap();
        assert_eq!(group_and_session(second.pid().as_raw()).0, second.pid().as_raw());
        second.setpgid(here.getpgrp().unwrap().unwrap()).unwrap();
        assert_eq!(group_and_session(second.pid().as_raw()), before);
        assert_eq!(group_and_session(me()), before);

        let nobodys = Pgid::asserted(i32::MAX);
        assert_eq!(second.setpgid(nobodys.unwrap()).unwrap_err().errno(), Some(Errno::PERM));
    });
}

#[test]
fn a_program_stays_in_its_tasks_session() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        child.setsid().unwrap();
        let (reader, _hold) = here.pipe2(PipeFlags::empty()).unwrap();
        let process = child.program(&Program::new("cat")).fd(0, &reader).exec().unwrap();
        assert_eq!(group_and_session(pid), (pid, pid));
        process.send_signal(Signal::KILL).unwrap();
        process.wait().unwrap();
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_that_leads_a_session() {
    let here = Task::here();
    let outer = group_and_session(me());
    let earlier = here.spawn().unwrap();
    here.setpgrp().unwrap();
    assert_eq!(group_and_session(me()), (me(), outer.1));
    assert_eq!(here.setsid().unwrap_err().errno(), Some(Errno::PERM));
    here.setpgid(Pgid::asserted(outer.0).unwrap()).unwrap();
    assert_eq!(group_and_session(me()), outer);

    let session = here.setsid().unwrap();
    assert_eq!(session.as_raw(), me());
    assert_eq!(here.getsid_own().unwrap(), Some(session));
    assert_eq!(group_and_session(me()), (me(), me()));
    assert_eq!(group_and_session(earlier.pid().as_raw()), outer);
    assert_eq!(here.spawn().unwrap().getsid_own().unwrap(), Some(session));
}

#[test]
fn the_calling_thread_moves_the_whole_process() {
    passes("host_that_leads_a_session");
}
