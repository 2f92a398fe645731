//! The table of all calls in the documentation is what the sources say. `NEARFAR_BLESS=1` writes it anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What in a signature belongs to which namespace.
const CHECKED: [(&str, &[&str]); 3] = [
    (
        "fd table",
        &[
            "AsFd<",
            "AsDirFd<",
            "AsFsContext<",
            "AsMountFd<",
            "AsEpoll<",
            "AsInotify<",
            "IntoFd<",
            "Inherit<",
            "PollFds<",
        ],
    ),
    (
        "address space",
        &["Buf<", "BufMut<", "FutexWord<", "FutexWaiter<", "AsMapping<", "IntoMapping<"],
    ),
    ("pid namespace", &["AsPid<", "AsPgid<", "AsTid<", "AsProcess<", "RobustList<"]),
];

/// Of each, the one that is the task's own.
const OWN: [(&str, &str); 3] = [
    ("fd table", "Self::FdTable"),
    ("address space", "Self::AddressSpace"),
    ("pid namespace", "Self::PidNamespace"),
];

/// A copy is taken of an fd of another task's table, which is given beside it.
const TAKES_A_COPY: [(&str, &str); 1] = [("pidfd_getfd", "AsFd<O::FdTable>")];

/// Types that have calls of their own: transitions of tasks whose brands do not change, and lists of calls.
const WITH_CALLS: [&str; 2] = ["Task", "Batch"];

/// A method of a task trait, or of one of these types.
struct Method {
    name: String,
    call: String,
    parameters: String,
    checked: Vec<&'static str>,
}

fn sources(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The call that a method's documentation begins with, `` `name(args)`—what it does ``.
fn call(documentation: &str) -> String {
    let (start, _) = documentation.split_once('—').unwrap_or_default();
    let quoted = start.split('`').nth(1).unwrap_or_default();
    let name = quoted.split(['(', ' ']).next().unwrap_or_default();
    if name.is_empty() { String::new() } else { format!("`{name}`") }
}

/// What has methods from this line on: a trait, or one of [`WITH_CALLS`], with the first of its parameters.
fn owner(line: &str) -> Option<(&str, Option<&str>)> {
    if let Some(name) = line.strip_prefix("pub trait ") {
        let name = name.split([':', '<']).next()?.trim();
        return name.ends_with("Task").then_some((name, None));
    }
    let (_, implemented) = line.strip_prefix("impl<")?.strip_suffix(" {")?.split_once("> ")?;
    let (name, parameters) = implemented.split_once('<')?;
    let is_one = WITH_CALLS.contains(&name) && !implemented.contains(" for ");
    is_one.then_some((name, parameters.split([',', '>']).next()))
}

/// The methods of every trait in a source, and of what else has calls.
fn methods(source: &str, traits: &mut BTreeMap<String, Vec<Method>>) {
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        let Some((name, inherent)) = owner(line) else { continue };
        let name = name.to_owned();
        let mut documentation = String::new();
        let mut hidden = false;
        while let Some(line) = lines.next().filter(|line| *line != "}") {
            let text = line.trim_start();
            if let Some(text) = text.strip_prefix("///") {
                documentation.push_str(text);
            } else if text == "switch! {" {
                // Two methods, named after the last comma.
                let described = lines.by_ref().take_while(|line| line.trim_start() != "}");
                let described = described.last().expect("a switch is described");
                for method in described.rsplit(", ").next().unwrap_or_default().split_whitespace() {
                    let call = method.split('_').next().unwrap_or_default();
                    traits.entry(name.clone()).or_default().push(Method {
                        name: method.to_owned(),
                        call: format!("`{call}`"),
                        parameters: String::from("socket: impl AsFd<Self::FdTable>"),
                        checked: vec!["fd table"],
                    });
                }
            } else if text.starts_with("#[doc(hidden)]") {
                hidden = true;
            } else if line.starts_with("    type ")
                || inherent.is_some() && line.starts_with("    fn ")
            {
                documentation.clear();
            } else if ["    fn ", "    unsafe fn ", "    pub fn "]
                .iter()
                .any(|start| line.starts_with(start))
            {
                let mut signature = line.to_owned();
                while !signature.ends_with('{') && !signature.ends_with(';') {
                    signature.push_str(lines.next().expect("a signature ends"));
                }
                let name_of = signature.split("fn ").nth(1).unwrap_or_default();
                let method = name_of.split(['(', '<']).next().unwrap_or_default().to_owned();
                // What is returned is not checked, it is what it is.
                let parameters = match signature.rsplit_once(" -> ") {
                    Some((parameters, rest)) => {
                        let bounds = rest.split_once("where").map_or("", |(_, bounds)| bounds);
                        format!("{parameters} {bounds}")
                    }
                    None => signature,
                };
                let parameters = match inherent {
                    Some(table) => parameters
                        .replace("K::", "Self::")
                        .replace(&format!("<{table}>"), "<Self::FdTable>"),
                    None => parameters,
                };
                let belongs = |words: &&[&str]| words.iter().any(|word| parameters.contains(word));
                let checked = CHECKED.iter().filter(|(_, words)| belongs(words));
                let checked = checked.map(|(namespace, _)| *namespace).collect();
                let call = call(&documentation);
                if !hidden && (inherent.is_none() || !call.is_empty()) {
                    traits.entry(name.clone()).or_default().push(Method {
                        name: method,
                        call,
                        parameters,
                        checked,
                    });
                }
                (documentation, hidden) = (String::new(), false);
            }
        }
    }
}

fn traits() -> BTreeMap<String, Vec<Method>> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/task"), &mut files);
    let mut traits = BTreeMap::new();
    for file in files {
        methods(&fs::read_to_string(file).unwrap(), &mut traits);
    }
    traits
}

fn table() -> String {
    let traits = traits();
    let mut text = String::from(
        "# Every call\n\n\
         What is checked is what belongs to the task by its type: an argument of another namespace does not\n\
         compile.\n\n\
         | trait | method | man page or call | checked |\n|---|---|---|---|\n",
    );
    for (name, methods) in &traits {
        for Method { name: method, call, checked, .. } in methods {
            let checked = checked.join(", ");
            text +=
                &format!("| `{name}` | [`{method}`]({name}::{method}) | {call} | {checked} |\n");
        }
    }
    text
}

#[test]
fn the_table_of_calls_is_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/task/calls.md");
    let table = table();
    if std::env::var_os("NEARFAR_BLESS").is_some() {
        fs::write(&path, &table).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    assert!(written == table, "src/task/calls.md is not up to date: run this with NEARFAR_BLESS=1");
    assert!(table.lines().count() > 200, "a trait has been overlooked");
}

#[test]
fn what_is_of_a_namespace_is_of_the_tasks_own() {
    let mut seen = 0;
    for Method { name, parameters, .. } in traits().into_values().flatten() {
        for (namespace, words) in CHECKED {
            let (_, own) = OWN.iter().find(|(kind, _)| *kind == namespace).unwrap();
            for word in words {
                for (at, _) in parameters.match_indices(word) {
                    let bound = parameters[at..].split_inclusive(['>', ')']).next().unwrap();
                    let excepted = TAKES_A_COPY.contains(&(name.as_str(), bound));
                    assert!(bound.contains(own) || excepted, "{name} takes any `{bound}`");
                    seen += 1;
                }
            }
        }
        // No number is taken for an fd or a pid, but at the caller's own risk.
        let numbers = ["RawFd", "near::Fd", "pid_t", "pid: i32", "pid: c_int", "fd: c_int"];
        for number in numbers {
            assert!(!parameters.contains(number), "{name} takes a `{number}`");
        }
    }
    assert!(seen > 200, "signatures have been overlooked");
}
