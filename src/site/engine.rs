//! The only user of the template engine: one instance, loaded once a build.

use serde::Serialize;
use tera::{Context, Kwargs, State, Tera, Value};

use super::assets::Assets;
use super::{SiteError, paths, text};

/// What every page is told besides its own view.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    /// The lab's name.
    pub lab: String,
    /// What follows the names of the style sheet and the script, so that browsers take new ones.
    pub style: String,
    pub script: String,
    /// Pumice's version.
    pub version: String,
    /// The manual's first page, from the top; empty when there is none.
    pub manual: String,
    /// Where the lab's repository can be seen, and on what; empty when it is nowhere said.
    pub forge: String,
    pub forge_name: &'static str,
}

/// One page's place among the others.
#[derive(Debug, Clone, Serialize)]
pub struct Page<'a> {
    /// Leads to the top: `../` a few times.
    pub root: String,
    pub title: &'a str,
    /// Which entry of the navigation is the present one.
    pub section: &'a str,
    /// Whether the page follows `status.json`.
    pub live: bool,
}

impl<'a> Page<'a> {
    pub fn new(path: &str, section: &'a str, title: &'a str) -> Self {
        Self {
            root: paths::root_of(path),
            title,
            section,
            live: false,
        }
    }

    pub fn live(self, live: bool) -> Self {
        Self { live, ..self }
    }
}

pub struct Engine {
    tera: Tera,
}

impl Engine {
    /// Parses all templates; the filters are known before them, since the engine checks their names.
    pub fn new(assets: &Assets, frame: &Frame) -> Result<Self, SiteError> {
        let mut tera = Tera::new();
        tera.set_escape_fn(text::escape_to);
        tera.register_filter("number", |count: u64, _: Kwargs, _: &State| {
            text::number(count)
        });
        tera.register_filter("bytes", |count: u64, _: Kwargs, _: &State| {
            text::bytes(count)
        });
        tera.register_filter("duration", |seconds: f64, _: Kwargs, _: &State| {
            text::duration(seconds)
        });
        tera.register_filter("link", |path: &str, _: Kwargs, _: &State| {
            paths::encode(path)
        });
        // An empty suffix is the end of every name: nothing is ever left unescaped.
        tera.autoescape_on([""]);
        let mut sources = Vec::new();
        for (name, bytes) in &assets.templates {
            let source = std::str::from_utf8(bytes).map_err(|error| SiteError::Template {
                name: name.clone(),
                why: error.to_string(),
            })?;
            sources.push((name.as_str(), source));
        }
        tera.add_raw_templates(sources).map_err(template("all"))?;
        tera.global_context().insert("site", frame);
        Ok(Self { tera })
    }

    /// Renders one page from its view, whose fields become the template's variables.
    pub fn render(
        &self,
        name: &str,
        page: &Page<'_>,
        view: &impl Serialize,
    ) -> Result<String, SiteError> {
        let mut context = Context::from_serialize(view).map_err(template(name))?;
        context.insert_value(
            "page",
            Value::try_from_serializable(page).map_err(template(name))?,
        );
        self.tera.render(name, &context).map_err(template(name))
    }
}

fn template(name: &str) -> impl Fn(tera::Error) -> SiteError {
    let name = name.to_owned();
    move |error| {
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            why.push_str(": ");
            why.push_str(&inner.to_string());
            cause = inner.source();
        }
        SiteError::Template {
            name: name.clone(),
            why,
        }
    }
}
