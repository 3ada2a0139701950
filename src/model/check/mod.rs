//! Judges Pumice's files: every problem of a file in one run, each with place, cause and remedy.
//!
//! A file becomes a tree whose keys and values know their places; the tree is judged by the schema
//! generated from the model's type, whose errors are put into our own words, and by rules that no
//! schema says. Only a file without errors is read into its type.
//!
//! The module reads bytes and returns values: it must never open a file, and never panic, whatever
//! the bytes. It alone knows of serde_yaml, in one function.

mod board;
mod console;
mod duplicates;
mod files;
mod job;
mod job_group;
mod job_in_lab;
mod job_rules;
mod json;
mod json_lexemes;
mod lab_config;
mod place;
mod placeholders;
mod problems;
mod queue_path;
mod render;
mod schema;
mod schema_errors;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod words;
mod yaml;
mod yaml_scalar;

pub use board::{LARGEST_YAML, board, device_type};
pub use files::{File, FileKind, lab_files, validate_as, validate_file, validate_tree};
pub use job::{LARGEST_JOB, job, too_large};
pub use lab_config::{host_config, lab_config};
pub use problems::Checked;
pub use queue_path::{EXECUTABLE, REGULAR, SUBMODULE, SYMLINK, queue_path};
pub use render::{line, render, to_gitlab};
pub use schema::{SchemaKind, schema};
pub use words::{join, nearest, quote};
pub use yaml::{from_yaml, plain_yaml};
