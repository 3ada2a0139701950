//! Where pages lie: paths in the output, and links from one page to another.
//!
//! All links are relative and name their file, so the site works under a sub-path and from a folder.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{JobId, name};

/// The longest name that is used as a folder as it is.
const LONGEST: usize = 60;

/// A folder name for any text: the text itself when it is plain, else what is plain of it and a hash.
pub fn slug(text: &str) -> String {
    // A plain text that looks like a hashed one is hashed too, so that the two never meet.
    let hashed_looking = text
        .rsplit_once("--")
        .is_some_and(|(_, end)| end.len() == 12 && end.bytes().all(|c| c.is_ascii_hexdigit()));
    if name::is_name(text) && text.len() <= LONGEST && !hashed_looking {
        return text.to_owned();
    }
    let mut plain = String::new();
    for c in text.chars().take(40) {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => plain.push(c),
            _ if plain.ends_with('-') || plain.is_empty() => {}
            _ => plain.push('-'),
        }
    }
    let plain = match plain.trim_end_matches('-') {
        "" => "x",
        some => some,
    };
    format!("{plain}--{:012x}", xxh3_64(text.as_bytes()) >> 16)
}

/// The folder of a job's pages, with a slash at its end.
pub fn job(id: JobId) -> String {
    let id = id.to_string();
    format!("jobs/{}/{id}/", &id[..2])
}

pub fn job_page(id: JobId) -> String {
    let mut path = job(id);
    path.push_str("index.html");
    path
}

/// The file of a log page within the job's folder, counted from 1.
pub fn log_file(page: usize) -> String {
    match page {
        0 | 1 => "log.html".to_owned(),
        _ => format!("log-{page}.html"),
    }
}

pub fn board(name: &str) -> String {
    format!("boards/{}/index.html", slug(name))
}

pub fn user(name: &str) -> String {
    format!("users/{}/index.html", slug(name))
}

pub fn tag(name: &str) -> String {
    format!("tags/{}/index.html", slug(name))
}

/// A device type's place on the page of all types.
pub fn device_type(name: &str) -> String {
    format!("types/index.html#{}", slug(name))
}

pub fn list(page: usize) -> String {
    format!("jobs/p/{page}/index.html")
}

/// `../` for each folder of a page's path: what leads from it to the top.
pub fn root_of(path: &str) -> String {
    "../".repeat(path.matches('/').count())
}

/// A path as a link: every byte that could mean something in a URL is percent-encoded.
pub fn encode(path: &str) -> String {
    let mut link = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                link.push(byte as char);
            }
            _ => link.push_str(&format!("%{byte:02X}")),
        }
    }
    link
}

/// Joins a folder with a relative path and resolves `.` and `..`; `None` when it leaves the top.
pub fn resolve(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(relative.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_has_its_own_plain_folder() {
        assert_eq!(slug("qemu-01"), "qemu-01");
        let odd = [
            "",
            "..",
            "a/b",
            "a b",
            "<script>",
            "ä",
            "a--0123456789ab",
            "\u{202e}",
            "-x",
            "x.lock",
        ];
        let mut slugs: Vec<String> = odd.iter().map(|text| slug(text)).collect();
        assert!(slugs.iter().all(|slug| name::is_name(slug)), "{slugs:?}");
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), odd.len());
        assert!(slug(&"x".repeat(5000)).len() < 60);
    }

    #[test]
    fn links_are_relative_and_resolved() {
        assert_eq!(root_of("index.html"), "");
        assert_eq!(root_of("jobs/p/1/index.html"), "../../../");
        assert_eq!(resolve("a/b", "../c/./d.md").as_deref(), Some("a/c/d.md"));
        assert_eq!(resolve("a", "../../etc"), None);
        assert_eq!(encode("a b/ä#?%.html"), "a%20b/%C3%A4%23%3F%25.html");
    }
}
