use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net;
use std::{fmt, io};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix};

/// Where a socket is: what it is bound or connected to, or a message came from.
///
/// Every address type of std converts into it, and so does rustix's [`SocketAddrUnix`]. Relative paths
/// start from the working directory of the task that makes the call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketAddress {
    /// IPv4 or IPv6. The flow information of IPv6 is as in std: not converted.
    Inet(SocketAddr),
    /// Unix: a path, an abstract name, or none.
    Unix(SocketAddrUnix),
    /// Of another family, as the kernel returned it. It cannot be given to a call: in some families
    /// an address contains the number of an fd.
    Other {
        /// Its family.
        family: AddressFamily,
        /// What follows the family.
        data: Box<[u8]>,
    },
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> Self {
        SocketAddress::Inet(address)
    }
}

impl From<SocketAddrV4> for SocketAddress {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddress::Inet(address.into())
    }
}

impl From<SocketAddrV6> for SocketAddress {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddress::Inet(address.into())
    }
}

impl From<SocketAddrUnix> for SocketAddress {
    fn from(address: SocketAddrUnix) -> Self {
        SocketAddress::Unix(address)
    }
}

impl From<net::SocketAddr> for SocketAddress {
    fn from(address: net::SocketAddr) -> Self {
        let address = match (address.as_pathname(), address.as_abstract_name()) {
            (Some(path), _) => SocketAddrUnix::new(path.as_os_str().as_bytes()),
            (None, Some(name)) => SocketAddrUnix::new_abstract_name(name),
            (None, None) => Ok(SocketAddrUnix::new_unnamed()),
        };
        SocketAddress::Unix(address.expect("std's address has the same limits"))
    }
}

impl From<&SocketAddress> for SocketAddress {
    fn from(address: &SocketAddress) -> Self {
        address.clone()
    }
}

impl TryFrom<SocketAddress> for SocketAddr {
    type Error = NotInet;

    fn try_from(address: SocketAddress) -> Result<Self, NotInet> {
        match address {
            SocketAddress::Inet(address) => Ok(address),
            address => Err(NotInet { address }),
        }
    }
}

/// An address that is neither one of IPv4 nor one of IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NotInet {
    /// The address.
    pub address: SocketAddress,
}

impl fmt::Display for NotInet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "neither an IPv4 nor an IPv6 address: {}", self.address)
    }
}

impl Error for NotInet {}

impl From<NotInet> for io::Error {
    fn from(error: NotInet) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}

/// An address of IPv4 or IPv6 as std has it; a path as it is, an abstract name behind an `@`.
impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketAddress::Inet(address) => address.fmt(f),
            SocketAddress::Unix(address) => match (address.path_bytes(), address.abstract_name()) {
                (Some(path), _) => write!(f, "{}", String::from_utf8_lossy(path)),
                (None, Some(name)) => write!(f, "@{}", String::from_utf8_lossy(name)),
                (None, None) => f.write_str("(unnamed)"),
            },
            SocketAddress::Other { family, data } => {
                write!(f, "(address family {}: {})", family.as_raw(), data.escape_ascii())
            }
        }
    }
}

/// `sizeof(struct sockaddr_storage)`: no address of the kernel's is longer.
pub(super) const LONGEST: usize = size_of::<libc::sockaddr_storage>();

/// As much of a path or abstract name as the kernel takes.
const LONGEST_PATH: usize = size_of::<libc::sockaddr_un>() - FAMILY;

/// The size of the family, which every address starts with.
const FAMILY: usize = size_of::<libc::sa_family_t>();

const _: () = {
    use std::mem::offset_of;
    assert!(FAMILY == 2 && offset_of!(libc::sockaddr_un, sun_path) == FAMILY);
    assert!(offset_of!(libc::sockaddr_in, sin_port) == 2);
    assert!(offset_of!(libc::sockaddr_in, sin_addr) == 4);
    assert!(size_of::<libc::sockaddr_in>() == 16);
    assert!(offset_of!(libc::sockaddr_in6, sin6_port) == 2);
    assert!(offset_of!(libc::sockaddr_in6, sin6_flowinfo) == 4);
    assert!(offset_of!(libc::sockaddr_in6, sin6_addr) == 8);
    assert!(offset_of!(libc::sockaddr_in6, sin6_scope_id) == 24);
    assert!(size_of::<libc::sockaddr_in6>() == 28);
};

impl SocketAddress {
    /// A `struct sockaddr`, for the kernel to read.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::with_capacity(LONGEST);
        let mut family = |family: AddressFamily| bytes.extend(family.as_raw().to_ne_bytes());
        match self {
            SocketAddress::Inet(SocketAddr::V4(address)) => {
                family(AddressFamily::INET);
                bytes.extend(address.port().to_be_bytes());
                bytes.extend(address.ip().octets());
                bytes.extend([0; 8]);
            }
            SocketAddress::Inet(SocketAddr::V6(address)) => {
                family(AddressFamily::INET6);
                bytes.extend(address.port().to_be_bytes());
                bytes.extend(address.flowinfo().to_ne_bytes());
                bytes.extend(address.ip().octets());
                bytes.extend(address.scope_id().to_ne_bytes());
            }
            SocketAddress::Unix(address) => {
                family(AddressFamily::UNIX);
                if let Some(path) = address.path_bytes() {
                    bytes.extend(path);
                    bytes.extend((path.len() < LONGEST_PATH).then_some(0));
                } else if let Some(name) = address.abstract_name() {
                    bytes.push(0);
                    bytes.extend(name);
                }
            }
            SocketAddress::Other { .. } => return Err(Errno::AFNOSUPPORT),
        }
        Ok(bytes)
    }

    /// What the kernel wrote; `None` if that is not even a family.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (family, data) = bytes.split_first_chunk::<FAMILY>()?;
        let family = AddressFamily::from_raw(u16::from_ne_bytes(*family));
        let known = match family {
            AddressFamily::INET => decode_v4(data).map(SocketAddress::from),
            AddressFamily::INET6 => decode_v6(data).map(SocketAddress::from),
            AddressFamily::UNIX => decode_unix(data).map(SocketAddress::from),
            _ => None,
        };
        Some(known.unwrap_or_else(|| SocketAddress::Other { family, data: data.into() }))
    }

    /// What the kernel writes for a socket that has no address in its family.
    pub(super) fn none() -> Self {
        SocketAddress::Other { family: AddressFamily::UNSPEC, data: [].into() }
    }
}

fn decode_v4(data: &[u8]) -> Option<SocketAddrV4> {
    let (port, data) = data.split_first_chunk()?;
    let ip = *data.first_chunk::<4>()?;
    Some(SocketAddrV4::new(Ipv4Addr::from(ip), u16::from_be_bytes(*port)))
}

fn decode_v6(data: &[u8]) -> Option<SocketAddrV6> {
    let (port, data) = data.split_first_chunk()?;
    let (flow, data) = data.split_first_chunk()?;
    let (ip, data) = data.split_first_chunk::<16>()?;
    let scope = data.first_chunk()?;
    let (port, flow) = (u16::from_be_bytes(*port), u32::from_ne_bytes(*flow));
    Some(SocketAddrV6::new(Ipv6Addr::from(*ip), port, flow, u32::from_ne_bytes(*scope)))
}

fn decode_unix(data: &[u8]) -> Option<SocketAddrUnix> {
    match data {
        [] => Some(SocketAddrUnix::new_unnamed()),
        [0, name @ ..] => SocketAddrUnix::new_abstract_name(name).ok(),
        path => {
            let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
            SocketAddrUnix::new(&path[..end]).ok()
        }
    }
}
