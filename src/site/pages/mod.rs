//! One function per kind of page: it decides whether the page must be made anew, makes its view and
//! hands the text to the writer.

mod admin;
mod boards;
mod calibration;
mod data;
mod home;
mod jobs;
mod lists;
mod manual;
mod people;
mod queue;
mod raw_logs;
mod reports;
mod site;
mod tags;
mod types;

pub(super) use jobs::{Finished, finished, live};
pub(super) use site::{Key, Lists, Site};

use super::SiteError;

/// Every page but the jobs' own.
pub(super) fn all(site: &Site<'_>) -> Result<(), SiteError> {
    home::write(site)?;
    queue::write(site)?;
    lists::write(site)?;
    boards::write(site)?;
    admin::write(site)?;
    types::write(site)?;
    people::write(site)?;
    tags::write(site)?;
    reports::write(site)?;
    calibration::write(site)?;
    data::write(site)?;
    manual::write(site)
}
