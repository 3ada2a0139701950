//! `pumice board fetch`: a virtual board made from Debian's packages.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;

use crate::cli::bars::{Bar, Bars};
use crate::cli::context::Context;
use crate::cli::error::{Attempt, Error, Kind, Outcome};
use crate::cli::land::{self, Base, Change};
use crate::cli::moment;
use crate::cli::open::{self, Opened};
use crate::fetch::{self, BoardFiles, FetchError, Kit, Package, Progress};
use crate::model::BoardName;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The kind of board: User Mode Linux, or an emulated machine.
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Sort,
    /// The board's name, instead of the first free of uml01, uml02 and so on.
    #[arg(long, value_name = "NAME", conflicts_with = "kit_only")]
    pub name: Option<BoardName>,
    /// Fetches the newest packages even if the kit is in the cache.
    #[arg(long)]
    pub refresh: bool,
    /// Only fetches the kit of kernel and ramdisk, and makes no board.
    #[arg(long)]
    pub kit_only: bool,
}

/// The kinds as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// User Mode Linux: a kernel that is an ordinary program, without root.
    Uml,
    /// An emulated PC; needs the package qemu-system-x86.
    Qemu,
    /// An emulated 64-bit ARM machine; needs the package qemu-system-arm.
    QemuArm64,
}

impl From<Sort> for fetch::Kind {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Uml => Self::Uml,
            Sort::Qemu => Self::Qemu,
            Sort::QemuArm64 => Self::QemuArm64,
        }
    }
}

pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let kind = args.kind.into();
    if args.kit_only {
        kit(kind, args.refresh, context)?;
        return Ok(Outcome::Done);
    }
    // What would refuse the board is asked first: the download is the long part.
    let opened = context.open()?;
    opened.fetch()?;
    opened.identity()?;
    let reader = opened.lab.reader()?;
    let base = Base {
        reader: &reader,
        main: reader.main()?,
    };
    free_name(kind, args.name.as_ref(), &opened, &base)?;
    let kit = kit(kind, args.refresh, context)?;
    let files = make(&kit, args.name.as_ref(), &opened)?;
    let mut out = context.out();
    write!(
        out,
        "{} is on {}",
        files.board.0,
        opened.lab.refs().branch()
    )?;
    if let Some((path, _)) = &files.device_type {
        write!(out, ", with its type {path}")?;
    }
    writeln!(out, "\n\nNext, on this host:")?;
    writeln!(out, "  pumice runner --allow {}", files.allow)?;
    let shared = folder(&kit).parent().unwrap_or(folder(&kit));
    writeln!(
        out,
        "Jobs may name the board's own images by their paths, and others in a folder of runner.yaml: images: [{}]",
        shared.display()
    )?;
    out.flush()?;
    Ok(Outcome::Done)
}

/// The kit in the cache, fetched if it is not there.
fn kit(kind: fetch::Kind, refresh: bool, context: &Context) -> Result<Kit, Error> {
    let cache = open::cache()?;
    let mut out = context.out();
    if !refresh && let Some(kit) = fetch::find_in(&cache, kind) {
        let packages: Vec<&Package> = kit.packages.iter().collect();
        writeln!(
            out,
            "the kit for {} is in {} already: {}; --refresh fetches the newest",
            kind.as_str(),
            folder(&kit).display(),
            list(&packages)
        )?;
        out.flush()?;
        return Ok(kit);
    }
    let start = Instant::now();
    let mut display = Display::new(context);
    let kit = fetch::fetch(&cache, kind, &mut |progress| display.show(&progress));
    display.end();
    let kit = kit?;
    writeln!(
        out,
        "the kit for {} is in {}: {} fetched in {}",
        kind.as_str(),
        folder(&kit).display(),
        size(kit.packages.iter().map(|package| package.bytes).sum()),
        moment::length(start.elapsed().as_secs_f64())
    )?;
    out.flush()?;
    Ok(kit)
}

fn folder(kit: &Kit) -> &Path {
    kit.ramdisk.parent().unwrap_or(&kit.ramdisk)
}

/// Commits the board, and its type if the lab has none, and pushes.
fn make(kit: &Kit, wanted: Option<&BoardName>, opened: &Opened) -> Result<BoardFiles, Error> {
    let mut made = None;
    land::land(opened, &mut |base| {
        let name = free_name(kit.kind, wanted, opened, base)?;
        let present = at(opened, base, &fetch::type_path(kit.kind))?;
        let files = fetch::board_files(kit, &name, present.as_deref())?;
        let put = [Some(&files.board), files.device_type.as_ref()];
        let change = Change {
            put: put
                .into_iter()
                .flatten()
                .map(|(path, text)| (path.clone(), text.clone().into_bytes()))
                .collect(),
            remove: Vec::new(),
            message: format!("Add the virtual board {name}"),
        };
        made = Some(files);
        Ok(change)
    })?;
    made.ok_or_else(|| Error::new(Kind::Git, "add the board").because("nothing was planned"))
}

/// The wanted name if no board has it, else the first that is free.
fn free_name(
    kind: fetch::Kind,
    wanted: Option<&BoardName>,
    opened: &Opened,
    base: &Base,
) -> Result<BoardName, Error> {
    let is_free = |name: &BoardName| -> Result<bool, Error> {
        Ok(at(opened, base, &format!("boards/{name}.yaml"))?.is_none())
    };
    if let Some(name) = wanted {
        return if is_free(name)? {
            Ok(name.clone())
        } else {
            Err(Error::new(Kind::Usage, format!("add the board {name}"))
                .because("the lab has a board of this name")
                .hint("choose another --name, or none for the first that is free"))
        };
    }
    let mut number = 1_u32;
    loop {
        let name = format!("{}{number:02}", kind.stem());
        let name = name
            .parse()
            .attempt(Kind::Failed, || format!("name a board {name}"))?;
        if is_free(&name)? {
            return Ok(name);
        }
        number += 1;
    }
}

/// A file on main, or in the work tree where nobody has committed it yet.
fn at(opened: &Opened, base: &Base, path: &str) -> Result<Option<Vec<u8>>, Error> {
    if let Some(main) = base.main
        && let Some(bytes) = base.reader.repo().file(main, path)?
    {
        return Ok(Some(bytes));
    }
    let Some(tree) = land::tree(opened)? else {
        return Ok(None);
    };
    let file: PathBuf = tree.root().join(path);
    match std::fs::read(&file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).attempt(Kind::Failed, || format!("read {}", file.display())),
    }
}

/// A bar on a terminal, a line for each stage everywhere.
struct Display<'a> {
    context: &'a Context,
    bar: Option<Bar>,
}

impl<'a> Display<'a> {
    fn new(context: &'a Context) -> Self {
        Self { context, bar: None }
    }

    fn show(&mut self, progress: &Progress<'_>) {
        match progress {
            Progress::Waiting => self.say("another fetch is under way; waiting for its end"),
            Progress::Lists { architecture } => {
                self.say(&format!("fetching the package lists for {architecture}"));
            }
            Progress::Download(packages) => {
                self.say(&format!("fetching {}", list(packages)));
                self.bar = Bars::on_terminal().map(|bars| bars.add("download"));
            }
            Progress::Percent(percent) => {
                if let Some(bar) = &self.bar {
                    // Between 0 and 100, as `apt-get` says.
                    bar.show(percent.clamp(0.0, 100.0) as u8, "");
                }
            }
            Progress::Unpack => {
                self.end();
                self.say("unpacking");
            }
        }
    }

    fn say(&self, text: &str) {
        self.context.note(text);
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.remove();
        }
    }
}

fn list(packages: &[&Package]) -> String {
    let one = |package: &&Package| {
        format!(
            "{} {} ({})",
            package.name,
            package.version,
            size(package.bytes)
        )
    };
    packages.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Self {
        let kind = match &error {
            FetchError::Missing { .. } => Kind::Lab,
            FetchError::Failed { .. } => Kind::Git,
            FetchError::Io { .. } => Kind::Failed,
        };
        let failed = Self::new(kind, error.to_string());
        match error.remedy() {
            Some(remedy) => failed.hint(remedy),
            None => failed,
        }
    }
}
