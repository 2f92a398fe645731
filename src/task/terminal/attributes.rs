//! A terminal's attributes as the kernel has them, and as rustix does.
//!
//! # Safety
//!
//! 1. Both are C structs of integers: every value of their bytes is one of theirs.
#![expect(unsafe_code, reason = "a struct that the kernel fills in, and one without a constructor")]

use std::mem;

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios,
};

use crate::task::arguments::Plain;

// `_IOR('T', 0x2A, struct termios2)` and so on.
pub(super) const TCGETS2: u32 = 0x802c_542a;
pub(super) const TCSETS2: u32 = 0x402c_542b;
pub(super) const TCSETSW2: u32 = 0x402c_542c;
pub(super) const TCSETSF2: u32 = 0x402c_542d;

/// `struct termios2`
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Attributes {
    input_modes: u32,
    output_modes: u32,
    control_modes: u32,
    local_modes: u32,
    line_discipline: u8,
    special_codes: [u8; 19],
    input_speed: u32,
    output_speed: u32,
}

// SAFETY: (1)
unsafe impl Plain for Attributes {}

// The size is in the numbers of the requests.
const _: () = {
    assert!(size_of::<Attributes>() == (TCGETS2 >> 16 & 0x3fff) as usize);
    assert!(align_of::<Attributes>() == 4);
};

/// Every special code, at its place in the kernel's array.
const SPECIAL_CODES: [SpecialCodeIndex; 17] = [
    SpecialCodeIndex::VINTR,
    SpecialCodeIndex::VQUIT,
    SpecialCodeIndex::VERASE,
    SpecialCodeIndex::VKILL,
    SpecialCodeIndex::VEOF,
    SpecialCodeIndex::VTIME,
    SpecialCodeIndex::VMIN,
    SpecialCodeIndex::VSWTC,
    SpecialCodeIndex::VSTART,
    SpecialCodeIndex::VSTOP,
    SpecialCodeIndex::VSUSP,
    SpecialCodeIndex::VEOL,
    SpecialCodeIndex::VREPRINT,
    SpecialCodeIndex::VDISCARD,
    SpecialCodeIndex::VWERASE,
    SpecialCodeIndex::VLNEXT,
    SpecialCodeIndex::VEOL2,
];

impl From<&Termios> for Attributes {
    fn from(termios: &Termios) -> Self {
        let mut special_codes = [0; 19];
        for (code, index) in special_codes.iter_mut().zip(SPECIAL_CODES) {
            *code = termios.special_codes[index];
        }
        Attributes {
            input_modes: termios.input_modes.bits(),
            output_modes: termios.output_modes.bits(),
            control_modes: termios.control_modes.bits(),
            local_modes: termios.local_modes.bits(),
            line_discipline: termios.line_discipline,
            special_codes,
            input_speed: termios.input_speed(),
            output_speed: termios.output_speed(),
        }
    }
}

impl From<Attributes> for Termios {
    fn from(attributes: Attributes) -> Self {
        // SAFETY: (1)
        let mut termios: Termios = unsafe { mem::zeroed() };
        // Setting a speed sets control modes too, so they come after.
        let _any_speed_is_known = termios.set_input_speed(attributes.input_speed);
        let _any_speed_is_known = termios.set_output_speed(attributes.output_speed);
        termios.input_modes = InputModes::from_bits_retain(attributes.input_modes);
        termios.output_modes = OutputModes::from_bits_retain(attributes.output_modes);
        termios.control_modes = ControlModes::from_bits_retain(attributes.control_modes);
        termios.local_modes = LocalModes::from_bits_retain(attributes.local_modes);
        termios.line_discipline = attributes.line_discipline;
        for (code, index) in attributes.special_codes.into_iter().zip(SPECIAL_CODES) {
            termios.special_codes[index] = code;
        }
        termios
    }
}
