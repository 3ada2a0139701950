//! How a dispatcher written in Rust sends events.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{BorrowedFd, FromRawFd};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

use super::event::{Event, ResultEvent, StepEvent, StepPhase};
use crate::model::record::CaseResult;

/// The descriptor of the event channel.
const CHANNEL: i32 = 3;

/// Writes events, one line in one write each. Where there is no channel, as when a person starts
/// the dispatcher by hand, or nobody listens any more, it writes nothing.
pub struct EventWriter(Option<File>);

impl EventWriter {
    /// Takes descriptor 3, and keeps it from what this process starts: a board must not be able to
    /// forge events. To be called once, before anything else is opened.
    pub fn from_runner() -> Self {
        if std::env::var_os("PUMICE_PROTOCOL").is_none() {
            return Self(None);
        }
        // SAFETY: the number is only asked about here; if nothing is open there, the call says so.
        let channel = unsafe { BorrowedFd::borrow_raw(CHANNEL) };
        let Ok(flags) = fcntl_getfd(channel) else {
            return Self(None);
        };
        let _ = fcntl_setfd(channel, flags | FdFlags::CLOEXEC);
        // SAFETY: the protocol gives this process descriptor 3, and nothing else here uses it.
        Self(Some(unsafe { File::from_raw_fd(CHANNEL) }))
    }

    pub fn send(&mut self, event: &Event) {
        if let Some(channel) = &mut self.0
            && let Err(_gone) = write_line(channel, event)
        {
            self.0 = None;
        }
    }

    pub fn step_start(&mut self, n: u32, of: u32, name: &str) {
        self.send(&Event::Step(StepEvent {
            of: Some(of),
            name: Some(name.to_owned()),
            ..StepEvent::new(n, StepPhase::Start)
        }));
    }

    pub fn step_progress(&mut self, n: u32, pct: u8) {
        self.send(&Event::Step(StepEvent {
            pct: Some(pct),
            ..StepEvent::new(n, StepPhase::Progress)
        }));
    }

    pub fn step_end(&mut self, n: u32, result: CaseResult, reason: Option<&str>) {
        self.send(&Event::Step(StepEvent {
            result: Some(result),
            reason: reason.map(str::to_owned),
            ..StepEvent::new(n, StepPhase::End)
        }));
    }

    pub fn result(&mut self, result: ResultEvent) {
        self.send(&Event::Result(result));
    }

    /// Says why the dispatcher ends as it does.
    pub fn end(&mut self, reason: &str) {
        self.send(&Event::End {
            result: None,
            reason: Some(reason.to_owned()),
        });
    }
}

fn write_line(channel: &mut File, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(&event.to_object())?;
    line.push(b'\n');
    channel.write_all(&line)
}
