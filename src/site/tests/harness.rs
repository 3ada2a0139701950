//! A synthetic lab with its site in a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::model::Time;
use crate::site::sample::Sample;
use crate::site::{BuildOptions, BuildSummary, SiteError, build_from, paths};

pub fn now() -> Time {
    "2026-11-24T10:00:00Z".parse().unwrap()
}

pub struct Site {
    pub lab: Sample,
    folder: tempfile::TempDir,
}

impl Site {
    /// A lab with so many finished jobs, not built yet.
    pub fn new(jobs: usize) -> Self {
        Self::of(Sample::new(jobs, now()))
    }

    pub fn of(lab: Sample) -> Self {
        Self {
            lab,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("public")
    }

    pub fn try_build(&self, full: bool) -> Result<BuildSummary, SiteError> {
        self.build_at(now(), full)
    }

    pub fn build_at(&self, now: Time, full: bool) -> Result<BuildSummary, SiteError> {
        let options = BuildOptions {
            out: self.out(),
            now,
            full,
        };
        build_from(&self.lab, &options)
    }

    pub fn build(&self) -> BuildSummary {
        let summary = self.try_build(false).unwrap();
        assert_eq!(summary.warnings, Vec::<String>::new());
        summary
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.out().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub fn has(&self, path: &str) -> bool {
        self.out().join(path).exists()
    }

    /// Every published file with its content.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.out(), &self.out(), &mut files);
        files
    }

    /// Every page with its text.
    pub fn pages(&self) -> BTreeMap<String, String> {
        let html = |(path, bytes): (String, Vec<u8>)| {
            let page = path.ends_with(".html");
            page.then(|| (path, String::from_utf8(bytes).unwrap()))
        };
        self.files().into_iter().filter_map(html).collect()
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if name != crate::site::manifest::FILE {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
}

/// Every address that a page names, unescaped.
pub fn addresses(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    for start in [" href=\"", " src=\"", " data-live=\""] {
        for part in html.split(start).skip(1) {
            let address = part.split('"').next().unwrap();
            found.push(address.replace("&amp;", "&").replace("&#39;", "'"));
        }
    }
    found
}

/// What is wrong with the links of a site: dead ones, and those that lead where they must not.
pub fn bad_links(
    pages: &BTreeMap<String, String>,
    files: &BTreeMap<String, Vec<u8>>,
) -> Vec<String> {
    let mut bad = Vec::new();
    for (path, html) in pages {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for address in addresses(html) {
            let (to, anchor) = address.split_once('#').unwrap_or((&address, ""));
            if to.starts_with("https://")
                || to.starts_with("mailto:")
                || to.starts_with("data:image/svg+xml,")
            {
                continue;
            }
            let to = to.split('?').next().unwrap();
            let target = match to {
                "" => Some(path.clone()),
                _ if to.starts_with('/') || to.ends_with('/') || to.contains(':') => None,
                _ => paths::resolve(folder, to),
            };
            let there = target.is_some_and(|target| match (files.contains_key(&target), anchor) {
                (there, "") => there,
                (_, id) => pages
                    .get(&target)
                    .is_some_and(|page| page.contains(&format!("id=\"{id}\""))),
            });
            if !there {
                bad.push(format!("{path}: {address}"));
            }
        }
    }
    bad
}

/// Checks that hold for every page of every site.
pub fn check(site: &Site) {
    let (pages, files) = (site.pages(), site.files());
    assert_eq!(bad_links(&pages, &files), Vec::<String>::new());
    for (path, html) in &pages {
        let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'";
        assert!(html.contains(policy), "{path} has no policy");
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{path}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        // Neither works under the policy, so whoever writes one is told here.
        assert!(!html.contains(" style=\""), "{path}");
        assert_eq!(html.matches("<script").count(), 1, "{path}");
        let odd = html.chars().find(|c| crate::site::text::is_deceptive(*c));
        assert_eq!(odd, None, "{path}");
    }
}
