//! Capabilities: of the child or the thread alone, as the kernel sees them.

mod common;

use std::thread;

use common::{deadline, map_root, status};
use nearfar::far;
use nearfar::interface::Call;
use nearfar::prelude::*;

const NONE: CapabilitySet = CapabilitySet::empty();
const ADMIN: CapabilitySet = CapabilitySet::SYS_ADMIN;
const CHOWN: CapabilitySet = CapabilitySet::CHOWN;
/// One of the upper half.
const BPF: CapabilitySet = CapabilitySet::BPF;

/// Under which name the kernel says what a child has.
fn of(child: &impl far::Task<PidNamespace = HostPids>) -> String {
    child.pid().as_raw().to_string()
}

const OF_THIS_THREAD: &str = "thread-self";

fn set(path: &str, field: &str) -> CapabilitySet {
    CapabilitySet::from_bits_retain(u64::from_str_radix(&status(path, field), 16).unwrap())
}

/// What the kernel says of all five sets.
fn sets(path: &str) -> [CapabilitySet; 5] {
    ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"].map(|field| set(path, field))
}

/// Every method, on a task that has everything in its user namespace, against what `path` says.
fn works(task: &impl far::Task, path: &str) {
    let seen = || {
        let [effective, permitted, inheritable, ..] = sets(path);
        CapabilitySets { effective, permitted, inheritable }
    };
    let all = task.capget().unwrap();
    assert_eq!(all, seen());
    assert!(all.effective.contains(ADMIN | CHOWN | BPF) && all.inheritable.is_empty());

    // The inheritable, and each of the three apart.
    let mut fewer = all;
    fewer.inheritable = CHOWN | BPF;
    fewer.permitted -= ADMIN;
    fewer.effective -= ADMIN | CapabilitySet::SYS_TIME;
    task.capset(fewer).unwrap();
    assert_eq!(task.capget().unwrap(), fewer);
    assert_eq!(seen(), fewer);
    // None comes back.
    let error = task.capset(all).unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::CAPSET, Some(Errno::PERM)));
    assert_eq!(seen(), fewer);

    for capability in [CHOWN, BPF] {
        assert!(!task.prctl_cap_ambient_is_set(capability).unwrap());
        task.prctl_cap_ambient_raise(capability).unwrap();
        assert!(task.prctl_cap_ambient_is_set(capability).unwrap());
    }
    assert_eq!(set(path, "CapAmb"), CHOWN | BPF);
    task.prctl_cap_ambient_lower(CHOWN).unwrap();
    assert_eq!(set(path, "CapAmb"), BPF);
    task.prctl_cap_ambient_raise(CHOWN).unwrap();
    task.prctl_cap_ambient_clear_all().unwrap();
    assert_eq!(set(path, "CapAmb"), NONE);
    let error = task.prctl_cap_ambient_raise(CapabilitySet::KILL).unwrap_err();
    assert_eq!(error.errno(), Some(Errno::PERM), "it is not inheritable");

    let bounding = set(path, "CapBnd");
    for capability in [CHOWN, BPF] {
        assert!(task.prctl_capbset_read(capability).unwrap());
        task.prctl_capbset_drop(capability).unwrap();
        assert!(!task.prctl_capbset_read(capability).unwrap());
    }
    assert_eq!(set(path, "CapBnd"), bounding - (CHOWN | BPF));
    let (several, unknown) = (CapabilitySet::CHOWN | CapabilitySet::KILL, 1 << 62);
    let several = CapabilitySet::from_bits_retain(several.bits() | unknown);
    task.drop_capabilities_from_bounding_set(several).unwrap();
    assert_eq!(set(path, "CapBnd"), bounding - (CHOWN | BPF | CapabilitySet::KILL));
    task.drop_capabilities_from_bounding_set(CapabilitySet::all()).unwrap();
    assert_eq!(set(path, "CapBnd"), NONE);
    assert_eq!(seen(), fewer, "the task itself keeps it");

    task.capset(CapabilitySets { effective: NONE, permitted: NONE, inheritable: NONE }).unwrap();
    assert_eq!(sets(path)[..3], [NONE; 3]);
    let error = task.prctl_capbset_drop(CapabilitySet::KILL).unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::PRCTL, Some(Errno::PERM)));
    let error = task.drop_capabilities_from_bounding_set(CapabilitySet::all()).unwrap_err();
    assert_eq!((error.call(), error.errno()), (Call::PRCTL, Some(Errno::PERM)));
}

#[test]
fn a_child_changes_its_own_and_nobody_elses() {
    deadline(|| {
        let before = sets(OF_THIS_THREAD);
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        works(&child, &of(&child));
        assert_eq!(sets(OF_THIS_THREAD), before);
        // And it has them no more than its sibling has lost them.
        assert_eq!(sets(&of(&Task::here().spawn().unwrap())), before);
        assert_eq!(sets(&of(&child.spawn().unwrap()))[..3], [NONE; 3]);
    });
}

/// Needs the capabilities of root: a thread among others cannot have a user namespace.
#[test]
fn a_thread_changes_its_own_and_no_other_threads() {
    deadline(|| {
        let before = sets(OF_THIS_THREAD);
        let thread = thread::spawn(|| {
            let here = Task::here();
            works(&here, OF_THIS_THREAD);
            // What it spawns has what it has.
            let child = here.spawn().unwrap();
            assert_eq!(sets(&of(&child)), sets(OF_THIS_THREAD));
        });
        thread.join().unwrap();
        assert_eq!(sets(OF_THIS_THREAD), before);
    });
}

#[test]
fn exactly_one_capability_at_a_time() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        child.unshare(Namespaces::USER).unwrap();
        let before = sets(&of(&child));
        let unknown = CapabilitySet::from_bits_retain(1 << 63);
        for capability in [NONE, ADMIN | CHOWN, CapabilitySet::from_bits_retain(!0), unknown] {
            for error in [
                child.prctl_capbset_read(capability).unwrap_err(),
                child.prctl_capbset_drop(capability).unwrap_err(),
                child.prctl_cap_ambient_is_set(capability).unwrap_err(),
                child.prctl_cap_ambient_raise(capability).unwrap_err(),
                child.prctl_cap_ambient_lower(capability).unwrap_err(),
                here.prctl_capbset_read(capability).unwrap_err(),
                here.prctl_cap_ambient_is_set(capability).unwrap_err(),
            ] {
                assert_eq!((error.call(), error.errno()), (Call::PRCTL, Some(Errno::INVAL)));
            }
        }
        assert_eq!(sets(&of(&child)), before);
    });
}

/// What it is all for: a program with one capability, or with none.
#[test]
fn a_program_has_what_its_task_was_left() {
    deadline(|| {
        let here = Task::here();
        let program_has = |prepare: &dyn Fn(&Task<HostFds, HostMemory, HostPids>)| {
            let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
            let child = here.spawn().unwrap();
            child.unshare(Namespaces::USER).unwrap();
            prepare(&child);
            let grep = Program::new("grep").args(["CapEff", "/proc/self/status"]);
            let process = child.program(&grep).fd(1, &writer).exec().unwrap();
            assert!(process.wait().unwrap().success());
            let mut buffer = [0; 64];
            let length = here.read(&reader, &mut buffer).unwrap();
            let line = std::str::from_utf8(&buffer[..length]).unwrap().trim();
            let bits = line.strip_prefix("CapEff:\t").unwrap();
            CapabilitySet::from_bits_retain(u64::from_str_radix(bits, 16).unwrap())
        };
        // Nobody is mapped, so nobody is root.
        assert_eq!(program_has(&|_| ()), NONE);
        let ambient = program_has(&|child| {
            let mut sets = child.capget().unwrap();
            sets.inheritable = BPF;
            child.capset(sets).unwrap();
            child.prctl_cap_ambient_raise(BPF).unwrap();
        });
        assert_eq!(ambient, BPF);
        let bounded = program_has(&|child| {
            map_root(child.pid());
            let all = child.capget().unwrap().effective;
            for capability in all.iter().filter(|capability| *capability != CHOWN) {
                child.prctl_capbset_drop(capability).unwrap();
            }
        });
        assert_eq!(bounded, CHOWN);
    });
}
