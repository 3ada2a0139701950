//! Pure: which waiting job goes to which idle board, when each will start and end, and how far a running
//! one is.
//!
//! Uses `model` only. It must never read a clock, a file or a ref: what it needs is passed in, so
//! that every runner computes the same plan from the same facts.

mod bits;
mod calibration;
mod candidate;
mod course;
pub mod estimate;
mod fitting;
mod forecast;
mod lines;
mod matching;
pub mod outlook;
mod past;
mod plan;
mod progress;
mod queue;
mod rules;
mod runs;
mod turns;
mod why;

pub use calibration::{Calibration, Sample};
pub use candidate::{Candidate, PlanBoard, Seat, Wanted, fits};
pub use course::Course;
pub use forecast::{Busy, Forecast, forecast};
pub use past::Past;
pub use plan::{HOLD_AFTER_S, Plan, Start, able_runner, order, plan};
pub use progress::{Usual, pace, shown};
pub use queue::Queue;
pub use rules::{Lane, Rules, Served, level};
pub use runs::{Run, RunTime, RunTimes, median};
pub use why::{Besides, Obstacle, Why, Wish};

#[cfg(test)]
mod tests;
