//! What identities and ids print, and when identities are equal.

use std::collections::BTreeSet;

use nearfar::far::{self, FdTable};
use nearfar::near;
use nearfar::prelude::*;

/// What can go to another thread, and what can be shared with one.
const _: () = {
    const fn send_sync<T: Send + Sync>() {}
    const fn send<T: Send>() {}
    send_sync::<Fd<HostFds>>();
    send_sync::<BorrowedFd<'_, HostFds>>();
    send_sync::<FsContext<HostFds>>();
    send_sync::<MountFd<HostFds>>();
    send_sync::<Epoll<HostFds>>();
    send_sync::<Inotify<HostPids, HostFds>>();
    send_sync::<near::Watch<HostPids>>();
    send_sync::<PollFd<'_, HostFds>>();
    send_sync::<ChildProcess>();
    send_sync::<nearfar::Killer>();
    send_sync::<nearfar::Error>();
    send::<Task<HostFds, HostMemory, HostPids>>();
};

#[test]
fn ids_print_the_names_the_user_gave() {
    let here = Task::here();
    brand!(log_fds);
    let file = here.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
    let number = file.near().as_raw();
    assert_eq!(format!("{file} {file:?}"), format!("Fd(host_fds:{number}) Fd(host_fds:{number})"));
    let (child, file) = here.spawn_with_files(log_fds, file).unwrap();
    assert_eq!(
        format!("{file} {:?}", file.borrow()),
        format!("Fd(log_fds:{number}) Fd(log_fds:{number})")
    );
    let number = file.near().as_raw();
    let mount = MountFd::from(file);
    assert_eq!(format!("{mount:?}"), format!("MountFd(Fd(log_fds:{number}))"));
    assert_eq!(mount.near(), mount.borrow().near());
    drop(mount.into_fd());
    let pid = child.pid();
    assert_eq!(pid.to_string(), format!("Pid(host_pids:{})", pid.as_raw()));
    let address = near::Address::from(&raw const number);
    assert_eq!(address.to_string(), format!("Address(host_memory:{:p})", &raw const number));
    assert!(near::Pid::<HostPids>::asserted(0).is_none());
    assert!(near::Pgid::<HostPids>::asserted(-1).is_none());
    assert!(near::Sid::<HostPids>::asserted(0).is_none());
    assert_eq!(near::Sid::<HostPids>::asserted(7).unwrap().to_string(), "Sid(host_pids:7)");
}

#[test]
fn identities_print_their_creator_and_are_equal_only_to_themselves() {
    let here = Task::here();
    let table = |task: &Task<HostFds, HostMemory, HostPids>| task.fd_table().clone();
    let child = here.spawn().unwrap();
    assert_eq!(table(&child), *here.fd_table());
    assert_eq!(child.address_space(), here.address_space());
    assert_eq!(child.pid_namespace(), here.child_pid_namespace());
    assert_eq!(here.fd_table().to_string(), "FdTable(host_fds)");

    brand!(first_fds, second_fds);
    let (first, ()) = child.unshare_files(first_fds, ()).unwrap();
    let sibling = first.spawn().unwrap();
    assert_eq!(first.fd_table(), sibling.fd_table());
    let name = first.fd_table().to_string();
    let creator = format!("made by process {})", std::process::id());
    assert!(name.starts_with("FdTable(first_fds, #") && name.ends_with(&creator), "{name}");

    let (second, ()) = sibling.unshare_files(second_fds, ()).unwrap();
    assert!(!is_same(first.fd_table(), second.fd_table()));
    assert!(!is_same(first.fd_table(), here.fd_table()));
}

#[test]
fn ids_of_namespaces_are_equal_as_the_namespaces_are() {
    let here = Task::here();
    brand!(private_fds, inner_pids);
    let (child, ()) = here.spawn_with_files(private_fds, ()).unwrap();
    let init = here.spawn_with_pids(inner_pids).unwrap();
    let hosts = [here.fd_table().id(), here.address_space().id(), here.pid_namespace().id()];
    let own = [child.fd_table().id(), init.pid_namespace().id()];
    assert_eq!(
        hosts,
        [init.fd_table().id(), init.address_space().id(), child.pid_namespace().id()]
    );
    let all: BTreeSet<_> = hosts.into_iter().chain(own).collect();
    assert_eq!(all.len(), 5, "also those of different kinds");
    assert!(hosts.iter().all(|host| own.iter().all(|other| host < other)));
    assert!(own[0] < own[1], "it was made before");
    assert_eq!(child.spawn().unwrap().fd_table().id(), own[0]);
    assert_eq!(child.erase().fd_table().id(), own[0]);
    assert_eq!(hosts[0].to_string(), "NamespaceId(host_fds)");
    let text = format!("{:?}", own[0]);
    assert!(text.starts_with("NamespaceId(private_fds, #"), "{text}");
}

fn is_same<F: nearfar::brand::Namespace, G: nearfar::brand::Namespace>(
    a: &FdTable<F>,
    b: &FdTable<G>,
) -> bool {
    a == b
}

/// Generic code can take a child through all of it, whoever's it is.
#[test]
fn generic_code_spawns_and_unshares_and_execs() {
    fn run<K>(task: &K, program: &Program) -> nearfar::Exit
    where
        K: SpawnTask + far::InHostFds + far::InHostMemory,
    {
        let (reader, writer) = task.pipe2(PipeFlags::empty()).unwrap();
        brand!(private_fds);
        let (child, writer) = task.spawn().unwrap().unshare_files(private_fds, writer).unwrap();
        let exit = child.program(program).fd(1, &writer).exec().unwrap().wait().unwrap();
        assert!(task.read(&reader, &mut [0; 16]).unwrap() > 0);
        exit
    }
    let echo = Program::new("echo").arg("hello");
    let here = Task::here();
    assert!(run(&here, &echo).success());
    assert!(run(&here.spawn().unwrap(), &echo).success());
}

#[test]
fn kinds_of_namespaces_print_their_names() {
    let mut kinds = Namespaces::default();
    assert_eq!((kinds, format!("{kinds:?}")), (Namespaces::empty(), "Namespaces()".to_owned()));
    kinds |= Namespaces::CGROUP;
    kinds |= Namespaces::USER;
    assert_eq!(format!("{kinds:?}"), "Namespaces(USER | CGROUP)");
    assert!(
        kinds.contains(Namespaces::USER) && !kinds.contains(Namespaces::USER | Namespaces::NET)
    );
}
