//! Fetches virtual boards: a kernel and a userland that boot on any Debian machine, made from Debian's
//! packages without root.
//!
//! A *kit* is what such a board boots, in the user's cache: the kernel, an initial ramdisk that is built
//! here, and the program that runs them. [`fetch`] makes one, [`find`] says where it is, [`files`] gives the
//! board and type files that a lab needs for it. It may use `model`, `process` and the operating system. It
//! must never know of a lab's repository, of jobs or of who asks.

mod apt;
mod cache;
mod cpio;
mod error;
mod files;
mod kind;
mod kit;
mod make;
mod program;
mod ramdisk;

pub use cache::cache_folder;
pub use error::FetchError;
pub use files::{BoardFiles, board_files, type_path};
pub use kind::Kind;
pub use kit::{Kit, Package, find, find_in};
pub use make::{Progress, fetch};
