use std::collections::btree_map;
use std::ffi::{OsStr, OsString};
use std::slice;

/// The arguments of a command, or of a [`Program`](crate::Program): [`Command::get_args`](super::Command::get_args).
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy, and do nothing unless they are used"]
pub struct CommandArgs<'a>(pub(crate) slice::Iter<'a, OsString>);

/// What a command, or a [`Program`](crate::Program), changes in the environment:
/// [`Command::get_envs`](super::Command::get_envs).
#[derive(Clone, Debug)]
#[must_use = "iterators are lazy, and do nothing unless they are used"]
pub struct CommandEnvs<'a>(pub(crate) btree_map::Iter<'a, OsString, Option<OsString>>);

impl<'a> Iterator for CommandArgs<'a> {
    type Item = &'a OsStr;

    fn next(&mut self) -> Option<&'a OsStr> {
        self.0.next().map(OsString::as_os_str)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for CommandArgs<'_> {}

impl<'a> Iterator for CommandEnvs<'a> {
    type Item = (&'a OsStr, Option<&'a OsStr>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_os_str(), value.as_deref()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for CommandEnvs<'_> {}
