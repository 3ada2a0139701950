//! What stands in a lab's refs, as last fetched.

use super::{LabError, Refs};
use crate::git::Repo;
use crate::model::ObjectId;

/// An open mirror. What it can read is spread over this module's files, one kind of ref each.
pub struct Reader {
    repo: Repo,
    refs: Refs,
}

impl Reader {
    pub(crate) fn new(repo: Repo, refs: Refs) -> Self {
        Self { repo, refs }
    }

    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    pub fn refs(&self) -> &Refs {
        &self.refs
    }

    /// Main's head; `None` before the first push.
    pub fn main(&self) -> Result<Option<ObjectId>, LabError> {
        Ok(self.repo.reference(&self.refs.main())?)
    }

    pub fn blob(&self, id: ObjectId) -> Result<Vec<u8>, LabError> {
        Ok(self.repo.blob(id)?)
    }

    /// A regular file on main.
    pub fn main_file(&self, path: &str) -> Result<Option<Vec<u8>>, LabError> {
        match self.main()? {
            Some(main) => Ok(self.repo.file(main, path)?),
            None => Ok(None),
        }
    }

    /// The regular files on main below a folder, with their blobs, in path order.
    pub fn main_files(&self, under: &str) -> Result<Vec<(String, ObjectId)>, LabError> {
        let Some(main) = self.main()? else {
            return Ok(Vec::new());
        };
        let files = self.repo.files(main, under)?;
        Ok(files
            .into_iter()
            .filter(|(_, entry)| entry.is_file())
            .map(|(path, entry)| (path, entry.id))
            .collect())
    }
}

/// Reads a JSON file that a runner wrote.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    reference: &str,
    path: &str,
) -> Result<T, LabError> {
    serde_json::from_slice(bytes).map_err(|cause| LabError::Unreadable {
        reference: reference.to_owned(),
        path: path.to_owned(),
        cause: cause.to_string(),
    })
}
