//! Reads test results from output, fed as bytes come in: any cut of a stream gives the same results.

pub mod tap;
mod tap_line;
