//! The built-in dispatcher `ssh`: runs the commands of `run` on a board by the system's `ssh`.
//!
//! | file | holds |
//! |---|---|
//! | `command` | the argument arrays of `ssh` |
//! | `connection` | the one connection that all commands share |
//! | `remote` | what the board's shell is given to run |
//! | `shell` | a fresh shell on the board for each command |

mod command;
mod connection;
mod remote;
mod shell;

use self::command::SshCommand;
use self::shell::BoardShell;
use super::commands::Commands;
use super::log::say;
use super::plan::Dispatcher;
use super::{board, exit};
use crate::dispatch::built_in;
use crate::model::board::Ssh;

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in::main("ssh", |job, events| {
        let ssh = Dispatcher {
            name: "ssh",
            own: None,
        };
        let actions = ssh.plan(job)?;
        let ssh = match board::section::<Ssh>("ssh").and_then(SshCommand::new) {
            Ok(ssh) => ssh,
            Err(why) => {
                say(&why);
                events.end(&why);
                return Ok(exit::BOARD_CONFIG);
            }
        };
        let mut shell = BoardShell::new(ssh);
        let code = Commands::new(job, events).run(&actions, &mut shell);
        shell.close();
        Ok(code)
    })
}
