use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use rustix::process::Signal;

/// A set of signals.
///
/// Ordinary signals are named by [`Signal`], real-time ones by their number.
///
/// ```
/// use nearfar::prelude::*;
///
/// let stop = SignalSet::of(&[Signal::INT, Signal::TERM]);
/// assert!(stop.contains(Signal::TERM) && !stop.contains(Signal::HUP));
/// let realtime = SignalSet::of_number(40).expect("a real-time signal");
/// assert_eq!(format!("{:?}", stop | realtime), "SignalSet(INT | TERM | 40)");
/// assert_eq!([Signal::TERM, Signal::INT].into_iter().collect::<SignalSet>(), stop);
/// ```
#[doc(alias = "sigset_t")]
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SignalSet {
    /// As the kernel has it: the lowest bit is signal 1.
    bits: u64,
}

/// The highest number of a signal.
const HIGHEST: i32 = 64;

impl SignalSet {
    /// None.
    #[doc(alias = "sigemptyset")]
    #[must_use]
    pub const fn empty() -> Self {
        SignalSet { bits: 0 }
    }

    /// Every signal but the two that libc keeps for itself, 32 and 33: as `sigfillset` does.
    #[doc(alias = "sigfillset")]
    #[must_use]
    pub const fn all() -> Self {
        SignalSet { bits: !(bit(32) | bit(33)) }
    }

    /// These.
    #[must_use]
    pub const fn of(signals: &[Signal]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < signals.len() {
            bits |= bit(signals[index].as_raw());
            index += 1;
        }
        SignalSet { bits }
    }

    /// The signal with this number, alone: `SIGRTMIN` is 34, `SIGRTMAX` 64. `None` if there is none, and
    /// for 32 and 33, which libc keeps for itself.
    #[doc(alias = "SIGRTMIN")]
    #[must_use]
    pub const fn of_number(number: i32) -> Option<Self> {
        match number {
            1..32 | 34..=HIGHEST => Some(SignalSet { bits: bit(number) }),
            _ => None,
        }
    }

    /// Adds a signal.
    #[doc(alias = "sigaddset")]
    pub const fn insert(&mut self, signal: Signal) {
        self.bits |= bit(signal.as_raw());
    }

    /// Takes a signal out.
    #[doc(alias = "sigdelset")]
    pub const fn remove(&mut self, signal: Signal) {
        self.bits &= !bit(signal.as_raw());
    }

    /// Whether a signal is in it.
    #[doc(alias = "sigismember")]
    #[must_use]
    pub const fn contains(self, signal: Signal) -> bool {
        self.bits & bit(signal.as_raw()) != 0
    }

    /// Whether none is in it.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// The numbers of the signals in it, ascending.
    pub fn numbers(self) -> impl Iterator<Item = i32> {
        (1..=HIGHEST).filter(move |number| self.bits & bit(*number) != 0)
    }

    /// The set as the kernel has it.
    pub(crate) const fn bits(self) -> u64 {
        self.bits
    }
}

/// The bit of a signal; none for what is no signal.
const fn bit(number: i32) -> u64 {
    match number {
        1..=HIGHEST => 1 << (number - 1),
        _ => 0,
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> Self {
        let mut set = SignalSet::empty();
        set.extend(signals);
        set
    }
}

impl Extend<Signal> for SignalSet {
    fn extend<I: IntoIterator<Item = Signal>>(&mut self, signals: I) {
        for signal in signals {
            self.insert(signal);
        }
    }
}

impl From<Signal> for SignalSet {
    fn from(signal: Signal) -> Self {
        SignalSet::of(&[signal])
    }
}

impl BitOr for SignalSet {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        SignalSet { bits: self.bits | other.bits }
    }
}

impl BitOrAssign for SignalSet {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignalSet(")?;
        for (index, number) in self.numbers().enumerate() {
            if index > 0 {
                f.write_str(" | ")?;
            }
            match NAMES.get(number as usize - 1) {
                Some(name) => f.write_str(name)?,
                None => write!(f, "{number}")?,
            }
        }
        f.write_str(")")
    }
}

/// The names of the signals from 1 on, as the constants of [`Signal`] are called.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABORT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALARM", "TERM", "STKFLT", "CHILD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALARM", "PROF", "WINCH", "IO", "POWER", "SYS",
];

/// The kernel's set is as large.
const _: () = assert!(size_of::<SignalSet>() == crate::interface::SIGSET_SIZE);
