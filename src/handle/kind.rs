/// What every handle of a kernel object with calls of its own has: it is an [`Fd`](super::Fd) in a field
/// `fd`, of which the type says what it is open on. `made` makes it of such an fd.
macro_rules! fd_of_a_kind {
    ($([$($W:ident)?] $Kind:ident)+) => {$(
        impl<$($W,)? F> $Kind<$($W,)? F> {
            /// Its number, without ownership.
            #[must_use]
            pub const fn near(&self) -> $crate::near::Fd<F> {
                self.fd.near()
            }

            /// Borrows it, as an fd.
            #[must_use]
            pub const fn borrow(&self) -> $crate::handle::BorrowedFd<'_, F> {
                self.fd.borrow()
            }

            /// The same, checked at run time, and storable anywhere.
            pub fn erase(self) -> $Kind<$($W,)? $crate::Dynamic> {
                $Kind::made(self.fd.erase())
            }

            /// The same, as `task` has it in its types.
            ///
            /// # Errors
            ///
            /// That `task` lives in another fd table; the handle comes back with the error.
            pub fn rebrand<K: $crate::far::Task + ?Sized>(
                self,
                task: &K,
            ) -> Result<$Kind<$($W,)? K::FdTable>, $crate::handle::NotRebranded<Self>> {
                match self.fd.rebrand(task) {
                    Ok(fd) => Ok($Kind::made(fd)),
                    Err(undone) => Err(undone.map($Kind::made)),
                }
            }

            /// The fd that it is.
            pub fn into_fd(self) -> $crate::handle::Fd<F> {
                self.fd
            }
        }

        impl<$($W,)? F> $crate::handle::sealed::Sealed for $Kind<$($W,)? F> {}

        impl<$($W,)? F> $crate::handle::AsFd<F> for $Kind<$($W,)? F> {
            #[inline]
            fn near_fd(&self) -> $crate::near::Fd<F> {
                self.fd.near()
            }
            #[inline]
            fn table(&self) -> $crate::far::Whose<'_, $crate::far::FdTable<F>> {
                $crate::handle::AsFd::table(&self.fd)
            }
        }

        impl<$($W,)? F> $crate::handle::IntoFd<F> for $Kind<$($W,)? F> {
            fn into_fd(self) -> $crate::handle::Fd<F> {
                self.fd
            }
        }

        impl<$($W,)? F: $crate::far::HostTable> std::os::fd::AsFd for $Kind<$($W,)? F> {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                std::os::fd::AsFd::as_fd(&self.fd)
            }
        }

        impl<$($W,)? F: $crate::far::HostTable> std::os::fd::AsRawFd for $Kind<$($W,)? F> {
            fn as_raw_fd(&self) -> std::os::fd::RawFd {
                std::os::fd::AsRawFd::as_raw_fd(&self.fd)
            }
        }

        impl<$($W,)? F: $crate::far::HostTable> std::os::fd::IntoRawFd for $Kind<$($W,)? F> {
            fn into_raw_fd(self) -> std::os::fd::RawFd {
                std::os::fd::IntoRawFd::into_raw_fd(self.fd)
            }
        }

        impl<$($W,)? F: $crate::far::HostTable> From<$Kind<$($W,)? F>> for std::os::fd::OwnedFd {
            fn from(kind: $Kind<$($W,)? F>) -> Self {
                kind.fd.into()
            }
        }

        impl<$($W,)? F> $crate::handle::Inherit<F> for $Kind<$($W,)? F> {
            type Inherited<G> = $Kind<$($W,)? G>;
            fn inherit<'call, G>(
                self,
                to: &mut $crate::handle::Inheriting<'call, F, G>,
            ) -> Self::Inherited<G>
            where
                Self: 'call,
            {
                $Kind::made(self.fd.inherit(to))
            }
        }

        impl<$($W,)? F> $crate::handle::Inherit<F> for &$Kind<$($W,)? F> {
            type Inherited<G> = $Kind<$($W,)? G>;
            fn inherit<'call, G>(
                self,
                to: &mut $crate::handle::Inheriting<'call, F, G>,
            ) -> Self::Inherited<G>
            where
                Self: 'call,
            {
                $Kind::made((&self.fd).inherit(to))
            }
        }

        impl<$($W,)? F: $crate::brand::Namespace> std::fmt::Debug for $Kind<$($W,)? F> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($Kind)).field(&self.fd).finish()
            }
        }
    )+};
}

/// Any fd can be taken for one of these kinds: nothing is believed of it that the kernel does not look at.
macro_rules! kind_of_any_fd {
    ($($Kind:ident)+) => {$(
        impl<F> $Kind<F> {
            const fn made(fd: $crate::handle::Fd<F>) -> Self {
                $Kind { fd }
            }
        }

        /// For an fd that is one: the kernel looks at each use, and says `EINVAL` if it is not.
        impl<F> From<$crate::handle::Fd<F>> for $Kind<F> {
            fn from(fd: $crate::handle::Fd<F>) -> Self {
                $Kind::made(fd)
            }
        }
    )+};
}
