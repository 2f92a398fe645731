//! What people try, by the names it has elsewhere: nothing can call it, and the compiler says what to use instead.

use crate::handle::Exit;
use crate::interface::Error;

/// Nothing: for the closures of `pre_exec`.
#[diagnostic::on_unimplemented(
    message = "a `Command` is prepared by `prepare`, and has no `pre_exec`",
    label = "this would run in the child",
    note = "the closure of `command.prepare(|child| ..)` runs in this process, and makes its calls in the child: it is not `unsafe`, may allocate, and fails with any error",
    note = "`nearfar::process::moving_over` has ten uses of `pre_exec`, and what they become"
)]
pub trait RunsInTheChild {}

/// Nothing: for tasks that are waited for.
#[diagnostic::on_unimplemented(
    message = "a driven task is no program yet, and is not waited for",
    label = "it ends when it is dropped, or by `exit(status)`",
    note = "`let process = task.program(&program).exec()?;` has it become a program: `process.wait()` waits for that"
)]
pub trait IsAProgram {
    /// How it has ended.
    fn ended(self) -> Result<Exit, Error>;
}
