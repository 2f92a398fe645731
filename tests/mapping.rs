//! What a `Mapping` owns, checked by `/proc/PID/maps`.

mod common;

use common::memory::{mem, pid_of, range, ranges_of};
use common::{on_all, on_every, until};
use nearfar::near::PageSize;
use nearfar::prelude::*;
use nearfar::task::Sharing;

const PAGE: usize = 4096;
const RW: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

/// A mapping of a file whose name no other test has, so that it is told from what else is mapped.
fn named<K: far::Task>(
    task: &K,
    name: &str,
    pages: usize,
    sharing: Sharing,
) -> (Mapping<K::AddressSpace>, String, Fd<K::FdTable>) {
    let kind = std::any::type_name::<K>().bytes().map(u32::from).sum::<u32>();
    let name = format!("{name}-{kind}-{}", pid_of(task));
    let file = task.memfd_create(&name, MemfdFlags::empty()).unwrap();
    task.ftruncate(&file, (pages * PAGE) as u64).unwrap();
    let mapping = task.mmap_file(&file, 0, pages * PAGE, RW, sharing).unwrap();
    (mapping, name, file)
}

on_all! {
    fn a_drop_unmaps_just_its_own_pages(task) {
        let pid = pid_of(task);
        let (mapping, name, _file) = named(task, "drop", 3, Sharing::Shared);
        let whole = range(mapping.near());
        assert_eq!(ranges_of(pid, &name), std::slice::from_ref(&whole));
        let (mut first, rest) = mapping.split_at(PAGE).unwrap();
        let (middle, mut last) = rest.split_at(PAGE).unwrap();
        drop(middle);
        let expected = [whole.start..whole.start + PAGE, whole.end - PAGE..whole.end];
        assert_eq!(ranges_of(pid, &name), expected);
        assert_eq!(first.bytes().write_slice(task, &[1; PAGE]), Ok(()));
        assert_eq!(last.bytes().write_slice(task, &[2; PAGE]), Ok(()));
        assert_eq!(mem(pid, first.near().address(), PAGE).unwrap(), [1; PAGE]);
        drop(first);
        assert_eq!(ranges_of(pid, &name), expected[1..]);
        assert_eq!(last.bytes().to_vec(task).unwrap(), [2; PAGE]);
        drop(last);
        assert!(ranges_of(pid, &name).is_empty());
        assert!(ranges_of(std::process::id(), &name).is_empty());
    }

    fn a_mapping_is_displayed_by_the_name_of_its_memory(task) {
        let (mapping, ..) = named(task, "debug", 1, Sharing::SharedAndHeld);
        let text = format!("{mapping:?}");
        assert!(text.starts_with("Mapping(MemoryMapping(host_memory:0x"), "{text}");
        assert!(text.contains("File(held by host_fds:"), "{text}");
    }
}

on_every! {
    fn slices_are_whole_pages_inside(task) {
        let (mut mapping, ..) = named(task, "slices", 3, Sharing::Private);
        let near = mapping.near();
        for (bad, why) in [
            (0..3 * PAGE + 1, "past the end"),
            (0..4 * PAGE, "past the end"),
            (4 * PAGE..5 * PAGE, "beyond the end"),
            (1..PAGE, "starts in a page"),
            (0..PAGE - 1, "ends in a page"),
            (PAGE..PAGE, "empty"),
            (3 * PAGE..3 * PAGE, "empty, at the end"),
            (0..usize::MAX, "wraps around"),
            (usize::MAX - PAGE + 1..usize::MAX, "wraps around"),
        ] {
            assert!(mapping.slice(bad.clone()).is_none(), "{bad:?}: {why}");
            assert!(near.slice(bad.clone()).is_none(), "{bad:?}: {why}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "it is one")]
        let reversed = 2 * PAGE..PAGE;
        assert!(mapping.slice(reversed).is_none());
        assert!(mapping.slice(..=usize::MAX).is_none());
        let pages = mapping.slice(PAGE..).unwrap().near();
        assert_eq!((pages.address().as_raw(), pages.pages()), (near.address().as_raw() + PAGE, 2));
        assert_eq!(mapping.slice(..).unwrap().near(), near);
        assert_eq!(mapping.slice(..=PAGE - 1).unwrap().near().length(), PAGE);
    }

    fn split_and_merge_are_between_pages(task) {
        let pid = pid_of(task);
        let (mut mapping, name, _file) = named(task, "split", 4, Sharing::Shared);
        let whole = range(mapping.near());
        for bad in [0, 1, PAGE - 1, PAGE + 1, 4 * PAGE, 5 * PAGE, usize::MAX] {
            mapping = mapping.split_at(bad).unwrap_err();
        }
        let (first, second) = mapping.split_at(PAGE).unwrap();
        assert_eq!((first.length(), second.length()), (PAGE, 3 * PAGE));
        assert_eq!(second.page_size(), PageSize::BASE);
        // In the wrong order, and with a page between them.
        let (second, first) = second.merge(first).unwrap_err();
        let (second, third) = second.split_at(PAGE).unwrap();
        let (first, third) = first.merge(third).unwrap_err();
        let mapping = first.merge(second).unwrap().merge(third).unwrap();
        assert_eq!(range(mapping.near()), whole);
        assert_eq!(ranges_of(pid, &name), [whole]);
        drop(mapping);
        // Another task does it when it has nothing else to do.
        until("unmapped", || ranges_of(pid, &name).is_empty());
    }

    fn what_maps_other_files_is_not_merged(task) {
        let (mapping, _, file) = named(task, "merge", 2, Sharing::SharedAndHeld);
        let (first, second) = mapping.split_at(PAGE).unwrap();
        let offset_of_another = 0;
        let held = Sharing::SharedAndHeld;
        // Until the kernel happens to put one where the first one ends.
        drop(second);
        let mut tries = Vec::new();
        let end = first.near().end();
        let neighbour = (0..16).find_map(|_| {
            let other = task.mmap_file(&file, offset_of_another, PAGE, RW, held).unwrap();
            if other.address() == end {
                return Some(other);
            }
            tries.push(other);
            None
        });
        match neighbour {
            // The same file, but not the part of it that follows.
            Some(neighbour) => drop(first.merge(neighbour).unwrap_err()),
            None => eprintln!("the kernel puts new mappings elsewhere"),
        }
    }
}
