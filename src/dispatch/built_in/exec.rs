//! The built-in dispatcher `exec`: runs the commands of `run` on the host.

use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;

use super::log::say;
use super::{exit, terminated};
use crate::dispatch::action::run::{CaseNames, Parse, RunAction};
use crate::dispatch::action::{Action, JobError, actions};
use crate::dispatch::built_in;
use crate::dispatch::parse::Parser;
use crate::dispatch::protocol::event::ResultEvent;
use crate::dispatch::protocol::text::clean;
use crate::dispatch::protocol::writer::EventWriter;
use crate::model::record::CaseResult;

/// What `parse` may be.
const PARSERS: [&str; 3] = ["tap", "ktap", "lava-signals"];

/// How long a command's output may stay open after its end before it is left alone.
const DRAIN: Duration = Duration::from_millis(500);

/// One action, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Planned {
    Run {
        name: String,
        run: RunAction,
    },
    /// `submit_results` and its like: the runner does that anyway.
    Pass {
        name: String,
    },
}

impl Planned {
    fn name(&self) -> &str {
        match self {
            Self::Run { name, .. } | Self::Pass { name } => name,
        }
    }
}

/// Reads the actions of a job, whole, before any is run.
pub fn plan(job: &Value) -> Result<Vec<Planned>, JobError> {
    actions(job)?.into_iter().map(plan_action).collect()
}

fn plan_action(action: Action) -> Result<Planned, JobError> {
    if action.is_submit() {
        return Ok(Planned::Pass { name: action.name });
    }
    if action.name != "run" {
        return Err(action.unknown("exec", "run and submit_results*"));
    }
    let run = RunAction::from_parameters(&action.place, &action.parameters, &PARSERS)?;
    let name = action.name;
    Ok(Planned::Run { name, run })
}

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in::main("exec", |job, events| {
        let actions = plan(job)?;
        Ok(Exec::new(job, events).run(&actions))
    })
}

struct Exec<'a> {
    job_name: String,
    events: &'a mut EventWriter,
    names: CaseNames,
    terminated: Arc<AtomicBool>,
}

/// Why the rest is not run.
enum Halt {
    Terminated,
    /// The host cannot start a shell.
    Host(io::Error),
}

impl<'a> Exec<'a> {
    fn new(job: &Value, events: &'a mut EventWriter) -> Self {
        let job_name = job.get("job_name").and_then(Value::as_str);
        Self {
            job_name: job_name.unwrap_or("job").to_owned(),
            events,
            names: CaseNames::default(),
            terminated: terminated::listen(),
        }
    }

    fn run(mut self, actions: &[Planned]) -> i32 {
        for (n, action) in (0..).zip(actions) {
            let of = actions.len() as u32;
            self.events.step_start(n, of, action.name());
            let halt = match action {
                Planned::Run { run, .. } => self.run_action(n, run).err(),
                Planned::Pass { .. } => None,
            };
            match halt {
                None => self.events.step_end(n, CaseResult::Pass, None),
                Some(Halt::Terminated) => {
                    self.events
                        .step_end(n, CaseResult::Unknown, Some("terminated"));
                    return exit::TERMINATED;
                }
                Some(Halt::Host(error)) => {
                    let why = format!("cannot start /bin/sh: {error}");
                    say(&why);
                    self.events.step_end(n, CaseResult::Unknown, Some(&why));
                    self.events.end(&why);
                    return exit::TRY_AGAIN;
                }
            }
        }
        exit::OK
    }

    /// Runs every command, whatever the earlier ones gave.
    fn run_action(&mut self, n: u32, action: &RunAction) -> Result<(), Halt> {
        let suite = action.suite.as_deref().unwrap_or(&self.job_name).to_owned();
        let count = action.commands.len();
        for (i, command) in action.commands.iter().enumerate() {
            if self.terminated.load(Ordering::Acquire) {
                return Err(Halt::Terminated);
            }
            say(&format!("$ {}", clean(command, 4000)));
            let started = Instant::now();
            let status = match &action.parse {
                Some(parse) => self.run_parsed(command, parse, &suite)?,
                None => self
                    .shell(command, Stdio::inherit())
                    .and_then(|mut child| child.wait())
                    .map_err(Halt::Host)?,
            };
            let seconds = (started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
            // A command that our TERM cut short has no result.
            if self.terminated.load(Ordering::Acquire) {
                return Err(Halt::Terminated);
            }
            let why = failure(status);
            match (&action.parse, &why) {
                (None, _) => {
                    let case = self.names.name(action, &suite, i);
                    self.result(&suite, case, verdict(&why), why, Some(seconds));
                }
                (Some(_), Some(_)) => {
                    self.result(&suite, "exit".into(), CaseResult::Fail, why, Some(seconds));
                }
                (Some(_), None) => {}
            }
            if i + 1 < count {
                self.events
                    .step_progress(n, ((i + 1) * 100 / count).min(99) as u8);
            }
        }
        Ok(())
    }

    /// Copies the output to the log and reads it on the way.
    fn run_parsed(
        &mut self,
        command: &str,
        parse: &Parse,
        suite: &str,
    ) -> Result<ExitStatus, Halt> {
        let mut parser = Parser::new(parse).in_suite(suite);
        let mut child = self.shell(command, Stdio::piped()).map_err(Halt::Host)?;
        let copied = copy_output(&mut child, |bytes| {
            let mut log = io::stdout();
            let _ = log.write_all(bytes).and_then(|()| log.flush());
            parser.feed(bytes, &mut |found| self.found(suite, found));
        });
        let status = copied.and_then(|()| child.wait()).map_err(Halt::Host)?;
        if !self.terminated.load(Ordering::Acquire) {
            parser.finish(&mut |found| self.found(suite, found));
        }
        Ok(status)
    }

    /// A result that a parser found.
    fn found(&mut self, suite: &str, found: ResultEvent) {
        self.events.result(ResultEvent {
            suite: found.suite.or_else(|| Some(suite.to_owned())),
            ..found
        });
    }

    /// Starts a fresh shell in the job folder. It stays in this process's group, so that what is
    /// sent to the group reaches it, and nothing is set that would keep the standard library from
    /// its cheapest way of starting a process.
    fn shell(&self, command: &str, output: Stdio) -> io::Result<Child> {
        let child = Command::new("/bin/sh")
            .arg("-c")
            .arg(command)
            .stdin(Stdio::null())
            .stdout(output)
            .spawn()?;
        // A TERM that came while the shell was being started may have missed it.
        if self.terminated.load(Ordering::Acquire) {
            let _ = kill_process(Pid::from_child(&child), Signal::TERM);
        }
        Ok(child)
    }

    fn result(
        &mut self,
        suite: &str,
        case: String,
        result: CaseResult,
        why: Option<String>,
        seconds: Option<f64>,
    ) {
        self.events.result(ResultEvent {
            suite: Some(suite.to_owned()),
            seconds,
            why,
            ..ResultEvent::new(case, result)
        });
    }
}

fn verdict(why: &Option<String>) -> CaseResult {
    if why.is_some() {
        CaseResult::Fail
    } else {
        CaseResult::Pass
    }
}

/// Why a command failed; `None` when it did not.
fn failure(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit code {code}")),
        (None, signal) => Some(format!("signal {}", signal.unwrap_or_default())),
    }
}

/// Reads a child's output until its end, or until shortly after the child's own end: what it left
/// running in the background may hold the pipe open for ever.
fn copy_output(child: &mut Child, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let Some(output) = child.stdout.take() else {
        return Ok(());
    };
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    rustix::io::ioctl_fionbio(&output, true)?;
    let mut buffer = vec![0; 64 << 10];
    let mut until: Option<Instant> = None;
    loop {
        let mut fds = vec![PollFd::new(&output, PollFlags::IN)];
        if until.is_none() {
            fds.push(PollFd::new(&pidfd, PollFlags::IN));
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map(|left| Timespec {
            tv_sec: left.as_secs() as i64,
            tv_nsec: i64::from(left.subsec_nanos()),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ended = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        match rustix::io::read(&output, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&buffer[..read]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if ended {
            until = Some(Instant::now() + DRAIN);
        }
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(job: Value) -> String {
        plan(&job).unwrap_err().to_string()
    }

    #[test]
    fn the_whole_job_is_read_before_any_of_it_is_run() {
        let actions = plan(&json!({"actions": [
            {"command": "run", "parameters": {"commands": ["true"]}},
            {"command": "submit_results_on_host", "parameters": {"server": "http://x/"}},
        ]}))
        .unwrap();
        assert!(matches!(&actions[0], Planned::Run { run, .. } if run.commands == ["true"]));
        assert!(matches!(&actions[1], Planned::Pass { .. }));
        assert_eq!(
            error(json!({"actions": [
                {"command": "run", "parameters": {"commands": ["true"]}},
                {"command": "deploy_linaro_image"},
            ]})),
            "actions[1].command: `deploy_linaro_image` is unknown to the dispatcher `exec`; \
             it knows run and submit_results*"
        );
        assert_eq!(
            error(json!({"actions": [{"command": "run", "parameters":
                {"commands": ["true"], "parse": "subunit"}}]})),
            "actions[0].parameters.parse: `subunit` is not supported by this dispatcher; \
             it knows tap, ktap, lava-signals"
        );
        for job in [
            json!({}),
            json!({"actions": []}),
            json!([]),
            json!({"actions": [7]}),
        ] {
            assert!(error(job).starts_with("actions"));
        }
    }
}
