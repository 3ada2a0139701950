//! Power, outside of attempts: what an earlier run of this runner left on is switched off at the
//! start, and a runner that ends leaves nothing on.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::Runner;
use super::core::{Phase, Stop};
use crate::dispatch::AttemptMessage;
use crate::dispatch::power::{self, PowerOff};
use crate::model::BoardName;
use crate::model::record::BoardHealth;

/// Why a board takes nothing meanwhile.
const SWITCHING: &str = "its power is being switched off after an interrupted attempt";

type Switched = (BoardName, Result<(), String>);

/// Boards whose power is being switched off, each on a thread of its own.
pub(super) struct Switching {
    boards: BTreeSet<BoardName>,
    ended: (Sender<Switched>, Receiver<Switched>),
}

impl Default for Switching {
    fn default() -> Self {
        Self {
            boards: BTreeSet::new(),
            ended: channel(),
        }
    }
}

impl Switching {
    pub fn is_empty(&self) -> bool {
        self.boards.is_empty()
    }
}

impl Runner {
    /// Ends the dispatchers that an earlier run of this state folder has left alive, and switches
    /// off the boards on which one was running.
    pub(super) fn end_left_dispatchers(&mut self) {
        for (path, trace) in self.state.traces() {
            if trace.process.kill() {
                self.say(&format!(
                    "killed process {}, which an earlier run left on {}",
                    trace.process.pid, trace.board
                ));
            }
            self.switch_off(&trace.board);
            // One that stays names a process that is gone by now.
            let _ = std::fs::remove_file(path);
        }
    }

    /// Switches a board of this runner off, on a thread: until that is done the board takes nothing.
    /// Without a command for it, or for another runner's board, nothing happens.
    pub(super) fn switch_off(&mut self, name: &BoardName) {
        let Some(board) = self.world.files.boards.get(name) else {
            return;
        };
        if !super::boards::is_mine(board, &self.options)
            || super::boards::power_obstacle(board, &self.options).is_some()
        {
            return;
        }
        let Some(power) = PowerOff::new(name, &board.power.off) else {
            return;
        };
        self.world.unfit.insert(name.clone(), SWITCHING.to_owned());
        if !self.switching.boards.insert(name.clone()) {
            return;
        }
        let folder = self.state.power(name);
        let containment = self.env.driver.containment();
        let cookie = format!("{}:power-{name}", self.state.instance());
        let (sender, wake) = (self.switching.ended.0.clone(), (self.wake)());
        let board = name.clone();
        let started = thread::Builder::new()
            .name("power".to_owned())
            .stack_size(1 << 20)
            .spawn(move || {
                let result = power::off_alone(&power, &folder, &containment, &cookie);
                // The loop may have ended; then nobody needs to know.
                let _ = sender.send((board, result));
                wake();
            });
        if let Err(cause) = started {
            let why = format!("cannot start a thread for it: {cause}");
            let _ = self.switching.ended.0.send((name.clone(), Err(why)));
        }
    }

    /// Takes in which boards are off by now. Says whether there was news.
    pub(super) fn take_switched(&mut self) -> bool {
        let mut news = false;
        while let Ok((board, result)) = self.switching.ended.1.try_recv() {
            news = true;
            self.switching.boards.remove(&board);
            self.world.unfit.remove(&board);
            match result {
                Ok(()) => self.say(&format!(
                    "{board}: switched off after an interrupted attempt"
                )),
                Err(why) => {
                    let reason = format!("power off failed: {why}");
                    self.say(&format!("{board} is bad: {reason}"));
                    let (verdict, now) = ((BoardHealth::Bad, Some(reason)), self.env.clock.now());
                    self.note_board(self.board_record(&board, verdict, None, now));
                }
            }
        }
        news
    }

    /// Stops everything that runs and waits for its end: a runner that may not go on still leaves its
    /// boards off. Nothing of it is published; the next start finds the claims.
    pub fn abandon(&mut self) {
        for held in self.held.values_mut() {
            if let Phase::Running(attempt) = &mut held.phase {
                attempt.stop.get_or_insert(Stop::Fenced);
                attempt.handle.terminate();
            }
        }
        let mut running: BTreeSet<_> = self.running().into_iter().map(|(id, _)| id).collect();
        // Every attempt says its end exactly once, and has its own limits until then.
        while !running.is_empty() {
            if let Ok((id, _, AttemptMessage::Ended(_))) = self.reports.1.recv() {
                running.remove(&id);
            }
        }
        while !self.switching.is_empty() {
            if let Ok((board, _)) = self.switching.ended.1.recv() {
                self.switching.boards.remove(&board);
            }
        }
    }
}
