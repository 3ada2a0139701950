//! Runs one attempt of a job: the dispatcher protocol, its driver, the built-in dispatchers.
//!
//! It may use `model` and `process`. It must never know of git, of claims or of the journal: it is
//! given a definition, a board and a program, and gives back what happened. Everything that a
//! dispatcher says is taken for hostile: bounded, cleaned, counted.
//!
//! | folder | holds |
//! |---|---|
//! | `driver` | the runner's side: spawns a dispatcher and listens to it |
//! | `protocol` | the events, for both sides |
//! | `action` | actions that several built-in dispatchers understand |
//! | `parse` | results out of a stream of output |
//! | `power` | switching a board off, which is not left to dispatchers |
//! | `rendezvous` | how the members of a group meet, for both sides |
//! | `built_in` | the dispatchers that come with Pumice, each entered as `pumice dispatch NAME` |

pub mod action;
pub mod built_in;
pub mod driver;
pub mod parse;
pub mod power;
pub mod protocol;
pub mod rendezvous;

pub use driver::attempt::{
    AttemptEnd, AttemptHandle, AttemptMessage, AttemptSpec, Exit, FoundAttachment, Progress, Trace,
    start,
};
pub use driver::diary::Diary;
pub use driver::group::{GroupEnd, GroupHandle, GroupSpec, MemberEnd, MemberSpec, start_group};
pub use driver::outcome::{Outcome, outcome};
pub use driver::sweep;
