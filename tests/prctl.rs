//! What a task says of itself: a child's own, the calling thread's, this process's.

mod common;

use std::fs;
use std::num::NonZeroU64;
use std::thread;

use common::{deadline, passes, stat, status, until};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::rustix::process::{DumpableBehavior, dumpable_behavior};

fn comm(process: impl std::fmt::Display) -> String {
    fs::read_to_string(format!("/proc/{process}/comm")).unwrap()
}

/// The timer slack of a thread, which `/proc` does not show under `thread-self`.
fn timer_slack(thread: i32) -> u64 {
    let slack = fs::read_to_string(format!("/proc/{thread}/timerslack_ns")).unwrap();
    slack.trim().parse().unwrap()
}

fn my_thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// A line of pids.
fn read_pids<const N: usize>(reader: &Fd<HostFds>) -> [i32; N] {
    let mut buffer = [0; 64];
    let length = Task::here().read(reader, &mut buffer).unwrap();
    let line = std::str::from_utf8(&buffer[..length]).unwrap();
    let pids: Vec<i32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    pids.try_into().unwrap()
}

#[test]
fn a_childs_name_is_its_own() {
    deadline(|| {
        let here = Task::here();
        let before = comm("thread-self");
        assert_eq!(format!("{}\n", here.prctl_get_name().unwrap().to_str().unwrap()), before);
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        for (asked, got) in [
            ("the child", "the child"),
            ("", ""),
            ("fifteen bytes..", "fifteen bytes.."),
            ("more than fifteen bytes", "more than fifte"),
        ] {
            child.prctl_set_name(asked).unwrap();
            assert_eq!(comm(pid), format!("{got}\n"));
            assert_eq!(child.prctl_get_name().unwrap().to_str(), Ok(got));
        }
        assert_eq!(child.prctl_set_name("a\0b").unwrap_err().kind(), ErrorKind::InteriorNul);
        assert_eq!(comm("thread-self"), before);
    });
}

#[test]
fn the_calling_threads_name_is_not_the_other_threads() {
    deadline(|| {
        let before = comm("thread-self");
        let set = || {
            let here = Task::here();
            here.prctl_set_name(c"a thread").unwrap();
            assert_eq!(here.prctl_get_name().unwrap().as_c_str(), c"a thread");
            assert_eq!(comm("thread-self"), "a thread\n");
        };
        thread::spawn(set).join().unwrap();
        assert_eq!(comm("thread-self"), before);
    });
}

#[test]
fn a_child_gives_up_new_privileges_alone() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let sibling = here.spawn().unwrap();
        assert!(!child.prctl_get_no_new_privs().unwrap());
        child.prctl_set_no_new_privs().unwrap();
        child.prctl_set_no_new_privs().unwrap();
        assert!(child.prctl_get_no_new_privs().unwrap());
        assert_eq!(status(child.pid().as_raw(), "NoNewPrivs"), "1");
        let grandchild = child.spawn().unwrap();
        assert!(grandchild.prctl_get_no_new_privs().unwrap());
        for innocent in [&sibling, &here.spawn().unwrap()] {
            assert!(!innocent.prctl_get_no_new_privs().unwrap());
            assert_eq!(status(innocent.pid().as_raw(), "NoNewPrivs"), "0");
        }
        assert!(!here.prctl_get_no_new_privs().unwrap());
        assert_eq!(status("thread-self", "NoNewPrivs"), "0");
        let grep = Program::new("grep").args(["-q", "NoNewPrivs:\t1", "/proc/self/status"]);
        assert!(child.program(&grep).exec().unwrap().wait().unwrap().success());
    });
}

#[test]
fn the_calling_thread_gives_up_new_privileges_alone() {
    deadline(|| {
        let give_up = || {
            let here = Task::here();
            let earlier = here.spawn().unwrap();
            here.prctl_set_no_new_privs().unwrap();
            assert!(here.prctl_get_no_new_privs().unwrap());
            assert_eq!(status("thread-self", "NoNewPrivs"), "1");
            assert!(!earlier.prctl_get_no_new_privs().unwrap());
            assert!(here.spawn().unwrap().prctl_get_no_new_privs().unwrap());
        };
        thread::spawn(give_up).join().unwrap();
        assert_eq!(status("thread-self", "NoNewPrivs"), "0");
    });
}

#[test]
fn orphans_go_to_a_program_that_is_a_subreaper() {
    deadline(|| {
        let here = Task::here();
        for whether in [false, true] {
            let (hold, let_go) = here.pipe2(PipeFlags::empty()).unwrap();
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            let child = here.spawn().unwrap();
            assert!(!child.prctl_get_child_subreaper().unwrap());
            child.prctl_set_child_subreaper(whether).unwrap();
            assert_eq!(child.prctl_get_child_subreaper().unwrap(), whether);
            assert!(!here.prctl_get_child_subreaper().unwrap());
            assert!(!child.spawn().unwrap().prctl_get_child_subreaper().unwrap());
            // The inner shell ends at once, and the `cat` that it leaves when `let_go` is dropped.
            let inner = "cat <&3 >/dev/null 2>&1 & echo $$ $!";
            let shell = Program::new("sh").args(["-c", "sh -c \"$0\"; read line <&3", inner]);
            let program = child.program(&shell).fd(1, &writer).fd(3, &hold).exec().unwrap();
            let [inner, orphan] = read_pids(&reader);
            let parent = || stat(orphan, 4) as i32;
            until("an orphan", || parent() != inner);
            assert_eq!(parent() == program.pid().as_raw(), whether);
            drop(let_go);
            program.wait().unwrap();
        }
    });
}

#[test]
#[ignore = "a host for the test below"]
fn host_that_is_a_subreaper() {
    let here = Task::here();
    assert!(!here.prctl_get_child_subreaper().unwrap());
    here.prctl_set_child_subreaper(true).unwrap();
    assert!(here.prctl_get_child_subreaper().unwrap());
    let other = thread::spawn(|| Task::here().prctl_get_child_subreaper().unwrap());
    assert!(other.join().unwrap(), "it is the whole process's");
    assert!(!here.spawn().unwrap().prctl_get_child_subreaper().unwrap());
    // It ends when `let_go` is dropped, and not before the shell.
    let shell = Program::new("sh").args(["-c", "cat <&3 >/dev/null & echo $!"]);
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let (hold, let_go) = here.pipe2(PipeFlags::empty()).unwrap();
    let shell = here.spawn().unwrap().program(&shell).fd(1, &writer).fd(3, &hold).exec().unwrap();
    assert!(shell.wait().unwrap().success());
    let [orphan] = read_pids(&reader);
    assert_eq!(stat(orphan, 4), i64::from(std::process::id()));
    drop(let_go);
    until("the orphan is ours to reap", || common::state(orphan) == Some('Z'));
    here.prctl_set_child_subreaper(false).unwrap();
    assert!(!here.prctl_get_child_subreaper().unwrap());
}

#[test]
fn the_calling_thread_makes_the_whole_process_a_subreaper() {
    passes("host_that_is_a_subreaper");
}

#[test]
fn dumpable_is_that_of_the_shared_memory() {
    // In a process of its own: other tests' children hide the memory of this one now and then.
    deadline(|| passes("host_that_is_not_dumpable"));
}

#[test]
#[ignore = "a host for the test above"]
fn host_that_is_not_dumpable() {
    use nearfar::rustix::process::set_dumpable_behavior;
    let here = Task::here();
    let child = here.spawn().unwrap();
    let asked = dumpable_behavior().unwrap();
    assert_eq!(here.prctl_get_dumpable().unwrap(), asked);
    assert_eq!(child.prctl_get_dumpable().unwrap(), asked);
    for behavior in [DumpableBehavior::NotDumpable, DumpableBehavior::Dumpable] {
        set_dumpable_behavior(behavior).unwrap();
        assert_eq!(here.prctl_get_dumpable().unwrap(), behavior);
        assert_eq!(child.prctl_get_dumpable().unwrap(), behavior);
    }
}

#[test]
fn a_childs_timer_slack_is_its_own() {
    deadline(|| {
        let here = Task::here();
        let before = timer_slack(my_thread());
        assert_eq!(here.prctl_get_timerslack().unwrap(), before);
        let child = here.spawn().unwrap();
        let pid = child.pid().as_raw();
        child.prctl_set_timerslack(NonZeroU64::new(1_234_567)).unwrap();
        assert_eq!(child.prctl_get_timerslack().unwrap(), 1_234_567);
        assert_eq!(timer_slack(pid), 1_234_567);
        assert_eq!(child.spawn().unwrap().prctl_get_timerslack().unwrap(), 1_234_567);
        child.prctl_set_timerslack(None).unwrap();
        assert_eq!(timer_slack(pid), before);
        for too_much in [u64::MAX, i64::MAX as u64, 86_400_000_000_000] {
            let error = child.prctl_set_timerslack(NonZeroU64::new(too_much)).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
        child.prctl_set_timerslack(NonZeroU64::new(86_399_999_999_999)).unwrap();
        assert_eq!(timer_slack(pid), child.prctl_get_timerslack().unwrap());
        assert_eq!(timer_slack(my_thread()), before);
    });
}

#[test]
fn the_calling_threads_timer_slack_is_not_the_other_threads() {
    deadline(|| {
        let before = timer_slack(my_thread());
        let set = || {
            let here = Task::here();
            here.prctl_set_timerslack(NonZeroU64::new(70_000)).unwrap();
            assert_eq!(here.prctl_get_timerslack().unwrap(), 70_000);
            assert_eq!(timer_slack(my_thread()), 70_000);
            assert_eq!(here.spawn().unwrap().prctl_get_timerslack().unwrap(), 70_000);
        };
        thread::spawn(set).join().unwrap();
        assert_eq!(timer_slack(my_thread()), before);
    });
}

/// What a program gets of the privileges of its user, who is 0.
fn privileges_of_program(child: Task<HostFds, HostMemory, HostPids>) -> u64 {
    let here = Task::here();
    let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
    let grep = Program::new("grep").args(["CapPrm", "/proc/self/status"]);
    let program = child.program(&grep).fd(1, &writer).exec().unwrap();
    drop(writer);
    assert!(program.wait().unwrap().success());
    let mut text = [0; 64];
    let length = here.read(&reader, &mut text).unwrap();
    let text = std::str::from_utf8(&text[..length]).unwrap();
    u64::from_str_radix(text.trim_start_matches("CapPrm:").trim(), 16).unwrap()
}

#[test]
fn securebits_say_what_root_gets() {
    deadline(|| {
        let here = Task::here();
        let root = || {
            let child = here.spawn().unwrap();
            child.unshare(Namespaces::USER).unwrap();
            common::map_root(child.pid());
            child
        };
        let ordinary = root();
        assert_eq!(ordinary.prctl_get_securebits(), Ok(CapabilitiesSecureBits::empty()));
        assert_ne!(privileges_of_program(ordinary), 0);
        let child = root();
        let bits = CapabilitiesSecureBits::NO_ROOT | CapabilitiesSecureBits::NO_ROOT_LOCKED;
        child.prctl_set_securebits(bits).unwrap();
        assert_eq!(child.prctl_get_securebits(), Ok(bits));
        let error = child.prctl_set_securebits(CapabilitiesSecureBits::empty()).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM));
        let unknown = CapabilitiesSecureBits::from_bits_retain(1 << 31);
        let error = child.prctl_set_securebits(unknown).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownFlags);
        assert_eq!(privileges_of_program(child), 0);
    });
}

#[test]
fn securebits_of_a_thread_are_its_own() {
    deadline(|| {
        // Needs to be root: a thread among others cannot have a user namespace.
        let thread = thread::spawn(|| {
            let here = Task::here();
            here.prctl_set_securebits(CapabilitiesSecureBits::KEEP_CAPS).unwrap();
            assert_eq!(here.prctl_get_securebits(), Ok(CapabilitiesSecureBits::KEEP_CAPS));
        });
        thread.join().unwrap();
        assert_eq!(Task::here().prctl_get_securebits(), Ok(CapabilitiesSecureBits::empty()));
    });
}

#[test]
fn capabilities_are_kept_if_asked_for() {
    deadline(|| {
        let here = Task::here();
        let before = here.prctl_get_securebits().unwrap();
        let child = here.spawn().unwrap();
        assert_eq!(child.prctl_get_keepcaps(), Ok(false));
        for whether in [true, false, true] {
            child.prctl_set_keepcaps(whether).unwrap();
            assert_eq!(child.prctl_get_keepcaps(), Ok(whether));
            let bits = child.prctl_get_securebits().unwrap();
            assert_eq!(bits.contains(CapabilitiesSecureBits::KEEP_CAPS), whether);
        }
        assert!(child.spawn().unwrap().prctl_get_keepcaps().unwrap());
        assert_eq!(
            (here.prctl_get_securebits(), here.prctl_get_keepcaps()),
            (Ok(before), Ok(false))
        );

        child.unshare(Namespaces::USER).unwrap();
        let locked = CapabilitiesSecureBits::KEEP_CAPS_LOCKED;
        child.prctl_set_securebits(locked).unwrap();
        let error = child.prctl_set_keepcaps(true).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::PERM));
        assert_eq!(child.prctl_get_keepcaps(), Ok(false));
    });
}

/// What the documentation of `prctl_set_keepcaps` has to offer for a program. Needs to be root.
#[test]
fn a_program_of_another_user_has_ambient_capabilities() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let sets = child.capget().unwrap();
        let inheritable = CapabilitySet::NET_ADMIN;
        child.capset(CapabilitySets { inheritable, ..sets }).unwrap();
        child.prctl_cap_ambient_raise(CapabilitySet::NET_ADMIN).unwrap();
        child.prctl_set_securebits(CapabilitiesSecureBits::NO_SETUID_FIXUP).unwrap();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        let grep = Program::new("grep").args(["CapEff", "/proc/self/status"]);
        let program = child.program(&grep).fd(1, &writer).uid(Uid::from_raw(65534)).exec().unwrap();
        assert!(program.wait().unwrap().success());
        let mut text = [0; 64];
        let length = here.read(&reader, &mut text).unwrap();
        let expected = format!("CapEff:\t{:016x}\n", CapabilitySet::NET_ADMIN.bits());
        assert_eq!(std::str::from_utf8(&text[..length]).unwrap(), expected);
    });
}
