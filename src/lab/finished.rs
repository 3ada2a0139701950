//! Which jobs have ended: an index beside the mirror, so that a look at the queue does not list the
//! whole history.

use std::fs;
use std::path::PathBuf;

use super::{Journals, LabError, Reader};
use crate::model::JobId;

/// The index's file in the mirror's folder: a line of JSON with the number of ids and the journals'
/// heads, then the ids in order, 16 bytes each.
const FILE: &str = "pumice-finished";

/// The jobs that have a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Finished {
    /// In order.
    ids: Vec<JobId>,
}

impl Finished {
    pub fn contains(&self, id: JobId) -> bool {
        self.ids.binary_search(&id).is_ok()
    }
}

impl Reader {
    /// The jobs that have a record in any journal. Costs what the journals have gained since the
    /// last call for this mirror; without an index that can be used all of them are listed.
    pub fn finished(&self) -> Result<Finished, LabError> {
        let journals = self.journals()?;
        let (known, heads) = self.read_index().unwrap_or_default();
        if heads == journals {
            return Ok(known);
        }
        let grown = self.grow(known, &heads, &journals)?;
        let finished = match grown {
            Some(finished) => finished,
            None => self
                .grow(Finished::default(), &Journals::new(), &journals)?
                .unwrap_or_default(),
        };
        // Without an index the next call is slower, not wrong.
        let _ = self.write_index(&finished, &journals);
        Ok(finished)
    }

    /// `None` when a journal has lost something, as after a restored backup.
    fn grow(
        &self,
        mut known: Finished,
        old: &Journals,
        new: &Journals,
    ) -> Result<Option<Finished>, LabError> {
        if !old.values().all(|head| self.repo().exists(*head)) {
            return Ok(None);
        }
        for change in self.record_changes(old, new)? {
            if change.new.is_none() {
                return Ok(None);
            }
            known.ids.push(change.id);
        }
        known.ids.sort_unstable();
        known.ids.dedup();
        Ok(Some(known))
    }

    fn index_path(&self) -> PathBuf {
        self.repo().path().join(FILE)
    }

    fn read_index(&self) -> Option<(Finished, Journals)> {
        let bytes = fs::read(self.index_path()).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (count, heads): (usize, Vec<(_, _)>) = serde_json::from_slice(&bytes[..end]).ok()?;
        let (ids, rest) = bytes[end + 1..].as_chunks::<16>();
        let ids: Vec<JobId> = ids.iter().map(|id| JobId::from_bytes(*id)).collect();
        // Cut short by a power cut, or not ours.
        if ids.len() != count || !rest.is_empty() || !ids.is_sorted() {
            return None;
        }
        Some((Finished { ids }, heads.into_iter().collect()))
    }

    fn write_index(&self, finished: &Finished, journals: &Journals) -> std::io::Result<()> {
        let heads: Vec<_> = journals.iter().collect();
        let mut bytes = serde_json::to_vec(&(finished.ids.len(), heads))?;
        bytes.push(b'\n');
        for id in &finished.ids {
            bytes.extend_from_slice(id.as_bytes());
        }
        // Two processes may write at once: each its own file, and the last one stays.
        let path = self.index_path();
        let new = path.with_extension(std::process::id().to_string());
        fs::write(&new, bytes)?;
        fs::rename(new, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::testing::Server;
    use crate::git::{CommitBuilder, Person, Repo};
    use crate::lab::{Refs, record_path};
    use crate::model::{ObjectId, Time};

    fn id(n: u8) -> JobId {
        JobId::from_bytes([n; 16])
    }

    fn reader(server: &Server) -> Reader {
        Reader::new(Repo::open(&server.path()).unwrap(), Refs::default())
    }

    /// A journal with the records of these jobs.
    fn journal(server: &Server, base: Option<ObjectId>, ids: &[u8]) -> ObjectId {
        let repo = Repo::open(&server.path()).unwrap();
        let mut builder = CommitBuilder::new(&repo, base);
        for n in ids {
            builder
                .put(&record_path(id(*n), Time::from_unix(0)), b"{}")
                .unwrap();
        }
        let author = Person {
            name: "r".to_owned(),
            email: "r@x".to_owned(),
            time: Time::from_unix(0),
        };
        let head = builder.commit(&author, "Finish").unwrap();
        repo.set_reference("refs/pumice/journal/r", Some(head))
            .unwrap();
        head
    }

    #[test]
    fn the_index_follows_the_journals_forward_and_back() {
        let server = Server::new();
        assert_eq!(reader(&server).finished().unwrap(), Finished::default());
        let first = journal(&server, None, &[3, 1]);
        assert_eq!(reader(&server).finished().unwrap().ids, [id(1), id(3)]);
        journal(&server, Some(first), &[2]);
        let grown = reader(&server).finished().unwrap();
        assert_eq!(grown.ids, [id(1), id(2), id(3)]);
        assert!(grown.contains(id(2)) && !grown.contains(id(4)));
        // A restored backup: what it has lost is not finished.
        journal(&server, None, &[1]);
        assert_eq!(reader(&server).finished().unwrap().ids, [id(1)]);
        // A damaged index is made anew.
        let path = reader(&server).index_path();
        assert!(path.exists(), "the index is written");
        fs::write(&path, b"[1,[]]\nshort").unwrap();
        assert_eq!(reader(&server).finished().unwrap().ids, [id(1)]);
    }
}
