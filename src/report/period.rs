//! The stretches of time that reports add up: a month, an ISO week, everything.

use std::fmt;
use std::str::FromStr;

use chrono::Datelike;

use crate::model::Time;

/// A stretch of UTC time. The order puts `All` first, then weeks, then months, each oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    All,
    /// An ISO 8601 week, from Monday.
    Week {
        year: i32,
        week: u8,
    },
    Month {
        year: i32,
        month: u8,
    },
}

impl Period {
    /// The periods in which a moment lies.
    pub fn of(at: Time) -> [Self; 3] {
        [Self::All, Self::week_of(at), Self::month_of(at)]
    }

    pub fn week_of(at: Time) -> Self {
        let week = at.utc().iso_week();
        Self::Week {
            year: week.year(),
            week: week.week() as u8,
        }
    }

    pub fn month_of(at: Time) -> Self {
        let at = at.utc();
        Self::Month {
            year: at.year(),
            month: at.month() as u8,
        }
    }

    /// As a heading says it.
    pub fn title(self) -> String {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        match self {
            Self::All => "All time".to_owned(),
            Self::Week { year, week } => format!("Week {week} of {year}"),
            Self::Month { year, month } => match MONTHS.get(usize::from(month).wrapping_sub(1)) {
                Some(name) => format!("{name} {year}"),
                None => self.to_string(),
            },
        }
    }
}

impl fmt::Display for Period {
    /// `all`, `2026-w48`, `2026-11`: fit for a path and a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Week { year, week } => write!(f, "{year:04}-w{week:02}"),
            Self::Month { year, month } => write!(f, "{year:04}-{month:02}"),
        }
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{}` is not a period: all, 2026-w48 or 2026-11 is",
                text.escape_debug()
            )
        };
        if text == "all" {
            return Ok(Self::All);
        }
        // The year may be negative, so the last dash divides.
        let (year, rest) = text.rsplit_once('-').ok_or_else(bad)?;
        let year = year.parse().map_err(|_| bad())?;
        let number = |digits: &str| digits.parse::<u8>().map_err(|_| bad());
        match rest.strip_prefix('w') {
            Some(week) => Ok(Self::Week {
                year,
                week: number(week)?,
            }),
            None => Ok(Self::Month {
                year,
                month: number(rest)?,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_in_its_week_and_month() {
        // The first of January 2027 is a Friday and belongs to the last week of 2026.
        let at: Time = "2027-01-01T10:00:00Z".parse().unwrap();
        let shown: Vec<String> = Period::of(at).iter().map(Period::to_string).collect();
        assert_eq!(shown, ["all", "2026-w53", "2027-01"]);
        for text in &shown {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), *text);
        }
        assert_eq!(Period::month_of(at).title(), "January 2027");
        for bad in ["", "2026", "2026-wx", "2026-300"] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }
}
