//! Dispatchers that hand a job on to another tool and tell what it says in the protocol's words.
//!
//! The tools themselves are looked up in the `PATH` of the runner, which is the host's to choose: a
//! board's file names none.
//!
//! | file | tool |
//! |---|---|
//! | `junit` | any program that leaves JUnit reports |
//! | `labgrid` | pytest, with labgrid or without |
//! | `lava_run` | the `lava-run` of LAVA's dispatcher |

pub mod junit;
pub mod labgrid;
pub mod lava_run;
mod parameters;
