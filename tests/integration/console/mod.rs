//! The built-in dispatcher `console` on boards that are a shell of this host, and on a real kernel.

mod boot;
mod drills;
mod fake;
mod images;
mod shell;
mod test_shell;
mod uml;
mod ways;
