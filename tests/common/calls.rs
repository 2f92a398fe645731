//! The table of every call, which `calls_table.rs` keeps as the sources say, for tests that are to try each.

const TABLE: &str = include_str!("../../src/task/calls.md");

/// A row of it.
pub(crate) struct Row {
    pub(crate) of_trait: &'static str,
    pub(crate) name: &'static str,
    /// Whether one of its arguments is of a namespace.
    pub(crate) is_checked: bool,
}

impl Row {
    /// Whether a source makes the call, on this receiver.
    pub(crate) fn is_made_in(&self, source: &str, receiver: &str) -> bool {
        let ends = ["(", "::<"];
        ends.iter().any(|end| source.contains(&format!("{receiver}.{}{end}", self.name)))
    }
}

/// Every row.
pub(crate) fn calls() -> impl Iterator<Item = Row> {
    TABLE.lines().filter_map(|line| {
        let (of_trait, rest) = line.strip_prefix("| `")?.split_once('`')?;
        let name = rest.split('`').nth(1)?;
        let checked = line.trim_end_matches(" |").rsplit("| ").next()?;
        Some(Row { of_trait, name, is_checked: !checked.trim().is_empty() })
    })
}
