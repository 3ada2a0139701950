//! Fetches an image over http or https into the cache.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};

use super::Missing;
use super::cache::{Cache, Known};
use super::hash::Hashed;

/// The largest image, in bytes.
const LARGEST: u64 = 2 << 30;

/// How long a server may take for an address, a connection or its first words.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a download may stand still.
const STILL: Duration = Duration::from_secs(60);

/// The file with the content of a URL, from the cache if it is still the same there.
pub(super) fn fetch(url: &str, sha256: Option<&str>, cache: &Path) -> Result<PathBuf, Missing> {
    fetch_at_most(url, sha256, cache, LARGEST)
}

pub(super) fn fetch_at_most(
    url: &str,
    sha256: Option<&str>,
    cache: &Path,
    most: u64,
) -> Result<PathBuf, Missing> {
    let on_disk = |error: io::Error| Missing::ForNow(format!("{}: {error}", cache.display()));
    let cache = Cache::open(cache).map_err(on_disk)?;
    // A content that the job names by its hash needs no server.
    if let Some(path) = sha256.and_then(|sum| cache.content(sum)) {
        return Ok(path);
    }
    let before = cache
        .known(url)
        .and_then(|known| Some((cache.content(&known.sha256)?, known)));
    let mut response = ask(url, before.as_ref().map(|(_, known)| known))?;
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED
        && let Some((path, known)) = before
    {
        return check(url, sha256, &known.sha256).map(|()| path);
    }
    judge(url, status)?;
    let mut file = Hashed::new(BufWriter::new(cache.begin().map_err(on_disk)?));
    copy(url, &mut response, &mut file, most)?;
    let (writer, found) = file.finish();
    let file = writer
        .into_inner()
        .map_err(|error| on_disk(error.into_error()))?;
    check(url, sha256, &found)?;
    let path = cache.finish(file, &found).map_err(on_disk)?;
    let text = |name| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let known = Known {
        url: url.to_owned(),
        sha256: found,
        etag: text(header::ETAG),
        last_modified: text(header::LAST_MODIFIED),
    };
    cache.remember(&known).map_err(on_disk)?;
    Ok(path)
}

fn ask(url: &str, before: Option<&Known>) -> Result<Response<ureq::Body>, Missing> {
    let agent: Agent = Agent::config_builder()
        .http_status_as_error(false)
        // The host's own certificates: a lab's server may have one of the lab's authority.
        .tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::PlatformVerifier)
                .build(),
        )
        .timeout_resolve(Some(ANSWER))
        .timeout_connect(Some(ANSWER))
        .timeout_recv_response(Some(ANSWER))
        .timeout_per_read(Some(STILL))
        .user_agent(concat!("pumice/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut request = agent.get(url);
    if let Some(known) = before {
        if let Some(etag) = &known.etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        } else if let Some(date) = &known.last_modified {
            request = request.header(header::IF_MODIFIED_SINCE, date);
        }
    }
    request.call().map_err(|error| match error {
        ureq::Error::BadUri(why) => Missing::ForGood(format!("`{url}`: {why}")),
        ureq::Error::Http(why) => Missing::ForGood(format!("`{url}`: {why}")),
        error => Missing::ForNow(format!("`{url}`: {error}")),
    })
}

/// What is not there now will not be there in the next attempt; a server in trouble may recover.
fn judge(url: &str, status: StatusCode) -> Result<(), Missing> {
    let why = format!("`{url}`: the server answers {status}");
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Missing::ForNow(why)),
        status if status.is_client_error() => Err(Missing::ForGood(why)),
        _ => Err(Missing::ForNow(why)),
    }
}

fn copy(
    url: &str,
    response: &mut Response<ureq::Body>,
    file: &mut impl Write,
    most: u64,
) -> Result<(), Missing> {
    let broken = |error: io::Error| Missing::ForNow(format!("`{url}`: {error}"));
    let too_large = || Missing::ForGood(format!("`{url}` is larger than {} MiB", most >> 20));
    let announced = response.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let body = response.body_mut().with_config().limit(u64::MAX).reader();
    let copied = io::copy(&mut body.take(most + 1), file).map_err(broken)?;
    if copied > most {
        return Err(too_large());
    }
    Ok(())
}

fn check(url: &str, wanted: Option<&str>, found: &str) -> Result<(), Missing> {
    match wanted {
        Some(wanted) if wanted != found => Err(Missing::ForGood(format!(
            "the sha256 of `{url}` is {found}, not {wanted}"
        ))),
        _ => Ok(()),
    }
}
