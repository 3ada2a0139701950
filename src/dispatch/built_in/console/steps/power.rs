//! Switching a board on. Switching it off is the runner's, before and after every attempt.

use std::process::Command;
use std::time::Duration;

use super::Steps;
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::built_in::console::on_host::on_host;
use crate::dispatch::built_in::log::say;

/// How long a power switch may take.
const POWER: Duration = Duration::from_secs(60);

impl Steps<'_> {
    /// Switches the board on, or resets it when it is on already.
    pub(super) fn power(&mut self) -> Result<(), Halt> {
        let power = &self.board.power;
        let programs: Vec<(&str, &Vec<String>)> = match self.powered {
            false if !power.on.is_empty() => vec![("on", &power.on)],
            _ if !power.reset.is_empty() => vec![("reset", &power.reset)],
            true if !power.off.is_empty() && !power.on.is_empty() => {
                vec![("off", &power.off), ("on", &power.on)]
            }
            _ => Vec::new(),
        };
        for (what, program) in programs {
            say(&format!("power {what}: {}", program.join(" ")));
            let failed = |why: String| Halt::Hardware(format!("did not boot: power {what}: {why}"));
            let mut command = Command::new(&program[0]);
            command.args(&program[1..]);
            match on_host(&mut command, POWER, self.bell)? {
                Ok(status) if status.success() => {}
                Ok(status) => return Err(failed(status.to_string())),
                Err(why) => return Err(failed(why)),
            }
        }
        self.powered = true;
        Ok(())
    }
}
