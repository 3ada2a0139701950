//! A console behind a TCP port, such as a raw port of ser2net.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::Link;

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(10);

pub(super) fn open(address: &str) -> io::Result<Link> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                // A typed line is small, and its answer is waited for.
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                return Link::over(stream.try_clone()?.into(), stream.into(), None);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
