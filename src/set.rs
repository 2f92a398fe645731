//! What sets have in common.

/// The operators of sets that are bits: of each, the function `combined` makes one of two, bit by bit.
macro_rules! set_operators {
    ($Set:ty) => {
        set_operators! { $Set:
            "Those in either." BitOr bitor BitOrAssign bitor_assign |one, other| one | other,
            "Those in both." BitAnd bitand BitAndAssign bitand_assign |one, other| one & other,
            "Those that are not in the other." Sub sub SubAssign sub_assign |one, other| one & !other,
        }
    };
    ($Set:ty: $($what:literal $Op:ident $op:ident $Assign:ident $assign:ident $bits:expr,)+) => {$(
        #[doc = $what]
        impl std::ops::$Op for $Set {
            type Output = Self;

            fn $op(self, other: Self) -> Self {
                self.combined(other, $bits)
            }
        }

        #[doc = $what]
        impl std::ops::$Assign for $Set {
            fn $assign(&mut self, other: Self) {
                *self = std::mem::take(self).combined(other, $bits);
            }
        }
    )+};
}
