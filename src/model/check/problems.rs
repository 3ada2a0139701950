//! What a check hands back, and the list it is gathered in.

use super::place::Place;
use crate::model::{Diagnostic, Severity};

/// The most problems told of one file: a rejected job's record holds them all.
const MOST: usize = 50;

/// A file's contents, if no problem is an error, and its problems in the order of their places.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked<T> {
    /// `None` iff any diagnostic is an error.
    pub value: Option<T>,
    pub diagnostics: Vec<Diagnostic>,
}

/// The problems of one file.
pub(super) struct Problems {
    path: String,
    list: Vec<Diagnostic>,
}

impl Problems {
    pub(super) fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            list: Vec::new(),
        }
    }

    /// Notes an error; an empty `hint` is none.
    pub(super) fn error(
        &mut self,
        place: Place,
        code: &str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.note(Severity::Error, place, code, message.into(), hint);
    }

    /// Notes a warning; an empty `hint` is none.
    pub(super) fn warning(
        &mut self,
        place: Place,
        code: &str,
        message: impl Into<String>,
        hint: &str,
    ) {
        self.note(Severity::Warning, place, code, message.into(), hint);
    }

    fn note(&mut self, severity: Severity, place: Place, code: &str, message: String, hint: &str) {
        self.list.push(Diagnostic {
            path: self.path.clone(),
            line: place.line,
            column: place.column,
            severity,
            code: code.to_owned(),
            message,
            hint: (!hint.is_empty()).then(|| hint.to_owned()),
        });
    }

    pub(super) fn any_error(&self) -> bool {
        self.list.iter().any(Diagnostic::is_error)
    }

    /// Whether what stands there was refused already, so that a second complaint would only confuse.
    pub(super) fn error_at(&self, place: Place) -> bool {
        self.list.iter().any(|known| {
            known.is_error() && known.line == place.line && known.column == place.column
        })
    }

    pub(super) fn finish<T>(self, value: Option<T>) -> Checked<T> {
        let any_error = self.any_error();
        let diagnostics = self.into_list();
        Checked {
            value: value.filter(|_| !any_error),
            diagnostics,
        }
    }

    /// The problems by their places; of very many, errors before warnings, only the first.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        let place = |one: &Diagnostic| (one.line, one.column, one.severity);
        if self.list.len() > MOST {
            self.list
                .sort_by_key(|one| (one.severity, one.line, one.column));
            let more = self.list.len() - MOST;
            let severity = self.list[MOST].severity;
            self.list.truncate(MOST);
            self.list.sort_by_key(place);
            let last = self.list.last().map_or(Place::START, |last| Place {
                line: last.line,
                column: last.column,
            });
            let message = format!("{more} more problems are not shown");
            self.note(severity, last, "more", message, "");
        } else {
            self.list.sort_by_key(place);
        }
        self.list
    }
}
