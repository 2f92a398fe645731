//! The lifetime of a brand, which no other one is equal to.
//!
//! `generativity`'s `make_guard!` does the same, with a local variable of its own: here that has the name of the
//! brand, and the user's span, so that the compiler says which brand does not live long enough.
//!
//! # Safety
//!
//! 1. `'id` ends before the [`Place`] does that it is borrowed from, and not before the [`Block`] that has borrowed it
//!    is dropped, which is the variable behind. Between these two, no other brand ends: so no other is equal to it.
//! 2. That holds only where the two are dropped, which the compiler looks at for each way out of the block that it can
//!    reach. The return at the end of the macro is one, also if what follows never returns.
//! 3. The guard is the only one of its lifetime: one is made of each place, which is out of reach afterwards.
#![expect(unsafe_code, reason = "says that a lifetime is unique")]

use std::marker::PhantomData;

use generativity::{Guard, Id};

/// What a brand's lifetime is borrowed from.
#[derive(Debug)]
pub struct Place<'id> {
    id: Id<'id>,
}

impl<'id> Place<'id> {
    /// Of a lifetime that is not known yet.
    ///
    /// # Safety
    ///
    /// The caller does what (1), (2) and (3) say.
    #[inline(always)]
    #[must_use]
    pub unsafe fn new() -> Self {
        // SAFETY: by this function's contract.
        Place { id: unsafe { Id::new() } }
    }

    /// The guard of its lifetime.
    ///
    /// # Safety
    ///
    /// It is the only one (3).
    #[inline(always)]
    #[must_use]
    pub unsafe fn guard(&self) -> Guard<'id> {
        // SAFETY: by this function's contract, and that of who has made the place.
        unsafe { Guard::new(self.id) }
    }
}

/// Ends with the block that a brand was declared in.
#[derive(Debug)]
pub struct Block<'id> {
    _place: PhantomData<&'id Place<'id>>,
}

impl<'id> Block<'id> {
    /// Borrows the place of a brand for its lifetime.
    #[inline(always)]
    #[must_use]
    pub const fn of(_place: &'id Place<'id>) -> Self {
        Block { _place: PhantomData }
    }
}

impl Drop for Block<'_> {
    /// Does nothing, but could: so the lifetime has not ended when this is called (1).
    #[inline(always)]
    fn drop(&mut self) {}
}

/// Declares a variable that holds a `generativity::Guard` of a lifetime of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __unique {
    ($name:tt) => {
        // SAFETY: (1), (2), (3): all of that is done here.
        let $name = unsafe { $crate::__private::Place::new() };
        #[allow(unused, reason = "it is there to be dropped")]
        let block = $crate::__private::Block::of(&$name);
        // SAFETY: (3)
        let $name = unsafe { $name.guard() };
        // (2)
        if let ::core::option::Option::Some(never) = ::core::option::Option::None {
            return never;
        }
    };
}
