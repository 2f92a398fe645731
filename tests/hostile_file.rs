//! What a file system that lies cannot do: it answers requests to its files as it likes.

mod common;

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::thread;

use common::deadline;
use common::sandbox::Sandbox;
use nearfar::prelude::*;

/// The requests of FUSE that a file which is only asked gets, as in `linux/fuse.h`.
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const IOCTL: u32 = 39;

/// Serves a file system of one file, of which every `ioctl` returns `answer`, until it is unmounted.
/// Returns how many there were.
fn lie(mut device: &File, answer: i32) -> usize {
    let mut asked = 0;
    let mut request = vec![0; 1 << 17];
    loop {
        match device.read(&mut request) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => {
                return asked;
            }
            Err(error) => panic!("/dev/fuse: {error}"),
        }
        let word = |at: usize| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
        let (errno, body) = match word(4) {
            INIT => {
                // The version, and what the smallest file system has: no flag, 4 kB at a time.
                let mut body = vec![0; 64];
                body[0..4].copy_from_slice(&7_u32.to_ne_bytes());
                body[4..8].copy_from_slice(&31_u32.to_ne_bytes());
                body[20..24].copy_from_slice(&4096_u32.to_ne_bytes());
                (0, body)
            }
            GETATTR => {
                // A regular file, as the kernel knows already, but with the numbers of `/dev/ptmx`.
                let mut body = vec![0; 104];
                body[76..80].copy_from_slice(&0o100_600_u32.to_ne_bytes());
                body[92..96].copy_from_slice(&0x502_u32.to_ne_bytes());
                (0, body)
            }
            OPEN => (0, vec![0; 16]),
            STATFS => (0, vec![0; 80]),
            IOCTL => {
                asked += 1;
                let mut body = vec![0; 16];
                body[0..4].copy_from_slice(&answer.to_ne_bytes());
                (0, body)
            }
            RELEASE | FLUSH => (0, Vec::new()),
            _ => (-Errno::NOSYS.raw_os_error(), Vec::new()),
        };
        let mut reply = (16 + body.len() as u32).to_ne_bytes().to_vec();
        reply.extend(errno.to_ne_bytes());
        reply.extend(&request[8..16]);
        reply.extend(body);
        match device.write(&reply) {
            Ok(_) => {}
            // Whoever has asked does not wait any more.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("/dev/fuse: {error}"),
        }
    }
}

#[test]
fn no_file_makes_a_number_an_fd() {
    deadline(|| {
        let here = Task::here();
        let child = here.spawn().unwrap();
        let sandbox = Sandbox::of_child(&child);
        let Ok(device) = child.openat(Cwd, "/dev/fuse", OFlags::RDWR, Mode::empty()) else {
            crate::common::skip("needs /dev/fuse");
            return;
        };
        let path = sandbox.directory.0.join("liar");
        drop(child.openat(Cwd, &path, OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap());
        let options = [("rootmode", "100000"), ("user_id", "0"), ("group_id", "0")]
            .map(|(key, value)| (key, Some(value)));
        let context = child.fsopen_with_fds("fuse", &options, &[("fd", &device)]).unwrap();
        let mount = child.fsmount(&context, MountAttrFlags::MOUNT_ATTR_NODEV).unwrap();
        child.move_mount_fd(&mount, Cwd, &path, MoveMountFlags::empty()).unwrap();
        // It ends as soon as it is mounted nowhere.
        drop((mount, context));

        let device = File::from(device);
        let victim = here.openat(Cwd, "/dev/zero", OFlags::RDONLY, Mode::empty()).unwrap();
        let victims_number = victim.as_raw_fd();
        let (answers, asked) = thread::scope(|scope| {
            let server = scope.spawn(|| lie(&device, victims_number));
            let liar = child.openat(Cwd, &path, OFlags::RDONLY, Mode::empty()).unwrap();
            let answers = [
                child.ioctl_ns_get_userns(&liar).map(Fd::into_near).err(),
                child.ioctl_ns_get_parent(&liar).map(Fd::into_near).err(),
                child.ioctl_tiocgptpeer(&liar, OFlags::RDWR).map(Fd::into_near).err(),
                child.ioctl_ns_get_owner_uid(&liar).err(),
                child.ioctl_ns_get_nstype(&liar).err(),
            ];
            drop(liar);
            child.umount2(&path, UnmountFlags::empty()).unwrap();
            (answers, server.join().unwrap())
        });
        for answer in answers {
            assert_eq!(answer.expect("it is neither").errno(), Some(Errno::NOTTY));
        }
        assert_eq!(asked, 0, "it was asked");
        assert_eq!(here.read(&victim, &mut [1]), Ok(1));
    });
}
