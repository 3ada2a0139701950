//! The manual, the published files and the page for what is not there.

use serde::Serialize;

use super::Site;
use crate::site::SiteError;
use crate::site::engine::Page;
use crate::site::manual::ManualLink;

#[derive(Debug, Serialize)]
pub struct ManualView<'a> {
    pub title: &'a str,
    /// HTML.
    pub html: &'a str,
    pub contents: Vec<ManualLink>,
    pub headings: &'a [(String, String)],
}

#[derive(Debug, Serialize)]
pub struct NotFoundView {
    pub home: String,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let contents = site.key().debug(&site.manual.links("")).finish();
    for page in &site.manual.pages {
        let key = site.key().number(contents).add(page.html.as_bytes());
        site.page(&page.path, key, || {
            let view = ManualView {
                title: &page.title,
                html: &page.html,
                contents: site.manual.links(&page.path),
                headings: &page.headings,
            };
            site.engine.render(
                "manual.html",
                &Page::new(&page.path, "manual", &page.title),
                &view,
            )
        })?;
    }
    for (path, bytes) in &site.manual.files {
        file(site, path, bytes)?;
    }
    for (name, bytes) in &site.assets.published {
        file(site, &format!("static/{name}"), bytes)?;
    }
    let view = NotFoundView {
        home: "index.html".to_owned(),
    };
    site.page("404.html", site.key(), || {
        site.engine
            .render("404.html", &Page::new("404.html", "", "Not found"), &view)
    })
}

fn file(site: &Site<'_>, path: &str, bytes: &[u8]) -> Result<(), SiteError> {
    let key = site.key().add(bytes).finish();
    site.raw(path, key, bytes)
}
