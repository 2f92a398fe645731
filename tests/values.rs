//! What plain values can be compared by, looked up by, made of, and printed as.

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::ffi::OsStr;
use std::hash::Hash;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nearfar::near::{self, MemoryMapping};
use nearfar::prelude::*;
use nearfar::task::{Lock, LockKind, Node, NotInet, SignalInfo};
use nearfar::{Error, ErrorKind, IdMap, Outcome, SeccompFilter};

/// What can be a key, and in which maps.
const _: () = {
    const fn hashed<T: Eq + Hash>() {}
    const fn ordered<T: Ord>() {}
    hashed::<Error>();
    hashed::<ErrorKind>();
    hashed::<MemoryMapping<HostMemory>>();
    hashed::<Outcome>();
    hashed::<IdMap>();
    hashed::<Lock>();
    hashed::<Program>();
    hashed::<LockKind>();
    hashed::<Node>();
    hashed::<SeccompFilter>();
    hashed::<SignalInfo<HostPids>>();
    hashed::<near::Watch<HostPids>>();
    ordered::<near::Watch<HostPids>>();
};

#[test]
fn outcomes_are_as_in_std() {
    for (raw, outcome, text) in [
        (0x300, Outcome::Exited(3), "exit status: 3"),
        (9, Outcome::Killed { signal: 9, core_dumped: false }, "signal: 9 (SIGKILL)"),
        (
            0x86,
            Outcome::Killed { signal: 6, core_dumped: true },
            "signal: 6 (SIGABRT) (core dumped)",
        ),
    ] {
        let status = ExitStatus::from_raw(raw);
        assert_eq!(Outcome::from(status), outcome);
        assert_eq!(ExitStatus::from(outcome), status);
        assert_eq!((outcome.to_string(), status.to_string()), (text.into(), text.into()));
    }
}

#[test]
fn socket_addresses_print_as_people_write_them() {
    let inet: SocketAddr = "[::1]:80".parse().unwrap();
    let address = SocketAddress::from(inet);
    assert_eq!(address.to_string(), "[::1]:80");
    assert_eq!(SocketAddr::try_from(address), Ok(inet));

    let unix = |address: Result<_, Errno>| SocketAddress::from(address.unwrap());
    let named = unix(SocketAddrUnix::new("/run/\u{fc}.sock"));
    assert_eq!(named.to_string(), "/run/\u{fc}.sock");
    assert_eq!(unix(SocketAddrUnix::new_abstract_name(b"name")).to_string(), "@name");
    assert_eq!(unix(Ok(SocketAddrUnix::new_unnamed())).to_string(), "(unnamed)");
    let other = SocketAddress::Other { family: AddressFamily::NETLINK, data: [0, b'a'].into() };
    assert_eq!(other.to_string(), r"(address family 16: \x00a)");

    let error: NotInet = SocketAddr::try_from(named.clone()).unwrap_err();
    assert_eq!(error.to_string(), "neither an IPv4 nor an IPv6 address: /run/\u{fc}.sock");
    assert_eq!(std::io::Error::from(error.clone()).kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(error.address, named);
}

#[test]
fn rustix_and_this_library_call_a_process_the_same() {
    let here = Task::here();
    assert_eq!(here.pid(), rustix::process::getpid().into());
    assert_eq!(rustix::process::Pid::from(here.pid()), rustix::process::getpid());
}

#[test]
fn ranges_of_pages_are_equal_if_they_are_the_same() {
    let pages = Task::here().mmap_anonymous(8192, ProtFlags::empty()).unwrap();
    let pages: MemoryMapping<HostMemory> = pages.near();
    let known = HashSet::from([pages, pages.slice(..4096).unwrap()]);
    assert!(known.contains(&pages.slice(..).unwrap()));
    assert!(!known.contains(&pages.slice(4096..).unwrap()));
}

#[test]
fn a_program_tells_what_it_was_told() {
    let program = Program::new("env").args(["-0", "-v"]).env_remove("HOME").current_dir("/");
    let with = |variables| program.clone().envs(variables);
    let told = with([("A", "1"), ("B", "2")]);
    assert_eq!((told.get_program(), told.get_current_dir()), ("env".as_ref(), Some("/".as_ref())));
    assert!(told.get_args().eq(["-0", "-v"]));
    let variables: Vec<_> = told.get_envs().collect();
    let set = |name: &'static str, value| (OsStr::new(name), Some(OsStr::new(value)));
    assert_eq!(variables, [set("A", "1"), set("B", "2"), (OsStr::new("HOME"), None)]);
    let known = HashSet::from([told]);
    assert!(known.contains(&with([("B", "2"), ("A", "1")])));
    assert!(!known.contains(&program));
}

#[test]
fn filters_are_equal_if_they_have_the_same_instructions() {
    let allow = |k| SeccompFilter::new([libc::sock_filter { code: 6, jt: 0, jf: 0, k }]).unwrap();
    assert_eq!(allow(0x7fff_0000), allow(0x7fff_0000));
    assert_ne!(allow(0x7fff_0000), allow(0));
}
