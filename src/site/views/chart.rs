//! Bars over time: numbers ready to be drawn by a template as SVG.

use serde::Serialize;

/// A row of stacked bars. Lengths are percent of the highest bar, positions percent of the width.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Chart {
    pub bars: Vec<Bar>,
    /// The highest bar's jobs.
    pub most: u64,
    pub first: String,
    pub last: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    pub label: String,
    pub x: f64,
    pub width: f64,
    pub passed: u64,
    pub failed: u64,
    pub other: u64,
    pub passed_height: f64,
    pub failed_height: f64,
    pub other_height: f64,
    pub passed_y: f64,
    pub failed_y: f64,
    pub other_y: f64,
}

/// A stretch of time with its jobs: passed, failed or incomplete, and the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    pub label: String,
    pub passed: u64,
    pub failed: u64,
    pub other: u64,
}

impl Count {
    fn whole(&self) -> u64 {
        self.passed + self.failed + self.other
    }
}

impl Chart {
    pub fn new(counts: &[Count]) -> Self {
        let most = counts.iter().map(Count::whole).max().unwrap_or(0);
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let height = |jobs: u64| {
            if most == 0 {
                0.0
            } else {
                round(jobs as f64 * 100.0 / most as f64)
            }
        };
        let step = 100.0 / counts.len().max(1) as f64;
        let bar = |(i, count): (usize, &Count)| {
            let (passed, failed, other) = (
                height(count.passed),
                height(count.failed),
                height(count.other),
            );
            Bar {
                label: count.label.clone(),
                x: round(i as f64 * step * 10.0) / 10.0,
                width: round(step * 0.78),
                passed: count.passed,
                failed: count.failed,
                other: count.other,
                passed_height: passed,
                failed_height: failed,
                other_height: other,
                passed_y: round(100.0 - passed),
                failed_y: round(100.0 - passed - failed),
                other_y: round(100.0 - passed - failed - other).max(0.0),
            }
        };
        Self {
            bars: counts.iter().enumerate().map(bar).collect(),
            most,
            first: counts
                .first()
                .map(|count| count.label.clone())
                .unwrap_or_default(),
            last: counts
                .last()
                .map(|count| count.label.clone())
                .unwrap_or_default(),
        }
    }
}

/// Bars that are each a share of a whole of its own. Lengths and positions are percent.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Shares {
    pub bars: Vec<ShareBar>,
    pub first: String,
    pub last: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct ShareBar {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub share: Share,
}

/// A stretch of time with its share.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    pub label: String,
    /// From 0 to 1; none where there is nothing to have a share of.
    pub share: Option<f64>,
    pub text: String,
    /// What it is a share of.
    pub of: String,
    pub class: &'static str,
}

impl Shares {
    pub fn new(shares: impl ExactSizeIterator<Item = Share>) -> Self {
        let round = |value: f64| (value * 10.0).round() / 10.0;
        let step = 100.0 / shares.len().max(1) as f64;
        let bar = |(i, share): (usize, Share)| {
            let height = round(share.share.unwrap_or(0.0).clamp(0.0, 1.0) * 100.0);
            ShareBar {
                x: round(i as f64 * step),
                y: round(100.0 - height),
                width: round(step * 0.78),
                height,
                share,
            }
        };
        let bars: Vec<ShareBar> = shares.enumerate().map(bar).collect();
        let label = |bar: Option<&ShareBar>| bar.map(|bar| bar.share.label.clone());
        Self {
            first: label(bars.first()).unwrap_or_default(),
            last: label(bars.last()).unwrap_or_default(),
            bars,
        }
    }
}
