use rustix::fs::FileType;
use rustix::io::Errno;

use crate::interface::{Call, Error};

/// What [`mknodat`](super::DirectoryTask::mknodat) can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// An empty regular file.
    Regular,
    /// A FIFO: a pipe with a name.
    Fifo,
    /// The name of a Unix socket, to which no socket is bound.
    Socket,
    /// A character device.
    CharacterDevice(Device),
    /// A block device.
    BlockDevice(Device),
}

/// The numbers of a device.
///
/// What a file's device is, `Stat` tells: [`rustix::fs::major`] and [`rustix::fs::minor`] of its
/// `st_rdev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// Which driver, less than 2¹².
    pub major: u32,
    /// Which of the driver's devices, less than 2²⁰.
    pub minor: u32,
}

impl Node {
    pub(super) fn kind(self) -> FileType {
        match self {
            Node::Regular => FileType::RegularFile,
            Node::Fifo => FileType::Fifo,
            Node::Socket => FileType::Socket,
            Node::CharacterDevice(_) => FileType::CharacterDevice,
            Node::BlockDevice(_) => FileType::BlockDevice,
        }
    }

    /// The argument for its device; 0 if it is none.
    pub(super) fn device(self) -> Result<usize, Error> {
        match self {
            Node::Regular | Node::Fifo | Node::Socket => Ok(0),
            Node::CharacterDevice(device) | Node::BlockDevice(device) => device.encoded(),
        }
    }
}

impl Device {
    /// As the kernel's `new_encode_dev`: it has 32 bits for both.
    fn encoded(self) -> Result<usize, Error> {
        let Device { major, minor } = self;
        if major >= 1 << 12 || minor >= 1 << 20 {
            return Err(Error::os(Call::MKNODAT, Errno::INVAL));
        }
        Ok((minor & 0xff | major << 8 | (minor & !0xff) << 12) as usize)
    }
}
