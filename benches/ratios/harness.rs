//! Measuring two things in turns.

use std::fmt;
use std::time::{Duration, Instant};

/// A median, and where the middle half lies.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |quarter: usize| values[(values.len() - 1) * quarter / 4];
        Spread { low: at(1), median: at(2), high: at(3) }
    }

    pub(crate) fn exact(value: f64) -> Self {
        Spread { low: value, median: value, high: value }
    }
}

/// How often two things are done in turns.
///
/// Where the kernel puts two processes that talk to each other makes more of a difference than anything else,
/// and it may leave them there. So what is measured between processes is measured with several of them.
#[derive(Clone, Copy)]
pub(crate) struct Turns {
    /// How many turns each of the two has.
    pub(crate) pairs: usize,
    /// How often a thing is done in one of its turns.
    pub(crate) per_turn: u32,
}

/// What one of the two took in its turn, and the other in the one after it: in seconds, for each time.
pub(crate) type Pair = [f64; 2];

/// What something took, in seconds: until it was done, and of the processors.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
}

/// What came of it.
pub(crate) struct Comparison {
    /// Of each turn to the one after it.
    pub(crate) ratio: Spread,
    /// The median of what one took, in seconds.
    pub(crate) ours: f64,
    pub(crate) theirs: f64,
}

impl Comparison {
    pub(crate) fn of(pairs: &[Pair]) -> Self {
        let spread = |value: fn(&Pair) -> f64| Spread::of(pairs.iter().map(value).collect());
        Comparison {
            ratio: spread(|[ours, theirs]| ours / theirs),
            ours: spread(|[ours, _]| *ours).median,
            theirs: spread(|[_, theirs]| *theirs).median,
        }
    }
}

impl Turns {
    /// Compares what two things say they took, in seconds, when done so many times.
    pub(crate) fn compare_by(
        self,
        ours: impl FnMut(u32) -> f64,
        theirs: impl FnMut(u32) -> f64,
    ) -> Comparison {
        Comparison::of(&self.take_by(ours, theirs))
    }

    pub(crate) fn take(self, mut ours: impl FnMut(), mut theirs: impl FnMut()) -> Vec<Pair> {
        self.take_by(|count| time(count, &mut ours), |count| time(count, &mut theirs))
    }

    pub(crate) fn take_by(
        self,
        mut ours: impl FnMut(u32) -> f64,
        mut theirs: impl FnMut(u32) -> f64,
    ) -> Vec<Pair> {
        let wall = |wall| Spent { wall, cpu: 0.0 };
        let [pairs, _] = self.take_spent(|count| wall(ours(count)), |count| wall(theirs(count)));
        pairs
    }

    /// The same of the time until it was done, and of that on the processors.
    pub(crate) fn take_spent(
        self,
        mut ours: impl FnMut(u32) -> Spent,
        mut theirs: impl FnMut(u32) -> Spent,
    ) -> [Vec<Pair>; 2] {
        ours(self.per_turn);
        theirs(self.per_turn);
        let turns: Vec<[Spent; 2]> =
            (0..self.pairs).map(|_| [ours(self.per_turn), theirs(self.per_turn)]).collect();
        let each = |spent: fn(&Spent) -> f64| {
            let pair = |turn: &[Spent; 2]| {
                turn.each_ref().map(|taken| spent(taken) / f64::from(self.per_turn))
            };
            turns.iter().map(pair).collect()
        };
        [each(|spent| spent.wall), each(|spent| spent.cpu)]
    }
}

/// How long it takes to do something so many times, in seconds.
pub(crate) fn time(count: u32, what: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..count).for_each(|_| what());
    start.elapsed().as_secs_f64()
}

/// How long it takes to do something so many times, each time after something else, in seconds.
pub(crate) fn time_after(count: u32, before: impl Fn(), mut what: impl FnMut()) -> f64 {
    let once = |_| {
        before();
        time(1, &mut what)
    };
    (0..count).map(once).sum()
}

/// Keeps this thread's processor busy.
pub(crate) fn work_for(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// What a figure is in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A ratio.
    Times,
    /// Instructions more than the peer's.
    Instructions,
    Kibibytes,
    Fds,
    Microseconds,
}

impl Unit {
    /// A figure in words.
    pub(crate) fn say(self, value: f64) -> String {
        match self {
            Unit::Times if value < 10.0 => format!("{value:.2}×"),
            Unit::Times => format!("{value:.1}×"),
            Unit::Instructions => format!("{value:+.0} instructions"),
            Unit::Kibibytes => format!("{value:.1} KiB"),
            Unit::Fds => format!("{value:.2} fds"),
            Unit::Microseconds => format!("{value:.1} µs"),
        }
    }
}

/// A line of the table.
pub(crate) struct Row {
    /// What is done,
    pub(crate) work: String,
    /// beside what.
    pub(crate) against: String,
    pub(crate) unit: Unit,
    /// The most that is good enough. `None`: shown beside another row.
    pub(crate) most: Option<f64>,
    /// What was measured, or why nothing was.
    pub(crate) figure: Result<Spread, String>,
    /// What else there is to say about it.
    pub(crate) note: String,
}

impl Row {
    /// Of a comparison of times.
    pub(crate) fn times(
        work: impl Into<String>,
        against: impl Into<String>,
        most: impl Into<Option<f64>>,
        measured: &Comparison,
    ) -> Self {
        Row {
            work: work.into(),
            against: against.into(),
            unit: Unit::Times,
            most: most.into(),
            figure: Ok(measured.ratio),
            note: format!("{} and {}", Seconds(measured.ours), Seconds(measured.theirs)),
        }
    }

    /// Of a figure that has no peer.
    pub(crate) fn figure(work: impl Into<String>, unit: Unit, most: f64, measured: Spread) -> Self {
        Row {
            work: work.into(),
            against: "nothing".into(),
            unit,
            most: Some(most),
            figure: Ok(measured),
            note: String::new(),
        }
    }

    /// Of what could not be measured here.
    pub(crate) fn not_measured(
        work: impl Into<String>,
        against: impl Into<String>,
        unit: Unit,
        most: impl Into<Option<f64>>,
        why: impl Into<String>,
    ) -> Self {
        Row {
            work: work.into(),
            against: against.into(),
            unit,
            most: most.into(),
            figure: Err(why.into()),
            note: String::new(),
        }
    }

    pub(crate) fn with_note(self, note: impl fmt::Display) -> Self {
        let note = match self.note.as_str() {
            "" => note.to_string(),
            before => format!("{before}; {note}"),
        };
        Row { note, ..self }
    }

    pub(crate) fn is_reached(&self) -> Option<bool> {
        Some(self.figure.as_ref().ok()?.median <= self.most?)
    }
}

/// A time in the unit that fits.
pub(crate) struct Seconds(pub(crate) f64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds < 1e-6 => write!(f, "{:.0} ns", seconds * 1e9),
            seconds if seconds < 1e-3 => write!(f, "{:.1} µs", seconds * 1e6),
            seconds if seconds < 1.0 => write!(f, "{:.2} ms", seconds * 1e3),
            seconds => write!(f, "{seconds:.1} s"),
        }
    }
}
