//! Saying what was measured: on standard output, and in the README.

use std::fmt::Write as _;
use std::fs;

use crate::harness::Row;
use crate::{machine, plot};

const START: &str = "<!-- benchmarks -->";
const END: &str = "<!-- end of benchmarks -->";

/// What was measured, in words.
fn measured(row: &Row) -> String {
    match &row.figure {
        Err(why) => format!("not measured: {why}"),
        Ok(spread) if spread.low == spread.high => row.unit.say(spread.median),
        Ok(spread) => format!(
            "{} ({} to {})",
            row.unit.say(spread.median),
            row.unit.say(spread.low).trim_end_matches(|c: char| !c.is_ascii_digit()),
            row.unit.say(spread.high).trim_end_matches(|c: char| !c.is_ascii_digit()),
        ),
    }
}

fn verdict(row: &Row) -> &'static str {
    match row.is_reached() {
        Some(true) => "reached",
        Some(false) => "missed",
        None => "",
    }
}

pub(crate) fn print(part: &str, row: &Row) {
    println!("{part}: {}", row.work);
    println!("    {} ({})", measured(row), row.against);
    if let Some(most) = row.most {
        println!("    {}: at most {}", verdict(row), row.unit.say(most));
    }
    if !row.note.is_empty() {
        println!("    {}", row.note);
    }
}

fn table(rows: &[(&str, Row)]) -> String {
    let mut table = String::from(
        "| `cargo bench -- …` | work | beside | at most | measured: median (middle half) | |\n\
         |---|---|---|---|---|---|\n",
    );
    for (part, row) in rows {
        let most = row.most.map_or_else(String::new, |most| row.unit.say(most));
        let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
        let Row { work, against, .. } = row;
        let line = format!(
            "| `{part}` | {work} | {against} | {most} | {}{note} | {} |",
            measured(row),
            verdict(row)
        );
        writeln!(table, "{line}").expect("a String takes everything");
    }
    table
}

/// Puts the table into the README, and the plot beside this program.
pub(crate) fn write(rows: &[(&str, Row)], machine: &str) {
    let readme = machine::repository().join("README.md");
    let text = fs::read_to_string(&readme).expect("the README can be read");
    let (before, rest) = text.split_once(START).expect("the README has the first marker");
    let (_, after) = rest.split_once(END).expect("the README has the second marker");
    let text = format!("{before}{START}\nMeasured on {machine}.\n\n{}{END}{after}", table(rows));
    fs::write(&readme, text).expect("the README can be written");
    let plot = machine::repository().join("benches/ratios.svg");
    fs::write(plot, plot::draw(rows, machine)).expect("the plot can be written");
}
