//! Boards as tiles, rows and pages show them.

use serde::Serialize;

use super::Link;
use super::when::Moment;
use crate::model::ServiceState;
use crate::model::record::BoardHealth;
use crate::report::usage::label;
use crate::site::source::BoardState;
use crate::site::{markdown, paths, text};

#[derive(Debug, Clone, Serialize)]
pub struct BoardView {
    pub name: String,
    pub href: String,
    /// `busy`, `idle`, `bad`, `unknown`, `maintenance`, `retired`: what counts for whoever looks for a board.
    pub status: &'static str,
    pub health: &'static str,
    pub reason: String,
    /// Since when its runner says so.
    pub noted: String,
    /// The job that showed it.
    pub shown: Link,
    pub service: &'static str,
    pub since: String,
    pub device_type: Link,
    pub runner: String,
    pub tags: Vec<Link>,
    pub owners: Vec<Link>,
    pub dispatchers: Vec<String>,
    pub job: Link,
    /// When it is expected to be idle, where that is said.
    pub idle: Moment,
    /// The job that it is expected to take next, and when.
    pub next: Link,
    pub next_start: Moment,
    /// HTML.
    pub description: String,
}

impl BoardView {
    /// Without its description, which only its own page shows.
    pub fn new(state: &BoardState) -> Self {
        let board = &state.board;
        let noted = state.noted.as_ref();
        // What people have said outweighs it.
        let counts = noted.filter(|_| board.service.state == ServiceState::Active);
        let status = match state.health {
            BoardHealth::Good | BoardHealth::Unknown if state.job.is_some() => "busy",
            BoardHealth::Good => "idle",
            other => other.as_str(),
        };
        Self {
            name: board.name.to_string(),
            href: paths::board(board.name.as_str()),
            status,
            health: state.health.as_str(),
            reason: text::shorten(state.reason.as_deref().unwrap_or_default(), 300),
            noted: counts
                .map(|noted| text::minute(noted.at))
                .unwrap_or_default(),
            shown: match counts.and_then(|noted| noted.job) {
                Some(job) => Link::new(&job.short(), paths::job_page(job)),
                None => Link::default(),
            },
            service: board.service.state.as_str(),
            since: board.service.since.map(text::minute).unwrap_or_default(),
            device_type: Link::to(&label(&board.device_type), paths::device_type),
            runner: board
                .runner
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            tags: board
                .tags
                .iter()
                .map(|tag| Link::to(&label(tag), paths::tag))
                .collect(),
            owners: board
                .owners
                .iter()
                .map(|owner| Link::new(owner, String::new()))
                .collect(),
            dispatchers: board
                .dispatchers
                .iter()
                .map(|choice| choice.name().to_owned())
                .collect(),
            job: match state.job {
                Some(id) => Link::new(&id.short(), paths::job_page(id)),
                None => Link::default(),
            },
            idle: Moment::default(),
            next: Link::default(),
            next_start: Moment::default(),
            description: String::new(),
        }
    }

    pub fn described(mut self, state: &BoardState) -> Self {
        self.description =
            markdown::render_alone(state.board.description.as_deref().unwrap_or_default());
        self
    }

    /// A board that jobs ran on and that is no longer in the lab.
    pub fn gone(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            href: paths::board(name),
            status: "gone",
            health: "",
            reason: String::new(),
            noted: String::new(),
            shown: Link::default(),
            service: "",
            since: String::new(),
            device_type: Link::default(),
            runner: String::new(),
            tags: Vec::new(),
            owners: Vec::new(),
            dispatchers: Vec::new(),
            job: Link::default(),
            idle: Moment::default(),
            next: Link::default(),
            next_start: Moment::default(),
            description: String::new(),
        }
    }
}
