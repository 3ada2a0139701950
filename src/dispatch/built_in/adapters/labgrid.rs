//! The built-in dispatcher `labgrid`: runs pytest on the host, with labgrid where the board's file
//! names an environment or a place.

mod events;
mod place;
mod pytest;

use std::io;
use std::process::{Child, ExitStatus, Stdio};

use self::place::Place;
use self::pytest::PytestAction;
use crate::dispatch::built_in;
use crate::dispatch::built_in::commands::{Commands, Halt, Shell};
use crate::dispatch::built_in::log::say;
use crate::dispatch::built_in::plan::{Dispatcher, reports_below};
use crate::dispatch::built_in::{board, exit, host, report};
use crate::model::adapters::Labgrid;

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in::main("labgrid", |job, events| {
        let labgrid = Dispatcher {
            name: "labgrid",
            own: Some(("pytest", PytestAction::read)),
        };
        let actions = labgrid.plan(job)?;
        reports_below(&actions)?;
        let board = match board::section::<Option<Labgrid>>("labgrid") {
            Ok(board) => board.unwrap_or_default(),
            Err(why) => {
                say(&why);
                events.end(&why);
                return Ok(exit::BOARD_CONFIG);
            }
        };
        let mut pytest = Pytest {
            place: Place::of(&board),
            board,
        };
        let code = Commands::new(job, events).run(&actions, &mut pytest);
        pytest.place.release();
        Ok(code)
    })
}

struct Pytest {
    board: Labgrid,
    place: Place,
}

impl Shell for Pytest {
    type Own = PytestAction;

    fn own(&mut self, own: &PytestAction, n: u32, commands: &mut Commands<'_>) -> Result<(), Halt> {
        let acquired = self.place.acquire();
        commands.go_on()?;
        acquired?;
        own.run(&self.board, n, commands)
    }

    fn start(&mut self, command: &str, output: Stdio) -> Result<Child, String> {
        host::shell(command, output)
    }

    fn judge(&mut self, _: ExitStatus) -> Result<(), String> {
        Ok(())
    }

    fn report(&mut self, path: &str) -> io::Result<Vec<u8>> {
        report::read(path.as_ref())
    }
}
