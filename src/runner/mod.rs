//! The daemon on a lab host.
