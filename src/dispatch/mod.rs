//! The dispatcher protocol, its driver, and the built-in dispatchers.
