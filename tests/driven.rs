//! Generic code has all that a driven task is asked for before it becomes a program.

mod common;

use std::sync::atomic::Ordering;

use common::{deadline, is_dead, status, until};
use nearfar::prelude::*;
use nearfar::task::{FUTEX_OWNER_DIED, RobustList, SigAction};
use nearfar::{Exit, SeccompFilter, far};

/// Allows everything but `mkdir`, which is answered with `EXFULL`.
fn no_mkdir() -> SeccompFilter {
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::EXFULL as u32;
    SeccompFilter::new([
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_mkdir as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, refused),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ])
    .unwrap()
}

fn becomes_a_program(child: impl DrivenTask) -> Exit {
    child.setgroups(&[Gid::from_raw(1234)]).unwrap();
    assert_eq!(status(child.host_pid().as_raw(), "Groups"), "1234");
    child.set_sigaction(Signal::HUP, SigAction::Ignore).unwrap();
    child.prctl_set_no_new_privs().unwrap();
    child.seccomp_on_exec(&no_mkdir()).unwrap();
    child.unshare(Namespaces::TIME).unwrap();
    let mut offsets = child.time_offsets().unwrap();
    assert_eq!(offsets.boottime.tv_sec, 0);
    offsets.boottime.tv_sec = 1_000_000_000;
    child.set_time_offsets(offsets).unwrap();
    let script = "kill -HUP $$; read up idle < /proc/uptime; test ${up%.*} -ge 1000000000 || exit 1
        mkdir /tmp/never 2> /dev/null && exit 2; exit 3";
    child.program(&Program::new("sh").args(["-c", script])).exec().unwrap().wait().unwrap()
}

/// Needs to be root.
#[test]
fn any_child_is_prepared_for_its_program() {
    deadline(|| {
        brand!(private_fds, child_memory, inner_pids);
        let here = Task::here();
        let child = || here.spawn().unwrap();
        let ends = [
            becomes_a_program(child()),
            becomes_a_program(child().erase()),
            becomes_a_program(child().unshare_files(private_fds, ()).unwrap().0),
            becomes_a_program(here.spawn_with_memory(child_memory).unwrap()),
            becomes_a_program(child().unshare_pid(inner_pids).unwrap()),
        ];
        assert_eq!(ends.map(|end| end.code()), [Some(3); 5]);
    });
}

fn is_killed<K: DrivenTask + far::Task<AddressSpace = HostMemory>>(child: &K) {
    let list = RobustList::new(1);
    child.set_robust_list(&list).unwrap();
    list.word(0).store(child.gettid().unwrap().as_raw() as u32, Ordering::Relaxed);
    child.killer().kill().unwrap();
    until("dead", || is_dead(child.host_pid()));
    assert_eq!(list.word(0).load(Ordering::Relaxed), FUTEX_OWNER_DIED);
}

#[test]
fn any_child_in_this_memory_lets_go_of_its_words_when_it_is_killed() {
    deadline(|| {
        brand!(private_fds, inner_pids);
        let here = Task::here();
        is_killed(&here.spawn().unwrap());
        is_killed(&here.spawn_with_files(private_fds, ()).unwrap().0);
        is_killed(&here.spawn_with_pids(inner_pids).unwrap());
    });
}
