//! Fetching from a server of this test.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use tiny_http::{Header, Response, Server, StatusCode};

use super::cache::Cache;
use super::fetch::{fetch, fetch_at_most};
use super::*;

/// A server of `/image` with an entity tag, `/moved` and a number of other answers.
struct Web {
    server: Arc<Server>,
    /// How often a content was sent.
    sent: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

const IMAGE: &[u8] = b"a kernel of sorts";

impl Web {
    fn new() -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let sent = Arc::new(AtomicU32::new(0));
        let (listening, count) = (Arc::clone(&server), Arc::clone(&sent));
        let thread = thread::spawn(move || {
            for request in listening.incoming_requests() {
                let header = |name: &str, value: &str| Header::from_bytes(name, value).unwrap();
                let known = request.headers().iter().any(|header| {
                    header.field.equiv("If-None-Match") && header.value.as_str() == "\"1\""
                });
                let status =
                    |code: u16| Response::from_string("").with_status_code(StatusCode(code));
                let _ = match request.url() {
                    "/image" if known => request.respond(status(304)),
                    "/image" => {
                        count.fetch_add(1, Ordering::SeqCst);
                        let response =
                            Response::from_data(IMAGE).with_header(header("ETag", "\"1\""));
                        request.respond(response)
                    }
                    "/moved" => {
                        request.respond(status(302).with_header(header("Location", "/image")))
                    }
                    "/trouble" => request.respond(status(503)),
                    _ => request.respond(status(404)),
                };
            }
        });
        Self {
            server,
            sent,
            thread: Some(thread),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.server_addr())
    }

    fn sent(&self) -> u32 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.server.unblock();
        let _ = self.thread.take().unwrap().join();
    }
}

fn cache() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn sum() -> String {
    hash::of_bytes(IMAGE)
}

#[test]
fn a_content_is_sent_once_and_asked_about_later() {
    let (web, cache) = (Web::new(), cache());
    let first = fetch(&web.url("/image"), None, cache.path()).unwrap();
    assert_eq!(fs::read(&first).unwrap(), IMAGE);
    assert_eq!(first, cache.path().join("sha256").join(sum()));
    assert_eq!(
        fetch(&web.url("/image"), None, cache.path()).unwrap(),
        first
    );
    assert_eq!(web.sent(), 1);
    assert_eq!(
        fetch(&web.url("/moved"), None, cache.path()).unwrap(),
        first
    );
}

#[test]
fn a_content_that_is_named_by_its_hash_needs_no_server() {
    let (web, cache) = (Web::new(), cache());
    let url = web.url("/image");
    fetch(&url, Some(&sum()), cache.path()).unwrap();
    drop(web);
    fetch(&url, Some(&sum()), cache.path()).unwrap();
    assert!(matches!(
        fetch(&url, None, cache.path()),
        Err(Missing::ForNow(_))
    ));
}

#[test]
fn a_changed_file_of_the_cache_is_fetched_anew() {
    let (web, cache) = (Web::new(), cache());
    let path = fetch(&web.url("/image"), None, cache.path()).unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "written to by a board").unwrap();
    assert_eq!(Cache::open(cache.path()).unwrap().content(&sum()), None);
    fetch(&web.url("/image"), None, cache.path()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), IMAGE);
    assert_eq!(web.sent(), 2);
}

#[test]
fn what_another_attempt_would_not_find_is_told_from_trouble() {
    let (web, cache) = (Web::new(), cache());
    let get = |path: &str| fetch(&web.url(path), None, cache.path());
    assert!(matches!(get("/gone"), Err(Missing::ForGood(why)) if why.contains("404")));
    assert!(matches!(get("/trouble"), Err(Missing::ForNow(why)) if why.contains("503")));
    let wrong = fetch(&web.url("/image"), Some(&"0".repeat(64)), cache.path());
    assert!(matches!(wrong, Err(Missing::ForGood(why)) if why.contains("sha256")));
    let large = fetch_at_most(&web.url("/image"), None, cache.path(), 4);
    assert!(matches!(large, Err(Missing::ForGood(why)) if why.contains("larger")));
    let left: Vec<_> = fs::read_dir(cache.path().join("sha256")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn many_at_once_get_the_same() {
    let (web, cache) = (Web::new(), cache());
    let url = web.url("/image");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let path = fetch(&url, None, cache.path()).unwrap();
                assert_eq!(fs::read(path).unwrap(), IMAGE);
            });
        }
    });
}

#[test]
fn files_are_compared_byte_for_byte() {
    let folder = cache();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let large = vec![7; 200 << 10];
    let mut other = large.clone();
    other[150 << 10] = 8;
    let (one, two, three) = (file("1", &large), file("2", &large), file("3", &other));
    assert!(same_content(&one, &two).unwrap());
    assert!(!same_content(&one, &three).unwrap());
    assert!(!same_content(&one, &file("4", b"")).unwrap());
}
