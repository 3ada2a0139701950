//! A process whose standard input and output are the console, as emulators have it.

use std::io;
use std::process::{Command, Stdio};

use rustix::io::ioctl_fionbio;
use rustix::pipe::{PipeFlags, pipe_with};

use super::Link;

/// Starts the program in this process's own group, which the runner ends as a whole. What it says
/// on standard error is a part of the console: there an emulator tells why it cannot go on.
pub(super) fn open(command: &[String]) -> io::Result<Link> {
    let (from_board, board_says) = pipe_with(PipeFlags::CLOEXEC)?;
    let (board_hears, to_board) = pipe_with(PipeFlags::CLOEXEC)?;
    ioctl_fionbio(&from_board, true)?;
    ioctl_fionbio(&to_board, true)?;
    let child = program(command)?
        .stdin(Stdio::from(board_hears))
        .stdout(Stdio::from(board_says.try_clone()?))
        .stderr(Stdio::from(board_says))
        .spawn()?;
    Link::over(from_board, to_board, Some(child))
}

pub(super) fn program(command: &[String]) -> io::Result<Command> {
    let (name, arguments) = command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no program is named"))?;
    let mut program = Command::new(name);
    program.args(arguments);
    Ok(program)
}
