//! Pure: history, usage, failures. No input or output.
