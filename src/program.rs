use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::iter;
use std::os::unix::ffi::OsStrExt;
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
        let mut argv = CStrings::default();
        let arg0 = self.arg0.as_ref().unwrap_or(&self.path);
        for argument in iter::once(arg0).chain(&self.args) {
            argv.push([argument])?;
        }
        let mut envp = CStrings::default();
        let mut search = None;
        self.each_variable(|name, value| {
            if name == "PATH" {
                search = Some(value.to_owned());
            }
            envp.push([name, OsStr::new("="), value])
        })?;
        Ok(Image {
            candidates: candidates(&self.path, search)?,
            argv,
            envp,
            current_dir: self.current_dir.as_ref().map(c_string).transpose()?,
        })
    }

    /// What the environment is made of: what is inherited, and what is set.
    fn each_variable(
        &self,
        mut take: impl FnMut(&OsStr, &OsStr) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let inherited = (!self.clear_environment).then(std::env::vars_os);
        for (name, value) in inherited.into_iter().flatten() {
            if !self.environment.contains_key(&name) {
                take(&name, &value)?;
            }
        }
        for (name, value) in &self.environment {
            if let Some(value) = value {
                take(name, value)?;
            }
        }
        Ok(())
    }
}

/// A [`Program`] with its lookups done, as C strings.
pub(crate) struct Image {
    /// The paths to try, in order.
    pub(crate) candidates: Vec<CString>,
    pub(crate) argv: CStrings,
    pub(crate) envp: CStrings,
    pub(crate) current_dir: Option<CString>,
}

/// C strings in one piece of memory, one behind the other.
#[derive(Default)]
pub(crate) struct CStrings {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl CStrings {
    /// Adds what these parts make together.
    pub(crate) fn push<const N: usize>(
        &mut self,
        parts: [impl AsRef<OsStr>; N],
    ) -> Result<(), Error> {
        self.starts.push(self.bytes.len());
        for part in &parts {
            let part = part.as_ref().as_bytes();
            if part.contains(&0) {
                return Err(interior_nul());
            }
            self.bytes.extend_from_slice(part);
        }
        self.bytes.push(0);
        Ok(())
    }

    /// All of them, with their ends.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where each of them is in that.
    pub(crate) fn starts(&self) -> &[usize] {
        &self.starts
    }
}

/// Where to look for `path`, as `execvp(3)` does, which also passes over directories that are too long.
fn candidates(path: &OsStr, search: Option<OsString>) -> Result<Vec<CString>, Error> {
    if path.is_empty() || path.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(path)?]);
    }
    let search = search.unwrap_or_else(|| "/bin:/usr/bin".into());
    std::env::split_paths(&search)
        // Nothing can be in a directory that has no path.
        .filter(|directory| directory.as_os_str().len() < libc::PATH_MAX as usize)
        .map(|directory| c_string(in_directory(&directory, path)))
        .collect()
}

/// An empty directory in `PATH` is the working directory.
fn in_directory(directory: &Path, name: &OsStr) -> PathBuf {
    let is_empty = directory.as_os_str().is_empty();
    (if is_empty { Path::new(".") } else { directory }).join(name)
}

fn c_string(text: impl AsRef<OsStr>) -> Result<CString, Error> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| interior_nul())
}

fn interior_nul() -> Error {
    Error::new(Call::EXECVE, ErrorKind::InteriorNul)
}
