//! The thread that serves the members' sockets.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

use super::client::through;
use super::group_file::Party;
use super::message::{LONGEST, Reply, Request, line};
use super::table::{Answer, Table, Wait};

/// How many connections a member may have at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 32;

/// How long a host that has no descriptor left for a connection is given.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves a group's members until it is dropped.
pub struct Server {
    /// Says which members are gone; its end ends the thread. `None` only while it is dropped.
    gone: Option<Sender<usize>>,
    wake: Arc<OwnedFd>,
    sockets: Vec<PathBuf>,
}

impl Server {
    /// Makes the folder with one socket for each member, and starts the thread.
    pub fn start(folder: &Path, members: Vec<Party>) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(folder)?;
        // Named through the open folder: the whole path may be longer than a socket's may be.
        let open = File::open(folder)?;
        let mut listeners = Vec::new();
        let mut sockets = Vec::new();
        for n in 0..members.len() {
            let listener = UnixListener::bind(through(&open).join(n.to_string()))?;
            listener.set_nonblocking(true)?;
            listeners.push(listener);
            sockets.push(folder.join(n.to_string()));
        }
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let wake = Arc::new(eventfd(0, flags)?);
        let (gone, heard) = channel();
        let mut serving = Serving {
            table: Table::new(members),
            listeners,
            connections: Vec::new(),
            wake: wake.clone(),
            gone: heard,
        };
        thread::Builder::new()
            .name("rendezvous".into())
            .stack_size(1 << 18)
            .spawn(move || while serving.turn() {})?;
        Ok(Self {
            gone: Some(gone),
            wake,
            sockets,
        })
    }

    /// Where a member connects.
    pub fn socket(&self, member: usize) -> &Path {
        &self.sockets[member]
    }

    /// A member's dispatcher has ended: who waits for it is told.
    pub fn leave(&self, member: usize) {
        if let Some(gone) = &self.gone {
            // The thread may have failed; then its clients have lost their connections.
            let _ = gone.send(member);
        }
        self.wake();
    }

    fn wake(&self) {
        // Can only fail when the counter is full, and then the descriptor is readable anyway.
        let _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gone = None;
        self.wake();
        for socket in &self.sockets {
            // The whole job folder goes soon.
            let _ = fs::remove_file(socket);
        }
    }
}

struct Serving {
    table: Table,
    /// By member.
    listeners: Vec<UnixListener>,
    connections: Vec<Connection>,
    wake: Arc<OwnedFd>,
    gone: Receiver<usize>,
}

struct Connection {
    member: usize,
    stream: UnixStream,
    phase: Phase,
}

enum Phase {
    Reading(Vec<u8>),
    Waiting(Wait),
    Writing { reply: Vec<u8>, written: usize },
    Over,
}

impl Serving {
    /// Waits for something to happen and sees to it; `false` at the end.
    fn turn(&mut self) -> bool {
        let mut fds = vec![PollFd::new(&self.wake, PollFlags::IN)];
        for (member, listener) in self.listeners.iter().enumerate() {
            let full = self.connections_of(member) >= CONNECTIONS;
            // One that is not asked for anything stays in its place in the list.
            let asked = if full {
                PollFlags::empty()
            } else {
                PollFlags::IN
            };
            fds.push(PollFd::new(listener, asked));
        }
        for connection in &self.connections {
            let asked = match connection.phase {
                Phase::Reading(_) => PollFlags::IN,
                // Its end shows without being asked for.
                Phase::Waiting(_) => PollFlags::empty(),
                Phase::Writing { .. } | Phase::Over => PollFlags::OUT,
            };
            fds.push(PollFd::new(&connection.stream, asked));
        }
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return false,
        }
        let ready: Vec<PollFlags> = fds.iter().map(PollFd::revents).collect();
        drop(fds);
        if !self.take_notes() {
            return false;
        }
        let (listeners, connections) = ready[1..].split_at(self.listeners.len());
        for (connection, ready) in self.connections.iter_mut().zip(connections) {
            connection.go_on(*ready, &mut self.table);
        }
        for (member, ready) in listeners.iter().enumerate() {
            if !ready.is_empty() {
                self.accept(member);
            }
        }
        for connection in &mut self.connections {
            if let Phase::Waiting(wait) = &connection.phase
                && let Some(reply) = self.table.answer(wait)
            {
                connection.answer(&reply);
            }
        }
        self.connections
            .retain(|connection| !matches!(connection.phase, Phase::Over));
        true
    }

    fn connections_of(&self, member: usize) -> usize {
        let own = self.connections.iter();
        own.filter(|connection| connection.member == member).count()
    }

    /// Hears who is gone; `false` when the server is.
    fn take_notes(&mut self) -> bool {
        let mut count = [0; 8];
        let _ = rustix::io::read(&*self.wake, &mut count);
        loop {
            match self.gone.try_recv() {
                Ok(member) => self.table.leave(member),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn accept(&mut self, member: usize) {
        let stream = match self.listeners[member].accept() {
            Ok((stream, _)) => stream,
            Err(error) if again(&error) => return,
            // Out of descriptors: it shows as ready all the while, so others are let in between.
            Err(_) => return thread::sleep(PAUSE),
        };
        if stream.set_nonblocking(true).is_ok() {
            self.connections.push(Connection {
                member,
                stream,
                phase: Phase::Reading(Vec::new()),
            });
        }
    }
}

impl Connection {
    fn go_on(&mut self, ready: PollFlags, table: &mut Table) {
        if ready.is_empty() {
            return;
        }
        match &mut self.phase {
            Phase::Reading(_) => self.read(table),
            Phase::Writing { .. } => self.write(),
            // Nobody waits for the answer any more. A half-closed one is still there.
            Phase::Waiting(_) if ready.intersects(PollFlags::HUP | PollFlags::ERR) => {
                self.phase = Phase::Over;
            }
            Phase::Waiting(_) | Phase::Over => {}
        }
    }

    fn read(&mut self, table: &mut Table) {
        let Phase::Reading(heard) = &mut self.phase else {
            return;
        };
        let mut piece = [0; 4096];
        let ended = match self.stream.read(&mut piece) {
            Ok(0) => true,
            Ok(read) => {
                heard.extend_from_slice(&piece[..read]);
                false
            }
            Err(error) if again(&error) => false,
            Err(_) => return self.phase = Phase::Over,
        };
        let end = heard.iter().position(|byte| *byte == b'\n');
        if end.unwrap_or(heard.len()) > LONGEST {
            let most = LONGEST >> 10;
            return self.answer(&Reply::Error(format!("longer than {most} KiB")));
        }
        let Some(end) = end else {
            if ended {
                self.phase = Phase::Over;
            }
            return;
        };
        let request = Request::read(&heard[..end]);
        match request.map(|request| table.ask(self.member, request)) {
            Ok(Answer::Now(reply)) => self.answer(&reply),
            Ok(Answer::Later(wait)) => self.phase = Phase::Waiting(wait),
            Err(why) => self.answer(&Reply::Error(why)),
        }
    }

    fn answer(&mut self, reply: &Reply) {
        let reply = line(reply);
        self.phase = Phase::Writing { reply, written: 0 };
        self.write();
    }

    fn write(&mut self) {
        let Phase::Writing { reply, written } = &mut self.phase else {
            return;
        };
        match self.stream.write(&reply[*written..]) {
            Ok(more) => *written += more,
            Err(error) if again(&error) => return,
            Err(_) => return self.phase = Phase::Over,
        }
        if *written >= reply.len() {
            self.phase = Phase::Over;
        }
    }
}

fn again(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::super::{Client, RendezvousError};
    use super::*;

    /// A server of two, below a path that is longer than a socket's may be.
    fn two() -> (tempfile::TempDir, Server) {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("x".repeat(120));
        fs::create_dir(&deep).unwrap();
        let party = |name: &str| Party {
            name: name.to_owned(),
            role: name.to_owned(),
            board: format!("board-{name}"),
        };
        let server = Server::start(&deep.join("meet"), vec![party("a"), party("b")]).unwrap();
        (root, server)
    }

    fn client(server: &Server, member: usize) -> Client {
        Client::new(server.socket(member).to_owned())
    }

    fn refusal(asked: Result<Vec<super::super::Message>, RendezvousError>) -> String {
        match asked {
            Err(RendezvousError::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn members_meet_and_hand_over_values() {
        let (_root, server) = two();
        let wait = client(&server, 0).begin(&Request::Wait { id: "ip".into() });
        let data: Map<_, _> = json!({"v": "10.0.0.1"}).as_object().unwrap().clone();
        let id = "ip".to_owned();
        client(&server, 1)
            .ask(&Request::Send {
                id,
                data: data.clone(),
            })
            .unwrap();
        let messages = wait.unwrap().reply().unwrap();
        assert_eq!((messages[0].from.as_str(), &messages[0].data), ("b", &data));

        let sync = || Request::Sync { id: "s".into() };
        let first = client(&server, 0).begin(&sync()).unwrap();
        client(&server, 1).ask(&sync()).unwrap();
        first.reply().unwrap();
    }

    #[test]
    fn a_member_that_is_gone_ends_the_waits_for_it() {
        let (_root, server) = two();
        let wait = client(&server, 0)
            .begin(&Request::Sync { id: "s".into() })
            .unwrap();
        server.leave(1);
        assert_eq!(
            refusal(wait.reply()),
            "b on board-b has ended without sending `s`"
        );
        let (late, lost) = (client(&server, 0), Request::Sync { id: "t".into() });
        assert!(refusal(late.ask(&lost)).contains("has ended"));
        drop(server);
        assert!(matches!(late.ask(&lost), Err(RendezvousError::Lost(_))));
    }

    #[test]
    fn a_hostile_member_is_told_and_hurts_nobody_else() {
        let (_root, server) = two();
        let waits: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                client(&server, 0)
                    .begin(&Request::Wait { id: "w".into() })
                    .unwrap()
            })
            .collect();
        // Its next one waits in the queue; the other member is served all the same.
        let queued = client(&server, 0)
            .begin(&Request::Wait { id: "w".into() })
            .unwrap();
        let long = "x".repeat(LONGEST);
        assert!(refusal(client(&server, 1).ask(&Request::Wait { id: long })).contains("longer"));
        let (id, data) = ("w".to_owned(), Map::new());
        client(&server, 1).ask(&Request::Send { id, data }).unwrap();
        for wait in waits.into_iter().chain([queued]) {
            assert_eq!(wait.reply().unwrap().len(), 1);
        }
    }

    #[test]
    fn who_hangs_up_makes_room() {
        let (_root, server) = two();
        for _ in 0..2 * CONNECTIONS {
            drop(
                client(&server, 0)
                    .begin(&Request::Wait { id: "w".into() })
                    .unwrap(),
            );
        }
        let (id, data) = ("x".to_owned(), Map::new());
        client(&server, 0).ask(&Request::Send { id, data }).unwrap();
    }
}
