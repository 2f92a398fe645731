//! What can be done, as values: a run is a list of them, which can be run again, also without some.

/// A step. Whom it is about is said by numbers that are taken modulo what there is, so that it means
/// something whatever was done before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) action: Action,
    pub(crate) who: u8,
    pub(crate) other: u8,
    pub(crate) bits: u16,
}

macro_rules! actions {
    ($($Action:ident $weight:literal)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Action {
            $($Action,)+
            /// Never drawn: leaves the fd table so that the library does not know.
            Secretly,
        }

        /// Each as often as it is to be drawn.
        const DRAWN: &[(Action, u64)] = &[$((Action::$Action, $weight),)+];
    };
}

actions! {
    Open 14
    Duplicate 8
    Replace 5
    Close 5
    Drop 6
    Pin 2
    Send 10
    Spawn 10
    SpawnApart 4
    Fork 4
    SpawnWithPids 4
    UnshareFiles 12
    UnsharePid 7
    SetnsPid 10
    UnshareOther 2
    Exec 2
    TryExec 3
    Exit 2
    Kill 3
    DropTask 4
    MisuseFd 14
    MisuseList 4
    MisusePid 7
    Rebrand 5
    Allocate 4
    Look 10
    Compare 6
}

/// A generator of numbers that are the same for the same seed (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn step(&mut self) -> Step {
        let total: u64 = DRAWN.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.next() % total;
        let action = DRAWN.iter().find(|(_, weight)| {
            let hit = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            hit
        });
        let (action, _) = *action.expect("it is below the total");
        let bits = self.next();
        Step { action, who: bits as u8, other: (bits >> 8) as u8, bits: (bits >> 16) as u16 }
    }
}
