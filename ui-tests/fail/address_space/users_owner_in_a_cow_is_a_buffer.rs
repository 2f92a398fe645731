//! What a `Cow` leads to, its owner says: only that of std's is a buffer, as it always leads to the same bytes.

#![forbid(unsafe_code)]

use std::borrow::{Borrow, Cow};

use nearfar::buf::Buf;
use nearfar::prelude::*;

trait Bytes: Buf<HostMemory> {}
impl Bytes for [u8; 4] {}

struct Owner([u8; 4]);

impl Borrow<dyn Bytes> for Owner {
    fn borrow(&self) -> &(dyn Bytes + 'static) {
        &self.0
    }
}

impl ToOwned for dyn Bytes {
    type Owned = Owner;

    fn to_owned(&self) -> Owner {
        Owner([0; 4])
    }
}

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let users: Cow<'_, dyn Bytes> = Cow::Owned(Owner(*b"four"));
    let stds: Cow<'_, [u8]> = Cow::Borrowed(b"four");
    here.write(&writer, &users)?;
    drop((users, stds));
    Ok(())
}
