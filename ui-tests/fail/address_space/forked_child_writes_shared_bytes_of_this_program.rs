//! What an `Arc` or a `Cow` leads to is memory of this program.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::sync::Arc;

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    brand!(child_memory);
    let child = here.spawn_with_memory(child_memory)?;
    let words: Arc<Cow<'_, str>> = Arc::new("words".into());
    child.writev(&writer, &[words])?;
    drop(child);
    Ok(())
}
