use std::time::Instant;

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;

/// Waits for events of fds, up to a deadline if there is one. Returns how many have some.
pub(crate) fn poll_until(
    fds: &mut [PollFd<'_>],
    deadline: Option<Instant>,
) -> Result<usize, Errno> {
    loop {
        let left = deadline.map(|deadline| {
            let never = Timespec { tv_sec: i64::MAX, tv_nsec: 0 };
            deadline.saturating_duration_since(Instant::now()).try_into().unwrap_or(never)
        });
        match poll(fds, left.as_ref()) {
            Err(Errno::INTR) => {}
            ready => return ready,
        }
    }
}
