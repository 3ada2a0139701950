//! A path under `queue/` that nobody has.

/// `queue/a.json`, else `queue/a-2.json`, `queue/a-3.json`, … whichever is not taken first.
pub fn path(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    numbered(wanted, taken)
}

/// The first of `queue/a-2.json`, `queue/a-3.json`, … that is not taken.
pub fn numbered(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    let stem = wanted.strip_suffix(".json").unwrap_or(wanted);
    let mut n = 2_u64;
    loop {
        let path = format!("{stem}-{n}.json");
        if !taken(&path) {
            return path;
        }
        n += 1;
    }
}

/// The path without the number that an earlier copy was given: `queue/a-3.json` is a copy of `queue/a.json`.
pub fn original(path: &str) -> String {
    let stem = path.strip_suffix(".json").unwrap_or(path);
    match stem.rsplit_once('-') {
        Some((base, n))
            if !n.is_empty()
                && !base.is_empty()
                && !base.ends_with('/')
                && n.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            format!("{base}.json")
        }
        _ => format!("{stem}.json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_number_is_taken() {
        let taken = ["queue/a.json", "queue/a-2.json"];
        let is_taken = |path: &str| taken.contains(&path);
        assert_eq!(path("queue/b.json", is_taken), "queue/b.json");
        assert_eq!(path("queue/a.json", is_taken), "queue/a-3.json");
        assert_eq!(numbered("queue/b.json", is_taken), "queue/b-2.json");
    }

    #[test]
    fn copies_of_copies_count_on() {
        assert_eq!(original("queue/a-3.json"), "queue/a.json");
        assert_eq!(original("queue/a-b.json"), "queue/a-b.json");
        assert_eq!(original("queue/-3.json"), "queue/-3.json");
    }
}
