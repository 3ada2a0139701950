//! From a file's bytes to text: size, byte order mark, UTF-8.

use std::borrow::Cow;

use super::place::{Place, Places};
use super::problems::Problems;

/// The most broken places of the encoding that are told.
const MOST_BROKEN: usize = 10;

/// The text of a file, without a byte order mark; what is no UTF-8 is reported and replaced.
/// `None` when the file is larger than `limit` bytes, and is not worth a look.
pub(super) fn decode<'b>(
    bytes: &'b [u8],
    limit: usize,
    problems: &mut Problems,
) -> Option<Cow<'b, str>> {
    if bytes.len() > limit {
        too_large(None, limit, problems);
        return None;
    }
    let bytes = if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        problems.error(
            Place::START,
            "byte-order-mark",
            "the file begins with a byte order mark",
            "save it as UTF-8 without a byte order mark",
        );
        rest
    } else {
        bytes
    };
    let text = String::from_utf8_lossy(bytes);
    if let Cow::Owned(replaced) = &text {
        report_broken(bytes, replaced, problems);
    }
    Some(text)
}

/// `bytes` is the file's size; a reader that stopped at the limit does not know it.
pub(super) fn too_large(bytes: Option<u64>, limit: usize, problems: &mut Problems) {
    let size = bytes.map_or_else(String::new, |bytes| format!(" ({bytes} bytes)"));
    problems.error(
        Place::START,
        "too-large",
        format!(
            "the file{size} is larger than the {} KiB allowed",
            limit / 1024
        ),
        "keep large data elsewhere and name it by its address",
    );
}

fn report_broken(bytes: &[u8], replaced: &str, problems: &mut Problems) {
    let places = Places::new(replaced);
    let mut offset = 0;
    let mut broken = 0;
    for chunk in bytes.utf8_chunks() {
        offset += chunk.valid().len();
        if chunk.invalid().is_empty() {
            continue;
        }
        broken += 1;
        if broken <= MOST_BROKEN {
            let hex: Vec<String> = chunk.invalid().iter().map(|b| format!("{b:02x}")).collect();
            problems.error(
                places.at(offset),
                "bad-utf8",
                format!("the bytes {} here are not UTF-8", hex.join(" ")),
                "save the file as UTF-8",
            );
        }
        offset += char::REPLACEMENT_CHARACTER.len_utf8();
    }
}
