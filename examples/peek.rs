//! Looks into the memory of a running program, which does not notice:
//! `cargo run --release --example peek -- PID` lists what is mapped,
//! `cargo run --release --example peek -- PID ADDRESS|SYMBOL LENGTH` prints bytes.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use nearfar::brand::{Branded, Namespace};
use nearfar::inspect::Region;
use nearfar::near::{Address, PageSize, Pid};
use nearfar::prelude::*;
use nearfar::rustix::mm::ProtFlags;
use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};

fn main() -> ExitCode {
    let arguments: Result<Vec<_>, _> = env::args_os().skip(1).map(OsString::into_string).collect();
    let arguments = arguments.unwrap_or_default();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [pid] => peek(pid, None),
        [pid, place, length] => peek(pid, Some((place, length))),
        _ => Err("usage: peek PID [ADDRESS|SYMBOL LENGTH]".into()),
    };
    done.map_or_else(
        |error| {
            eprintln!("peek: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn peek(pid: &str, wanted: Option<(&str, &str)>) -> Result<(), Box<dyn Error>> {
    let number = pid.parse().map_err(|_| format!("{pid}: not a pid"))?;
    let process = Pid::asserted(number).ok_or(format!("{pid}: not a pid"))?;
    let in_process = |error: nearfar::Error| format!("process {pid}: {error}");
    let pidfd = Task::here().pidfd_open(process).map_err(in_process)?;

    // Addresses in this memory are of a type of their own.
    brand!(target_memory);
    let memory = ProcessMemory::open(target_memory, &pidfd).map_err(in_process)?;
    let regions = memory.regions()?.collect::<Result<Vec<_>, _>>()?;
    let Some((place, length)) = wanted else { return list(&regions) };
    let length = number_of(length).ok_or(format!("{length}: not a length"))?;
    let address = match number_of(place) {
        Some(number) => memory.address(number),
        None => find(place, pid, &regions).ok_or(format!("{place}: no such symbol"))?,
    };
    dump(&memory, address, length)
}

/// A decimal number, or a hexadecimal one behind `0x`.
fn number_of(text: &str) -> Option<usize> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    usize::from_str_radix(digits, radix).ok()
}

fn list<A: Namespace>(regions: &[Region<A>]) -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    for region in regions {
        let may = |flag, letter| if region.protection.contains(flag) { letter } else { '-' };
        let (read, write) = (may(ProtFlags::READ, 'r'), may(ProtFlags::WRITE, 'w'));
        let (execute, sharing) =
            (may(ProtFlags::EXEC, 'x'), if region.is_shared { 's' } else { 'p' });
        let (start, kibibytes) = (region.mapping.address().as_raw(), region.mapping.length() >> 10);
        let name = region.name.to_string_lossy();
        writeln!(
            output,
            "{start:016x} {kibibytes:>10} KiB {read}{write}{execute}{sharing} {name:?}"
        )?;
    }
    Ok(())
}

/// Where a symbol is, in the program or in one of its libraries.
fn find<A: Namespace>(symbol: &str, pid: &str, regions: &[Region<A>]) -> Option<Address<A>> {
    let code = regions.iter().filter(|region| region.protection.contains(ProtFlags::EXEC));
    let files: BTreeSet<&Path> =
        code.filter(|region| !region.is_deleted()).filter_map(|region| region.path()).collect();
    let program = regions.iter().find_map(|region| region.path());
    // The program itself first, as the linker does.
    let in_order = program.into_iter().chain(files);
    in_order.filter_map(|file| find_in(file, symbol, pid, regions)).next()
}

fn find_in<A: Namespace>(
    path: &Path,
    symbol: &str,
    pid: &str,
    regions: &[Region<A>],
) -> Option<Address<A>> {
    // As the process sees the file, which may be in a container.
    let seen = format!("/proc/{pid}/root{}", path.to_str()?);
    let content = fs::read(seen).ok()?;
    let file = object::File::parse(&*content).ok()?;
    let mut symbols = file.symbols().chain(file.dynamic_symbols());
    let found = symbols.find(|found| {
        found.is_definition() && found.kind() != SymbolKind::Tls && found.name() == Ok(symbol)
    })?;
    // Its first segment is its first mapping: the symbol is as far behind that as in the file.
    let page = |number: u64| number & !(PageSize::BASE.bytes() as u64 - 1);
    let segment = file.segments().next()?;
    let first = regions.iter().find(|region| {
        region.path() == Some(path) && region.offset == page(segment.file_range().0)
    })?;
    let distance = found.address().checked_sub(page(segment.address()))?;
    first.mapping.address().checked_add(usize::try_from(distance).ok()?)
}

/// Prints what can be read.
fn dump<A: Branded>(
    memory: &ProcessMemory<A>,
    mut address: Address<A>,
    mut length: usize,
) -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    let mut buffer = [0; 4096];
    while length > 0 {
        let part = &mut buffer[..length.min(4096)];
        let piece = memory.read_available(address, part)?;
        for (number, line) in piece.bytes().chunks(16).enumerate() {
            let start = address.as_raw() + number * 16;
            let bytes: String = line.iter().map(|byte| format!(" {byte:02x}")).collect();
            let is_visible = |byte: &u8| (b' '..=b'~').contains(byte);
            let letters =
                line.iter().map(|byte| if is_visible(byte) { *byte as char } else { '.' });
            writeln!(output, "{start:016x} {bytes:<48}  {}", letters.collect::<String>())?;
        }
        if let Some(unreadable) = piece.unreadable() {
            return Err(format!("nothing can be read at {:#x}", unreadable.as_raw()).into());
        }
        let read = piece.bytes().len();
        length -= read;
        address = address.checked_add(read).ok_or("there is no address behind the last")?;
    }
    Ok(())
}
