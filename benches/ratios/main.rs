//! What the library costs, beside what does the same without it: `cargo bench`.
//!
//! Every figure is a ratio to a peer that is measured by the same run, in turns (ours, theirs, ours, ...): the
//! median of the turns' ratios, and where the middle half of them lies. So what else the machine does
//! affects both alike. `cargo bench -- NAME ...` measures a part, `cargo bench -- --list` names the parts.
//! `cargo bench -- --write` measures everything and puts table and plot into README.md and benches/ratios.svg.

mod blocking;
mod build;
mod fds;
mod harness;
mod instructions;
mod machine;
mod memory;
mod peers;
mod plot;
mod remote;
mod report;
mod sandbox;
mod spawn;
mod worker;

use std::os::unix::process::CommandExt;
use std::process::Command;

use harness::Row;
use machine::Others;

/// A part of the run, by the name it is asked for.
struct Part {
    name: &'static str,
    measure: fn() -> Vec<Row>,
}

const PARTS: [Part; 12] = [
    Part { name: "instructions", measure: instructions::measure },
    Part { name: "awake", measure: remote::awake },
    Part { name: "asleep", measure: remote::asleep },
    Part { name: "batch", measure: remote::batch },
    Part { name: "crowded", measure: remote::crowded },
    Part { name: "spawn", measure: spawn::measure },
    Part { name: "many", measure: spawn::many },
    Part { name: "sandbox", measure: sandbox::measure },
    Part { name: "memory", measure: memory::measure },
    Part { name: "fds", measure: fds::measure },
    Part { name: "blocking", measure: blocking::measure },
    Part { name: "build", measure: build::measure },
];

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if worker::is_asked_for(&arguments) {
        return worker::serve(&arguments);
    }
    without_cargos_libraries();
    let of_cargo = arguments.len();
    arguments.retain(|argument| argument != "--bench");
    if arguments.len() == of_cargo {
        println!("measures only what is optimized: cargo bench");
        return;
    }
    let writes = arguments.iter().any(|argument| argument == "--write");
    arguments.retain(|argument| argument != "--write");
    if arguments.iter().any(|argument| argument == "--list") {
        PARTS.iter().for_each(|part| println!("{}", part.name));
        return;
    }
    let unknown = |name: &&String| !PARTS.iter().any(|part| part.name == **name);
    if let Some(name) = arguments.iter().find(unknown) {
        let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        eprintln!("no part is named {name}: {}", names.join(", "));
        std::process::exit(2);
    }
    if writes && !arguments.is_empty() {
        eprintln!("--write is for a whole run: the table would lose its other rows");
        std::process::exit(2);
    }

    let mut measured = Vec::new();
    let others = Others::watch();
    for part in &PARTS {
        if arguments.is_empty() || arguments.iter().any(|name| name == part.name) {
            let rows = (part.measure)();
            rows.iter().for_each(|row| report::print(part.name, row));
            measured.extend(rows.into_iter().map(|row| (part.name, row)));
        }
    }
    let machine = format!(
        "{}; other programs used {:.0} % of the processors meanwhile",
        machine::describe(),
        others.percent()
    );
    println!("\n{machine}");
    if writes {
        report::write(&measured, &machine);
    }
}

/// Has this program start again without the path by which cargo has it look for libraries, if there is one: every
/// program that it starts would look there first, and take a fifth longer to start than it does for anybody else.
fn without_cargos_libraries() {
    const PATH: &str = "LD_LIBRARY_PATH";
    if std::env::var_os(PATH).is_some() {
        let itself = std::env::current_exe().expect("/proc is mounted");
        let error = Command::new(itself).args(std::env::args_os().skip(1)).env_remove(PATH).exec();
        panic!("it ran before: {error}");
    }
}
