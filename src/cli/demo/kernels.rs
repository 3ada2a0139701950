//! The demo's boards with a real kernel, where the user's cache has the kit for them.

use super::embedded::File;
use crate::cli::error::{Attempt, Error, Kind};
use crate::fetch::{self, Kit};

/// The cases that need such boards.
pub const CASES: [&str; 2] = ["kernel-boot", "kernel-tests"];

const BOARDS: [&str; 2] = ["uml01", "uml02"];

/// The boards, by the files that make them.
#[derive(Debug, Clone, Default)]
pub struct Kernels {
    files: Vec<File>,
    allow: Option<String>,
}

impl Kernels {
    /// With the kit in the user's cache; no boards where there is none.
    pub fn find() -> Result<Self, Error> {
        match fetch::find(fetch::Kind::Uml) {
            Some(kit) => Self::of(&kit),
            None => Ok(Self::default()),
        }
    }

    fn of(kit: &Kit) -> Result<Self, Error> {
        let mut kernels = Self::default();
        let mut present = None;
        for name in BOARDS {
            let name = name
                .parse()
                .attempt(Kind::Failed, || format!("name a board {name}"))?;
            let files = fetch::board_files(kit, &name, present.as_deref())?;
            for (path, text) in [Some(files.board), files.device_type].into_iter().flatten() {
                kernels.files.push((path, text.into_bytes()));
            }
            let type_path = fetch::type_path(kit.kind);
            let written = kernels.files.iter().find(|(path, _)| *path == type_path);
            present = written.map(|(_, bytes)| bytes.clone());
            kernels.allow = Some(files.allow);
        }
        Ok(kernels)
    }

    pub fn are_there(&self) -> bool {
        self.allow.is_some()
    }

    /// The lab's files of these boards.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// What the runner has to be allowed for them.
    pub fn allow(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// What a person is told.
    pub fn said(&self) -> &'static str {
        if self.are_there() {
            "Two boards, uml01 and uml02, boot a real kernel: User Mode Linux from your cache"
        } else {
            "No board boots a real kernel; `pumice board fetch uml --kit-only` gets two for the next demo"
        }
    }
}
