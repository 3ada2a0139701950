//! One request from a member's process.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::SOCKET;
use super::message::{Message, Reply, Request, line};

/// The longest reply that is read: every message a group may hold, as JSON at its worst.
const REPLY: u64 = 16 << 20;

/// The kernel takes paths of sockets up to 107 bytes; a job folder's may be longer.
const PATH: usize = 107;

/// Where a member's process asks.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// A request that is not answered yet. It can be polled for reading: then [`Pending::reply`] does
/// not wait long.
#[derive(Debug)]
pub struct Pending {
    stream: UnixStream,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum RendezvousError {
    /// The runner does not answer.
    Lost(io::Error),
    /// It says why not, such as that a member is gone.
    Refused(String),
}

impl fmt::Display for RendezvousError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(cause) => write!(f, "the runner does not answer: {cause}"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RendezvousError {}

impl From<io::Error> for RendezvousError {
    fn from(cause: io::Error) -> Self {
        Self::Lost(cause)
    }
}

impl Client {
    /// Where this process's member meets the others; `None` outside a group job.
    pub fn from_environment() -> Option<Self> {
        let socket = std::env::var_os(SOCKET)?;
        Some(Self::new(PathBuf::from(socket)))
    }

    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Asks, and waits for as long as it takes.
    pub fn ask(&self, request: &Request) -> Result<Vec<Message>, RendezvousError> {
        self.begin(request)?.reply()
    }

    /// Asks without waiting for the answer.
    pub fn begin(&self, request: &Request) -> io::Result<Pending> {
        let mut stream = connect(&self.socket)?;
        stream.write_all(&line(request))?;
        stream.shutdown(Shutdown::Write)?;
        Ok(Pending { stream })
    }
}

impl Pending {
    /// Waits for the answer.
    pub fn reply(self) -> Result<Vec<Message>, RendezvousError> {
        let mut reply = Vec::new();
        self.stream.take(REPLY).read_to_end(&mut reply)?;
        if reply.is_empty() {
            let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed");
            return Err(RendezvousError::Lost(ended));
        }
        match serde_json::from_slice(&reply).map_err(io::Error::from)? {
            Reply::Messages(messages) => Ok(messages),
            Reply::Error(why) => Err(RendezvousError::Refused(why)),
        }
    }
}

impl AsFd for Pending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

fn connect(socket: &Path) -> io::Result<UnixStream> {
    if socket.as_os_str().len() <= PATH {
        return UnixStream::connect(socket);
    }
    let (folder, name) = (socket.parent(), socket.file_name());
    let (Some(folder), Some(name)) = (folder, name) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let folder = File::open(folder)?;
    UnixStream::connect(through(&folder).join(name))
}

/// A short path to an open folder.
pub(super) fn through(folder: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))
}
