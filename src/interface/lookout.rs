//! Looking out for an answer, or for a request, for some microseconds before sleeping.
//!
//! To be woken takes longer than most calls. So each end of a ring that waits for the other looks out for it
//! first, but only if the two are on different processors: on one, it would keep the other from doing what it
//! waits for.
//!
//! # Safety
//!
//! 1. The instructions only write registers, and are executed only if the processor has them.
#![expect(unsafe_code, reason = "reads the processor's clock and number")]

use std::arch::x86_64::{__cpuid, __rdtscp, _rdtsc};
use std::hint;
use std::sync::LazyLock;

/// For how many ticks of the processor's clock: some 20 microseconds, which is about what falling asleep and
/// being woken costs.
pub(super) const TICKS: u64 = 50_000;

/// Instead of a processor's number, if there is no telling.
pub(super) const NO_PROCESSOR: u32 = u32::MAX;

/// The processor that this thread is on at the moment, as the server numbers them.
pub(super) fn processor() -> u32 {
    /// Whether the processor tells its number beside its clock.
    #[allow(unused_unsafe, reason = "what reads the features is unsafe before Rust 1.94")]
    static KNOWN: LazyLock<bool> = LazyLock::new(|| {
        const EXTENDED: u32 = 0x8000_0000;
        const FEATURES: u32 = 0x8000_0001;
        const RDTSCP: u32 = 1 << 27;
        // SAFETY: (1); every 64-bit processor has the instruction.
        let highest = unsafe { __cpuid(EXTENDED) }.eax;
        // SAFETY: as above.
        highest >= FEATURES && unsafe { __cpuid(FEATURES) }.edx & RDTSCP != 0
    });
    if !*KNOWN {
        return NO_PROCESSOR;
    }
    let mut number = 0;
    // SAFETY: (1)
    unsafe { __rdtscp(&raw mut number) };
    number
}

/// Looks whether `there` is something, until there is or the time is over.
pub(super) fn for_a_while(mut there: impl FnMut() -> bool) -> bool {
    // SAFETY: (1); every 64-bit processor has the instruction.
    let start = unsafe { _rdtsc() };
    loop {
        // The clock takes longer to read than the word.
        for _ in 0..8 {
            if there() {
                return true;
            }
            hint::spin_loop();
        }
        // SAFETY: as above.
        if unsafe { _rdtsc() }.wrapping_sub(start) > TICKS {
            return false;
        }
    }
}
