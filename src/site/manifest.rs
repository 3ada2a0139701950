//! What the last build left: `.pumice-manifest` in the output, a flat file of our own.
//!
//! Its head alone says whether anything changed, so a build without news reads 72 bytes. Whatever is
//! wrong with it, the answer is a full build, never an error.

mod calibration;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::history::{History, Strings, Summary};
use super::source::Journals;
use super::{SiteError, disk};
use crate::model::{JobId, ObjectId};
use crate::report::CalibrationSums;
use crate::report::usage::{By, PeriodSums, Usage, UsageSums};

/// The manifest's name in the output folder.
pub const FILE: &str = ".pumice-manifest";

/// Changes with every change of the layout below; an unknown one is a full build.
const MAGIC: &[u8; 16] = b"pumice-site-004\n";
const HEAD: usize = 72;

/// What decides whether a build has anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// All refs with their objects.
    pub cursor: u64,
    /// Templates and assets within the program, and the program's version.
    pub program: u64,
    /// Whether the build came to its end.
    pub clean: bool,
    /// From then on, in Unix seconds, the pages say something else though no ref has changed.
    pub until: i64,
    body: u64,
    length: u64,
}

/// What a finished build was made from; see [`Head`].
#[derive(Debug, Clone, Copy)]
pub struct MadeFrom {
    pub cursor: u64,
    pub program: u64,
    pub until: i64,
}

/// Everything that the next build needs to know.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// Templates, assets and configuration: what every page depends on.
    pub shared: u64,
    pub journals: Journals,
    pub history: History,
    pub sums: UsageSums,
    pub calibration: CalibrationSums,
    /// Each page but the finished jobs' with the hash of what it was made from.
    pub pages: HashMap<String, u64>,
}

impl Head {
    fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..24].copy_from_slice(&self.cursor.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.program.to_le_bytes());
        bytes[32..40].copy_from_slice(&u64::from(self.clean).to_le_bytes());
        bytes[40..48].copy_from_slice(&self.until.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.body.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.length.to_le_bytes());
        let sum = xxh3_64(&bytes[..64]);
        bytes[64..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEAD]) -> Option<Self> {
        let mut fields = Fields(&bytes[16..]);
        let head = Self {
            cursor: fields.u64()?,
            program: fields.u64()?,
            clean: fields.u64()? == 1,
            until: fields.u64()? as i64,
            body: fields.u64()?,
            length: fields.u64()?,
        };
        (bytes.starts_with(MAGIC) && fields.u64()? == xxh3_64(&bytes[..64])).then_some(head)
    }

    /// Reads the head alone; `None` when there is none or it is broken.
    pub fn read(out: &Path) -> Option<Self> {
        let mut bytes = [0; HEAD];
        File::open(out.join(FILE))
            .ok()?
            .read_exact(&mut bytes)
            .ok()?;
        Self::from_bytes(&bytes)
    }

    /// Notes that pages are being written: a build that dies is then followed by a full one.
    pub fn mark_unclean(self, out: &Path) -> Result<(), SiteError> {
        let marked = Self {
            clean: false,
            ..self
        };
        marked.overwrite(out)
    }

    /// Puts this head before the body that is there.
    fn overwrite(self, out: &Path) -> Result<(), SiteError> {
        let path = out.join(FILE);
        File::options()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&self.to_bytes()))
            .map_err(SiteError::file("write", &path))
    }
}

impl Manifest {
    /// Reads what the last build left; `None` when it is absent or broken. One of a build that died
    /// has an unclean head.
    pub fn read(out: &Path) -> Option<(Head, Self)> {
        let bytes = std::fs::read(out.join(FILE)).ok()?;
        let head = Head::from_bytes(bytes.first_chunk()?)?;
        let body = &bytes[HEAD..];
        let whole = body.len() as u64 == head.length && xxh3_64(body) == head.body;
        if !whole {
            return None;
        }
        Some((head, decode(&mut Fields(body))?))
    }

    /// Writes the manifest; its head alone when nothing else differs from `old`, as after a heartbeat.
    pub fn write(
        &self,
        out: &Path,
        made_from: MadeFrom,
        old: Option<Head>,
    ) -> Result<(), SiteError> {
        let mut bytes = vec![0; HEAD];
        self.encode(&mut bytes);
        let MadeFrom {
            cursor,
            program,
            until,
        } = made_from;
        let head = Head {
            cursor,
            program,
            clean: true,
            until,
            body: xxh3_64(&bytes[HEAD..]),
            length: (bytes.len() - HEAD) as u64,
        };
        if old.is_some_and(|old| (old.body, old.length) == (head.body, head.length)) {
            return head.overwrite(out);
        }
        bytes[..HEAD].copy_from_slice(&head.to_bytes());
        disk::replace(&out.join(FILE), &bytes)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.shared);
        put_u64(out, self.journals.len() as u64);
        for (runner, head) in &self.journals {
            put_text(out, runner.as_str());
            out.extend_from_slice(head.as_bytes());
        }
        put_u64(out, self.history.strings.iter().len() as u64);
        for text in self.history.strings.iter() {
            put_text(out, text);
        }
        put_u64(out, self.history.jobs.len() as u64);
        out.reserve(self.history.jobs.len() * 117);
        for job in &self.history.jobs {
            put_summary(out, job);
        }
        put_u64(out, self.sums.periods.len() as u64);
        for (period, sums) in &self.sums.periods {
            put_text(out, &period.to_string());
            put_usage(out, &sums.total);
            put_u64(out, sums.by.len() as u64);
            for ((by, name), usage) in &sums.by {
                out.push(*by as u8);
                put_text(out, name);
                put_usage(out, usage);
            }
        }
        calibration::put(out, &self.calibration);
        // In order, so that equal manifests are equal bytes.
        let pages: BTreeMap<&str, u64> = self.pages.iter().map(|(p, k)| (p.as_str(), *k)).collect();
        put_u64(out, pages.len() as u64);
        for (path, key) in pages {
            put_text(out, path);
            put_u64(out, key);
        }
    }
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn put_usage(out: &mut Vec<u8>, usage: &Usage) {
    for number in usage.to_array() {
        put_u64(out, number);
    }
}

fn put_summary(out: &mut Vec<u8>, job: &Summary) {
    out.extend_from_slice(job.id.as_bytes());
    out.extend_from_slice(job.blob.as_bytes());
    out.extend_from_slice(&job.finished.to_le_bytes());
    out.extend_from_slice(&job.took.to_le_bytes());
    let numbers = [
        job.name,
        job.user,
        job.board,
        job.device_type,
        job.runner,
        job.tags,
        job.log_refs,
        job.failures,
        job.passed,
        job.failed,
    ];
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
    let small = [
        job.health,
        job.reason,
        job.verdict,
        job.priority,
        u8::from(job.health_check),
        u8::from(job.shadowed),
    ];
    out.extend_from_slice(&small);
    out.extend_from_slice(&job.log_pages.to_le_bytes());
    put_u64(out, job.key);
}

/// Takes fields from the front; `None` once the bytes do not suffice.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.array()?))
    }

    fn byte(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn object(&mut self) -> Option<ObjectId> {
        Some(ObjectId::from_bytes(self.array()?))
    }

    fn usage(&mut self) -> Option<Usage> {
        let mut numbers = [0; Usage::FIELDS];
        for number in &mut numbers {
            *number = self.u64()?;
        }
        Some(Usage::from_array(numbers))
    }

    fn summary(&mut self) -> Option<Summary> {
        Some(Summary {
            id: JobId::from_bytes(self.array()?),
            blob: self.object()?,
            finished: self.u64()? as i64,
            took: self.u64()? as i64,
            name: self.u32()?,
            user: self.u32()?,
            board: self.u32()?,
            device_type: self.u32()?,
            runner: self.u32()?,
            tags: self.u32()?,
            log_refs: self.u32()?,
            failures: self.u32()?,
            passed: self.u32()?,
            failed: self.u32()?,
            health: self.byte()?,
            reason: self.byte()?,
            verdict: self.byte()?,
            priority: self.byte()?,
            health_check: self.byte()? != 0,
            shadowed: self.byte()? != 0,
            log_pages: u16::from_le_bytes(self.array()?),
            key: self.u64()?,
        })
    }
}

fn decode(fields: &mut Fields<'_>) -> Option<Manifest> {
    let mut manifest = Manifest {
        shared: fields.u64()?,
        ..Manifest::default()
    };
    for _ in 0..fields.u64()? {
        let runner = fields.text()?.parse().ok()?;
        manifest.journals.insert(runner, fields.object()?);
    }
    let mut strings = Strings::default();
    for _ in 0..fields.u64()? {
        strings.intern(fields.text()?);
    }
    manifest.history.strings = strings;
    for _ in 0..fields.u64()? {
        manifest.history.jobs.push(fields.summary()?);
    }
    for _ in 0..fields.u64()? {
        let period = fields.text()?.parse().ok()?;
        let mut sums = PeriodSums {
            total: fields.usage()?,
            ..PeriodSums::default()
        };
        for _ in 0..fields.u64()? {
            let by = *By::ALL.get(usize::from(fields.byte()?))?;
            let name = fields.text()?.to_owned();
            sums.by.insert((by, name), fields.usage()?);
        }
        manifest.sums.periods.insert(period, sums);
    }
    manifest.calibration = calibration::take(fields)?;
    for _ in 0..fields.u64()? {
        let path = fields.text()?.to_owned();
        manifest.pages.insert(path, fields.u64()?);
    }
    fields.0.is_empty().then_some(manifest)
}
