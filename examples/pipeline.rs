//! Prints the ten most frequent words of a file, counted by real programs joined by pipes:
//! `cargo run --release --example pipeline -- README.md`

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;
use std::{env, io};

use nearfar::prelude::*;

fn main() -> ExitCode {
    let Some(file) = env::args_os().nth(1) else {
        eprintln!("usage: pipeline FILE");
        return ExitCode::FAILURE;
    };
    match print_frequent_words(Path::new(&file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print_frequent_words(file: &Path) -> Result<(), Box<dyn Error>> {
    let stages = [
        Program::new("tr").args(["-cs", "A-Za-z", "\\n"]),
        Program::new("tr").args(["A-Z", "a-z"]),
        Program::new("sed").arg("/./!d"),
        Program::new("sort"),
        Program::new("uniq").arg("-c"),
        Program::new("sort").args(["-k1,1nr", "-k2"]),
        Program::new("sed").args(["-n", "1,10p"]),
    ];

    let here = Task::here();
    let mut input = here
        .openat(Cwd, file, OFlags::RDONLY, Mode::empty())
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let mut children = Vec::new();
    for stage in stages.map(|program| program.env("LC_ALL", "C")) {
        let name = stage.get_program().to_string_lossy().into_owned();
        let (output, writer) = here.pipe2(PipeFlags::empty())?;

        // A child with a table of its own, which these two fds move to. Of ours,
        // only 0, 1 and 2 are in it too.
        brand!(private_fds);
        let (child, (stdin, stdout)) = here.spawn()?.unshare_files(private_fds, (input, writer))?;
        let process = child
            .program(&stage)
            .fd(0, &stdin)
            .fd(1, &stdout)
            .exec()
            .map_err(|error| format!("{name}: {error}"))?;

        children.push((name, process.kill_on_drop(true)));
        input = output;
    }
    io::copy(&mut File::from(input), &mut io::stdout())?;

    let mut failed = None;
    for (name, process) in children {
        let pid = process.id();
        let exit = process.wait()?;
        println!("{name} ({pid}): {exit}");
        if !exit.success() {
            // The last is the cause: stages before it may just have lost their reader.
            failed = Some(format!("{name}: {exit}"));
        }
    }
    failed.map_or(Ok(()), |message| Err(message.into()))
}
