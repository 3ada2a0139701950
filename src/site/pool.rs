//! What the threads of a build share: readers and the list of warnings.

use std::sync::{Mutex, PoisonError};

use super::SiteError;
use super::source::Source;

/// Warnings kept; a lab with more of them has one cause.
const MOST: usize = 100;

/// Readers that are opened when all others are in use, and used again.
pub struct Pool<'a, S: Source> {
    source: &'a S,
    idle: Mutex<Vec<S::Reader>>,
}

impl<'a, S: Source> Pool<'a, S> {
    pub fn new(source: &'a S, first: S::Reader) -> Self {
        Self {
            source,
            idle: Mutex::new(vec![first]),
        }
    }

    pub fn with<T>(
        &self,
        work: impl FnOnce(&S::Reader) -> Result<T, SiteError>,
    ) -> Result<T, SiteError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let reader = match idle {
            Some(reader) => reader,
            None => self.source.reader()?,
        };
        let result = work(&reader);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reader);
        result
    }
}

/// What could not be shown.
#[derive(Debug, Default)]
pub struct Warnings(Mutex<Vec<String>>);

impl Warnings {
    pub fn add(&self, warning: String) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.push(warning);
        }
    }

    /// In a fixed order, whichever thread came first.
    pub fn into_list(self) -> Vec<String> {
        let mut all = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.sort();
        all.dedup();
        all
    }
}
