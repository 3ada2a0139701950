//! A process on a pseudo terminal, as `telnet`, `ssh` and `picocom` need it.

use std::io;
use std::process::Stdio;

use rustix::io::ioctl_fionbio;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};

use super::{Link, process};

/// Wide enough that no shell breaks a typed line in two.
const SIZE: Winsize = Winsize {
    ws_row: 50,
    ws_col: 500,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// The terminal is raw, for the program only hands bytes on, and it controls no session: a session
/// of its own would take the process out of the group that the runner ends.
pub(super) fn open(command: &[String]) -> io::Result<Link> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let terminal = ioctl_tiocgptpeer(&master, flags)?;
    let mut modes = tcgetattr(&terminal)?;
    modes.make_raw();
    tcsetattr(&terminal, OptionalActions::Now, &modes)?;
    tcsetwinsize(&terminal, SIZE)?;
    ioctl_fionbio(&master, true)?;
    let child = process::program(command)?
        .stdin(Stdio::from(terminal.try_clone()?))
        .stdout(Stdio::from(terminal.try_clone()?))
        .stderr(Stdio::from(terminal))
        .spawn()?;
    Link::over(master.try_clone()?, master, Some(child))
}
