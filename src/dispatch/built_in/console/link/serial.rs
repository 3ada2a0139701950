//! A serial device of the host.

use std::io;
use std::os::fd::AsFd;

use rustix::io::ioctl_fionbio;
use serial2::SerialPort;

use super::Link;

/// Raw, eight bits, no parity, one stop bit, no flow control: what kernels and boot loaders use.
pub(super) fn open(device: &str, baud: u32) -> io::Result<Link> {
    let port = SerialPort::open(device, baud)?;
    let both = port.as_fd().try_clone_to_owned()?;
    ioctl_fionbio(&both, true)?;
    Link::over(both.try_clone()?, both, None)
}
