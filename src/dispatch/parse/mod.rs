//! Reads test results from output, fed as bytes come in: any cut of a stream gives the same results.
//!
//! | file | reads |
//! |---|---|
//! | `tap`, `tap_line`, `outline` | TAP 12 to 14; its lines and its levels, which KTAP shares |
//! | `ktap`, `ktap_line` | KTAP 1, in the kernel's log or out of it |
//! | `lava_signals`, `signal` | what LAVA's test helpers print |
//! | `junit` | a JUnit report, which is a file and no stream |
//! | `names` | how results of one name are told apart |
//! | `parser` | the front: any parser of a stream by the name that a job gives |

pub mod junit;
mod ktap;
mod ktap_line;
mod lava_signals;
mod names;
mod outline;
mod parser;
mod signal;
mod tap;
mod tap_line;

pub use parser::Parser;
