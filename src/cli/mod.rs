//! One file per command, with the same name as the command.

pub mod schema;
pub mod validate;
