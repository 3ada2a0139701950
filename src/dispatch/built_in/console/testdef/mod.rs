//! LAVA test definitions, version 1.0: what they say, where they come from, what they become on
//! the board.

mod checkout;
mod definition;
mod files;
mod helpers;
mod pattern;
mod script;

pub use checkout::checkout;
pub use definition::{TestDef, replacements, texts_of};
pub use files::Files;
pub use helpers::install as install_helpers;
pub use pattern::ResultPattern;
pub use script::{quoted, script};
