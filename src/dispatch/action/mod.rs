//! The actions of a job that several built-in dispatchers understand.

mod error;
mod list;
pub mod run;

pub use error::JobError;
pub use list::{Action, actions};
