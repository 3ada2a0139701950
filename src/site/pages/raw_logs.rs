//! The raw logs beside a job's page: those of a group's members and of retried attempts, each with
//! what its runner did, as text files in a folder of their own.

use std::collections::BTreeMap;

use super::Site;
use super::jobs::safe_name;
use crate::model::ObjectId;
use crate::model::record::{AttemptRecord, LogLocation, Member, Record};
use crate::site::source::Reader;
use crate::site::views::Link;
use crate::site::views::job::JobView;
use crate::site::{SiteError, text};

/// The way from the refs of a lab to the folder of one job.
pub struct RawLogs<'a, R> {
    pub site: &'a Site<'a>,
    pub reader: &'a R,
    /// The job's folder, with a slash at its end.
    pub folder: &'a str,
    /// The refs that are there; logs whose ref has expired are taken away.
    pub heads: &'a BTreeMap<String, ObjectId>,
}

impl<R: Reader> RawLogs<'_, R> {
    /// A log, if its ref is still there.
    pub fn read(&self, at: &LogLocation) -> Result<Option<Vec<u8>>, SiteError> {
        if !self.heads.contains_key(&at.reference) {
            return Ok(None);
        }
        self.reader.log(at)
    }

    /// Publishes `runner.txt` beside a log that is kept; says whether there is one.
    pub fn runner_text(&self, at: &LogLocation, below: &str) -> Result<bool, SiteError> {
        let text = at.runner.map(|blob| self.reader.blob(blob)).transpose()?;
        let Some(text) = text.flatten() else {
            return Ok(false);
        };
        let path = format!("{}{below}runner.txt", self.folder);
        self.site.output.put(&path, &text)?;
        Ok(true)
    }

    /// Publishes a log with its `runner.txt`; gives the links to both.
    fn publish(
        &self,
        at: Option<&LogLocation>,
        below: &str,
        title: &str,
    ) -> Result<Vec<Link>, SiteError> {
        let mut links = Vec::new();
        let Some(at) = at else { return Ok(links) };
        let Some(log) = self.read(at)? else {
            return Ok(links);
        };
        let path = format!("{below}log.txt");
        self.site
            .output
            .put(&format!("{}{path}", self.folder), &log)?;
        links.push(Link::new(
            &format!("{title}, {}", text::bytes(at.bytes)),
            path,
        ));
        if self.runner_text(at, below)? {
            links.push(Link::new("runner.txt", format!("{below}runner.txt")));
        }
        Ok(links)
    }

    /// The logs of a group's members in the attempt that the record is of.
    pub fn members(&self, members: &[Member], view: &mut JobView) -> Result<(), SiteError> {
        for (member, view) in members.iter().zip(&mut view.members) {
            let below = format!("members/{}/", safe_name(&member.name));
            view.logs = self.publish(member.log.as_ref(), &below, "raw text")?;
        }
        if !members.is_empty() && view.members.iter().all(|member| member.logs.is_empty()) {
            let folder = format!("{}members/", self.folder);
            self.site.output.remove_folder(&folder)?;
        }
        Ok(())
    }

    /// The logs of the attempts, of which the last one's are the job's own.
    pub fn attempts(
        &self,
        record: &Record,
        retried: &[AttemptRecord],
        view: &mut JobView,
    ) -> Result<(), SiteError> {
        let mut own = Vec::new();
        if let Some(log) = view.log.as_ref().filter(|log| log.here) {
            own.push(Link::new("log", "log.html".to_owned()));
            let runner = log.runner.then(|| "runner.txt".to_owned());
            own.extend(runner.map(|path| Link::new("runner.txt", path)));
        }
        if view.attempts.is_empty() {
            return Ok(());
        }
        let last = record.attempts.last().map(|last| last.n);
        let mut any = false;
        for view in &mut view.attempts {
            let Some(past) = retried.iter().find(|past| past.attempt.n == view.n) else {
                if last == Some(view.n) {
                    view.logs.append(&mut own);
                }
                continue;
            };
            let below = format!("attempts/{}/", view.n);
            if past.members.is_empty() {
                view.logs = self.publish(past.log.as_ref(), &below, "raw text")?;
            }
            for member in past.members.iter().take(view.boards.len()) {
                let below = format!("{below}{}/", safe_name(&member.name));
                let links = self.publish(member.log.as_ref(), &below, &member.name)?;
                view.logs.extend(links);
            }
            any |= !view.logs.is_empty();
        }
        if !any {
            let folder = format!("{}attempts/", self.folder);
            self.site.output.remove_folder(&folder)?;
        }
        Ok(())
    }
}
