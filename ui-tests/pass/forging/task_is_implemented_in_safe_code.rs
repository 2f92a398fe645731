//! Who says what namespaces a task is in says so in `unsafe`.

#![forbid(unsafe_code)]

use nearfar::brand::Namespace;
use nearfar::far::{AddressSpace, FdTable, PidNamespace};
use nearfar::interface::Ring;
use nearfar::{near, prelude::*};

struct Wrapped(Task<HostFds, HostMemory, HostPids>);

trait Other {
    type FdTable: Namespace;
    type AddressSpace: Namespace;
    type PidNamespace: Namespace;
    type ChildPidNamespace: Namespace;
    type Interface;
    fn interface(&self) -> &Self::Interface;
    fn fd_table(&self) -> &FdTable<Self::FdTable>;
    fn address_space(&self) -> &AddressSpace<Self::AddressSpace>;
    fn pid_namespace(&self) -> &PidNamespace<Self::PidNamespace>;
    fn child_pid_namespace(&self) -> &PidNamespace<Self::ChildPidNamespace>;
    fn pid(&self) -> near::Pid<Self::PidNamespace>;
}

impl Other for Wrapped {
    type FdTable = HostFds;
    type AddressSpace = HostMemory;
    type PidNamespace = HostPids;
    type ChildPidNamespace = HostPids;
    type Interface = Ring;
    fn interface(&self) -> &Ring {
        self.0.interface()
    }
    fn fd_table(&self) -> &FdTable<HostFds> {
        self.0.fd_table()
    }
    fn address_space(&self) -> &AddressSpace<HostMemory> {
        self.0.address_space()
    }
    fn pid_namespace(&self) -> &PidNamespace<HostPids> {
        self.0.pid_namespace()
    }
    fn child_pid_namespace(&self) -> &PidNamespace<HostPids> {
        self.0.child_pid_namespace()
    }
    fn pid(&self) -> near::Pid<HostPids> {
        self.0.pid()
    }
}

fn main() -> Result<(), nearfar::Error> {
    println!("{}", Wrapped(Task::here().spawn()?).pid());
    Ok(())
}
