//! Host and domain name: in the namespace of the child or the thread alone, as procfs has them.

mod common;

use std::fs;
use std::io::Read;
use std::thread;

use common::deadline;
use nearfar::interface::Call;
use nearfar::prelude::*;
use nearfar::{Error, ErrorKind, far};

/// What procfs tells the task, whose namespace counts.
fn kernel_says<K: far::Task<AddressSpace = HostMemory>>(task: &K, name: &str) -> String {
    let path = format!("/proc/sys/kernel/{name}");
    let file = task.openat(Cwd, path, OFlags::RDONLY, Mode::empty()).unwrap();
    let mut buffer = [0; 256];
    let length = task.read(&file, &mut buffer).unwrap();
    let text = buffer[..length].strip_suffix(b"\n").expect("a line");
    String::from_utf8(text.to_vec()).unwrap()
}

fn agrees<K: far::Task<AddressSpace = HostMemory>>(task: &K) {
    let names = task.uname().unwrap();
    assert_eq!(names.sysname(), &*kernel_says(task, "ostype"));
    assert_eq!(names.nodename(), &*kernel_says(task, "hostname"));
    assert_eq!(names.release(), &*kernel_says(task, "osrelease"));
    assert_eq!(names.version(), &*kernel_says(task, "version"));
    assert_eq!(names.domainname(), &*kernel_says(task, "domainname"));
    assert_eq!(names.machine(), std::env::consts::ARCH);
    let text = format!("{names:?}");
    assert!(text.starts_with("Uname { sysname: \"Linux\", nodename: "), "{text}");
}

#[track_caller]
fn refused(result: Result<(), Error>, call: Call, kind: ErrorKind) {
    let error = result.unwrap_err();
    assert_eq!((error.call(), error.kind()), (call, kind));
}

/// In a namespace of its own.
fn names_itself<K: far::Task<AddressSpace = HostMemory>>(task: &K) {
    let longest = "x".repeat(64);
    for name in ["sandbox", &longest, "", "with space \u{e9}"] {
        task.sethostname(name).unwrap();
        task.setdomainname(name.to_uppercase()).unwrap();
        assert_eq!(kernel_says(task, "hostname"), name);
        assert_eq!(kernel_says(task, "domainname"), name.to_uppercase());
        agrees(task);
    }
    let (host, domain) = (Call::SETHOSTNAME, Call::SETDOMAINNAME);
    let invalid = ErrorKind::Os(Errno::INVAL);
    refused(task.sethostname("x".repeat(65)), host, invalid);
    refused(task.setdomainname("x".repeat(65)), domain, invalid);
    refused(task.sethostname("a\0b"), host, ErrorKind::InteriorNul);
    refused(task.setdomainname("a\0b"), domain, ErrorKind::InteriorNul);
    assert_eq!(kernel_says(task, "hostname"), "with space \u{e9}");
}

#[test]
fn uname_says_what_procfs_says() {
    agrees(&Task::here());
    agrees(&Task::here().spawn().unwrap());
}

#[test]
fn a_child_names_its_own_namespace() {
    deadline(|| {
        let before = fs::read("/proc/sys/kernel/hostname").unwrap();
        let child = Task::here().spawn().unwrap();
        child.unshare(Namespaces::USER | Namespaces::UTS).unwrap();
        names_itself(&child);
        let (reader, writer) = Task::here().pipe2(PipeFlags::empty()).unwrap();
        let mut reader = fs::File::from(reader);
        brand!(private_fds);
        let (child, writer) = child.unshare_files(private_fds, writer).unwrap();
        names_itself(&child);
        assert_eq!(fs::read("/proc/sys/kernel/hostname").unwrap(), before);
        // So does a program there.
        child.sethostname("seen").unwrap();
        let program = Program::new("uname").arg("-n");
        let process = child.program(&program).fd(1, &writer).exec().unwrap();
        drop(writer);
        let mut output = String::new();
        reader.read_to_string(&mut output).unwrap();
        assert_eq!(output, "seen\n");
        assert!(process.wait().unwrap().success());
    });
}

#[test]
fn a_thread_names_its_own_namespace() {
    deadline(|| {
        let before = fs::read("/proc/sys/kernel/hostname").unwrap();
        thread::spawn(|| {
            let here = Task::here();
            here.unshare(Namespaces::UTS).unwrap();
            names_itself(&here);
        })
        .join()
        .unwrap();
        assert_eq!(fs::read("/proc/sys/kernel/hostname").unwrap(), before);
    });
}

#[test]
fn others_need_a_capability() {
    let child = Task::here().spawn().unwrap();
    child.unshare(Namespaces::USER).unwrap();
    let denied = ErrorKind::Os(Errno::PERM);
    refused(child.sethostname("mine"), Call::SETHOSTNAME, denied);
    refused(child.setdomainname("mine"), Call::SETDOMAINNAME, denied);
}
