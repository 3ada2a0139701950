//! The adapters, each with the tool that it is for.

mod junit;
mod labgrid;
mod lava_run;
