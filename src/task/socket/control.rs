//! Control messages: what travels beside the bytes of a message. No calls: only how they are written.

use std::ffi::c_int;
use std::mem::offset_of;

/// `SCM_MAX_FD` of the kernel: how many fds one message can carry.
pub(super) const MOST_FDS: usize = 253;

/// A pidfd of the sender, if a socket has `SO_PASSPIDFD`.
const SCM_PIDFD: c_int = 4;

/// `sizeof(struct cmsghdr)`.
const HEADER: usize = 16;

const _: () = {
    assert!(size_of::<libc::cmsghdr>() == HEADER);
    assert!(offset_of!(libc::cmsghdr, cmsg_len) == 0 && size_of::<usize>() == 8);
    assert!(offset_of!(libc::cmsghdr, cmsg_level) == 8);
    assert!(offset_of!(libc::cmsghdr, cmsg_type) == 12);
};

const FD: usize = size_of::<c_int>();
const CREDENTIALS: usize = size_of::<libc::ucred>();

/// With the padding up to the next message: `CMSG_SPACE`.
const fn space(payload: usize) -> usize {
    HEADER + payload.next_multiple_of(size_of::<usize>())
}

/// The control message that carries these fds.
pub(super) fn rights(numbers: &[c_int]) -> Vec<u8> {
    if numbers.is_empty() {
        return Vec::new();
    }
    let mut bytes = Vec::with_capacity(space(numbers.len() * FD));
    bytes.extend((HEADER + numbers.len() * FD).to_ne_bytes());
    bytes.extend(libc::SOL_SOCKET.to_ne_bytes());
    bytes.extend(libc::SCM_RIGHTS.to_ne_bytes());
    bytes.extend(numbers.iter().flat_map(|number| number.to_ne_bytes()));
    bytes
}

/// How many bytes it takes to be told everything that can come with this many fds. What is not used by
/// credentials and pidfd, the kernel fills with more fds.
pub(super) const fn room(fds: usize) -> usize {
    space(CREDENTIALS) + space(FD) + HEADER + fds * FD
}

/// What came with a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arrived {
    /// Open in the receiver's table.
    pub(super) fds: Vec<c_int>,
    /// Open in the receiver's table too.
    pub(super) pidfd: Option<c_int>,
    /// A `struct ucred`.
    pub(super) credentials: Option<[c_int; 3]>,
}

impl Arrived {
    /// Takes apart what the kernel wrote, leaving out what this library does not know.
    pub(super) fn parse(mut bytes: &[u8]) -> Self {
        let mut arrived = Arrived::default();
        while let Some((length, rest)) = bytes.split_first_chunk() {
            let length = usize::from_ne_bytes(*length);
            let Some((level, rest)) = rest.split_first_chunk() else { break };
            let Some((kind, payload)) = rest.split_first_chunk() else { break };
            let Some(payload_length) = length.checked_sub(HEADER) else { break };
            let payload = &payload[..payload_length.min(payload.len())];
            let mut integers = payload.chunks_exact(FD).map(|bytes| {
                c_int::from_ne_bytes(bytes.try_into().expect("a chunk is as long as it was cut"))
            });
            match (c_int::from_ne_bytes(*level), c_int::from_ne_bytes(*kind)) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => arrived.fds.extend(integers),
                // Instead of an fd there can be an error.
                (libc::SOL_SOCKET, SCM_PIDFD) => {
                    arrived.pidfd = integers.next().filter(|&number| number >= 0);
                }
                (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                    let all: Vec<_> = integers.collect();
                    arrived.credentials = all.try_into().ok();
                }
                _ => {}
            }
            bytes = bytes.get(length.next_multiple_of(size_of::<usize>())..).unwrap_or_default();
        }
        arrived
    }
}
