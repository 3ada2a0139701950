//! Pure: which waiting job goes to which idle board, and how far a running one is.
//!
//! Uses `model` only. It must never read a clock, a file or a ref: what it needs is passed in, so
//! that every runner computes the same plan from the same facts.

mod plan;
mod progress;

pub use plan::{Candidate, IdleBoard, Seat, Wanted, able_runner, fits, plan};
pub use progress::progress;
