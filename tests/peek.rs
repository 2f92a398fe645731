//! The example that looks into a running program: what it prints is what is there.

#![allow(unsafe_code, reason = "a symbol with a name")]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use common::{another_host, deadline, until_blocked_in};

/// Builds the example, and says where it is.
fn peek() -> Command {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").expect("cargo runs the tests");
        let built = Command::new(cargo).args(["build", "--example", "peek"]).output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let test = std::env::current_exe().expect("this program is a file");
        test.ancestors().nth(2).expect("it is in deps").join("examples/peek")
    });
    Command::new(program)
}

/// Somebody else's program; killed and reaped when this is dropped.
struct Stranger(Child);

impl Stranger {
    /// One that is blocked in reading from a pipe.
    fn reading(command: &mut Command) -> Self {
        let stranger =
            Stranger(command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap());
        until_blocked_in(stranger.0.id(), libc::SYS_read);
        stranger
    }

    /// What is printed of it.
    fn peek(&self, arguments: &[&str]) -> Output {
        peek().arg(self.0.id().to_string()).args(arguments).output().unwrap()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[track_caller]
fn printed(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The addresses and the bytes of a dump.
fn bytes(dump: &str) -> (Vec<usize>, Vec<u8>) {
    let mut found = (Vec::new(), Vec::new());
    for line in dump.lines() {
        let (address, rest) = line.split_once(' ').unwrap();
        found.0.push(usize::from_str_radix(address, 16).unwrap());
        let bytes = rest[..48].split_whitespace();
        found.1.extend(bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()));
    }
    found
}

#[test]
fn what_is_mapped() {
    deadline(|| {
        let cat = Stranger::reading(&mut Command::new("cat"));
        let list = printed(cat.peek(&[]));
        let maps = fs::read_to_string(format!("/proc/{}/maps", cat.0.id())).unwrap();
        assert_eq!(list.lines().count(), maps.lines().count());
        for (line, map) in list.lines().zip(maps.lines()) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (range, rest) = map.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            assert_eq!(number(fields[0]), number(start));
            let kibibytes: u64 = fields[1].parse().unwrap();
            assert_eq!((kibibytes << 10, fields[2]), (number(end) - number(start), "KiB"));
            assert_eq!(fields[3], &rest[..4]);
            assert!(map.ends_with(fields[4].trim_matches('"')));
        }
        assert!(list.contains("\"[stack]\""));
    });
}

#[test]
fn bytes_at_an_address_are_those_that_dd_reads() {
    deadline(|| {
        let cat = Stranger::reading(&mut Command::new("cat"));
        let maps = fs::read_to_string(format!("/proc/{}/maps", cat.0.id())).unwrap();
        let stack = maps.lines().find(|line| line.ends_with("[stack]")).unwrap();
        let end = stack.split(['-', ' ']).nth(1).unwrap();
        let end = usize::from_str_radix(end, 16).unwrap();
        let start = end - 9000;
        let dd = Command::new("dd")
            .arg(format!("if=/proc/{}/mem", cat.0.id()))
            .args(["iflag=skip_bytes,count_bytes", "status=none", "count=9000"])
            .arg(format!("skip={start}"))
            .output()
            .unwrap();
        assert_eq!(dd.stdout.len(), 9000);
        for place in [format!("{start:#x}"), start.to_string()] {
            let (addresses, bytes) = bytes(&printed(cat.peek(&[&place, "9000"])));
            assert_eq!((addresses[0], addresses.len()), (start, 563));
            assert_eq!(bytes, dd.stdout);
        }
        // Behind its end is nothing: what was there before is printed.
        let cut = cat.peek(&[&format!("{start:#x}"), "0x100000"]);
        assert_eq!(cut.status.code(), Some(1));
        assert_eq!(bytes(&String::from_utf8(cut.stdout).unwrap()).1, dd.stdout);
        let error = String::from_utf8(cut.stderr).unwrap();
        assert_eq!(error, format!("peek: nothing can be read at {end:#x}\n"));
    });
}

/// What the other process has at a symbol.
#[unsafe(no_mangle)]
static NEARFAR_PEEKS_AT_THIS: [u8; 24] = *b"between two processes..\n";

#[test]
#[ignore = "run by the other tests"]
fn waits_to_be_looked_at() {
    std::hint::black_box(&NEARFAR_PEEKS_AT_THIS);
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[test]
fn a_symbol_of_a_program_that_is_loaded_anywhere() {
    deadline(|| {
        let mut command = another_host("waits_to_be_looked_at");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // The harness says when the test starts, and the symbol is there before.
        let mut byte = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut byte).unwrap();
        let copy = Stranger(child);
        let dump = printed(copy.peek(&["NEARFAR_PEEKS_AT_THIS", "24"]));
        assert_eq!(bytes(&dump).1, NEARFAR_PEEKS_AT_THIS);
        assert!(dump.contains("  between two proc\n"), "{dump}");
    });
}

#[test]
fn a_symbol_of_a_library_is_where_gdb_says() {
    deadline(|| {
        let cat = Stranger::reading(&mut Command::new("cat"));
        let process = cat.0.id().to_string();
        let mut gdb = Command::new("gdb");
        gdb.args(["-nx", "-batch", "-p", &process, "-ex", "echo @", "-ex", "x/32xb getenv"]);
        let Ok(output) = gdb.stdin(Stdio::null()).output() else {
            crate::common::skip("needs gdb, to know where a symbol is");
            return;
        };
        let text = String::from_utf8(output.stdout).unwrap();
        let lines =
            text.split_once('@').unwrap().1.lines().filter_map(|line| line.split_once(":\t"));
        let number = |text: &str| usize::from_str_radix(text.trim_start_matches("0x"), 16).unwrap();
        let (mut address, mut content) = (None, Vec::new());
        for (place, values) in lines {
            address.get_or_insert(number(place.split_whitespace().next().unwrap()));
            content.extend(values.split('\t').map(|byte| number(byte) as u8));
        }
        let (addresses, bytes) = bytes(&printed(cat.peek(&["getenv", "32"])));
        assert_eq!((Some(addresses[0]), bytes), (address, content));
    });
}

#[test]
fn what_is_wrong_is_said() {
    #[track_caller]
    fn fails(output: Output, message: &str) {
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("peek: {message}\n"));
    }
    deadline(|| {
        let cat = Stranger::reading(&mut Command::new("cat"));
        let process = cat.0.id().to_string();
        fails(cat.peek(&["no_such_symbol", "8"]), "no_such_symbol: no such symbol");
        fails(cat.peek(&["getenv", "many"]), "many: not a length");
        fails(cat.peek(&["0x0", "8"]), "nothing can be read at 0x0");
        fails(cat.peek(&["0xffffffffffffffff", "8"]), "nothing can be read at 0xffffffffffffffff");
        assert!(printed(cat.peek(&["0x0", "0"])).is_empty());
        fails(peek().output().unwrap(), "usage: peek PID [ADDRESS|SYMBOL LENGTH]");
        fails(peek().arg("0").output().unwrap(), "0: not a pid");
        drop(cat);
        let gone = peek().arg(&process).output().unwrap();
        fails(gone, &format!("process {process}: pidfd_open: No such process (os error 3)"));
    });
}
