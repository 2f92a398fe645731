//! A brand made in a loop is another one in each round.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let mut kept = Vec::new();
    for round in 0..2 {
        brand!(child_memory);
        let child = here.spawn_with_memory(child_memory)?;
        let number = child.ptr(&round)?;
        assert_eq!(number.read(&child)?, round);
        kept.push(number.address().as_raw());
    }
    assert_eq!(kept.len(), 2);
    Ok(())
}
