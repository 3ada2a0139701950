//! Synthetic labs for tests and benchmarks: any number of finished jobs of every kind, boards in
//! every state, a queue. The same number always gives the same lab.

mod estimates;
mod facts;
mod lab;
mod now;
mod records;

pub use facts::job_id;
pub use lab::Sample;
pub use records::parsed_definition;
