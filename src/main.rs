//! Parses the command line, calls the library, returns its exit code.

fn main() {}
