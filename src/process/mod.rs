//! Supervises one process: its group, its time limits, its end, its output.
