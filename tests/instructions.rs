//! A checked call on the calling thread compiles to no more instructions than rustix's.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The instructions of each function in an assembly file, by its symbol.
type Functions<'asm> = BTreeMap<&'asm str, Vec<&'asm str>>;

/// Lines are instructions, unless they are labels, directives or comments.
fn functions(assembly: &str) -> Functions<'_> {
    let mut functions = Functions::new();
    let mut current = "";
    for line in assembly.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some((symbol, same)) = alias(line) {
            let instructions = functions.get(same).cloned().unwrap_or_default();
            functions.insert(symbol, instructions);
        } else if let Some(label) = line.strip_suffix(':') {
            if !label.starts_with(".L") {
                current = label;
            }
        } else if !line.is_empty() && !line.starts_with('.') {
            functions.entry(current).or_default().push(line);
        }
    }
    functions
}

/// What LLVM writes for the second of two functions that are the same, instruction for instruction.
fn alias(line: &str) -> Option<(&str, &str)> {
    line.split_once(" = ").or_else(|| line.strip_prefix(".set")?.trim().split_once(", "))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    instructions: usize,
    /// To code that is not counted.
    calls: usize,
    syscalls: usize,
}

impl Cost {
    fn of(instructions: &[&str]) -> Cost {
        let count = |which: fn(&str) -> bool| instructions.iter().filter(|i| which(i)).count();
        Cost {
            instructions: instructions.len(),
            calls: count(|i| i.starts_with("call") || i.starts_with("jmp") && !i.contains(".L")),
            syscalls: count(|i| i == "syscall"),
        }
    }

    /// Whether this does the same work in no more instructions, and hides none in a call.
    fn is_no_more_than(self, other: Cost) -> bool {
        self.syscalls == other.syscalls
            && self.calls <= other.calls
            && self.instructions <= other.instructions
    }
}

/// Compiles `instructions/calls.rs`, and returns its assembly.
fn compile() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("instructions");
    let assembly = target.join("calls.s");
    // Each time anew: cargo may find the example fresh, and not see that the assembly is another
    // toolchain's.
    cargo(&target, &["clean", "--package", "nearfar"], &[]);
    let emit = format!("--emit=asm={}", assembly.display());
    cargo(&target, &["rustc", "--example", "instructions"], &["--", "-Ccodegen-units=1", &emit]);
    fs::read_to_string(&assembly).expect("rustc has written the assembly")
}

fn cargo(target: &Path, command: &[&str], last: &[&str]) {
    let status = Command::new(env::var_os("CARGO").expect("cargo runs the tests"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(command)
        .args(["--quiet", "--release", "--target-dir"])
        .arg(target)
        .args(last)
        // What is compared is what cargo compiles by default: not instrumented for coverage, say.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "cargo {command:?}: {status}");
}

#[test]
fn a_local_call_has_no_more_instructions_than_rustix() {
    let assembly = compile();
    let functions = functions(&assembly);
    let twins = |prefix| functions.keys().filter_map(move |symbol| symbol.strip_prefix(prefix));
    let calls: Vec<_> = twins("nearfar_").collect();
    assert_eq!(calls, twins("rustix_").collect::<Vec<_>>(), "every call has a twin");
    assert!(calls.contains(&"read"), "no calls found: {calls:?}");

    println!("{:10} {:>8} {:>8}", "", "nearfar", "rustix");
    let mut losses = String::new();
    for call in calls {
        let [ours, theirs] =
            ["nearfar", "rustix"].map(|from| &functions[&*format!("{from}_{call}")]);
        let [our_cost, their_cost] = [ours, theirs].map(|instructions| Cost::of(instructions));
        println!("{call:10} {:8} {:8}", our_cost.instructions, their_cost.instructions);
        assert!(their_cost.syscalls > 0, "{call} of rustix makes no syscall: {theirs:#?}");
        if !our_cost.is_no_more_than(their_cost) {
            losses +=
                &format!("\n{call}: {our_cost:?} {ours:#?}\nrustix: {their_cost:?} {theirs:#?}");
        }
    }
    assert!(losses.is_empty(), "nearfar's calls cost more than rustix's:{losses}");
}

const SAMPLE: &str = "
	.section	.text.short,\"ax\",@progbits
	.globl	short
short:
	.cfi_startproc
	#APP
	syscall
	#NO_APP
	retq	# back
.Lfunc_end0:
	.size	short, .Lfunc_end0-short
long:
	syscall
	cmpq	$-4095, %rax
	jae	.LBB1_1
	jmp	.LBB1_2
.LBB1_1:
	xorl	%eax, %eax
.LBB1_2:
	retq
calling:
	syscall
	jmp	elsewhere
idle:
	retq
same = short
	.set	same_too, short
";

#[test]
fn labels_directives_and_comments_are_not_counted() {
    let functions = functions(SAMPLE);
    let cost = |symbol| Cost::of(&functions[symbol]);
    let short = Cost { instructions: 2, calls: 0, syscalls: 1 };
    assert_eq!([cost("short"), cost("same"), cost("same_too")], [short; 3]);
    assert_eq!(cost("long"), Cost { instructions: 6, calls: 0, syscalls: 1 });
    assert_eq!(cost("calling"), Cost { instructions: 2, calls: 1, syscalls: 1 });
    assert_eq!(cost("idle"), Cost { instructions: 1, calls: 0, syscalls: 0 });
    assert_eq!(functions.len(), 6);
}

#[test]
fn more_instructions_a_call_or_no_syscall_are_refused() {
    let functions = functions(SAMPLE);
    let cost = |symbol| Cost::of(&functions[symbol]);
    assert!(cost("short").is_no_more_than(cost("same")));
    assert!(cost("short").is_no_more_than(cost("long")));
    for worse in ["long", "calling", "idle"] {
        assert!(!cost(worse).is_no_more_than(cost("short")), "{worse}");
    }
}
