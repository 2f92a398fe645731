//! A brand made in a function is another one in each call.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn fork<'kept>(kept: &mut Option<Box<dyn Fn() + 'kept>>) -> Result<(), nearfar::Error> {
    brand!(child_memory);
    let child = Task::here().spawn_with_memory(child_memory)?;
    let number = child.ptr(&7_u32)?;
    let keep = move || assert_eq!(number.address(), number.address());
    drop((kept.take(), keep()));
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    let mut kept = None;
    fork(&mut kept)?;
    fork(&mut kept)
}
