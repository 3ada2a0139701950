//! The manual: Markdown pages in their order, with links that lead to the pages made of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::assets::Files;
use super::markdown::{self, Target};
use super::paths;
use crate::model::lab::{Forge, ForgeKind};

/// Folders of the output that the generator itself fills; a manual page never goes there.
const TAKEN: [&str; 9] = [
    "jobs", "boards", "types", "users", "tags", "queue", "reports", "data", "static",
];

/// A page of the manual, or a file beside it.
#[derive(Debug, Clone)]
pub struct Manual {
    /// In reading order.
    pub pages: Vec<ManualPage>,
    /// Images and other files, by their path in the output.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What could not be published, and why.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct ManualPage {
    /// Its path below the content folder.
    source: String,
    /// Its path in the output.
    pub path: String,
    pub title: String,
    pub html: String,
    pub headings: Vec<(String, String)>,
}

/// An entry of the manual's own navigation.
#[derive(Debug, Clone, Serialize)]
pub struct ManualLink {
    pub href: String,
    pub title: String,
    pub here: bool,
    /// 0 for the top pages, more for those in folders below.
    pub depth: usize,
}

impl Manual {
    /// Renders every page of a content folder.
    pub fn new(content: &Files, forge: Option<&Forge>, branch: &str) -> Self {
        let mut manual = Self {
            pages: Vec::new(),
            files: BTreeMap::new(),
            warnings: Vec::new(),
        };
        let mut places: BTreeMap<&str, String> = BTreeMap::new();
        for name in content.keys() {
            let top = name.split('/').next().unwrap_or_default();
            if TAKEN.contains(&top) || TAKEN.contains(&top.trim_end_matches(".md")) {
                let why = format!(
                    "site/content/{name} is not published: /{top}/ is a page of the site itself"
                );
                manual.warnings.push(why);
            } else {
                places.insert(name, place(name));
            }
        }
        let links = Links {
            places: &places,
            forge,
            branch,
        };
        for (name, path) in &places {
            let bytes = &content[*name];
            match name.strip_suffix(".md") {
                Some(_) => {
                    manual
                        .pages
                        .push(links.page(name, path, &String::from_utf8_lossy(bytes)));
                }
                None => {
                    manual.files.insert(path.clone(), bytes.to_vec());
                }
            }
        }
        let order = reading_order(content, &places);
        manual.pages.sort_by_cached_key(|page| {
            let place = order.iter().position(|name| *name == page.source);
            (place.unwrap_or(usize::MAX), page.source.clone())
        });
        manual
    }

    /// The page that the site's navigation leads to.
    pub fn front(&self) -> Option<&ManualPage> {
        self.pages.first()
    }

    /// The manual's navigation as one of its pages shows it.
    pub fn links(&self, here: &str) -> Vec<ManualLink> {
        let least = self.pages.iter().map(|page| depth(&page.source)).min();
        let link = |page: &ManualPage| ManualLink {
            href: paths::encode(&page.path),
            title: page.title.clone(),
            here: page.path == here,
            depth: depth(&page.source) - least.unwrap_or(0),
        };
        self.pages.iter().map(link).collect()
    }
}

fn depth(source: &str) -> usize {
    source.matches('/').count()
}

/// Where a content file goes: `docs/a.md` to `docs/a/index.html`, `docs/index.md` to `docs/index.html`.
fn place(name: &str) -> String {
    match name.strip_suffix(".md") {
        // The site has a front page of its own.
        Some("index") => "manual/index.html".to_owned(),
        Some(stem) => match stem.strip_suffix("/index") {
            Some(folder) => format!("{folder}/index.html"),
            None => format!("{stem}/index.html"),
        },
        None => name.to_owned(),
    }
}

struct Links<'a> {
    places: &'a BTreeMap<&'a str, String>,
    forge: Option<&'a Forge>,
    branch: &'a str,
}

impl Links<'_> {
    fn page(&self, name: &str, path: &str, source: &str) -> ManualPage {
        let root = paths::root_of(path);
        let link = |to: &str| self.target(name, &root, to);
        let rendered = markdown::render(source, 0, link, link);
        let stem = name.rsplit('/').next().unwrap_or(name);
        ManualPage {
            source: name.to_owned(),
            path: path.to_owned(),
            title: rendered
                .title
                .unwrap_or_else(|| stem.trim_end_matches(".md").to_owned()),
            html: rendered.html,
            headings: rendered.headings,
        }
    }

    /// Where a relative link on a page leads: to another page, to a published file, to the forge.
    fn target(&self, from: &str, root: &str, to: &str) -> Target {
        let (to, fragment) = match to.split_once('#') {
            Some((to, fragment)) => (to, format!("#{fragment}")),
            None => (to, String::new()),
        };
        if to.is_empty() {
            return Target::Link(fragment);
        }
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let Some(path) = paths::resolve(&format!("site/content/{folder}"), to) else {
            return Target::Nowhere;
        };
        if let Some(name) = path.strip_prefix("site/content/") {
            let index = format!("{name}/index.md");
            let found = self
                .places
                .get(name)
                .or_else(|| self.places.get(index.as_str()));
            if let Some(place) = found {
                return Target::Link(format!("{root}{}{fragment}", paths::encode(place)));
            }
        }
        if let Some(name) = path.strip_prefix("site/static/") {
            return Target::Link(format!("{root}static/{}{fragment}", paths::encode(name)));
        }
        match self.forge {
            Some(forge) => Target::Link(file_link(forge, self.branch, &path) + &fragment),
            None => Target::Nowhere,
        }
    }
}

/// A file of the lab on its forge.
pub fn file_link(forge: &Forge, branch: &str, path: &str) -> String {
    let between = match forge.kind {
        ForgeKind::Gitlab => "-/blob",
        ForgeKind::Github => "blob",
        ForgeKind::Gitea => "src/branch",
    };
    let url = forge.url.trim_end_matches('/');
    format!(
        "{url}/{between}/{}/{}",
        paths::encode(branch),
        paths::encode(path)
    )
}

/// A commit of the lab on its forge.
pub fn commit_link(forge: &Forge, commit: &str) -> String {
    let between = match forge.kind {
        ForgeKind::Gitlab => "-/commit",
        ForgeKind::Github | ForgeKind::Gitea => "commit",
    };
    format!("{}/{between}/{commit}", forge.url.trim_end_matches('/'))
}

/// The pages in the order in which the index pages link to them, the index pages first.
fn reading_order(content: &Files, places: &BTreeMap<&str, String>) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut indexes: Vec<&str> = places
        .keys()
        .copied()
        .filter(|name| *name == "index.md" || name.ends_with("/index.md"))
        .collect();
    indexes.sort_by_key(|name| (name.matches('/').count(), *name));
    for index in indexes {
        if seen.insert(index.to_owned()) {
            order.push(index.to_owned());
        }
        let folder = index.rsplit_once('/').map_or("", |(folder, _)| folder);
        let found = std::cell::RefCell::new(Vec::new());
        let note = |to: &str| {
            let to = to.split('#').next().unwrap_or_default();
            found.borrow_mut().extend(paths::resolve(folder, to));
            Target::Nowhere
        };
        markdown::render(&String::from_utf8_lossy(&content[index]), 0, note, |_| {
            Target::Nowhere
        });
        for name in found.into_inner() {
            if places.contains_key(name.as_str())
                && name.ends_with(".md")
                && seen.insert(name.clone())
            {
                order.push(name);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(files: &[(&str, &str)]) -> Files {
        let own =
            |(name, text): &(&str, &str)| ((*name).to_owned(), text.as_bytes().to_vec().into());
        files.iter().map(own).collect()
    }

    #[test]
    fn pages_stand_in_the_order_of_their_index_and_link_to_each_other() {
        let manual = Manual::new(
            &content(&[
                (
                    "docs/index.md",
                    "# Manual\n\n- [Zebra](zebra.md)\n- [Ant](sub/ant.md#legs)\n",
                ),
                (
                    "docs/zebra.md",
                    "# Zebra\n\n![z](z.png) [up](../docs/index.md) [s](../../static/schema/job.json) [q](../../../queue/a.json)",
                ),
                ("docs/sub/ant.md", "# Ant\n[gone](nothing.md)"),
                ("docs/aardvark.md", "no heading"),
                ("docs/z.png", "png"),
                ("jobs/x.md", "# Mine"),
            ]),
            None,
            "main",
        );
        let titles: Vec<&str> = manual
            .pages
            .iter()
            .map(|page| page.title.as_str())
            .collect();
        assert_eq!(titles, ["Manual", "Zebra", "Ant", "aardvark"]);
        assert!(
            manual.pages[0]
                .html
                .contains("href=\"../docs/sub/ant/index.html#legs\"")
        );
        let zebra = &manual.pages[1].html;
        assert!(zebra.contains("src=\"../../docs/z.png\""), "{zebra}");
        assert!(zebra.contains("href=\"../../docs/index.html\""));
        assert!(zebra.contains("href=\"../../static/schema/job.json\""));
        // Without a forge there is nowhere to lead to.
        assert!(!zebra.contains("queue/a.json\""));
        assert!(manual.files.contains_key("docs/z.png"));
        assert_eq!(manual.warnings.len(), 1);
        let links = manual.links("docs/zebra/index.html");
        assert!(links[1].here && links[2].depth == 1 && links[0].depth == 0);
    }
}
