/// What all errors have that give back what was to be changed or used up: an `error`, which they are read as
/// and convert into, and with it what comes back, which is not printed.
macro_rules! undone {
    ($($Undone:ident<$($Given:ident),+> $Error:ty)+) => {$(
        impl<$($Given),+> std::fmt::Display for $Undone<$($Given),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.error, f)
            }
        }

        impl<$($Given),+> std::fmt::Debug for $Undone<$($Given),+> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut fields = f.debug_struct(stringify!($Undone));
                fields.field("error", &self.error).finish_non_exhaustive()
            }
        }

        impl<$($Given),+> std::error::Error for $Undone<$($Given),+> {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                std::error::Error::source(&self.error)
            }
        }

        impl<$($Given),+> From<$Undone<$($Given),+>> for $Error {
            fn from(undone: $Undone<$($Given),+>) -> Self {
                undone.error
            }
        }

        impl<$($Given),+> From<$Undone<$($Given),+>> for std::io::Error {
            fn from(undone: $Undone<$($Given),+>) -> Self {
                undone.error.into()
            }
        }
    )+};
}
