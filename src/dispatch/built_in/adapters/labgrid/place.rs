//! The labgrid place of a board, held for as long as an attempt takes.

use std::process::{Command, Stdio};

use crate::dispatch::built_in::commands::Halt;
use crate::dispatch::built_in::host;
use crate::dispatch::built_in::log::say;
use crate::dispatch::protocol::text::last_words;
use crate::model::adapters::Labgrid;

const CLIENT: &str = "labgrid-client";

pub struct Place {
    name: Option<String>,
    coordinator: Option<String>,
    acquired: bool,
}

impl Place {
    pub fn of(board: &Labgrid) -> Self {
        Self {
            name: board.place.clone(),
            coordinator: board.coordinator.clone(),
            acquired: false,
        }
    }

    /// Acquires the place once, if the board has one. The reason why not is in the client's words.
    pub fn acquire(&mut self) -> Result<(), Halt> {
        match &self.name {
            Some(name) if !self.acquired => {
                self.client(name, "acquire")?;
                self.acquired = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Gives back what was acquired.
    pub fn release(&mut self) {
        if let Some(name) = self.name.as_ref().filter(|_| self.acquired)
            && let Err(Halt::Infrastructure(why) | Halt::Board(why)) = self.client(name, "release")
        {
            say(&why);
        }
        self.acquired = false;
    }

    fn client(&self, place: &str, verb: &str) -> Result<(), Halt> {
        let mut client = Command::new(CLIENT);
        if let Some(coordinator) = &self.coordinator {
            client.args(["--coordinator", coordinator]);
        }
        let output = client
            .args(["--place", place, verb])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Halt::Board(host::not_started(CLIENT, &error)))?;
        if output.status.success() {
            return Ok(());
        }
        let words = last_words(&output.stderr).or_else(|| last_words(&output.stdout));
        Err(Halt::Infrastructure(format!(
            "cannot {verb} the place {place}: {}",
            words.unwrap_or_else(|| output.status.to_string())
        )))
    }
}
