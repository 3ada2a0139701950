//! What the program brings along: templates, the style sheet, the script, the manual.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rust_embed::RustEmbed;
use xxhash_rust::xxh3::Xxh3;

use super::SiteError;
use super::source::Reader;

#[derive(RustEmbed)]
#[folder = "templates/site/"]
struct Templates;

#[derive(RustEmbed)]
#[folder = "site/static/"]
struct Static;

#[derive(RustEmbed)]
#[folder = "site/content/"]
struct Content;

/// Where a lab keeps its own.
const TEMPLATES: &str = "templates/site";
const STATIC: &str = "site/static";
const CONTENT: &str = "site/content";

/// Files by their path below their folder.
pub type Files = BTreeMap<String, Cow<'static, [u8]>>;

/// Everything that shapes the site but the lab's jobs and boards.
#[derive(Debug, Clone, Default)]
pub struct Assets {
    pub templates: Files,
    /// Published below `static/`.
    pub published: Files,
    /// The manual's pages and what they show.
    pub content: Files,
}

impl Assets {
    /// What the program brings along.
    pub fn embedded() -> Self {
        Self {
            templates: all::<Templates>(),
            published: all::<Static>(),
            content: all::<Content>(),
        }
    }

    /// The same with the lab's own files in place of those of the same name. A lab with a manual of
    /// its own shows that one alone.
    pub fn load(reader: &impl Reader) -> Result<Self, SiteError> {
        let mut assets = Self::embedded();
        overlay(&mut assets.templates, reader, TEMPLATES)?;
        overlay(&mut assets.published, reader, STATIC)?;
        let mut own = Files::new();
        overlay(&mut own, reader, CONTENT)?;
        if !own.is_empty() {
            assets.content = own;
        }
        Ok(assets)
    }

    /// A hash over every name and byte.
    pub fn hash(&self) -> u64 {
        let mut hash = Xxh3::new();
        for files in [&self.templates, &self.published, &self.content] {
            for (name, bytes) in files {
                hash.update(&(name.len() as u64).to_le_bytes());
                hash.update(name.as_bytes());
                hash.update(&(bytes.len() as u64).to_le_bytes());
                hash.update(bytes);
            }
        }
        hash.digest()
    }
}

fn all<E: RustEmbed>() -> Files {
    E::iter()
        .filter(|name| !name.rsplit('/').next().unwrap_or_default().starts_with('.'))
        .filter_map(|name| Some((name.to_string(), E::get(&name)?.data)))
        .collect()
}

fn overlay(files: &mut Files, reader: &impl Reader, under: &str) -> Result<(), SiteError> {
    for (path, blob) in reader.files(under)? {
        let name = path
            .strip_prefix(under)
            .map_or(path.as_str(), |rest| rest.trim_start_matches('/'));
        if name.is_empty() || name.split('/').any(|part| part.starts_with('.')) {
            continue;
        }
        if let Some(bytes) = reader.blob(blob)? {
            files.insert(name.to_owned(), Cow::Owned(bytes));
        }
    }
    Ok(())
}
