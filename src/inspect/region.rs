use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{Dev, makedev};
use rustix::io::Errno;
use rustix::mm::ProtFlags;

use crate::brand::{Namespace, Of};
use crate::interface::{Call, Error};
use crate::near::{Address, MemoryMapping, PageSize};

/// A mapping in the memory `A`: a line of `/proc/PID/maps`.
#[non_exhaustive]
pub struct Region<A> {
    /// Where it is. Its page size is the one in which all mappings begin and end, also of huge pages.
    pub mapping: MemoryMapping<A>,
    /// What the process may do there. This program may read what the process may not, unless the kernel was
    /// told otherwise (`proc_mem.force_override`).
    pub protection: ProtFlags,
    /// Whether what is written there is seen by others who map the same.
    pub is_shared: bool,
    /// At which byte of the file it begins.
    pub offset: u64,
    /// The device of the file, as in `st_dev`; 0 without a file. Some file systems tell another number to
    /// `stat`.
    pub device: Dev,
    /// The number of the file's inode; 0 without a file.
    pub inode: u64,
    /// What is mapped: a path, as the process that looks sees it, with ` (deleted)` behind it if that is not the
    /// file's name any more; `[heap]`, `[stack]`, `[vdso]`, `[anon:NAME]` and others of the kernel's; empty for
    /// memory without a name.
    ///
    /// The kernel writes `\012` for the newline in a path, and nothing else for a backslash: a file of which the
    /// name has these four characters looks the same, as does one whose name ends in ` (deleted)`.
    pub name: OsString,
}

impl<A> Region<A> {
    /// The path of the file that is mapped, without ` (deleted)`; `None` without a file.
    ///
    /// For `memfd_create` and System V shared memory, the kernel makes up a path that was never there.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        let name = self.name.as_bytes();
        let path = name.strip_suffix(DELETED).unwrap_or(name);
        name.starts_with(b"/").then(|| Path::new(OsStr::from_bytes(path)))
    }

    /// Whether the file does not have that path any more, or never had it.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.name.as_bytes().starts_with(b"/") && self.name.as_bytes().ends_with(DELETED)
    }

    /// Parses a line, without its newline.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.splitn(6, |byte| *byte == b' ');
        let mut field = || fields.next();
        let (start, end) = halves(field()?, b'-')?;
        let (start, end) = (hexadecimal(start)?, hexadecimal(end)?);
        let length = usize::try_from(end.checked_sub(start)?).ok()?;
        let start = Address::new(usize::try_from(start).ok()?);
        let (protection, is_shared) = permissions(field()?)?;
        let offset = hexadecimal(field()?)?;
        let (major, minor) = halves(field()?, b':')?;
        let (major, minor) = (hexadecimal(major)?, hexadecimal(minor)?);
        let device = makedev(u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        let inode = digits(field()?, 10)?;
        Some(Region {
            mapping: MemoryMapping::new(start, length, PageSize::BASE)?,
            protection,
            is_shared,
            offset,
            device,
            inode,
            name: OsString::from_vec(unescaped(field().unwrap_or_default().trim_ascii_start())),
        })
    }
}

const DELETED: &[u8] = b" (deleted)";

fn halves(field: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let middle = field.iter().position(|byte| *byte == separator)?;
    Some((&field[..middle], &field[middle + 1..]))
}

fn hexadecimal(field: &[u8]) -> Option<u64> {
    digits(field, 16)
}

/// A number without a sign.
fn digits(field: &[u8], radix: u32) -> Option<u64> {
    let field = std::str::from_utf8(field).ok()?;
    let number = u64::from_str_radix(field, radix).ok()?;
    (!field.starts_with('+')).then_some(number)
}

/// What `rwxp` and its like mean, and whether it is shared.
fn permissions(field: &[u8]) -> Option<(ProtFlags, bool)> {
    let [read, write, execute, sharing] = *field else { return None };
    let flag = |found, letter, flag| match found {
        b'-' => Some(ProtFlags::empty()),
        _ => (found == letter).then_some(flag),
    };
    let protection = flag(read, b'r', ProtFlags::READ)?
        | flag(write, b'w', ProtFlags::WRITE)?
        | flag(execute, b'x', ProtFlags::EXEC)?;
    match sharing {
        b'p' => Some((protection, false)),
        b's' => Some((protection, true)),
        _ => None,
    }
}

/// A name as it is, of one as the kernel writes it.
fn unescaped(mut name: &[u8]) -> Vec<u8> {
    const NEWLINE: &[u8] = b"\\012";
    let mut found = Vec::with_capacity(name.len());
    while let [first, rest @ ..] = name {
        let newline = name.strip_prefix(NEWLINE);
        found.push(if newline.is_some() { b'\n' } else { *first });
        name = newline.unwrap_or(rest);
    }
    found
}

impl<A> Clone for Region<A> {
    fn clone(&self) -> Self {
        Region { name: self.name.clone(), ..*self }
    }
}

impl<A> PartialEq for Region<A> {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |region: &Self| (region.offset, region.device, region.inode);
        self.mapping == other.mapping
            && (self.protection, self.is_shared) == (other.protection, other.is_shared)
            && numbers(self) == numbers(other)
            && self.name == other.name
    }
}

impl<A> Eq for Region<A> {}

impl<A: Namespace> fmt::Debug for Region<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Region")
            .field("mapping", &self.mapping)
            .field("protection", &self.protection)
            .field("is_shared", &self.is_shared)
            .field("offset", &self.offset)
            .field("device", &self.device)
            .field("inode", &self.inode)
            .field("name", &self.name)
            .finish()
    }
}

/// What is mapped in the memory `A`: returned by [`regions`](super::ProcessMemory::regions).
///
/// A line that this library does not understand is the error `EIO`, and the last.
pub struct Regions<A> {
    /// As the kernel has written them.
    lines: Vec<u8>,
    /// Where the next one begins.
    next: usize,
    _brand: Of<A>,
}

impl<A> Regions<A> {
    pub(super) fn new(lines: Vec<u8>) -> Self {
        Regions { lines, next: 0, _brand: Of::new() }
    }
}

impl<A> Iterator for Regions<A> {
    type Item = Result<Region<A>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.lines[self.next..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.iter().position(|byte| *byte == b'\n');
        let region = length.and_then(|length| Region::parse(&rest[..length]));
        self.next = match (&region, length) {
            (Some(_), Some(length)) => self.next + length + 1,
            _ => self.lines.len(),
        };
        Some(region.ok_or(Error::os(Call::PREAD, Errno::IO)))
    }
}

impl<A: Namespace> fmt::Debug for Regions<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regions({})", A::NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HostMemory;

    fn parse(line: &[u8]) -> Option<Region<HostMemory>> {
        Region::parse(line)
    }

    fn name(name: &str) -> OsString {
        let line = format!("1000-3000 rw-s 00002000 fe:01 77                 {name}");
        parse(line.as_bytes()).expect("a good line").name
    }

    /// Numbers that are the same each time.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        fn below(&mut self, limit: u64) -> u64 {
            self.next() % limit
        }
    }

    #[test]
    fn a_line_says_what_is_where() {
        let line = b"7ffd58000000-7ffd58021000 r-xs 00003000 103:0a 4242           /usr/bin/a b ";
        let region = parse(line).unwrap();
        assert_eq!(region.mapping.address().as_raw(), 0x7ffd_5800_0000);
        assert_eq!((region.mapping.length(), region.mapping.pages()), (0x21000, 0x21));
        assert_eq!(region.protection, ProtFlags::READ | ProtFlags::EXEC);
        assert!(region.is_shared && !region.is_deleted());
        assert_eq!((region.offset, region.inode), (0x3000, 4242));
        assert_eq!(region.device, makedev(0x103, 10));
        assert_eq!(region.path(), Some(Path::new("/usr/bin/a b ")));
    }

    #[test]
    fn the_last_page_of_all_and_no_name() {
        let region = parse(b"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ").unwrap();
        assert_eq!((region.mapping.pages(), region.name.is_empty()), (1, true));
        assert_eq!((region.protection, region.path()), (ProtFlags::EXEC, None));
        // The kernel has written nothing behind the number.
        assert!(parse(b"1000-2000 ---p 00000000 00:00 0").unwrap().name.is_empty());
    }

    #[test]
    fn names_are_what_the_kernel_means() {
        assert_eq!(name("/a\\012b\\012"), "/a\nb\n");
        // All other backslashes are just that.
        assert_eq!(name("/a\\01\\0123\\\\012\\"), "/a\\01\n3\\\n\\");
        assert_eq!(name("[anon:heap of a thread]"), "[anon:heap of a thread]");
        assert_eq!(name("//toolong 1-2 rwxp"), "//toolong 1-2 rwxp");
        let line = b"1000-3000 rw-s 00002000 fe:01 77  /\xff\xfe (deleted)";
        let region = parse(line).unwrap();
        assert!(region.is_deleted());
        assert_eq!(region.path().unwrap().as_os_str().as_bytes(), b"/\xff\xfe");
        let line = b"1000-3000 rw-p 00000000 00:00 0  [anon: (deleted)";
        assert!(!parse(line).unwrap().is_deleted());
    }

    #[test]
    fn what_is_not_a_line_is_none() {
        let odd = [
            "",
            " ",
            "\0",
            "1000",
            "1000-2000",
            "1000-2000 rwxp",
            "1000-2000 rwxp 0",
            "1000-2000 rwxp 0 0:0",
            "1000-2000 rwxp 0 0:0 ",
            "1000-2000 rwxp 0 0:0 x",
            "1000-2000 rwxp 0 0:0 -1 /a",
            "1000-2000 rwxp 0 0:0 +1 /a",
            "+1000-2000 rwxp 0 0:0 1 /a",
            "1000-2000 rwxp 0 00 1 /a",
            "1000-2000 rwxp 0 100000000:0 1 /a",
            "1000-2000 rwx- 0 0:0 1 /a",
            "1000-2000 xrwp 0 0:0 1 /a",
            "1000-2000 rwxpp 0 0:0 1 /a",
            "1000-2000  rwxp 0 0:0 1 /a",
            "2000-1000 rwxp 0 0:0 1 /a",
            "1000-1000 rwxp 0 0:0 1 /a",
            "1000-2001 rwxp 0 0:0 1 /a",
            "1800-2800 rwxp 0 0:0 1 /a",
            "-2000 rwxp 0 0:0 1 /a",
            "1000-g000 rwxp 0 0:0 1 /a",
            "1000-10000000000000000 rwxp 0 0:0 1 /a",
            "1000-2000 rwxp 10000000000000000 0:0 1 /a",
            "1000-2000 rwxp 0 0:0 18446744073709551616 /a",
        ];
        for line in odd {
            assert!(parse(line.as_bytes()).is_none(), "{line:?}");
        }
    }

    #[test]
    fn every_line_comes_back() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for _ in 0..20_000 {
            let start = numbers.below(1 << 51) << 12;
            let end = start + ((numbers.below(1 << 20) + 1) << 12);
            let bits = numbers.below(16);
            let letter = |bit: u32, letter| if bits >> bit & 1 == 1 { letter } else { '-' };
            let sharing = if bits & 8 == 8 { 's' } else { 'p' };
            let (read, write, execute) = (letter(0, 'r'), letter(1, 'w'), letter(2, 'x'));
            let (offset, inode) = (numbers.next(), numbers.next());
            let (major, minor) = (numbers.below(1 << 12) as u32, numbers.below(1 << 20) as u32);
            let length = numbers.below(12) as usize;
            let letters = b"/ [()\n\\012ab\xff-:";
            let mut path = b"/".to_vec();
            path.extend((0..length).map(|_| letters[numbers.below(letters.len() as u64) as usize]));
            // These cannot be told from a newline.
            if path.windows(4).any(|four| four == b"\\012") {
                continue;
            }
            let mut line = format!(
                "{start:08x}-{end:08x} {read}{write}{execute}{sharing} {offset:08x} {major:02x}:{minor:02x} {inode} "
            )
            .into_bytes();
            line.resize(line.len().max(73), b' ');
            for byte in &path {
                match byte {
                    b'\n' => line.extend_from_slice(b"\\012"),
                    byte => line.push(*byte),
                }
            }
            let region = parse(&line).unwrap_or_else(|| panic!("{}", line.escape_ascii()));
            assert_eq!(region.mapping.address().as_raw() as u64, start);
            assert_eq!(region.mapping.end().as_raw() as u64, end);
            assert_eq!(u64::from(region.protection.bits()), bits & 7);
            assert_eq!(region.is_shared, bits & 8 == 8);
            assert_eq!((region.offset, region.inode), (offset, inode));
            assert_eq!(region.device, makedev(major, minor));
            assert_eq!(region.name.as_bytes(), path, "{}", line.escape_ascii());
        }
    }

    #[test]
    fn a_damaged_list_is_an_error_and_the_end() {
        let good =
            b"1000-2000 r--p 00000000 fe:00 7          /a\n3000-5000 rw-p 00000000 00:00 0 \n";
        let mut numbers = Numbers(7);
        for _ in 0..20_000 {
            let mut lines = good.to_vec();
            for _ in 0..=numbers.below(3) {
                let place = numbers.below(lines.len() as u64) as usize;
                lines[place] = numbers.next() as u8;
            }
            lines.truncate(numbers.below(lines.len() as u64 + 1) as usize);
            let found: Vec<_> = Regions::<HostMemory>::new(lines).collect();
            let errors = found.iter().filter(|region| region.is_err()).count();
            assert!(errors == 0 || errors == 1 && found.last().is_some_and(Result::is_err));
        }
        let cut = Regions::<HostMemory>::new(good[..good.len() - 1].to_vec());
        let found: Vec<_> = cut.map(|region| region.map_err(|error| error.errno())).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1], Err(Some(Errno::IO)));
    }
}
