//! Keeps a site up to date beside a runner, by starting `pumice site build` when the lab changes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::error::{Attempt, Error, Kind};
use crate::git;

/// How often a remote lab's site is looked after; a local one's when its refs change.
const INTERVAL: Duration = Duration::from_secs(10);

enum Event {
    Changed,
    End,
}

pub struct SiteKeeper {
    events: Sender<Event>,
    thread: JoinHandle<()>,
}

impl SiteKeeper {
    pub fn start(program: &Path, url: &str, out: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(out).attempt(Kind::Failed, || format!("make {}", out.display()))?;
        let (events, received) = channel();
        let changed: Sender<Event> = events.clone();
        // Where watching fails the interval does it alone.
        let watch = git::watch(url, move || {
            let _ = changed.send(Event::Changed);
        })
        .ok()
        .flatten();
        let (program, url, out) = (program.to_owned(), url.to_owned(), out.to_owned());
        let thread = thread::spawn(move || {
            let _watch = watch;
            loop {
                build(&program, &url, &out);
                match received.recv_timeout(INTERVAL) {
                    Ok(Event::Changed) | Err(RecvTimeoutError::Timeout) => {}
                    Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => break,
                }
                // All that came meanwhile is built at once.
                if received.try_iter().any(|event| matches!(event, Event::End)) {
                    break;
                }
            }
            build(&program, &url, &out);
        });
        Ok(Self { events, thread })
    }

    /// Builds once more and ends.
    pub fn finish(self) {
        let _ = self.events.send(Event::End);
        // A panic of the thread has been printed; the runner's end does not depend on it.
        let _ = self.thread.join();
    }
}

fn build(program: &Path, url: &str, out: &PathBuf) {
    let mut command = Command::new(program);
    command
        .args(["-C", url, "site", "build", "--out"])
        .arg(out)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // A build that fails says why on standard error; the next change tries again.
    let _ = command.status();
}
