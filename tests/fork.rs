//! Children with a copy of this program's memory.

mod common;

use common::{Resource, deadline, numbers, share};
use nearfar::prelude::*;

#[test]
fn a_forked_child_has_memory_of_its_own_and_the_same_files() {
    deadline(|| {
        let here = Task::here();
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory).unwrap();
        assert!(!share(Resource::Memory, child.host_pid(), std::process::id()));
        assert!(share(Resource::Files, child.host_pid(), std::process::id()));
        assert_eq!(child.getpid().unwrap().as_raw(), child.host_pid().as_raw());
        let null = child.openat(Cwd, "/dev/null", OFlags::RDONLY, Mode::empty()).unwrap();
        assert_eq!(here.read(&null, &mut [0; 8]).unwrap(), 0);
        let stat = child.fstat(&null).unwrap();
        assert_eq!(stat.st_mode, here.fstat(&null).unwrap().st_mode);
    });
}

#[test]
fn a_forked_child_becomes_a_program_with_its_own_table() {
    deadline(|| {
        let here = Task::here();
        let (reader, writer) = here.pipe2(PipeFlags::empty()).unwrap();
        brand!(child_memory, child_fds);
        let (child, writer) = here.fork(child_memory, child_fds, writer).unwrap();
        assert_eq!(numbers(child.host_pid()), [0, 1, 2, writer.near().as_raw()]);
        let echo = Program::new("echo").arg("hello");
        assert!(child.program(&echo).fd(1, &writer).exec().unwrap().wait().unwrap().success());
        let mut buffer = [0; 16];
        assert_eq!(here.read(&reader, &mut buffer).unwrap(), 6);
        drop(writer);
        assert_eq!(here.read(&reader, &mut buffer).unwrap(), 0);
    });
}
