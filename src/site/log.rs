//! Logs as pages of numbered lines, and the part of a log that a job page shows.

use std::fmt::Write;
use std::sync::LazyLock;

use regex::bytes::Regex;
use serde::Serialize;

use super::ansi::{self, Painter};
use super::paths;

/// Lines a page.
pub const LINES: usize = 5000;
/// Pages shown of a longer log: its beginning and its end; the raw text has everything.
const PAGES: usize = 20;

/// One page of a log as its template sees it.
#[derive(Debug, Clone, Serialize)]
pub struct LogPage {
    /// From 1.
    pub number: usize,
    pub pages: Vec<PageLink>,
    pub first: usize,
    pub last: usize,
    pub lines: usize,
    /// Lines left out in the middle, told on the page that follows them.
    pub left_out: usize,
    /// The numbered lines as HTML.
    pub html: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct PageLink {
    pub file: String,
    pub label: String,
    pub here: bool,
}

/// The lines of a log; a line feed at its end begins no further one. They are never gathered: a log
/// of nothing but line feeds would need many times its size.
fn lines(log: &[u8]) -> impl Iterator<Item = &[u8]> {
    let log = log.strip_suffix(b"\n").unwrap_or(log);
    let any = !log.is_empty();
    log.split(|byte| *byte == b'\n').filter(move |_| any)
}

/// How many lines a log has.
pub fn count(log: &[u8]) -> usize {
    lines(log).count()
}

/// The ranges of lines, from 0, that the pages of so many lines show.
fn ranges(count: usize) -> Vec<(usize, usize)> {
    let all = count.div_ceil(LINES);
    let cut = all > PAGES;
    (0..all)
        .filter(|page| !cut || *page < PAGES / 2 || *page >= all - PAGES / 2)
        .map(|page| (page * LINES, ((page + 1) * LINES).min(count)))
        .collect()
}

/// The file and anchor of a line, counted from 1.
pub fn anchor(line: usize, count: usize) -> String {
    let page = ranges(count)
        .iter()
        .position(|(first, last)| (*first..*last).contains(&(line.max(1) - 1)));
    let file = paths::log_file(page.map_or(1, |page| page + 1));
    format!("{file}#L{line}")
}

/// Every page of a log, handed over one at a time since a log may be large.
pub fn pages<E>(log: &[u8], mut each: impl FnMut(LogPage) -> Result<(), E>) -> Result<usize, E> {
    let count = count(log);
    let ranges = ranges(count);
    let mut lines = lines(log);
    let mut painter = Painter::default();
    let mut before = 0;
    for (i, &(first, last)) in ranges.iter().enumerate() {
        for _ in before..first {
            lines.next();
        }
        let mut html = String::with_capacity((last - first) * 80);
        for (n, line) in (first + 1..=last).zip(lines.by_ref()) {
            // Writing to a String cannot fail.
            let _ = write!(html, "<a id=\"L{n}\" href=\"#L{n}\">{n}</a>");
            painter.line(line, &mut html);
            html.push('\n');
        }
        let link = |(page, (first, last)): (usize, &(usize, usize))| PageLink {
            file: paths::log_file(page + 1),
            label: format!("{}–{last}", first + 1),
            here: page == i,
        };
        each(LogPage {
            number: i + 1,
            pages: ranges.iter().enumerate().map(link).collect(),
            first: first + 1,
            last,
            lines: count,
            left_out: first - before,
            html,
        })?;
        before = last;
    }
    Ok(ranges.len())
}

/// The few lines of a log that matter most.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Excerpt {
    pub lines: Vec<ExcerptLine>,
    /// Whether it shows a failure, not just the end.
    pub failure: bool,
}

#[derive(Debug, Clone, Serialize)]
pub struct ExcerptLine {
    pub n: usize,
    pub href: String,
    pub text: String,
    /// The line that says what failed.
    pub hit: bool,
}

/// Lines shown, and how many of them before the failure.
const SHOWN: usize = 10;
const BEFORE: usize = 4;
const WIDTH: usize = 160;

/// What a failing log says where it fails; the first such line is shown.
const FAILURE: &str = r"(?i:not ok |kernel panic|panicked at|traceback \(most recent|assertion .*failed|segmentation fault|command not found|no such file or directory|permission denied|oops:|fatal:|error:|failed:|result=fail|timed out)|\bFAIL(ED)?\b";

static FAILURES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FAILURE).ok());

/// The first failing line with its surroundings when something failed, else the last lines.
pub fn excerpt(log: &[u8], failed: bool) -> Excerpt {
    let count = count(log);
    let text =
        |line: &[u8]| super::text::shorten(&ansi::plain(&line[..line.len().min(4000)]), WIDTH);
    let says_failure = |line: &[u8]| {
        // A command that is run may name what it looks for.
        let command = line.starts_with(b"$ ");
        !command && FAILURES.as_ref().is_some_and(|words| words.is_match(line))
    };
    let hit = if failed {
        lines(log).position(says_failure)
    } else {
        None
    };
    let end = match hit {
        Some(hit) => (hit + SHOWN - BEFORE).min(count),
        None => count,
    };
    let first = end.saturating_sub(SHOWN);
    let shown = (first + 1..=end)
        .zip(lines(log).skip(first))
        .map(|(n, line)| ExcerptLine {
            n,
            href: anchor(n, count),
            text: text(line),
            hit: hit == Some(n - 1),
        });
    Excerpt {
        lines: shown.collect(),
        failure: hit.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_numbered_over_pages() {
        let log: String = (1..=LINES + 2).map(|n| format!("line {n}\n")).collect();
        let mut all = Vec::new();
        pages(log.as_bytes(), |page| {
            all.push(page);
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(all.len(), 2);
        assert!(
            all[1]
                .html
                .contains("<a id=\"L5001\" href=\"#L5001\">5001</a>line 5001\n")
        );
        assert_eq!((all[1].first, all[1].last), (5001, 5002));
        assert_eq!(anchor(5001, LINES + 2), "log-2.html#L5001");
        assert_eq!(anchor(1, LINES + 2), "log.html#L1");
    }

    #[test]
    fn a_huge_log_shows_its_beginning_and_its_end() {
        let log = b"\n".repeat(LINES * (PAGES + 7));
        let mut left_out = 0;
        let pages = pages(&log, |page| {
            left_out += page.left_out;
            Ok::<_, ()>(())
        });
        assert_eq!(pages, Ok(PAGES));
        assert_eq!(left_out, LINES * 7);
    }

    #[test]
    fn the_excerpt_shows_the_first_failure_or_the_end() {
        let mut log: Vec<String> = (0..100).map(|n| format!("ok {n}")).collect();
        log[50] = "not ok 50 - \x1b[31mbad\x1b[0m".to_owned();
        let log = log.join("\n");
        let failing = excerpt(log.as_bytes(), true);
        assert!(failing.failure);
        assert_eq!(failing.lines.len(), SHOWN);
        let hit = failing.lines.iter().find(|line| line.hit).unwrap();
        assert_eq!((hit.n, hit.text.as_str()), (51, "not ok 50 - bad"));
        let passing = excerpt(log.as_bytes(), false);
        assert!(!passing.failure);
        assert_eq!(passing.lines.last().unwrap().n, 100);
        assert!(excerpt(b"", true).lines.is_empty());
    }
}
