//! The build: load, pages, manifest. What did not change is neither made nor written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::assets::Assets;
use super::disk::Output;
use super::engine::{Engine, Frame};
use super::history::History;
use super::manifest::{Head, MadeFrom, Manifest};
use super::manual::Manual;
use super::pages::{self, Finished, Key, Lists, Site};
use super::pool::{Pool, Warnings};
use super::source::{Reader, Snapshot, Source};
use super::views::when::whens;
use super::{SiteError, gather, paths};
use crate::model::lab::ForgeKind;
use crate::model::{JobId, LabConfig, ObjectId, Time};

/// Jobs rendered by one thread at a time.
const CHUNK: usize = 64;

/// Where the site goes, and when it is built.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    pub out: PathBuf,
    pub now: Time,
    /// Forgets what the last build left; files that hold the right bytes are still not written.
    pub full: bool,
}

/// What a build did.
#[derive(Debug, Clone, Default)]
pub struct BuildSummary {
    /// Nothing in the lab or the program has changed since the last build.
    pub unchanged: bool,
    /// Finished jobs shown.
    pub jobs: usize,
    /// Files written, without the manifest.
    pub pages_written: usize,
    pub pages_removed: usize,
    /// What could not be shown, and why.
    pub warnings: Vec<String>,
    /// Seconds of each stage, in order.
    pub stages: Vec<(&'static str, f64)>,
}

/// Builds the site of anything that can be read like a lab.
pub fn build_from<S: Source>(
    source: &S,
    options: &BuildOptions,
) -> Result<BuildSummary, SiteError> {
    let mut clock = Clock::start();
    let reader = source.reader()?;
    let heads = reader.heads()?;
    let cursor = cursor(&heads);
    let program = program();
    let old_head = Head::read(&options.out);
    if !options.full
        && let Some(head) = old_head
        && head.clean
        && head.cursor == cursor
        && head.program == program
        && options.now.unix() < head.until
    {
        clock.stage("look");
        return Ok(BuildSummary {
            unchanged: true,
            stages: clock.stages,
            ..BuildSummary::default()
        });
    }
    let old = Manifest::read(&options.out);
    // Otherwise what it says of pages still tells which of them are to go.
    let trusted = |head: &Head| !options.full && head.clean && head.program == program;
    let trusted = old.as_ref().is_some_and(|(head, _)| trusted(head));
    let sound = old.as_ref().map(|(head, _)| *head);
    let old = old.map(|(_, manifest)| manifest).unwrap_or_default();
    let before = Before::new(&old);
    let warnings = Warnings::default();
    let assets = Assets::load(&reader)?;
    let snapshot = reader.snapshot()?;
    let config = &snapshot.files.config;
    let manual = Manual::new(&assets.content, config.forge.as_ref(), &config.branch);
    manual
        .warnings
        .iter()
        .for_each(|warning| warnings.add(warning.clone()));
    let shared = shared(&assets, config, program);
    let engine = Engine::new(&assets, &frame(&assets, config, &manual))?;
    let readers = Pool::new(source, reader);
    clock.stage("load");

    let mut loaded = if trusted {
        gather::update(&readers, old, &warnings)?
    } else {
        gather::count(&readers, &warnings)?
    };
    before.carry(&mut loaded.history);
    let nothing = HashMap::new();
    clock.stage("history");
    let past = readers.with(|reader| reader.past(options.now))?;
    let outlook = snapshot.outlook(&past, options.now);
    let whens = whens(&snapshot, &outlook, options.now);
    clock.stage("outlook");

    if let Some(head) = old_head {
        head.mark_unclean(&options.out)?;
    }
    let output = Output::new(&options.out);
    let lists = Lists::new(&loaded.history);
    let site = Site {
        engine: &engine,
        output: &output,
        assets: &assets,
        manual: &manual,
        snapshot: &snapshot,
        outlook: &outlook,
        whens: &whens,
        history: &loaded.history,
        sums: &loaded.sums,
        calibration: &loaded.calibration,
        lists: &lists,
        now: options.now,
        shared,
        revision: cursor,
        old: if trusted { &before.pages } else { &nothing },
        new: Mutex::default(),
    };
    let written = write_jobs(&site, &readers, &heads, &warnings)?;
    clock.stage("jobs");
    readers.with(|reader| pages::live(&site, reader))?;
    pages::all(&site)?;
    let new = site
        .new
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    before.remove_dropped(&output, &new, &loaded.history)?;
    clock.stage("pages");

    let jobs = lists.all.len();
    drop(lists);
    let mut history = loaded.history;
    for (at, key, log_pages) in written {
        history.jobs[at].key = key;
        history.jobs[at].log_pages = log_pages;
    }
    let next = Manifest {
        shared,
        journals: loaded.journals,
        history,
        sums: loaded.sums,
        calibration: loaded.calibration,
        pages: new,
    };
    std::fs::create_dir_all(&options.out).map_err(SiteError::file("create", &options.out))?;
    let until = until(&snapshot, options.now);
    let made_from = MadeFrom {
        cursor,
        program,
        until,
    };
    next.write(&options.out, made_from, sound)?;
    clock.stage("manifest");
    Ok(BuildSummary {
        unchanged: false,
        jobs,
        pages_written: output.written(),
        pages_removed: output.removed(),
        warnings: warnings.into_list(),
        stages: clock.stages,
    })
}

/// One number for every ref and its object.
fn cursor(heads: &BTreeMap<String, ObjectId>) -> u64 {
    let mut hash = Xxh3::new();
    for (name, id) in heads {
        hash.update(&(name.len() as u64).to_le_bytes());
        hash.update(name.as_bytes());
        hash.update(id.as_bytes());
    }
    hash.digest()
}

/// When the next runner of which no more is heard counts as silent, in Unix seconds: its boards take no
/// jobs then.
fn until(snapshot: &Snapshot, now: Time) -> i64 {
    let lease_s = snapshot.files.config.lease.seconds();
    let silent = snapshot.runners.iter().map(|runner| {
        let from = runner.at.plus_seconds(lease_s);
        from.unix().saturating_add(1)
    });
    silent
        .filter(|at| *at > now.unix())
        .min()
        .unwrap_or(i64::MAX)
}

/// One number for this program: its version and what it brings along.
fn program() -> u64 {
    let embedded = Assets::embedded().hash();
    Key::new(embedded)
        .add(env!("CARGO_PKG_VERSION").as_bytes())
        .finish()
}

/// One number for what every page depends on.
fn shared(assets: &Assets, config: &LabConfig, program: u64) -> u64 {
    Key::new(program)
        .number(assets.hash())
        .add(config.name.as_bytes())
        .add(config.branch.as_bytes())
        .debug(&config.forge)
        .finish()
}

fn frame(assets: &Assets, config: &LabConfig, manual: &Manual) -> Frame {
    let stamp = |name: &str| {
        let bytes = assets
            .published
            .get(name)
            .map(|bytes| &**bytes)
            .unwrap_or_default();
        format!("{:08x}", xxh3_64(bytes) as u32)
    };
    Frame {
        lab: config.name.clone(),
        style: stamp("style.css"),
        script: stamp("site.js"),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        manual: manual
            .front()
            .map(|page| page.path.clone())
            .unwrap_or_default(),
        forge: match &config.forge {
            Some(forge) if is_web(&forge.url) => forge.url.clone(),
            _ => String::new(),
        },
        forge_name: match config.forge.as_ref().map(|forge| forge.kind) {
            Some(ForgeKind::Gitlab) => "GitLab",
            Some(ForgeKind::Github) => "GitHub",
            Some(ForgeKind::Gitea) => "Gitea",
            None => "",
        },
    }
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// What the last build wrote.
struct Before {
    /// Each finished job with its log pages, by id.
    jobs: Vec<(JobId, u16)>,
    pages: HashMap<String, u64>,
}

impl Before {
    fn new(manifest: &Manifest) -> Self {
        let shown = manifest.history.jobs.iter().filter(|job| !job.shadowed);
        let mut jobs: Vec<(JobId, u16)> = shown.map(|job| (job.id, job.log_pages)).collect();
        jobs.sort_unstable();
        Self {
            jobs,
            pages: manifest.pages.clone(),
        }
    }

    /// Tells jobs that were read anew how many log pages are there.
    fn carry(&self, history: &mut History) {
        for job in history.jobs.iter_mut().filter(|job| job.key == 0) {
            if let Ok(at) = self.jobs.binary_search_by_key(&job.id, |(id, _)| *id) {
                job.log_pages = self.jobs[at].1;
            }
        }
    }

    /// Removes the pages that this build did not make and that are still of the last one.
    fn remove_dropped(
        &self,
        output: &Output,
        new: &HashMap<String, u64>,
        history: &History,
    ) -> Result<(), SiteError> {
        let mut shown: Vec<JobId> = history.jobs.iter().map(|job| job.id).collect();
        shown.sort_unstable();
        for (id, _) in &self.jobs {
            // A job may have come back to life, such as when a journal was cut back.
            let page = paths::job_page(*id);
            if shown.binary_search(id).is_err() && !new.contains_key(&page) {
                output.remove_folder(&paths::job(*id))?;
            }
        }
        let finished: HashSet<String> = new_finished(&self.pages, new, &shown);
        let mut gone: Vec<&String> = self
            .pages
            .keys()
            .filter(|path| !new.contains_key(*path) && !finished.contains(*path))
            .collect();
        gone.sort();
        gone.into_iter().try_for_each(|path| output.remove(path))
    }
}

/// The pages of jobs that were alive at the last build and have finished since.
fn new_finished(
    old: &HashMap<String, u64>,
    new: &HashMap<String, u64>,
    shown: &[JobId],
) -> HashSet<String> {
    let of_job = |path: &&String| {
        let id = path
            .strip_prefix("jobs/")?
            .get(3..39)?
            .parse::<JobId>()
            .ok()?;
        shown.binary_search(&id).ok()
    };
    old.keys()
        .filter(|path| !new.contains_key(*path) && of_job(path).is_some())
        .cloned()
        .collect()
}

/// Writes the pages of the finished jobs that need it; gives each one's place, key and log pages.
fn write_jobs<S: Source>(
    site: &Site<'_>,
    readers: &Pool<'_, S>,
    heads: &BTreeMap<String, ObjectId>,
    warnings: &Warnings,
) -> Result<Vec<(usize, u64, u16)>, SiteError> {
    let todo: Vec<Finished> = pages::finished(site, heads);
    let chunks: Result<Vec<Vec<_>>, SiteError> = todo
        .par_chunks(CHUNK)
        .map(|chunk| {
            readers.with(|reader| {
                let mut written = Vec::with_capacity(chunk.len());
                for job in chunk {
                    match job.write(site, reader, heads) {
                        Ok(log_pages) => written.push((job.at, job.key, log_pages)),
                        // One record that cannot be read must not keep the others from being shown.
                        Err(SiteError::Read { what, why }) => {
                            warnings.add(format!("{what}: {why}"));
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(written)
            })
        })
        .collect();
    Ok(chunks?.into_iter().flatten().collect())
}

/// Measures stages for the summary; what it says decides nothing.
struct Clock {
    since: Instant,
    stages: Vec<(&'static str, f64)>,
}

impl Clock {
    fn start() -> Self {
        Self {
            since: Instant::now(),
            stages: Vec::new(),
        }
    }

    fn stage(&mut self, name: &'static str) {
        self.stages.push((name, self.since.elapsed().as_secs_f64()));
        self.since = Instant::now();
    }
}
