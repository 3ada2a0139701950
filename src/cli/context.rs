//! What every command is given: where the lab is and how output is shown.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::open::{self, Opened};
use super::terminal::Terminal;
use super::text::visible_lines;

/// Where a command stands.
#[derive(Debug, Clone)]
pub struct Context {
    /// `-C`: a lab's work tree, bare repository or URL.
    at: Option<String>,
    pub terminal: Terminal,
    /// Whether standard output belongs to something else, so that lines go to standard error.
    beside: bool,
}

impl Context {
    pub fn new(at: Option<String>) -> Self {
        Self {
            at,
            terminal: Terminal::of_stdout(),
            beside: false,
        }
    }

    /// What `-C` says, else the folder one stands in.
    pub fn at(&self) -> &str {
        self.at.as_deref().unwrap_or(".")
    }

    /// The folder that `-C` names, whether or not there is one.
    pub fn dir(&self) -> &Path {
        Path::new(self.at())
    }

    /// The lab, without fetching anything.
    pub fn open(&self) -> Result<Opened, Error> {
        open::open(self.at())
    }

    /// The same, where standard output holds JSON if `json`: other lines go to standard error.
    #[must_use]
    pub fn beside(&self, json: bool) -> Self {
        Self {
            beside: json,
            ..self.clone()
        }
    }

    /// Standard output; where nobody reads it any more, writing fails quietly.
    pub fn out(&self) -> impl Write {
        let out: Box<dyn Write> = match self.beside {
            false => Box::new(io::stdout().lock()),
            true => Box::new(io::stderr().lock()),
        };
        io::BufWriter::new(out)
    }

    /// Says something beside the output, on standard error.
    pub fn note(&self, text: &str) {
        // Where standard error is closed there is nobody to tell.
        let _ = writeln!(io::stderr(), "{}", visible_lines(text));
    }

    /// Writes indented JSON and a line's end.
    pub fn print_json(&self, value: &impl Serialize) -> Result<(), Error> {
        let mut out = self.out();
        serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
        writeln!(out)?;
        out.flush()?;
        Ok(())
    }

    /// A file that the command line names: from where one stands, else from where `-C` says.
    pub fn file(&self, named: &Path) -> PathBuf {
        let there = self.dir().join(named);
        if !named.exists() && there.exists() {
            there
        } else {
            named.to_owned()
        }
    }
}
