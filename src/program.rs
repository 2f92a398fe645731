use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::iter;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::interface::{Call, Error, ErrorKind};
use crate::process::{CommandArgs, CommandEnvs};

/// What to execute: a path or name, arguments, environment and working directory.
///
/// It holds no brand and no fd, so it can sit in a configuration; the fds are bound
/// when a task [becomes](crate::task::ExecTask::program) it.
///
/// A name without a slash is looked up in the `PATH` of the environment the program will get, or in
/// `/bin:/usr/bin` if that has none. A file that is not executable by the kernel (a script without
/// `#!`) is an error, not given to a shell.
///
/// ```
/// use nearfar::Program;
///
/// let program = Program::new("sort").args(["-k1,1nr", "-k2"]).env("LC_ALL", "C");
/// assert_eq!(program.get_program(), "sort");
/// assert!(program.get_args().eq(["-k1,1nr", "-k2"]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[must_use = "a program does nothing until a task becomes it"]
pub struct Program {
    path: OsString,
    arg0: Option<OsString>,
    args: Vec<OsString>,
    clear_environment: bool,
    /// Set, or removed.
    environment: BTreeMap<OsString, Option<OsString>>,
    current_dir: Option<PathBuf>,
}

impl Program {
    /// The program at `path`, or, without a slash in it, of that name.
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        Program {
            path: path.as_ref().to_owned(),
            arg0: None,
            args: Vec::new(),
            clear_environment: false,
            environment: BTreeMap::new(),
            current_dir: None,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// What the program gets as its own name; by default what [`new`](Self::new) was given.
    pub fn arg0(mut self, arg0: impl AsRef<OsStr>) -> Self {
        self.arg0 = Some(arg0.as_ref().to_owned());
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().to_owned(), Some(value.as_ref().to_owned()));
        self
    }

    /// Sets environment variables.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(
        self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        variables.into_iter().fold(self, |program, (name, value)| program.env(name, value))
    }

    /// Does not pass on an environment variable.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        if self.clear_environment {
            self.environment.remove(name.as_ref());
        } else {
            self.environment.insert(name.as_ref().to_owned(), None);
        }
        self
    }

    /// Passes on nothing of this process's environment, and forgets what was set so far.
    pub fn env_clear(mut self) -> Self {
        self.clear_environment = true;
        self.environment.clear();
        self
    }

    /// The working directory to start in. A relative path of the program is relative to it.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.current_dir = Some(directory.as_ref().to_owned());
        self
    }

    /// What [`new`](Self::new) was given.
    #[must_use]
    pub fn get_program(&self) -> &OsStr {
        &self.path
    }

    /// The arguments, without the program's own name.
    pub fn get_args(&self) -> CommandArgs<'_> {
        CommandArgs(self.args.iter())
    }

    /// What is changed in the environment: variables that are set, and those that are removed.
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        CommandEnvs(self.environment.iter())
    }

    /// The working directory to start in, if one was said.
    #[must_use]
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.current_dir.as_deref()
    }

    /// Everything the kernel needs, with the environment as it is now.
    pub(crate) fn image(&self) -> Result<Image, Error> {
        let environment = self.resolved_environment();
        let search = environment.iter().find(|(name, _)| name == "PATH");
        let arg0 = self.arg0.as_ref().unwrap_or(&self.path);
        Ok(Image {
            candidates: candidates(&self.path, search.map(|(_, directories)| directories))?,
            argv: iter::once(arg0).chain(&self.args).map(c_string).collect::<Result<_, _>>()?,
            envp: environment
                .iter()
                .map(|(name, value)| c_string(join(name, b'=', value)))
                .collect::<Result<_, _>>()?,
            current_dir: self.current_dir.as_ref().map(c_string).transpose()?,
        })
    }

    fn resolved_environment(&self) -> Vec<(OsString, OsString)> {
        let inherited = (!self.clear_environment).then(std::env::vars_os);
        let is_inherited = |(name, _): &(OsString, _)| !self.environment.contains_key(name);
        let set = |(name, value): (&OsString, &Option<OsString>)| {
            value.as_ref().map(|value| (name.clone(), value.clone()))
        };
        let inherited = inherited.into_iter().flatten().filter(is_inherited);
        inherited.chain(self.environment.iter().filter_map(set)).collect()
    }
}

/// A [`Program`] with its lookups done, as C strings.
pub(crate) struct Image {
    /// The paths to try, in order.
    pub(crate) candidates: Vec<CString>,
    pub(crate) argv: Vec<CString>,
    pub(crate) envp: Vec<CString>,
    pub(crate) current_dir: Option<CString>,
}

/// Where to look for `path`, as `execvp(3)` does, which also passes over directories that are too long.
fn candidates(path: &OsStr, search: Option<&OsString>) -> Result<Vec<CString>, Error> {
    if path.is_empty() || path.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(path)?]);
    }
    let search = search.map_or(OsStr::new("/bin:/usr/bin"), OsString::as_os_str);
    std::env::split_paths(search)
        // Nothing can be in a directory that has no path.
        .filter(|directory| directory.as_os_str().len() < libc::PATH_MAX as usize)
        .map(|directory| c_string(in_directory(&directory, path)))
        .collect()
}

/// An empty directory in `PATH` is the working directory.
fn in_directory(directory: &Path, name: &OsStr) -> OsString {
    if directory.as_os_str().is_empty() {
        join(OsStr::new("."), b'/', name)
    } else {
        directory.join(name).into_os_string()
    }
}

fn join(left: &OsStr, between: u8, right: &OsStr) -> OsString {
    OsString::from_vec([left.as_bytes(), &[between], right.as_bytes()].concat())
}

fn c_string(text: impl AsRef<OsStr>) -> Result<CString, Error> {
    CString::new(text.as_ref().as_bytes())
        .map_err(|_| Error::new(Call::EXECVE, ErrorKind::InteriorNul))
}
