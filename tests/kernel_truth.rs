//! A population of dynamic tasks does what is drawn by lot, and after every step all that the library believes
//! of it is compared with the kernel. What fails is run again with fewer steps, until each is needed.
//!
//! `NEARFAR_TRUTH_STEPS` is how many steps are done; `NEARFAR_TRUTH_SEED` is the seed that a failure prints.

#![allow(unsafe_code, reason = "a lie that has to be found")]

mod common;

#[path = "kernel_truth"]
mod kernel_truth {
    mod step;
    mod truth;
    mod world;

    use std::env;
    use std::io::Write;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use nearfar::Dynamic;

    use self::step::{Action, Random, Step};
    use self::world::World;
    use crate::common::{LIMIT, fds, until, zombies};

    type DynamicTask = nearfar::Task<Dynamic, Dynamic, Dynamic>;

    /// What a step comes to, or what is wrong.
    type Answer = Result<(), String>;

    /// Each population lives for so long; then there is a new one, with the next seed.
    const EPISODE: usize = 200;

    /// How long fewer steps are looked for.
    const SHRINKING: Duration = Duration::from_secs(60);

    /// The tests here count what is left in this process, so they take turns.
    static TURN: Mutex<()> = Mutex::new(());

    fn episode(seed: u64, length: usize) -> Vec<Step> {
        let mut random = Random::new(seed);
        (0..length).map(|_| random.step()).collect()
    }

    /// How many steps were done before the one that fails, and what is wrong.
    fn run(steps: &[Step]) -> Result<(), (usize, String)> {
        let mut done = 0;
        let all = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new()?;
            for step in steps {
                world.step(*step)?;
                done += 1;
            }
            world.end()
        }));
        let answer = all.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            Err(format!("panicked: {}", text.unwrap_or("without words")))
        });
        answer.map_err(|what| (done, what))
    }

    /// As few of the steps as still fail, and how.
    fn shrink(mut steps: Vec<Step>, mut failure: (usize, String)) -> (Vec<Step>, String) {
        let deadline = Instant::now() + SHRINKING;
        steps.truncate(failure.0 + 1);
        if run(&steps).is_ok() {
            return (steps, format!("{}, but not when it is done again", failure.1));
        }
        let mut size = steps.len() / 2;
        while size > 0 {
            let before = steps.len();
            let mut at = 0;
            while at < steps.len() && Instant::now() < deadline {
                let mut fewer = steps.clone();
                fewer.drain(at..steps.len().min(at + size));
                match run(&fewer) {
                    Err(found) => {
                        fewer.truncate(found.0 + 1);
                        (steps, failure) = (fewer, found);
                    }
                    Ok(()) => at += size,
                }
            }
            // What one made possible to leave out may make it so for another.
            size = if size == 1 && steps.len() < before { 1 } else { size / 2 };
        }
        (steps, failure.1)
    }

    /// Ends this process if nothing happens any more.
    fn watched(progress: &AtomicU64, seed: &AtomicU64, body: impl FnOnce()) {
        let finished = Mutex::new(false);
        let changed = std::sync::Condvar::new();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut last = 0;
                let mut finished = finished.lock().expect("nobody panics with it");
                loop {
                    finished = changed.wait_timeout(finished, LIMIT).expect("as above").0;
                    let now = progress.load(Ordering::Relaxed);
                    if *finished {
                        return;
                    }
                    if now == last {
                        let seed = seed.load(Ordering::Relaxed);
                        // Past what captures the output of tests, which is lost with this process.
                        let text = format!("nothing happens any more: NEARFAR_TRUTH_SEED={seed}\n");
                        let _lost = std::io::stderr().write_all(text.as_bytes());
                        std::process::abort();
                    }
                    last = now;
                }
            });
            let ended = catch_unwind(AssertUnwindSafe(body));
            *finished.lock().expect("nobody panics with it") = true;
            changed.notify_all();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
    }

    fn number(variable: &str, default: u64) -> u64 {
        let Some(value) = env::var_os(variable) else { return default };
        let value = value.to_str().and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("{variable} is not a number"))
    }

    #[test]
    fn what_is_believed_is_what_the_kernel_says() {
        let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let steps = number("NEARFAR_TRUTH_STEPS", 20_000);
        let first = number("NEARFAR_TRUTH_SEED", 1);
        let (progress, current) = (AtomicU64::new(0), AtomicU64::new(first));
        watched(&progress, &current, || {
            let before = fds(std::process::id()).len();
            for (index, start) in (0..steps).step_by(EPISODE).enumerate() {
                let seed = first.wrapping_add(index as u64);
                current.store(seed, Ordering::Relaxed);
                let steps = episode(seed, EPISODE.min((steps - start) as usize));
                if let Err(failure) = run(&steps) {
                    progress.fetch_add(1, Ordering::Relaxed);
                    eprintln!("NEARFAR_TRUTH_SEED={seed}, step {}: {}", failure.0, failure.1);
                    let (steps, what) = shrink(steps, failure);
                    let steps: Vec<_> = steps.iter().map(|step| format!("{step:?}")).collect();
                    panic!(
                        "{what}\nNEARFAR_TRUTH_SEED={seed}, enough of it:\n{}",
                        steps.join("\n")
                    );
                }
                progress.fetch_add(1, Ordering::Relaxed);
            }
            // Nothing is left of all that.
            let left = || fds(std::process::id()).len().saturating_sub(before);
            until("everything is closed", || left() <= 3);
            assert_eq!(zombies(), [0; 0]);
        });
    }

    #[test]
    fn a_lie_is_found_and_few_steps_are_shown() {
        let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let of_task = |action| Step { action, who: 0, other: 0, bits: 0 };
        // What does nothing to the first task, which lives in this process's table.
        let harmless =
            [Action::Open, Action::Duplicate, Action::Send, Action::Drop, Action::MisusePid];
        let around = episode(1, 200).into_iter().filter(|step| harmless.contains(&step.action));
        let mut steps = vec![of_task(Action::SpawnApart)];
        steps.extend(around);
        steps.insert(steps.len() / 2, of_task(Action::Secretly));
        let failure = run(&steps).unwrap_err();
        let (steps, what) = shrink(steps, failure);
        assert!(what.starts_with("fd table of "), "{what}");
        // A task, and what it does.
        assert!(steps.len() <= 3, "{steps:#?}");
        assert_eq!(steps[steps.len() - 1].action, Action::Secretly);
        assert_eq!(run(&steps[..steps.len() - 1]), Ok(()));
    }

    #[test]
    fn the_same_seed_is_the_same_steps() {
        assert_eq!(episode(7, 100), episode(7, 100));
        assert_ne!(episode(7, 100), episode(8, 100));
    }
}
