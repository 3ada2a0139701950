//! How the members of a group meet: messages that one sends and others wait for, as LAVA's MultiNode
//! API has them.
//!
//! The runner serves it for the time of an attempt, on one socket for each member, so that nobody
//! can speak for another. Each connection carries one request and one reply, each a line of JSON.
//! What members say is hostile: lines, connections, ids and bytes are counted, and whoever asks for
//! too much is told so.
//!
//! | file | holds |
//! |---|---|
//! | `message` | requests and replies, with their limits |
//! | `table` | what was said, and what a wait is answered; pure |
//! | `server` | the thread that serves the sockets |
//! | `client` | one request from a member's process |
//! | `group_file` | who is in the group, as each member is told |
//! | `tool` | `lava-send` and its like, for shells |

mod client;
mod group_file;
mod message;
mod server;
mod table;
pub mod tool;

pub use client::{Client, Pending, RendezvousError};
pub use group_file::{GroupFile, Party};
pub use message::{Message, Request};
pub use server::Server;

/// The environment variable with the path of the member's socket.
pub const SOCKET: &str = "PUMICE_RENDEZVOUS";

/// The environment variable with the path of the member's [`GroupFile`].
pub const GROUP_FILE: &str = "PUMICE_GROUP_FILE";
