//! A buffer of any type borrows what it is made of.

#![forbid(unsafe_code)]

use nearfar::prelude::*;

fn main() -> Result<(), nearfar::Error> {
    let here = Task::here();
    let (_reader, writer) = here.pipe2(PipeFlags::empty())?;
    let text = String::from("hello");
    let buffers = [IoBuf::new(text.as_str())];
    println!("{text}");
    here.writev(&writer, &buffers)?;
    Ok(())
}
