//! Hears at once when the references of a repository on this machine change.

use std::path::Path;

use notify::event::{EventKind, ModifyKind};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::error::{GitError, GitErrorKind};
use super::location::{Location, without_password};

/// Watches as long as it is kept.
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// Calls back, from a thread of its own, when a reference of the repository at `url` is made, changed or
/// removed; never for reads, so the callback may read them. `None` when the repository is on another
/// machine.
///
/// A reference in a folder that is made at the same moment may be missed, and a network file system tells
/// only of this machine's changes: a slow poll has to stay beside it.
pub fn watch(url: &str, on_change: impl Fn() + Send + 'static) -> Result<Option<Watch>, GitError> {
    let location = Location::of(url)?;
    let Some(path) = location.local() else {
        return Ok(None);
    };
    let attempt = || format!("watch {}", without_password(url));
    let repository = git2::Repository::open(path).map_err(GitError::object(attempt))?;
    let dir = repository.commondir().to_owned();
    let refs = dir.join("refs");
    let below = refs.clone();
    let handler = move |event: notify::Result<Event>| {
        // An error is a lost event: look once too often rather than once too little.
        if event.map_or(true, |event| is_change(&event, &below)) {
            on_change();
        }
    };
    let notify_error = |error: notify::Error| {
        GitError::new(
            attempt(),
            GitErrorKind::File(dir.clone(), std::io::Error::other(error)),
        )
    };
    let config = Config::default().with_follow_symlinks(false);
    let mut watcher = RecommendedWatcher::new(handler, config).map_err(notify_error)?;
    watcher
        .watch(&refs, RecursiveMode::Recursive)
        .and_then(|()| watcher.watch(&dir, RecursiveMode::NonRecursive))
        .map_err(notify_error)?;
    Ok(Some(Watch { _watcher: watcher }))
}

/// Whether the event tells that a reference changed. Git writes `x.lock` and renames it to `x`.
fn is_change(event: &Event, refs: &Path) -> bool {
    if event.need_rescan() {
        return true;
    }
    let kind = match event.kind {
        EventKind::Create(_) | EventKind::Remove(_) => true,
        EventKind::Modify(kind) => !matches!(kind, ModifyKind::Metadata(_)),
        _ => false,
    };
    let is_reference = |path: &std::path::PathBuf| {
        path.extension().is_none_or(|ending| ending != "lock")
            && (path.starts_with(refs)
                || path.file_name().is_some_and(|name| name == "packed-refs"))
    };
    kind && event.paths.iter().any(is_reference)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use super::*;
    use crate::git::testing::Server;

    fn heard(events: &Receiver<()>) -> bool {
        let heard = events.recv_timeout(Duration::from_secs(10)).is_ok();
        while events.try_recv().is_ok() {}
        heard
    }

    fn watched(server: &Server) -> (Watch, Receiver<()>) {
        let (send, events) = channel();
        let watch = watch(&server.url(), move || send.send(()).unwrap_or_default()).unwrap();
        (watch.unwrap(), events)
    }

    #[test]
    fn pushes_and_deletions_are_heard() {
        let server = Server::new();
        server.push(&[("f", "1")]);
        let (_watch, events) = watched(&server);
        server.push(&[("f", "2")]);
        assert!(heard(&events), "a push");
        server.git(["push", "-q", "origin", "HEAD:refs/pumice/journal/r"]);
        assert!(heard(&events), "a push into a new folder");
        server.bare(["pack-refs", "--all"]);
        assert!(heard(&events), "packing");
        server.bare(["update-ref", "-d", "refs/pumice/journal/r"]);
        assert!(heard(&events), "a deletion");
    }

    #[test]
    fn reads_and_locks_are_not_changes() {
        use notify::event::{AccessKind, AccessMode, CreateKind, MetadataKind, RemoveKind};
        let refs = Path::new("/lab.git/refs");
        let judge = |kind, path: &str| is_change(&Event::new(kind).add_path(path.into()), refs);
        let create = EventKind::Create(CreateKind::File);
        let remove = EventKind::Remove(RemoveKind::File);
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let touch = EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any));
        assert!(judge(create, "/lab.git/refs/heads/main"));
        assert!(judge(remove, "/lab.git/refs/pumice/claims/x"));
        assert!(judge(create, "/lab.git/packed-refs"));
        assert!(!judge(create, "/lab.git/refs/heads/main.lock"));
        assert!(!judge(open, "/lab.git/refs/heads/main"));
        assert!(!judge(touch, "/lab.git/refs/heads/main"));
        assert!(!judge(create, "/lab.git/config"));
    }

    #[test]
    fn only_local_repositories_can_be_watched() {
        assert!(watch("git@host:lab.git", || ()).unwrap().is_none());
        assert!(watch("https://host/lab.git", || ()).unwrap().is_none());
        assert!(watch("/nowhere/lab.git", || ()).is_err());
    }
}
