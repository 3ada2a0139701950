//! A preview server: files of one folder on one address, nothing else.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::UNIX_EPOCH;

use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

use super::SiteError;

/// Requests answered at a time.
const THREADS: usize = 4;
/// A longer address is no page of ours.
const LONGEST: usize = 4096;

/// A server at work; it ends when it is stopped or dropped.
pub struct Served {
    address: SocketAddr,
    server: Arc<Server>,
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Served {
    /// Where it listens: the port is the real one even when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers no further request and returns when the last one is answered.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for _ in &self.threads {
            self.server.unblock();
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing left to end.
            let _ = thread.join();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.end();
    }
}

/// Serves a folder at an address, which should be one of this machine alone.
pub fn serve(folder: &Path, address: SocketAddr) -> Result<Served, SiteError> {
    let failed = |why: String| SiteError::Listen {
        address: address.to_string(),
        why,
    };
    let server = Arc::new(Server::http(address).map_err(|error| failed(error.to_string()))?);
    let bound = server
        .server_addr()
        .to_ip()
        .ok_or_else(|| failed("it is not an internet address".to_owned()))?;
    let stopping = Arc::new(AtomicBool::new(false));
    let thread = |_| {
        let (server, stopping, folder) = (server.clone(), stopping.clone(), folder.to_owned());
        std::thread::spawn(move || {
            while !stopping.load(Ordering::SeqCst) {
                match server.recv() {
                    Ok(request) => answer(request, &folder),
                    // Woken up to stop, or a connection that broke.
                    Err(_) => continue,
                }
            }
        })
    };
    let threads = (0..THREADS).map(thread).collect();
    Ok(Served {
        address: bound,
        server,
        stopping,
        threads,
    })
}

/// What a request is answered with.
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn answer(request: Request, folder: &Path) {
    let tag = |request: &Request| {
        let header = request
            .headers()
            .iter()
            .find(|header| header.field.equiv("If-None-Match"))?;
        Some(header.value.as_str().to_owned())
    };
    let answer = match request.method() {
        Method::Get | Method::Head => find(folder, request.url(), tag(&request).as_deref()),
        _ => Answer {
            status: 405,
            headers: vec![("Allow", "GET, HEAD".to_owned())],
            body: b"only GET and HEAD are answered\n".to_vec(),
        },
    };
    let mut response = Response::from_data(answer.body).with_status_code(StatusCode(answer.status));
    let always = [
        ("Cache-Control", "no-cache".to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        ("Referrer-Policy", "no-referrer".to_owned()),
    ];
    for (name, value) in answer.headers.into_iter().chain(always) {
        if let Ok(header) = Header::from_bytes(name.as_bytes(), value.as_bytes()) {
            response.add_header(header);
        }
    }
    // Whoever asked may be gone; there is nobody to tell.
    let _ = request.respond(response);
}

fn find(folder: &Path, url: &str, known: Option<&str>) -> Answer {
    let Some(place) = place(folder, url) else {
        return missing(folder);
    };
    let (place, is_folder) = if place.is_dir() {
        (place.join("index.html"), true)
    } else {
        (place, false)
    };
    let path = url.split(['?', '#']).next().unwrap_or_default();
    if is_folder && !path.ends_with('/') && place.is_file() {
        // Relative links would lead astray without the slash. The last part is enough to say where.
        let last = path.rsplit('/').next().unwrap_or_default();
        return Answer {
            status: 308,
            headers: vec![("Location", format!("{last}/"))],
            body: Vec::new(),
        };
    }
    let Some((body, tag)) = read(&place) else {
        return missing(folder);
    };
    if known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
        return Answer {
            status: 304,
            headers: vec![("ETag", tag)],
            body: Vec::new(),
        };
    }
    Answer {
        status: 200,
        headers: vec![
            ("Content-Type", content_type(&place).to_owned()),
            ("ETag", tag),
        ],
        body,
    }
}

/// The file a request asks for; `None` when it would lead out of the folder or is hidden.
fn place(folder: &Path, url: &str) -> Option<PathBuf> {
    let path = url.split(['?', '#']).next()?;
    if !path.starts_with('/') || path.len() > LONGEST {
        return None;
    }
    let decoded = decode(path)?;
    let mut place = folder.to_owned();
    for part in Path::new(decoded.trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) if !name.to_str()?.starts_with('.') => place.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(place)
}

/// Percent-decoding; `None` for a broken sequence, a null byte or what is not UTF-8.
fn decode(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || Some((rest.next()? as char).to_digit(16)? as u8);
                digit()? << 4 | digit()?
            }
            0 => return None,
            _ => byte,
        });
    }
    let decoded = String::from_utf8(bytes).ok()?;
    (!decoded.contains(['\0', '\\'])).then_some(decoded)
}

/// A regular file's content and a tag that changes with it.
fn read(place: &Path) -> Option<(Vec<u8>, String)> {
    let mut file = File::open(place).ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() {
        return None;
    }
    let mut body = Vec::new();
    file.read_to_end(&mut body).ok()?;
    let changed = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let tag = format!("\"{:x}-{:x}\"", changed.as_nanos(), body.len());
    Some((body, tag))
}

/// The page for what is not there, with links that hold at any depth.
fn missing(folder: &Path) -> Answer {
    let page = std::fs::read_to_string(folder.join("404.html"))
        .unwrap_or_else(|_| "not found\n".to_owned());
    Answer {
        status: 404,
        headers: vec![("Content-Type", "text/html; charset=utf-8".to_owned())],
        body: page
            .replacen("<head>", "<head><base href=\"/\">", 1)
            .into_bytes(),
    }
}

fn content_type(place: &Path) -> &'static str {
    match place.extension().and_then(|end| end.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("tsv") => "text/tab-separated-values; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        Some("txt" | "log" | "md" | "yaml" | "yml") => "text/plain; charset=utf-8",
        Some("gz") => "application/gzip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpStream;

    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn get(address: SocketAddr, path: &str) -> String {
        ask(
            address,
            &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
        )
    }

    #[test]
    fn serves_its_folder_and_nothing_else() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("public");
        std::fs::create_dir_all(folder.join("jobs")).unwrap();
        std::fs::write(outer.path().join("secret"), "secret").unwrap();
        std::fs::write(folder.join(".pumice-manifest"), "secret").unwrap();
        std::fs::write(folder.join("index.html"), "<p>home").unwrap();
        std::fs::write(folder.join("jobs/index.html"), "<p>jobs").unwrap();
        std::fs::write(folder.join("404.html"), "<head></head>nothing here").unwrap();
        let served = serve(&folder, "127.0.0.1:0".parse().unwrap()).unwrap();
        let at = served.address();

        let home = get(at, "/?a=b");
        assert!(
            home.starts_with("HTTP/1.1 200") && home.ends_with("<p>home"),
            "{home}"
        );
        assert!(home.contains("text/html; charset=utf-8"));
        assert!(get(at, "/jobs/").ends_with("<p>jobs"));
        assert!(get(at, "/jobs").contains("Location: jobs/"));
        let tag = home
            .lines()
            .find_map(|line| line.strip_prefix("ETag: "))
            .unwrap();
        let again = format!(
            "GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: {tag}\r\nConnection: close\r\n\r\n"
        );
        assert!(ask(at, &again).starts_with("HTTP/1.1 304"));

        let gone = get(at, "/no/such/page");
        assert!(gone.starts_with("HTTP/1.1 404") && gone.contains("<base href=\"/\">"));
        for bad in [
            "/../secret",
            "/%2e%2e/secret",
            "/jobs/..%2f..%2fsecret",
            "/.pumice-manifest",
            "/%00",
            "/%",
            "/%zz",
            "/\\..\\secret",
            "//etc/passwd",
        ] {
            let answer = get(at, bad);
            assert!(answer.starts_with("HTTP/1.1 404"), "{bad}: {answer}");
            assert!(!answer.contains("secret"), "{bad}");
        }
        let long = format!("/{}", "a".repeat(20_000));
        get(at, &long);
        ask(at, "\r\n\r\n\0\0garbage\r\n\r\n");
        assert!(
            ask(
                at,
                "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
            .starts_with("HTTP/1.1 405")
        );
        assert!(get(at, "/").starts_with("HTTP/1.1 200"), "still serving");
        served.stop();
    }
}
