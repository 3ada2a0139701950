//! Publishing endings: one atomic push through the fences of all their claims.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::claim::Bid;
use super::env::Point;
use super::outbox::{Ending, Item, Role};
use super::{Runner, RunnerError};
use crate::git::{CommitBuilder, GitError, Lease, Person, Push, Pushed, RefStatus, Update};
use crate::lab::{Reader, attempt_path, board_path, log_folder, record_path, to_json};
use crate::model::record::{self, AttemptRecord, BoardRecord, LogLocation, Member, Seen};
use crate::model::{BoardName, JobId, ObjectId, Record};

/// How many endings go in one push.
pub(super) const PUBLISHED_AT_ONCE: usize = 250;

/// How long a result that the server refused for good waits for the next try: somebody may have
/// mended the hook or raised the limit.
pub(super) const REFUSED_WAIT: Duration = Duration::from_secs(60);

/// From here on the next claims do not wait for a publication's answer. A server on this host answers
/// faster, and then two pushes at once only take each other's processor time.
pub(super) const SLOW_PUSH: Duration = Duration::from_millis(60);

/// A publication that takes longer carries large logs.
const TOO_SLOW_PUSH: Duration = Duration::from_secs(5);

/// What a publication changes on the server.
struct Composed {
    updates: Vec<Update>,
    /// The refs with the heads they have once the push is accepted.
    heads: Vec<(String, Option<ObjectId>)>,
}

impl Runner {
    /// Publishes what waits in the outbox. Says whether the server accepted something.
    pub(super) fn publish(&mut self) -> Result<bool, RunnerError> {
        let now = self.env.clock.since_boot();
        let waits = self
            .refused_at
            .is_some_and(|at| now.saturating_sub(at) < REFUSED_WAIT);
        if (self.outbox.is_empty() && self.notes.is_empty()) || waits {
            return Ok(false);
        }
        self.spool_new()?;
        self.pass(Point::Spooled)?;
        let mut batch: Vec<Item> = self.outbox.iter().take(self.at_once).cloned().collect();
        let mut with_logs = true;
        let mut beside = self.bids_beside(&batch)?;
        loop {
            let reader = self.lab.reader()?;
            let notes: Vec<BoardRecord> = self.notes.values().cloned().collect();
            let composed = self.compose(&reader, &batch, &notes, with_logs)?;
            let endings = Push {
                atomic: true,
                updates: composed.updates,
            };
            let begun = self.env.clock.since_boot();
            let pushed = if beside.is_empty() {
                self.env.remote.push(&endings)
            } else {
                let bids = std::mem::take(&mut beside);
                let claims = Bid::push(&self.lab, &bids);
                let (pushed, claimed) = self.env.remote.push_both(&endings, &claims);
                // A later look decides about those that were won, once it shows the boards free.
                self.stale |= self.note_bids(&reader, bids, claimed)?;
                pushed
            };
            let now = self.env.clock.since_boot();
            self.push_took = now.saturating_sub(begun);
            self.last_push = Some(now);
            match pushed {
                Ok(pushed) if pushed.all_done() => {
                    self.pass(Point::Published)?;
                    for (name, head) in composed.heads {
                        reader.repo().set_reference(&name, head)?;
                    }
                    self.backoff.worked();
                    self.push_failed = false;
                    self.at_once = (self.at_once * 2).min(PUBLISHED_AT_ONCE);
                    self.refused_at = None;
                    self.published += 1;
                    self.notes.retain(|_, note| !notes.contains(note));
                    self.drop_items(&batch.iter().map(|item| item.claim).collect::<Vec<_>>());
                    if self.outbox.is_empty() {
                        self.refused = None;
                    }
                    self.absorb(&reader)?;
                    return Ok(true);
                }
                Ok(pushed) if pushed.answered && final_refusal(&pushed).is_some() => {
                    let reason = final_refusal(&pushed).unwrap_or_default();
                    if batch.len() > 1 {
                        // One of them is to blame; the others shall keep their logs.
                        batch.truncate(batch.len() / 2);
                        continue;
                    }
                    if with_logs && batch.iter().any(|item| !item.files.is_empty()) {
                        // A size limit or a hook may refuse the logs alone: the record must not wait for them.
                        self.say(&format!(
                            "the server refuses a result with its log ({reason}); trying without"
                        ));
                        with_logs = false;
                        for item in &mut batch {
                            without_log(item, &reason);
                        }
                        continue;
                    }
                    self.say(&format!(
                        "the server refuses results for good: {reason}; they stay in the spool"
                    ));
                    self.refused = Some(reason);
                    self.refused_at = Some(now);
                    // At the next try the others go before it.
                    if !self.outbox.is_empty() {
                        self.outbox.rotate_left(1);
                    }
                    return Ok(false);
                }
                answer => {
                    drop(reader);
                    if !answer.as_ref().is_ok_and(|pushed| pushed.answered) {
                        // A push of many logs may take longer than the time limit.
                        self.at_once = (batch.len() / 2).max(1);
                    }
                    return self.retry_later(answer);
                }
            }
        }
    }

    /// Claims for the boards that this batch frees, where a push takes so long that waiting for its
    /// answer would leave them idle. A claim that is won before the last one is gone starts nothing:
    /// it is decided about as every other one, and given back while another one names its board.
    fn bids_beside(&mut self, batch: &[Item]) -> Result<Vec<Bid>, RunnerError> {
        let gathers = !self.world.files.config.push_interval.duration().is_zero();
        // Claims that would stand for long without a decision, or beside a push that is refused again and
        // again, only keep jobs from others.
        let slow = (SLOW_PUSH..TOO_SLOW_PUSH).contains(&self.push_took);
        if !slow || self.push_failed || gathers {
            return Ok(Vec::new());
        }
        let doubted: BTreeSet<&BoardName> = batch
            .iter()
            .flat_map(|item| &item.boards)
            .map(|note| &note.board)
            .collect();
        let freed = batch
            .iter()
            .filter_map(|item| self.held.get(&item.job()))
            .flat_map(|held| held.claim.boards())
            .filter(|board| !doubted.contains(board))
            .cloned()
            .collect();
        let reader = self.lab.reader()?;
        self.bids(&reader, &freed)
    }

    /// A refusal or no answer: look what the server says now, drop what it has or what is fenced
    /// off, and try the rest again from the new state.
    fn retry_later(&mut self, answer: Result<Pushed, GitError>) -> Result<bool, RunnerError> {
        self.push_failed = true;
        let why = match &answer {
            Ok(pushed) => pushed.message.trim().to_owned(),
            Err(error) => error.to_string(),
        };
        self.say(&format!(
            "a result is not published yet: {}",
            why.lines().last().unwrap_or("no answer")
        ));
        // Log refs are not among what a runner fetches: a new mirror lacks the month's. Only what was
        // refused on its own account is fetched, for a log ref may hold gigabytes.
        let logs = self.lab.refs().logs();
        let refused: Vec<String> = answer
            .iter()
            .flat_map(|pushed| &pushed.refs)
            .filter(|(name, status)| {
                name.starts_with(&logs)
                    && matches!(status, RefStatus::Refused { reason, .. } if reason != "atomic push failed")
            })
            .map(|(name, _)| name.clone())
            .collect();
        if !refused.is_empty()
            && let Err(error) = self.lab.mirror().fetch(&refused)
        {
            self.say(&format!(
                "cannot fetch the own log ref, will try again: {error}"
            ));
        }
        self.look()?;
        let looked = !self.stale;
        if looked {
            self.settle()?;
        }
        self.backoff.failed(self.env.clock.since_boot());
        Ok(false)
    }

    /// Drops the endings that the server has already, and those whose claim is another's by now.
    pub(super) fn settle(&mut self) -> Result<(), RunnerError> {
        let reader = self.lab.reader()?;
        let mut done = Vec::new();
        let outbox = std::mem::take(&mut self.outbox);
        for item in &outbox {
            let id = item.job();
            let recorded = match &item.ending {
                Ending::Finish(_) => self.world.finished.contains(&id),
                Ending::Requeue(_) if self.world.finished.contains(&id) => true,
                Ending::Requeue(record) => self.is_recorded(id, record.claim),
            };
            let stands = self
                .world
                .claims
                .get(&id)
                .is_some_and(|seen| seen.id == item.claim);
            if !recorded && stands {
                continue;
            }
            if stands {
                self.give_back.insert(id, item.claim);
            }
            if !(recorded && self.is_published(&reader, item)) {
                self.keep_evidence(item);
            }
            done.push(item.claim);
        }
        self.outbox = outbox;
        self.drop_items(&done);
        Ok(())
    }

    /// Keeps on disk what is not there yet.
    pub(super) fn spool_new(&mut self) -> Result<(), RunnerError> {
        let spooled = |item: &&Item| {
            self.spooled
                .iter()
                .any(|(_, claims)| claims.contains(&item.claim))
        };
        let new: Vec<Item> = self
            .outbox
            .iter()
            .filter(|item| !spooled(item))
            .cloned()
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let number = self.spool.keep(&new).map_err(|cause| RunnerError::State {
            doing: "write the spool",
            path: self.state.spool(),
            cause,
        })?;
        self.spooled
            .push((number, new.iter().map(|item| item.claim).collect()));
        Ok(())
    }

    /// Forgets endings that are published or fenced off.
    fn drop_items(&mut self, claims: &[ObjectId]) {
        let (dropped, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.outbox)
            .into_iter()
            .partition(|item| claims.contains(&item.claim));
        self.outbox = kept;
        for item in dropped {
            let id = item.job();
            if self.held.get(&id).is_some_and(|held| held.id == item.claim) {
                self.held.remove(&id);
            }
            self.state.forget(id, item.attempt, item.claim);
        }
        for (number, waiting) in &mut self.spooled {
            waiting.retain(|claim| !claims.contains(claim));
            if waiting.is_empty() {
                self.spool.drop_batch(*number);
            }
        }
        self.spooled.retain(|(_, waiting)| !waiting.is_empty());
    }

    /// Builds the commits of a publication on the heads that the server last showed or acknowledged.
    fn compose(
        &self,
        reader: &Reader,
        batch: &[Item],
        notes: &[BoardRecord],
        with_logs: bool,
    ) -> Result<Composed, RunnerError> {
        let repo = reader.repo();
        let refs = self.lab.refs();
        let author = self.author();
        let journal_ref = refs.journal(&self.options.name);
        let mut journal = CommitBuilder::new(repo, repo.reference(&journal_ref)?);
        let mut logs: BTreeMap<String, CommitBuilder> = BTreeMap::new();
        let mut composed = Composed {
            updates: Vec::new(),
            heads: Vec::new(),
        };
        for note in notes {
            journal.put(&board_path(&note.board), &to_json(note))?;
        }
        for item in batch {
            let mut ending = item.ending.clone();
            let at = match &ending {
                Ending::Finish(record) => record.finished_at.unwrap_or(author.time),
                Ending::Requeue(record) => record.attempt.finished_at,
            };
            let (month, folder) = log_folder(item.job(), item.attempt, at);
            if with_logs && !item.files.is_empty() {
                let log_ref = refs.logs_of(&self.options.name, &month);
                let builder = match logs.entry(log_ref.clone()) {
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::btree_map::Entry::Vacant(entry) => {
                        entry.insert(CommitBuilder::new(repo, repo.reference(&log_ref)?))
                    }
                };
                for file in &item.files {
                    // A log that vanished with its folder must not hold the record back.
                    let Ok(blob) = repo.write_blob_file(&file.file) else {
                        continue;
                    };
                    let path = format!("{folder}/{}", file.path);
                    builder.put_blob(&path, blob);
                    complete(&mut ending, &file.role, &log_ref, &path, &file.path, blob);
                }
            }
            match &ending {
                Ending::Finish(record) => {
                    journal.put(&record_path(record.id, at), &to_json(record))?
                }
                Ending::Requeue(record) => journal.put(
                    &attempt_path(record.id, record.attempt.n, at),
                    &to_json(record),
                )?,
            };
            for board in &item.boards {
                journal.put(&board_path(&board.board), &to_json(board))?;
            }
            let claim_ref = refs.claim(item.job());
            composed.updates.push(Update {
                name: claim_ref.clone(),
                target: None,
                lease: Lease::Is(item.claim),
            });
            composed.heads.push((claim_ref, None));
        }
        if let Some(main) = self.walked(batch) {
            let seen = Seen {
                version: record::VERSION,
                main,
                at: author.time,
            };
            let known = repo
                .reference(&journal_ref)?
                .and_then(|head| reader.seen(head).ok().flatten());
            if known.is_none_or(|known| known.main != main) {
                journal.put("seen.json", &to_json(&seen))?;
            }
        }
        let commits = std::iter::once((journal_ref, journal)).chain(logs);
        for (name, builder) in commits {
            let head = builder.commit(&author, &subject(batch, &author))?;
            composed.updates.push(Update {
                name: name.clone(),
                target: Some(head),
                lease: Lease::FastForward,
            });
            composed.heads.push((name, Some(head)));
        }
        Ok(composed)
    }

    /// The main that may be called walked once this batch is published: all that came and went
    /// before it has its record or is in the batch. What another runner closes does not count yet:
    /// that one may die, and then a journal's `seen.json` is all that leads back to the job.
    fn walked(&self, batch: &[Item]) -> Option<ObjectId> {
        let closed = |id: &JobId| {
            let mut endings = batch.iter().filter(|item| item.job() == *id);
            endings.any(|item| matches!(item.ending, Ending::Finish(_)))
        };
        if self.world.closings.keys().all(closed) {
            self.world.main
        } else {
            None
        }
    }

    /// Gives back claims that are good for nothing. Says whether one was given back.
    pub(super) fn hand_back(&mut self) -> Result<bool, RunnerError> {
        if self.give_back.is_empty() {
            return Ok(false);
        }
        let updates = self.give_back.iter().map(|(id, claim)| Update {
            name: self.lab.refs().claim(*id),
            target: None,
            lease: Lease::Is(*claim),
        });
        let pushed = match self.env.remote.push(&Push {
            atomic: false,
            updates: updates.collect(),
        }) {
            Ok(pushed) => pushed,
            Err(error) => {
                self.say(&format!("cannot give claims back, will try again: {error}"));
                self.backoff.failed(self.env.clock.since_boot());
                return Ok(false);
            }
        };
        self.pass(Point::GivenBack)?;
        let reader = self.lab.reader()?;
        let mut returned: Vec<JobId> = Vec::new();
        for id in self.give_back.keys() {
            let name = self.lab.refs().claim(*id);
            match pushed.status(&name) {
                RefStatus::Done | RefStatus::UpToDate => {
                    reader.repo().set_reference(&name, None)?;
                    returned.push(*id);
                }
                // Another's by now, or gone: the next fetch says.
                RefStatus::Refused { .. } => returned.push(*id),
                RefStatus::Unanswered => {}
            }
        }
        self.stale |= returned.len() < self.give_back.len() || !pushed.all_done();
        // One that worked says nothing of what made the claims good for nothing: waiting goes on.
        if !pushed.all_done() {
            self.backoff.failed(self.env.clock.since_boot());
        }
        for id in returned {
            self.give_back.remove(&id);
        }
        self.absorb(&reader)?;
        Ok(true)
    }
}

/// Why the server refused for good, if it did.
fn final_refusal(pushed: &Pushed) -> Option<String> {
    pushed.refs.values().find_map(|status| match status {
        RefStatus::Refused {
            reason,
            retry: false,
        } => Some(reason.clone()),
        _ => None,
    })
}

fn without_log(item: &mut Item, reason: &str) {
    item.files.clear();
    let note = format!("the log was refused by the server: {reason}");
    match &mut item.ending {
        Ending::Finish(record) => {
            record.attachments.clear();
            record.message = Some(join(record.message.take(), note));
        }
        Ending::Requeue(record) => record.message = Some(join(record.message.take(), note)),
    }
}

fn join(first: Option<String>, second: String) -> String {
    match first {
        Some(first) => format!("{first}; {second}"),
        None => second,
    }
}

/// Writes into the record where one of its files lies.
fn complete(
    ending: &mut Ending,
    role: &Role,
    reference: &str,
    path: &str,
    name: &str,
    blob: ObjectId,
) {
    let place = |bytes, dropped| LogLocation {
        reference: reference.to_owned(),
        path: path.to_owned(),
        blob,
        bytes,
        dropped,
        runner: None,
    };
    match (role, ending) {
        (Role::Log { bytes, dropped }, ending) => {
            let place = place(*bytes, *dropped);
            let (members, log) = logs_of(ending);
            if let Some(member) = owner(members, name) {
                member.log = Some(place.clone());
            }
            log.get_or_insert(place);
        }
        (Role::Runner, ending) => {
            let (members, log) = logs_of(ending);
            let own = owner(members, name).and_then(|member| member.log.as_mut());
            // The log that the record names is one of a group's.
            let beside = |log: &&mut LogLocation| folder_of(&log.path) == folder_of(path);
            for log in own.into_iter().chain(log.as_mut().filter(beside)) {
                log.runner = Some(blob);
            }
        }
        (Role::Attachment, Ending::Finish(record)) => {
            let name = attachment_name(name);
            if let Some(attachment) = record
                .attachments
                .iter_mut()
                .find(|known| known.name == name)
            {
                attachment.blob = blob;
            }
        }
        (Role::Events, _) | (Role::Attachment, Ending::Requeue(_)) => {}
    }
}

fn logs_of(ending: &mut Ending) -> (&mut [Member], &mut Option<LogLocation>) {
    match ending {
        Ending::Finish(record) => (&mut record.members, &mut record.log),
        Ending::Requeue(record) => (&mut record.members, &mut record.log),
    }
}

/// Whose file this is: a member's are in the folder of its name.
fn owner<'m>(members: &'m mut [Member], name: &str) -> Option<&'m mut Member> {
    let folder = folder_of(name);
    members.iter_mut().find(|member| member.name == folder)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `out/NAME` is NAME, and a member's `MEMBER/out/NAME` is `MEMBER/NAME`.
fn attachment_name(path: &str) -> String {
    match path.split_once("/out/") {
        _ if path.starts_with("out/") => path["out/".len()..].to_owned(),
        Some((member, name)) => format!("{member}/{name}"),
        None => path.to_owned(),
    }
}

fn subject(batch: &[Item], author: &Person) -> String {
    let name = |item: &Item| match &item.ending {
        Ending::Finish(record) => finished(record),
        Ending::Requeue(record) => retried(record),
    };
    match batch {
        [] => "Note how boards are".to_owned(),
        [only] => name(only),
        _ => format!("Finish {} jobs at {}", batch.len(), author.time),
    }
}

fn finished(record: &Record) -> String {
    let health = record
        .health
        .map_or("finished", crate::model::Health::as_str);
    format!("Finish {} {}: {health}", record.id.short(), record.path)
}

fn retried(record: &AttemptRecord) -> String {
    format!(
        "Requeue {} after attempt {}",
        record.id.short(),
        record.attempt.n
    )
}
