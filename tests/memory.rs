//! Every call of `MemoryTask` on mappings, checked by `/proc`.

#![allow(unsafe_code, reason = "unmaps behind a handle's back, and reads there")]

mod common;

use std::fs;
use std::io::IoSliceMut;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;

use common::memory::{has_flag, mem, pid_of, range, ranges_of, region_at, smaps};
use common::{Scratch, deadline, on_all, until_blocked_in};
use nearfar::ErrorKind;
use nearfar::interface::{Call, RemoteIoVec, SyscallInterface};
use nearfar::near::PageSize;
use nearfar::prelude::*;
use nearfar::task::Sharing;

const PAGE: usize = 4096;
const RW: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// A file in memory whose name no other test has: what is mapped of it is told from all else.
fn named_file<K: far::Task>(task: &K, name: &str, length: usize) -> (Fd<K::FdTable>, String) {
    let kind = std::any::type_name::<K>().bytes().map(u32::from).sum::<u32>();
    let name = format!("{name}-{kind}-{}", pid_of(task));
    let file = task.memfd_create(&name, MemfdFlags::empty()).unwrap();
    task.ftruncate(&file, length as u64).unwrap();
    (file, name)
}

on_all! {
    fn mmap_anonymous_maps_zeroes(task) {
        let pid = pid_of(task);
        let mut mapping = task.mmap_anonymous(PAGE + 1, RW).unwrap();
        assert_eq!((mapping.length(), mapping.near().pages()), (2 * PAGE, 2));
        assert_eq!(region_at(pid, mapping.address()).unwrap().access, "rw-p");
        assert_eq!(mapping.bytes().to_vec(task).unwrap(), [0; 2 * PAGE]);
        assert_eq!(mapping.bytes().write_available(task, b"hello"), Ok(5));
        assert_eq!(mem(pid, mapping.address(), 6).unwrap(), b"hello\0");
        assert!(mapping.file().is_none());

        for length in [0, usize::MAX, usize::MAX - PAGE, 1 << 60] {
            let error = task.mmap_anonymous(length, RW).unwrap_err();
            let expected = if length == 0 { Errno::INVAL } else { Errno::NOMEM };
            assert_eq!((error.call(), error.errno()), (Call::MMAP, Some(expected)));
        }
        let unknown = [1 << 20, 0x0100_0000_u32, 0x8];
        let unknown = unknown.map(|bits| ProtFlags::READ | ProtFlags::from_bits_retain(bits));
        for access in unknown.into_iter().chain([ProtFlags::EXEC]) {
            let error = task.mmap_anonymous(PAGE, access).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownFlags);
            let error = task.mprotect(&mut mapping, access).unwrap_err();
            assert_eq!((error.call(), error.kind()), (Call::MPROTECT, ErrorKind::UnknownFlags));
        }
    }

    fn mprotect_says_what_may_be_done(task) {
        let pid = pid_of(task);
        let mut mapping = task.mmap_anonymous(3 * PAGE, RW).unwrap();
        let content: Vec<u8> = (0..3 * PAGE).map(|index| (index % 253) as u8).collect();
        assert_eq!(mapping.bytes().write_available(task, &content), Ok(3 * PAGE));
        let middle = mapping.near().slice(PAGE..2 * PAGE).unwrap().address();
        task.mprotect(&mut mapping.slice(PAGE..2 * PAGE).unwrap(), ProtFlags::READ).unwrap();
        assert_eq!(region_at(pid, middle).unwrap().access, "r--p");
        assert_eq!(region_at(pid, mapping.address()).unwrap().access, "rw-p");
        // It stops where it may not go on, and says where that is.
        assert_eq!(mapping.bytes().write_available(task, &content), Ok(PAGE));
        assert_eq!(mapping.bytes().to_vec(task).unwrap(), content);
        task.mprotect(&mut mapping.slice(PAGE..2 * PAGE).unwrap(), ProtFlags::empty()).unwrap();
        assert_eq!(region_at(pid, middle).unwrap().access, "---p");
        let mut read = vec![0xEE; 3 * PAGE];
        assert_eq!(mapping.bytes().read_available(task, &mut read), Ok(PAGE));
        assert_eq!(read[..PAGE], content[..PAGE]);
        assert!(read[PAGE..].iter().all(|byte| *byte == 0xEE));
        let error = mapping.bytes().to_vec(task).unwrap_err();
        assert_eq!(error.to_string(), "process_vm_readv: Bad address (os error 14)");
        // A value that is half in the hole is no value.
        let mut across = mapping.pointer::<[u8; 8]>(PAGE - 4).unwrap();
        assert_eq!(across.read(task).unwrap_err().errno(), Some(Errno::FAULT));
        assert_eq!(across.write(task, &[0xAA; 8]).unwrap_err().errno(), Some(Errno::FAULT));
        // Beyond it there is what was there.
        let last = mapping.slice_pointer::<u8>(2 * PAGE, PAGE).unwrap();
        assert_eq!(last.to_vec(task).unwrap(), content[2 * PAGE..]);
        task.mprotect(&mut mapping, ProtFlags::READ | ProtFlags::EXEC).unwrap();
        assert_eq!(region_at(pid, mapping.address()).unwrap().access, "r-xp");
    }

    fn munmap_unmaps(task) {
        let (file, name) = named_file(task, "munmap", 2 * PAGE);
        let mapping = task.mmap_file(&file, 0, 2 * PAGE, RW, Sharing::Shared).unwrap();
        let pid = pid_of(task);
        let near = mapping.near();
        assert_eq!(ranges_of(pid, &name), [range(near)]);
        task.munmap(mapping).unwrap();
        assert!(ranges_of(pid, &name).is_empty());
        assert!(ranges_of(std::process::id(), &name).is_empty());
    }

    fn a_mapping_that_is_not_unmapped_comes_back(task) {
        let (file, name) = named_file(task, "refused", PAGE);
        let mapping = task.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
        let neither = |call: Call, _: &[usize]| match call {
            Call::MUNMAP | Call::MREMAP => Err(Errno::NOMEM),
            _ => Ok(()),
        };
        let watched = task.layer(&neither);
        let unchanged = watched.munmap(mapping).unwrap_err();
        assert_eq!(unchanged.to_string(), "munmap: Cannot allocate memory (os error 12)");
        assert!(format!("{:?}", unchanged.mapping).contains("Mapping(MemoryMapping(host_memory:0x"));
        let unchanged = watched.mremap(unchanged.mapping.unwrap(), 2 * PAGE).unwrap_err();
        assert_eq!(nearfar::Error::from(unchanged).call(), Call::MREMAP);
        // The handle has been dropped with the error.
        assert!(ranges_of(pid_of(task), &name).is_empty());
    }

    fn mremap_moves_what_is_there(task) {
        let pid = pid_of(task);
        let (file, name) = named_file(task, "mremap", 64 * PAGE);
        task.pwrite(&file, b"start", 0).unwrap();
        task.pwrite(&file, b"later", 32 * PAGE as u64).unwrap();
        let mapping = task.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
        let mut mapping = task.mremap(mapping, 63 * PAGE + 1).unwrap();
        let near = mapping.near();
        assert_eq!(near.length(), 64 * PAGE);
        assert_eq!(ranges_of(pid, &name), [range(near)]);
        let seen = mapping.bytes().to_vec(task).unwrap();
        assert_eq!((&seen[..5], &seen[32 * PAGE..][..5]), (&b"start"[..], &b"later"[..]));
        let mapping = task.mremap(mapping, 2 * PAGE).unwrap();
        let near = mapping.near();
        assert_eq!((near.pages(), &ranges_of(pid, &name)[..]), (2, &[range(near)][..]));
        let unchanged = task.mremap(mapping, 0).unwrap_err();
        assert_eq!(unchanged.error.errno(), Some(Errno::INVAL));
        let other = task.mmap_anonymous(PAGE, RW).unwrap();
        let too_long = task.mremap(other, usize::MAX).unwrap_err();
        assert_eq!(too_long.error.errno(), Some(Errno::NOMEM));
        assert_eq!(too_long.mapping.unwrap().length(), PAGE);
        drop(unchanged);
        assert!(ranges_of(pid, &name).is_empty());
    }

    fn mmap_file_shares_or_copies(task) {
        let pid = pid_of(task);
        let (file, name) = named_file(task, "mmap_file", 3 * PAGE);
        task.pwrite(&file, b"one two", PAGE as u64).unwrap();
        let at = PAGE as u64;
        let mut shared = task.mmap_file(&file, at, PAGE, RW, Sharing::Shared).unwrap();
        let mut private = task.mmap_file(&file, at, PAGE, RW, Sharing::Private).unwrap();
        for (mapping, access) in [(&shared, "rw-s"), (&private, "rw-p")] {
            let region = region_at(pid, mapping.address()).unwrap();
            assert_eq!((&*region.access, region.offset), (access, at));
            assert_eq!(region.name, format!("/memfd:{name} (deleted)"));
        }
        private.bytes().write_slice(task, b"copy").unwrap();
        shared.bytes().write_slice(task, b"all").unwrap();
        let mut content = [0; 7];
        task.pread(&file, &mut content, at).unwrap();
        assert_eq!(&content, b"all two");
        assert_eq!(&private.bytes().to_vec(task).unwrap()[..7], b"copytwo");
        // It stays when the fd is closed, and ends where the file does.
        let mut whole = task.mmap_file(&file, 0, 4 * PAGE, RW, Sharing::Shared).unwrap();
        let mut read = vec![0; 4 * PAGE];
        assert_eq!(whole.bytes().read_available(task, &mut read), Ok(3 * PAGE));
        task.ftruncate(&file, 10).unwrap();
        task.close(file).unwrap();
        assert_eq!(whole.bytes().read_available(task, &mut read), Ok(PAGE));
        let beyond = whole.pointer::<u8>(PAGE).unwrap().read(task).unwrap_err();
        assert_eq!(beyond.errno(), Some(Errno::FAULT));
        let beyond = whole.pointer::<u8>(2 * PAGE).unwrap().write(task, &1).unwrap_err();
        assert_eq!(beyond.errno(), Some(Errno::FAULT));
        drop((shared, private, whole));
        assert!(ranges_of(pid, &name).is_empty());
    }

    fn mmap_file_refuses_what_it_cannot_do(task) {
        let scratch = Scratch::new();
        fs::write(scratch.join("file"), "content").unwrap();
        let open = |path, flags| task.openat(Cwd, path, flags, Mode::empty()).unwrap();
        let map = |fd: &Fd<_>, offset, sharing| task.mmap_file(fd, offset, PAGE, RW, sharing);
        let file = open(scratch.join("file"), OFlags::RDONLY);
        let error = map(&file, 0, Sharing::Shared).unwrap_err();
        assert_eq!(error.to_string(), "mmap: Permission denied (os error 13)");
        assert_eq!(map(&file, 7, Sharing::Private).unwrap_err().errno(), Some(Errno::INVAL));
        assert!(map(&file, 0, Sharing::Private).is_ok());
        let (reader, _writer) = task.pipe2(PipeFlags::empty()).unwrap();
        for fd in [open("/dev/zero".into(), OFlags::RDWR), scratch.open(task), reader] {
            let error = map(&fd, 0, Sharing::Shared).unwrap_err();
            assert_eq!((error.call(), error.errno()), (Call::MMAP, Some(Errno::NODEV)));
        }
    }

    fn a_shared_mapping_can_know_its_file(task) {
        let (file, _) = named_file(task, "held", 4 * PAGE);
        let (other, _) = named_file(task, "other", 4 * PAGE);
        let map = |fd: &Fd<_>, offset, sharing| {
            task.mmap_file(fd, offset as u64, 2 * PAGE, RW, sharing).unwrap()
        };
        for sharing in [Sharing::Private, Sharing::Shared] {
            assert!(map(&file, 0, sharing).file().is_none());
        }
        let mapping = map(&file, 0, Sharing::SharedAndHeld);
        let of_mapping = mapping.file().unwrap().clone();
        assert_eq!(of_mapping.is_same_as(&task.file(&file).unwrap()), Ok(true));
        assert_eq!(of_mapping.is_same_as(&task.file(&other).unwrap()), Ok(false));
        // Opened anew it is another open file, though of the same file.
        let path = format!("/proc/{}/fd/{}", pid_of(task), file.near().as_raw());
        let anew = task.openat(Cwd, path, OFlags::RDWR, Mode::empty()).unwrap();
        assert_eq!(of_mapping.is_same_as(&task.file(&anew).unwrap()), Ok(false));
        // It goes with what is made of the mapping.
        let mapping = task.mremap(mapping, 3 * PAGE).unwrap();
        let (first, second) = mapping.split_at(PAGE).unwrap();
        for part in [&first, &second] {
            assert_eq!(part.file().unwrap().is_same_as(&of_mapping), Ok(true));
        }
        let whole = first.merge(second).unwrap();
        assert_eq!(whole.file().unwrap().is_same_as(&of_mapping), Ok(true));
    }

    fn madvise_takes_advice_that_harms_nobody(task) {
        let pid = pid_of(task);
        let mut mapping = task.mmap_anonymous(4 * PAGE, RW).unwrap();
        let address = mapping.address();
        mapping.bytes().write_slice(task, &[7; 4 * PAGE]).unwrap();
        task.madvise(&mut mapping.slice(PAGE..2 * PAGE).unwrap(), Advice::LinuxDontNeed).unwrap();
        let seen = mapping.bytes().to_vec(task).unwrap();
        let expected = [[7; PAGE], [0; PAGE], [7; PAGE], [7; PAGE]].concat();
        assert!(seen == expected);
        for (advice, flag) in [
            (Advice::LinuxDontDump, "dd"),
            (Advice::LinuxWipeOnFork, "wf"),
            (Advice::Random, "rr"),
            (Advice::Sequential, "sr"),
        ] {
            assert!(!has_flag(pid, address, flag), "{flag}");
            task.madvise(&mut mapping, advice).unwrap();
            assert!(has_flag(pid, address, flag), "{flag}");
        }
        for advice in [Advice::LinuxDoDump, Advice::LinuxKeepOnFork, Advice::LinuxPopulateWrite] {
            task.madvise(&mut mapping, advice).unwrap();
        }
        for advice in [
            Advice::LinuxDontFork,
            Advice::LinuxDoFork,
            Advice::LinuxHwPoison,
            Advice::LinuxSoftOffline,
        ] {
            let error = task.madvise(&mut mapping, advice).unwrap_err();
            assert_eq!((error.call(), error.kind()), (Call::MADVISE, ErrorKind::UnknownFlags));
        }
        assert!(!has_flag(pid, address, "dc"));
        let error = task.madvise(&mut mapping, Advice::LinuxRemove).unwrap_err();
        assert_eq!(error.to_string(), "madvise: Invalid argument (os error 22)");
    }

    fn mlock_keeps_pages_in_memory(task) {
        let pid = pid_of(task);
        let mut mapping = task.mmap_anonymous(2 * PAGE, RW).unwrap();
        let address = mapping.address();
        task.mlock(&mapping.slice(..PAGE).unwrap()).unwrap();
        assert!(has_flag(pid, address, "lo"));
        assert_eq!(smaps(pid, address, "Locked"), "4 kB");
        task.munlock(&mapping).unwrap();
        assert!(!has_flag(pid, address, "lo"));
    }

    fn msync_writes_to_the_file(task) {
        let scratch = Scratch::new();
        let path = scratch.join("file");
        fs::write(&path, [b'-'; PAGE]).unwrap();
        let file = task.openat(Cwd, &path, OFlags::RDWR, Mode::empty()).unwrap();
        let mut mapping = task.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
        mapping.bytes().write_slice(task, b"synced").unwrap();
        task.msync(&mapping, MsyncFlags::SYNC).unwrap();
        assert_eq!(&fs::read(&path).unwrap()[..7], b"synced-");
        let both = MsyncFlags::SYNC | MsyncFlags::ASYNC;
        assert_eq!(task.msync(&mapping, both).unwrap_err().errno(), Some(Errno::INVAL));
        let unknown = MsyncFlags::from_bits_retain(1 << 10);
        let error = task.msync(&mapping, unknown).unwrap_err();
        assert_eq!((error.call(), error.kind()), (Call::MSYNC, ErrorKind::UnknownFlags));
        task.mlock(&mapping).unwrap();
        let error = task.msync(&mapping, MsyncFlags::INVALIDATE).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::BUSY));
    }

    // Most systems have none set aside; then it is that error which is looked at.
    fn huge_pages_are_of_their_size(task) {
        let size = PageSize::HUGE_2MIB.bytes();
        let file = task.memfd_create("huge", MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB).unwrap();
        let anonymous = task.mmap_hugetlb(1, RW, PageSize::HUGE_2MIB);
        let of_file = task.mmap_file(&file, 0, 1, RW, Sharing::Shared);
        for mapping in [anonymous, of_file] {
            let mut mapping = match mapping {
                Ok(mapping) => mapping,
                Err(error) => {
                    eprintln!("needs huge pages: /proc/sys/vm/nr_hugepages");
                    assert_eq!(error.errno(), Some(Errno::NOMEM));
                    continue;
                }
            };
            let pid = pid_of(task);
            assert_eq!((mapping.length(), mapping.page_size()), (size, PageSize::HUGE_2MIB));
            assert_eq!(smaps(pid, mapping.address(), "KernelPageSize"), "2048 kB");
            assert!(mapping.slice(..PAGE).is_none());
            mapping.pointer::<u64>(size - 8).unwrap().write(task, &7).unwrap();
            assert_eq!(mapping.pointer::<u64>(size - 8).unwrap().read(task), Ok(7));
            task.munmap(mapping).unwrap();
        }
        let error = task.mmap_hugetlb(1, RW, PageSize::BASE).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::INVAL));
    }
}

/// In a program of its own, where nobody else maps something in the hole.
#[test]
fn a_copy_stops_at_an_unmapped_page() {
    common::passes("around_a_hole");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn around_a_hole() {
    let here = Task::here();
    let child = here.spawn().unwrap();
    let mapping = child.mmap_anonymous(3 * PAGE, RW).unwrap();
    let start = mapping.address().as_raw();
    let (first, rest) = mapping.split_at(PAGE).unwrap();
    let (hole, last) = rest.split_at(PAGE).unwrap();
    child.munmap(hole).unwrap();
    let range = RemoteIoVec { address: start + PAGE - 9, length: 2 * PAGE };
    let check = |copied: Result<usize, nearfar::Error>, bytes: &[u8]| {
        assert_eq!(copied, Ok(9));
        assert!(bytes[9..].iter().all(|byte| *byte == 0xEE));
    };
    let mut bytes = vec![0xEE; 2 * PAGE];
    // SAFETY: the test's own pages, and what is between them.
    let read =
        unsafe { child.interface().read_memory(&[range], &mut [IoSliceMut::new(&mut bytes)]) };
    check(read, &bytes);
    let mut bytes = vec![0xEE; 2 * PAGE];
    // SAFETY: as above.
    let read =
        unsafe { here.interface().read_memory(&[range], &mut [IoSliceMut::new(&mut bytes)]) };
    check(read, &bytes);
    assert!(mem(pid_of(&child), first.near().end(), 1).is_err());
    assert_eq!(mem(pid_of(&child), last.address(), 1).unwrap(), [0]);
    let error = Mapping::merge(first, last).unwrap_err();
    drop(error);
    for page in [0, 2] {
        let inside = start + page * PAGE;
        assert!(
            common::memory::regions(pid_of(&here))
                .iter()
                .all(|region| !region.range.contains(&inside))
        );
    }
}

#[test]
fn after_a_hangup_nobody_unmaps() {
    deadline(|| {
        let here = Task::here();
        let (file, name) = named_file(&here, "hangup", PAGE);
        for (call, number) in [("munmap", libc::SYS_munmap), ("mremap", libc::SYS_mremap)] {
            let child = here.spawn().unwrap();
            let mapping = child.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
            let address = mapping.address();
            common::stop(child.host_pid());
            let killer = child.killer();
            let (driver, tid) = channel();
            let asked = thread::spawn(move || {
                driver.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
                match number {
                    libc::SYS_munmap => child.munmap(mapping).unwrap_err(),
                    _ => child.mremap(mapping, 2 * PAGE).unwrap_err(),
                }
            });
            until_blocked_in(tid.recv().unwrap(), libc::SYS_futex_waitv);
            killer.kill().unwrap();
            let unchanged = asked.join().unwrap();
            assert_eq!(unchanged.error.kind(), ErrorKind::Hangup, "{call}");
            assert!(unchanged.mapping.is_none(), "{call}");
            drop(unchanged);
            assert!(region_at(std::process::id(), address).is_some());
            // SAFETY: nobody owns it any more.
            unsafe { rustix::mm::munmap(address.as_raw() as *mut _, PAGE) }.unwrap();
            assert!(ranges_of(std::process::id(), &name).is_empty());
        }
    });
}

#[test]
fn what_a_dead_task_has_mapped_stays_and_is_unmapped_by_its_handle() {
    deadline(|| {
        let here = Task::here();
        let (file, name) = named_file(&here, "outlives", PAGE);
        let child = here.spawn().unwrap();
        let mut mapping = child.mmap_file(&file, 0, PAGE, RW, Sharing::Shared).unwrap();
        mapping.pointer::<u32>(0).unwrap().write(&child, &7).unwrap();
        child.killer().kill().unwrap();
        common::until("dead", || common::is_dead(child.host_pid()));
        let error = child.mmap_anonymous(PAGE, RW).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSent);
        let error = mapping.pointer::<u32>(0).unwrap().read(&child).unwrap_err();
        assert_eq!((error.call(), error.kind()), (Call::PROCESS_VM_READV, ErrorKind::NotSent));
        assert_eq!(mapping.pointer::<u32>(0).unwrap().read(&here), Ok(7));
        let unchanged = child.munmap(mapping).unwrap_err();
        assert_eq!(unchanged.error.kind(), ErrorKind::NotSent);
        assert_eq!(ranges_of(std::process::id(), &name).len(), 1);
        drop(unchanged);
        assert!(ranges_of(std::process::id(), &name).is_empty());
    });
}

#[test]
fn who_watches_a_task_sees_and_refuses_copies() {
    deadline(|| {
        let child = Task::here().spawn().unwrap();
        let seen = Mutex::new(Vec::new());
        let watch = |call: Call, arguments: &[usize]| {
            seen.lock().unwrap().push((call, arguments.to_vec()));
            if call == Call::PROCESS_VM_WRITEV { Err(Errno::ACCESS) } else { Ok(()) }
        };
        let watched = child.layer(&watch);
        let mut mapping = watched.mmap_anonymous(PAGE, RW).unwrap();
        let address = mapping.address().as_raw();
        assert_eq!(mapping.pointer::<u32>(8).unwrap().read(&watched), Ok(0));
        let error = mapping.pointer::<u64>(16).unwrap().write(&watched, &1).unwrap_err();
        assert_eq!(error.to_string(), "process_vm_writev: Permission denied (os error 13)");
        assert_eq!(mapping.pointer::<u64>(16).unwrap().read(&child), Ok(0));
        let seen = seen.lock().unwrap();
        assert_eq!(
            seen.iter().map(|(call, _)| *call).collect::<Vec<_>>(),
            [Call::MMAP, Call::PROCESS_VM_READV, Call::PROCESS_VM_WRITEV]
        );
        assert_eq!(
            (&seen[1].1[..], &seen[2].1[..]),
            (&[address + 8, 4][..], &[address + 16, 8][..])
        );
    });
}
