//! Every call of `DirectoryTask`, checked by std and `/proc`.

mod common;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use common::{Scratch, deadline, is_close_on_exec, on_all, on_every, target};
use nearfar::ErrorKind;
use nearfar::prelude::*;
use nearfar::task::{Device, Node};

fn read_write() -> Mode {
    Mode::RUSR | Mode::WUSR
}

fn permissions(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

on_every! {
    fn openat2_refuses_paths_that_lead_elsewhere(task) {
        let scratch = Scratch::new();
        fs::create_dir(scratch.join("inner")).unwrap();
        fs::write(scratch.join("outside"), "").unwrap();
        fs::write(scratch.join("inner/inside"), "").unwrap();
        symlink("inside", scratch.join("inner/link")).unwrap();
        symlink("/inside", scratch.join("inner/absolute")).unwrap();
        let inner = task.openat(Cwd, scratch.join("inner"), OFlags::PATH, Mode::empty()).unwrap();
        let open = |path: &str, resolve| {
            let opened = task.openat2(&inner, path, OFlags::RDONLY, Mode::empty(), resolve);
            opened.map(|fd| target(task, &fd)).map_err(|error| error.errno().unwrap())
        };
        let inside = scratch.join("inner/inside");
        assert_eq!(open("../outside", ResolveFlags::empty()), Ok(scratch.join("outside")));
        assert_eq!(open("../outside", ResolveFlags::BENEATH), Err(Errno::XDEV));
        assert_eq!(open("../outside", ResolveFlags::IN_ROOT), Err(Errno::NOENT));
        assert_eq!(open("absolute", ResolveFlags::IN_ROOT), Ok(inside.clone()));
        assert_eq!(open("absolute", ResolveFlags::BENEATH), Err(Errno::XDEV));
        assert_eq!(open("link", ResolveFlags::BENEATH), Ok(inside));
        assert_eq!(open("link", ResolveFlags::NO_SYMLINKS), Err(Errno::LOOP));
    }

    fn openat2_refuses_flags_it_does_not_know(task) {
        let open = |flags, mode, resolve| task.openat2(Cwd, "/", flags, mode, resolve).unwrap_err();
        let unknown = open(OFlags::PATH, Mode::empty(), ResolveFlags::from_bits_retain(1 << 20));
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
        let unknown = open(OFlags::from_bits_retain(1 << 30), Mode::empty(), ResolveFlags::empty());
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
        assert_eq!(unknown.call().name(), "openat2");
        // Of the kernel.
        let useless = open(OFlags::RDONLY, read_write(), ResolveFlags::empty());
        assert_eq!(useless.errno(), Some(Errno::INVAL));
    }

    fn mkdirat_and_unlinkat_make_and_remove_a_directory(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let mode = Mode::RWXU | Mode::from_bits_retain(0o1000);
        task.mkdirat(&directory, "made", mode).unwrap();
        assert!(scratch.join("made").is_dir());
        assert_eq!(permissions(&scratch.join("made")), 0o1700);
        let again = task.mkdirat(&directory, "made", mode).unwrap_err();
        assert_eq!(again.to_string(), "mkdirat: File exists (os error 17)");
        let no_file = task.unlinkat(&directory, "made", AtFlags::empty()).unwrap_err();
        assert_eq!(no_file.errno(), Some(Errno::ISDIR));
        task.unlinkat(&directory, "made", AtFlags::REMOVEDIR).unwrap();
        assert!(!scratch.join("made").exists());
        let unknown = task.unlinkat(&directory, "made", AtFlags::EMPTY_PATH).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
    }

    fn mknodat_makes_what_it_is_told(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let null = fs::metadata("/dev/null").unwrap();
        let device = Device { major: 1, minor: 3 };
        for (name, node) in [
            ("regular", Node::Regular),
            ("fifo", Node::Fifo),
            ("socket", Node::Socket),
            ("character", Node::CharacterDevice(device)),
            ("block", Node::BlockDevice(Device { major: 0xabc, minor: 0xf_edcb })),
        ] {
            let made = task.mknodat(&directory, name, node, Mode::RUSR);
            if !rustix::process::geteuid().is_root() && name.len() < 6 {
                assert_eq!(made.unwrap_err().errno(), Some(Errno::PERM));
                continue;
            }
            made.unwrap();
            let metadata = fs::symlink_metadata(scratch.join(name)).unwrap();
            let kind = metadata.file_type();
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o400);
            match node {
                Node::Regular => assert!(kind.is_file()),
                Node::Fifo => assert!(kind.is_fifo()),
                Node::Socket => assert!(kind.is_socket()),
                Node::CharacterDevice(_) => {
                    assert!(kind.is_char_device());
                    assert_eq!(metadata.rdev(), null.rdev());
                }
                Node::BlockDevice(_) => {
                    assert!(kind.is_block_device());
                    assert_eq!(metadata.rdev(), rustix::fs::makedev(0xabc, 0xf_edcb));
                }
            }
        }
        for (major, minor) in [(1 << 12, 0), (0, 1 << 20), (u32::MAX, u32::MAX)] {
            let node = Node::CharacterDevice(Device { major, minor });
            let error = task.mknodat(&directory, "large", node, Mode::RUSR).unwrap_err();
            assert_eq!(error.errno(), Some(Errno::INVAL));
        }
    }

    fn linkat_gives_another_name(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        fs::write(scratch.join("file"), "").unwrap();
        fs::create_dir(scratch.join("inner")).unwrap();
        symlink("file", scratch.join("link")).unwrap();
        let inner =
            task.openat(&directory, "inner", OFlags::DIRECTORY, Mode::empty()).unwrap();
        let inode = |name| fs::symlink_metadata(scratch.join(name)).unwrap().ino();
        task.linkat(&directory, "file", &inner, "other", AtFlags::empty()).unwrap();
        assert_eq!(inode("inner/other"), inode("file"));
        task.linkat(&directory, "link", &inner, "itself", AtFlags::empty()).unwrap();
        assert_eq!(inode("inner/itself"), inode("link"));
        task.linkat(&directory, "link", &inner, "followed", AtFlags::SYMLINK_FOLLOW).unwrap();
        assert_eq!(inode("inner/followed"), inode("file"));
        let unknown = task.linkat(Cwd, "a", Cwd, "b", AtFlags::REMOVEDIR).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
    }

    fn symlinkat_makes_what_readlinkat_reads(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        // Around the sizes of the buffers, and the longest that there is.
        for length in [1, 255, 256, 257, 511, 512, 513, 4095] {
            let (name, to) = (format!("link {length}"), "x".repeat(length));
            task.symlinkat(to.as_str(), &directory, name.as_str()).unwrap();
            assert_eq!(fs::read_link(scratch.join(&name)).unwrap(), Path::new(&to));
            assert_eq!(task.readlinkat(&directory, name.as_str()).unwrap(), *to);
        }
        let link = OFlags::PATH | OFlags::NOFOLLOW;
        let open = task.openat(&directory, "link 1", link, Mode::empty()).unwrap();
        assert_eq!(task.readlinkat(&open, "").unwrap(), "x");
        let no_link = task.readlinkat(Cwd, "/").unwrap_err();
        assert_eq!(no_link.to_string(), "readlinkat: Invalid argument (os error 22)");
        for error in [
            task.symlinkat("a\0b", &directory, "c").unwrap_err(),
            task.symlinkat("a", &directory, "b\0c").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InteriorNul);
        }
    }

    fn renameat2_replaces_exchanges_or_refuses(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        fs::create_dir(scratch.join("inner")).unwrap();
        let inner = task.openat(&directory, "inner", OFlags::PATH, Mode::empty()).unwrap();
        let read = |name| fs::read_to_string(scratch.join(name)).ok();
        fs::write(scratch.join("first"), "1").unwrap();
        fs::write(scratch.join("inner/second"), "2").unwrap();
        let rename = |flags| task.renameat2(&directory, "first", &inner, "second", flags);
        let there = rename(RenameFlags::NOREPLACE).unwrap_err();
        assert_eq!(there.errno(), Some(Errno::EXIST));
        rename(RenameFlags::EXCHANGE).unwrap();
        assert_eq!(read("first").as_deref(), Some("2"));
        assert_eq!(read("inner/second").as_deref(), Some("1"));
        rename(RenameFlags::empty()).unwrap();
        assert_eq!(read("first"), None);
        assert_eq!(read("inner/second").as_deref(), Some("2"));
        let unknown = rename(RenameFlags::from_bits_retain(1 << 10)).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::UnknownFlags);
    }

    fn getdents64_lists_what_is_there(task) {
        let scratch = Scratch::new();
        fs::write(scratch.join("file"), "").unwrap();
        fs::create_dir(scratch.join("directory")).unwrap();
        symlink("nowhere", scratch.join("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD, scratch.join("fifo"), FileType::Fifo, read_write(), 0,
        ).unwrap();
        let directory = scratch.open(task);
        let entries: Vec<_> = task.getdents64(&directory).map(Result::unwrap).collect();
        for entry in &entries {
            let metadata = fs::symlink_metadata(scratch.join(entry.name.to_str().unwrap())).unwrap();
            if entry.name != ".." {
                assert_eq!(entry.inode, metadata.ino());
            }
            assert_eq!(entry.kind, FileType::from_raw_mode(metadata.mode()));
        }
        let names: BTreeSet<_> = entries.iter().map(|entry| entry.name.to_str().unwrap()).collect();
        assert_eq!(names, BTreeSet::from([".", "..", "directory", "fifo", "file", "link"]));
        assert_eq!(entries.len(), names.len());

        // The offset is the open file's, at the end by now; and that of an entry is where it is left.
        assert!(task.getdents64(&directory).next().is_none());
        task.lseek(&directory, SeekFrom::Start(entries[2].offset)).unwrap();
        let rest: Vec<_> = task.getdents64(&directory).map(Result::unwrap).collect();
        assert_eq!(rest, entries[3..]);
    }

    fn getdents64_goes_on_for_as_long_as_there_are_entries(task) {
        let scratch = Scratch::new();
        let name = |number: u32| format!("{number:0>200}");
        for number in 0..600 {
            fs::write(scratch.join(&name(number)), "").unwrap();
        }
        // Names are bytes.
        let odd = std::ffi::OsStr::from_bytes(b"\xff\xfe");
        fs::write(scratch.join("").join(odd), "").unwrap();
        let entries = task.getdents64(scratch.open(task));
        let found: BTreeSet<OsString> = entries.map(|entry| entry.unwrap().name).collect();
        let mut expected: BTreeSet<OsString> = (0..600).map(|number| name(number).into()).collect();
        expected.extend([".".into(), "..".into(), odd.to_owned()]);
        assert_eq!(found, expected);
    }

    fn getdents64_ends_with_its_error(task) {
        let file = task.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        let mut entries = task.getdents64(&file);
        let error = entries.next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "getdents64: Not a directory (os error 20)");
        assert!(entries.next().is_none());
    }
}

on_all! {
    fn openat2_opens_close_on_exec_and_creates(task) {
        let scratch = Scratch::new();
        let directory = scratch.open(task);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        let file =
            task.openat2(&directory, "new", flags, read_write(), ResolveFlags::empty()).unwrap();
        assert_eq!(target(task, &file), scratch.join("new"));
        assert!(is_close_on_exec(task, &file));
        assert_eq!(permissions(&scratch.join("new")), 0o600);
        task.write(&file, b"hello").unwrap();
        assert_eq!(fs::read(scratch.join("new")).unwrap(), b"hello");
    }
}

#[test]
fn what_is_made_has_no_permissions_of_the_childs_umask() {
    deadline(|| {
        let scratch = Scratch::new();
        let child = Task::here().spawn().unwrap();
        let everything = Mode::RWXU | Mode::RWXG | Mode::RWXO;
        child.umask(Mode::RWXG | Mode::WOTH).unwrap();
        let directory = scratch.open(&child);
        child.mkdirat(&directory, "directory", everything).unwrap();
        child.mknodat(&directory, "fifo", Node::Fifo, everything).unwrap();
        assert_eq!(permissions(&scratch.join("directory")), 0o705);
        assert_eq!(permissions(&scratch.join("fifo")), 0o705);
    });
}

#[test]
fn relative_paths_start_where_the_child_is() {
    deadline(|| {
        let scratch = Scratch::new();
        let child = Task::here().spawn().unwrap();
        child.chdir(scratch.join("")).unwrap();
        child.mkdirat(Cwd, "made", Mode::RWXU).unwrap();
        child.symlinkat("made", Cwd, "link").unwrap();
        child.renameat2(Cwd, "link", Cwd, "made/link", RenameFlags::empty()).unwrap();
        assert_eq!(fs::read_link(scratch.join("made/link")).unwrap(), Path::new("made"));
        child.killer().kill().unwrap();
        let dead = child.mkdirat(Cwd, "late", Mode::RWXU).unwrap_err().kind();
        assert!(matches!(dead, ErrorKind::NotSent | ErrorKind::Hangup));
        let dead = child.readlinkat(Cwd, "made/link").unwrap_err().kind();
        assert_eq!(dead, ErrorKind::NotSent);
    });
}
