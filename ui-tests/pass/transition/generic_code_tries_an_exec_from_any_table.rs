//! What an exec that failed is to undo may not be this process's table, in whoever's code.

#![forbid(unsafe_code)]

use nearfar::far;
use nearfar::prelude::*;

fn run<K>(child: K, program: &Program) -> Result<(), nearfar::Error>
where
    K: DrivenTask + far::Task<FdTable: far::NotHostTable>,
{
    child.program(program).try_exec()?.wait()?;
    Ok(())
}

fn main() -> Result<(), nearfar::Error> {
    brand!(private_fds);
    let (child, ()) = Task::here().spawn_with_files(private_fds, ())?;
    run(child, &Program::new("true"))
}
