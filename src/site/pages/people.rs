//! The users and each user.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;

use super::Site;
use super::boards::usage;
use crate::report::By;
use crate::report::usage::label;
use crate::site::engine::Page;
use crate::site::views::Link;
use crate::site::views::live::LiveRow;
use crate::site::views::row::JobRow;
use crate::site::views::usage::UsageView;
use crate::site::{SiteError, paths};

#[derive(Debug, Serialize)]
pub struct UsersView {
    pub users: Vec<UserRow>,
}

/// Without counts, which would make this page change with every job; the report has them.
#[derive(Debug, Serialize)]
pub struct UserRow {
    pub link: Link,
    pub groups: Vec<String>,
    pub boards: Vec<Link>,
    pub admin: bool,
}

#[derive(Debug, Serialize)]
pub struct UserView {
    pub name: String,
    pub groups: Vec<String>,
    pub boards: Vec<Link>,
    pub admin: bool,
    pub usage: UsageView,
    pub live: Vec<LiveRow>,
    pub recent: Vec<JobRow>,
}

pub fn write(site: &Site<'_>) -> Result<(), SiteError> {
    let config = site.config();
    let mut names: BTreeSet<String> = site.lists.users.keys().cloned().collect();
    names.extend(config.users.keys().map(|name| label(name)));
    let mut live: BTreeMap<String, Vec<LiveRow>> = BTreeMap::new();
    for job in &site.snapshot.live {
        let row = site.live_row(job);
        names.insert(row.user.name.clone());
        live.entry(row.user.name.clone()).or_default().push(row);
    }
    let mut owned: BTreeMap<&str, Vec<Link>> = BTreeMap::new();
    for state in &site.snapshot.boards {
        let board = &state.board;
        for owner in &board.owners {
            owned
                .entry(owner)
                .or_default()
                .push(Link::to(board.name.as_str(), paths::board));
        }
    }
    let rows: Vec<UserRow> = names
        .into_iter()
        .map(|name| UserRow {
            groups: config
                .users
                .get(&name)
                .map(|user| user.groups.clone())
                .unwrap_or_default(),
            boards: owned.get(name.as_str()).cloned().unwrap_or_default(),
            admin: config.admins.contains(&name),
            link: Link::to(&name, paths::user),
        })
        .collect();
    rows.par_iter()
        .try_for_each(|row| user(site, row, live.get(&row.link.name)))?;
    let path = "users/index.html";
    let page = Page::new(path, "users", "Users");
    site.fresh(
        path,
        &site
            .engine
            .render("users.html", &page, &UsersView { users: rows })?,
    )
}

fn user(site: &Site<'_>, row: &UserRow, live: Option<&Vec<LiveRow>>) -> Result<(), SiteError> {
    let name = &row.link.name;
    let path = &row.link.href;
    let recent = site
        .lists
        .users
        .get(name)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let usage = usage(site, By::User, name);
    let key = site
        .key()
        .debug(row)
        .debug(&live)
        .debug(&usage)
        .jobs(site, recent);
    site.page(path, key, || {
        let view = UserView {
            name: name.clone(),
            groups: row.groups.clone(),
            boards: row.boards.clone(),
            admin: row.admin,
            usage: UsageView::new(&usage),
            live: live.cloned().unwrap_or_default(),
            recent: site.rows(recent),
        };
        site.engine
            .render("user.html", &Page::new(path, "users", name), &view)
    })
}
