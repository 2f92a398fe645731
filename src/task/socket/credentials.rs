use std::ffi::c_int;
use std::fmt;

use rustix::process::{Gid, Uid};

use crate::brand::Namespace;
use crate::near::Pid;

/// Who is at the other end of a Unix socket, as the kernel says and the task that asked sees it.
///
/// By [`getsockopt_peercred`](super::SocketOptionTask::getsockopt_peercred), who was there when the
/// connection was made; with a [message](super::Received::credentials), who sent it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias = "ucred")]
pub struct PeerCredentials<P> {
    /// Its pid; `None` if there is no peer, or it is not visible in the pid namespace `P`. The process
    /// may be gone, and the pid another's.
    pub pid: Option<Pid<P>>,
    /// Its user id, in the user namespace of the task; 65534 if it has none there, and `None` if there is no
    /// peer.
    pub uid: Option<Uid>,
    /// Its group id, likewise.
    pub gid: Option<Gid>,
}

/// What the kernel writes as the user and the group if there is no peer.
const NOBODY: c_int = -1;

impl<P> PeerCredentials<P> {
    pub(super) fn from_kernel([pid, uid, gid]: [c_int; 3]) -> Self {
        let id = |id| (id != NOBODY).then_some(id as u32);
        PeerCredentials {
            pid: Pid::asserted(pid),
            uid: id(uid).map(Uid::from_raw),
            gid: id(gid).map(Gid::from_raw),
        }
    }
}

/// What the kernel writes is three integers.
const _: () = assert!(size_of::<[c_int; 3]>() == size_of::<libc::ucred>());

impl<P: Namespace> fmt::Debug for PeerCredentials<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCredentials")
            .field("pid", &self.pid)
            .field("uid", &self.uid)
            .field("gid", &self.gid)
            .finish()
    }
}
