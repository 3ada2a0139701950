//! Commits as they are read: whatever a commit says is taken as bytes from a stranger.

use super::porcelain::parse_identity;
use crate::model::{ObjectId, Time};

/// An author or committer. Name and mail are what the commit says, made text; nobody has checked them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub name: String,
    pub email: String,
    pub time: Time,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub id: ObjectId,
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    pub author: Person,
    pub committer: Person,
    /// The first line of the message.
    pub subject: String,
    pub message: String,
}

/// Reads a commit object. Only a missing tree makes it none: a commit with an odd author or date still is
/// part of a history that has to be walked.
pub(super) fn parse_commit(id: ObjectId, data: &[u8]) -> Option<Commit> {
    let nobody = || Person {
        name: String::new(),
        email: String::new(),
        time: Time::from_unix(0),
    };
    let mut tree = None;
    let mut parents = Vec::new();
    let (mut author, mut committer) = (None, None);
    let mut rest = data;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
        if line.is_empty() {
            break;
        }
        let mut words = line.splitn(2, |byte| *byte == b' ');
        let (key, value) = (words.next()?, words.next().unwrap_or_default());
        match key {
            b"tree" if tree.is_none() => tree = Some(parse_id(value)?),
            b"parent" => parents.push(parse_id(value)?),
            b"author" if author.is_none() => author = Some(person(value)),
            b"committer" if committer.is_none() => committer = Some(person(value)),
            _ => {}
        }
    }
    let message = String::from_utf8_lossy(rest).into_owned();
    let subject = message.trim_start().lines().next().unwrap_or_default();
    Some(Commit {
        id,
        tree: tree?,
        parents,
        author: author.unwrap_or_else(nobody),
        committer: committer.unwrap_or_else(nobody),
        subject: subject.trim_end().to_owned(),
        message,
    })
}

/// What a walk through the history needs of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    /// When it was committed, in seconds since 1970, by a clock that nobody has checked.
    pub time: i64,
}

pub(super) fn parse_links(data: &[u8]) -> Option<Links> {
    let mut tree = None;
    let mut parents = Vec::new();
    let mut time = 0;
    for line in data.split(|byte| *byte == b'\n') {
        if let Some(value) = line.strip_prefix(b"parent ") {
            parents.push(parse_id(value)?);
        } else if let Some(value) = line.strip_prefix(b"tree ") {
            tree = Some(tree.unwrap_or(parse_id(value)?));
        } else if let Some(value) = line.strip_prefix(b"committer ") {
            time = person(value).time.unix();
            break;
        } else if line.is_empty() {
            break;
        }
    }
    Some(Links {
        tree: tree?,
        parents,
        time,
    })
}

fn parse_id(value: &[u8]) -> Option<ObjectId> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

fn person(line: &[u8]) -> Person {
    let (name, email, seconds) = parse_identity(line);
    Person {
        name,
        email,
        time: Time::from_unix(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "tree 0123456789abcdef0123456789abcdef01234567\n\
        parent 1123456789abcdef0123456789abcdef01234567\n\
        parent 2123456789abcdef0123456789abcdef01234567\n\
        author A <B> <a@b> 12 +0100\n\
        committer C <c@d> 99999999999999999999 +0000\n\
        gpgsig x\n parent 3\n\nsubject \n\nbody\n";

    #[test]
    fn reads_what_git_writes_and_what_it_does_not() {
        let id = ObjectId::from_bytes([7; 20]);
        let commit = parse_commit(id, TEXT.as_bytes()).unwrap();
        assert_eq!(commit.parents.len(), 2);
        assert_eq!(commit.author.name, "A");
        assert_eq!(commit.author.email, "B> <a@b");
        assert_eq!(commit.author.time, Time::from_unix(12));
        assert_eq!(commit.committer.time, Time::from_unix(0));
        assert_eq!(commit.subject, "subject");
        assert_eq!(commit.message, "subject \n\nbody\n");
        let links = parse_links(TEXT.as_bytes()).unwrap();
        assert_eq!((links.tree, links.parents), (commit.tree, commit.parents));
        assert_eq!(parse_commit(id, b"parent x"), None);
        assert_eq!(parse_commit(id, b""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(cut in 0..TEXT.len(), noise: Vec<u8>) {
            let id = ObjectId::ZERO;
            parse_commit(id, &noise);
            parse_links(&noise);
            let mut bytes = TEXT.as_bytes()[..cut].to_vec();
            bytes.extend(noise);
            parse_commit(id, &bytes);
            parse_links(&bytes);
        }
    }
}
