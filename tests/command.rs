//! What `Command` has that std's has not.

mod common;

#[path = "command"]
mod command {
    mod fds;
    mod job;
    mod limits;
    mod namespaces;
    mod parent;
    mod prepare;
    mod seccomp;

    use nearfar::process::{Child, Command, Stdio};

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// A program that ends when its standard input does.
    fn cat() -> Command {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    /// Waits until `cat` is the program that it is, with what its loader opened closed.
    fn until_it_reads(child: &Child) {
        crate::common::until_blocked_in(child.id(), libc::SYS_read);
    }

    /// What a program prints that succeeds.
    #[track_caller]
    fn printed(command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What is inside of an error of a spawn.
    #[track_caller]
    fn inner(error: &std::io::Error) -> nearfar::Error {
        *error.get_ref().unwrap().downcast_ref().unwrap_or_else(|| panic!("{error:?}"))
    }
}
