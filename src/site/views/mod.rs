//! What templates see: structs in which every field is always there, made from records and summaries.
//!
//! They hold text and numbers ready to be shown and links from the top of the site. They never read
//! the lab and never write a page.

pub mod attempt;
pub mod bar;
pub mod board;
pub mod calibration;
pub mod chart;
pub mod job;
pub mod live;
pub mod row;
pub mod usage;
pub mod when;

use serde::Serialize;

/// A name that may lead somewhere, from the top of the site; an empty `href` leads nowhere.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Link {
    pub name: String,
    pub href: String,
}

impl Link {
    pub fn new(name: &str, href: String) -> Self {
        Self {
            name: name.to_owned(),
            href,
        }
    }

    /// A name for which there is a page only if it is not empty.
    pub fn to(name: &str, place: fn(&str) -> String) -> Self {
        let href = if name.is_empty() {
            String::new()
        } else {
            place(name)
        };
        Self::new(name, href)
    }

    /// The board of a job; of a group the first one, and how many more there are.
    pub fn to_boards<'b>(mut names: impl Iterator<Item = &'b str>) -> Self {
        let mut link = Self::to(names.next().unwrap_or_default(), super::paths::board);
        let others = names.count();
        if others > 0 {
            link.name = format!("{} +{others}", link.name);
        }
        link
    }
}
