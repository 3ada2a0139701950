//! Runs a plan: one step an action, whatever its kind, and the end that it comes to.

mod boot;
mod commands;
mod definitions;
mod deploy;
mod found;
mod power;
mod test_shell;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::Value;

use self::definitions::Definition;
use self::found::Found;
use super::board::ConsoleBoard;
use super::halt::Halt;
use super::images;
use super::plan::{Boot, LoginOfJob, Planned, Work};
use super::session::Session;
use crate::dispatch::action::run::CaseNames;
use crate::dispatch::built_in::exit;
use crate::dispatch::built_in::log::say;
use crate::dispatch::built_in::terminated::Bell;
use crate::dispatch::protocol::event::{Event, StepEvent, StepPhase};
use crate::dispatch::protocol::writer::EventWriter;
use crate::model::record::{BoardHealth, CaseResult};

pub struct Steps<'a> {
    job_name: String,
    board: &'a ConsoleBoard,
    events: &'a mut EventWriter,
    bell: &'a Bell,
    /// What the job deployed: files of this host by the names of the images.
    images: BTreeMap<String, PathBuf>,
    login: Option<LoginOfJob>,
    /// By the places where the job names them.
    definitions: HashMap<String, Rc<Definition>>,
    session: Option<Session<'a>>,
    /// Whether this attempt has switched the board on.
    powered: bool,
    /// Whether the board is on its way to its shell.
    booting: bool,
    /// Whether the last boot took images or words of the job: then the board is not to blame for it.
    brings: bool,
    names: CaseNames,
    /// How often a suite's name was given.
    suites: HashMap<String, u32>,
    /// The suite of what runs now.
    running: Option<String>,
}

impl<'a> Steps<'a> {
    pub fn new(
        job: &Value,
        board: &'a ConsoleBoard,
        events: &'a mut EventWriter,
        bell: &'a Bell,
    ) -> Self {
        let job_name = job.get("job_name").and_then(Value::as_str);
        Self {
            job_name: job_name.unwrap_or("job").to_owned(),
            board,
            events,
            bell,
            images: BTreeMap::new(),
            login: None,
            definitions: HashMap::new(),
            session: None,
            powered: false,
            booting: false,
            brings: false,
            names: CaseNames::default(),
            suites: HashMap::new(),
            running: None,
        }
    }

    /// Gives the exit code of the protocol.
    pub fn run(mut self, plan: &[Planned]) -> i32 {
        if !self.board.images.is_empty() || plan.iter().any(|p| matches!(p.work, Work::Deploy(_))) {
            images::prune(&self.board.cache);
        }
        // Part of no step: the job's limit is the one that counts.
        if let Err(halt) = self.fetch_definitions(plan) {
            self.tell(&halt);
            return halt.code();
        }
        for (n, planned) in (0..).zip(plan) {
            self.events.send(&Event::Step(StepEvent {
                of: Some(plan.len() as u32),
                name: Some(planned.name.clone()),
                timeout: planned.limit,
                ..StepEvent::new(n, StepPhase::Start)
            }));
            for note in &planned.notes {
                say(&format!("note: {note}"));
            }
            match self.action(n, planned) {
                Ok(()) => self.events.step_end(n, CaseResult::Pass, None),
                Err(halt) => {
                    self.halted(n, &halt);
                    if let Halt::Panic(_) = halt {
                        self.pass_over(n, plan);
                    }
                    return halt.code();
                }
            }
        }
        exit::OK
    }

    fn action(&mut self, n: u32, planned: &Planned) -> Result<(), Halt> {
        self.running = None;
        for round in 0..planned.repeat {
            if self.bell.rang() {
                return Err(Halt::Terminated);
            }
            match &planned.work {
                Work::Deploy(deploy) => self.deploy(deploy)?,
                Work::Boot(boot) => self.boot(boot)?,
                Work::Run(run) => self.run_commands(n, run)?,
                Work::Commands(commands) => self.command_run(commands)?,
                Work::TestShell(test) => self.test_shell(n, test, planned.repeat > 1)?,
                Work::Pass => {}
            }
            if planned.repeat > 1 && round + 1 < planned.repeat {
                let done = (round + 1) * 100 / planned.repeat;
                self.events.step_progress(n, done.min(99) as u8);
            }
        }
        Ok(())
    }

    fn halted(&mut self, n: u32, halt: &Halt) {
        let why = halt.why();
        let result = match halt {
            Halt::Terminated | Halt::Infrastructure(_) => CaseResult::Unknown,
            _ => CaseResult::Fail,
        };
        if let Halt::Panic(_) = halt {
            // The job has run to its end, and must not pass.
            let suite = self.running.take();
            let suite = suite.unwrap_or_else(|| self.job_name.clone());
            let why = Some(format!("cut short: {why}"));
            let mut found = self.found(&suite);
            found.case("kernel-panic", CaseResult::Fail, why, None);
        }
        self.events.step_end(n, result, Some(why));
        self.tell(halt);
    }

    fn tell(&mut self, halt: &Halt) {
        let why = halt.why();
        match halt {
            // The runner knows best what it ended and why, and heeds this only where a limit was the cause.
            Halt::Terminated => {
                if self.booting && !self.brings {
                    self.doubt("did not boot before its time limit");
                }
                return;
            }
            Halt::Board(why) if !self.brings => self.doubt(why),
            Halt::Hardware(why) => self.doubt(why),
            _ => {}
        }
        say(why);
        self.events.end(why);
    }

    fn doubt(&mut self, why: &str) {
        self.events.send(&Event::Board {
            health: BoardHealth::Unknown,
            reason: Some(why.to_owned()),
        });
    }

    /// After a panic the job has run to its end, and what it did not come to is shown as such.
    fn pass_over(&mut self, halted: u32, plan: &[Planned]) {
        for (n, planned) in (0..).zip(plan).skip(halted as usize + 1) {
            self.events.step_start(n, plan.len() as u32, &planned.name);
            match planned.work {
                Work::Pass => self.events.step_end(n, CaseResult::Pass, None),
                _ => self
                    .events
                    .step_end(n, CaseResult::Skip, Some("not reached")),
            }
        }
    }

    /// The board's shell; a job that never boots takes the console as it is.
    fn session(&mut self) -> Result<Session<'a>, Halt> {
        if self.session.is_none() {
            self.attach(&Boot::default())?;
        }
        self.session
            .take()
            .ok_or_else(|| Halt::Infrastructure("there is no shell".into()))
    }

    /// A suite's name for one more use: results of a repetition must not hide the earlier ones.
    fn suite(&mut self, name: &str) -> String {
        let uses = self.suites.entry(name.to_owned()).or_default();
        *uses += 1;
        match uses {
            1 => name.to_owned(),
            n => format!("{name}-{n}"),
        }
    }

    fn found<'b>(&'b mut self, suite: &'b str) -> Found<'b> {
        Found::new(self.events, suite)
    }
}
