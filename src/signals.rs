use std::fmt;
use std::ops::BitOr;

use rustix::process::Signal;

/// Any number of signals: ordinary ones by their names, real-time ones by their numbers.
///
/// ```
/// use nearfar::SignalSet;
/// use nearfar::prelude::*;
///
/// let mut set = SignalSet::from_iter([Signal::INT, Signal::TERM]);
/// set.insert(Signal::HUP);
/// set.remove(Signal::INT);
/// assert!(set.contains(Signal::HUP) && !set.contains(Signal::INT));
/// assert_eq!(format!("{set:?}"), "SignalSet {1, 15}");
/// assert_eq!(set, SignalSet::of(&[Signal::HUP, Signal::TERM]));
///
/// set |= SignalSet::of_number(40).expect("a real-time signal");
/// assert!(set.numbers().eq([1, 15, 40]));
/// assert_eq!((set - Signal::HUP.into()).numbers().collect::<Vec<_>>(), [15, 40]);
/// ```
#[doc(alias = "sigset_t")]
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SignalSet(u64);

impl SignalSet {
    /// None.
    #[must_use]
    pub const fn empty() -> Self {
        SignalSet(0)
    }

    /// All of them.
    #[must_use]
    pub const fn all() -> Self {
        SignalSet(u64::MAX)
    }

    /// These.
    #[must_use]
    pub fn of(signals: &[Signal]) -> Self {
        signals.iter().copied().collect()
    }

    /// The one with this number alone: `SIGRTMIN` is 34 with glibc, `SIGRTMAX` 64. `None` if there is none, and for
    /// those from 32 on which libc keeps for itself.
    #[doc(alias = "SIGRTMIN")]
    #[must_use]
    pub fn of_number(number: i32) -> Option<Self> {
        let is_anybodys = matches!(number, 1..=31) || (libc::SIGRTMIN()..=64).contains(&number);
        is_anybodys.then(|| SignalSet(1 << (number - 1)))
    }

    /// Adds one.
    pub fn insert(&mut self, signal: Signal) {
        self.0 |= bit(signal);
    }

    /// Takes one away.
    pub fn remove(&mut self, signal: Signal) {
        self.0 &= !bit(signal);
    }

    /// Whether it is among them.
    #[must_use]
    pub fn contains(self, signal: Signal) -> bool {
        self.0 & bit(signal) != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their numbers, ascending. Real-time ones have no other name.
    pub fn numbers(self) -> impl Iterator<Item = i32> {
        (1..=64).filter(move |number| self.0 & (1 << (number - 1)) != 0)
    }

    /// As the kernel takes them: bit n-1 is signal n.
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        SignalSet(bits)
    }

    fn combined(self, other: Self, bits: fn(u64, u64) -> u64) -> Self {
        SignalSet(bits(self.0, other.0))
    }
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        SignalSet(signals.into_iter().map(bit).fold(0, BitOr::bitor))
    }
}

impl Extend<Signal> for SignalSet {
    fn extend<I: IntoIterator<Item = Signal>>(&mut self, signals: I) {
        *self |= signals.into_iter().collect();
    }
}

impl From<Signal> for SignalSet {
    fn from(signal: Signal) -> Self {
        SignalSet(bit(signal))
    }
}

set_operators! { SignalSet }

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignalSet ")?;
        f.debug_set().entries(self.numbers()).finish()
    }
}

const _: () = assert!(size_of::<SignalSet>() == 8);
