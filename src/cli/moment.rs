//! Lengths of time and moments, as people read them.

use chrono::{Local, TimeZone};

use crate::model::Time;

/// A length in its two largest units: `0.4s`, `12s`, `3m05s`, `2h10m`, `5d3h`. Negative ones are nothing:
/// clocks of two hosts differ.
pub fn length(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    let s = seconds.round() as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        3600..86_400 => format!("{}h{:02}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{}h", s / 86_400, s / 3600 % 24),
    }
}

/// A moment in the zone one lives in.
pub fn moment(at: Time) -> String {
    at.utc()
        .with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

/// How far off a moment to come is, no more exact than an estimate: `now`, `in 40s`, `in 1m07s`, from ten
/// minutes on `in 12m`, `in 2h10m`.
pub fn until(at: Time, now: Time) -> String {
    let s = at.seconds_since(now).max(0.0).round() as u64;
    match s {
        0..2 => "now".to_owned(),
        2..60 => format!("in {s}s"),
        // Half a minute more is one more.
        600..3570 => format!("in {}m", (s + 30) / 60),
        _ => format!("in {}", length(s as f64)),
    }
}

/// An expected moment by the clock, as near as its minute can be.
pub fn expected(at: Time, now: Time) -> String {
    clock(nearest(at, MINUTE_S), now)
}

/// By when something comes nine times in ten: rounded up, since an earlier minute would claim more.
pub fn bound(at: Time, now: Time) -> String {
    clock(rounded_up(at, MINUTE_S), now)
}

pub const MINUTE_S: i64 = 60;

/// The nearest moment that is a whole number of units of so many seconds.
pub fn nearest(at: Time, unit_s: i64) -> Time {
    let s = at.utc().timestamp();
    Time::from_unix((s + unit_s / 2).div_euclid(unit_s) * unit_s)
}

/// The first such moment that is not before it.
pub fn rounded_up(at: Time, unit_s: i64) -> Time {
    let at = at.utc();
    let s = at.timestamp() + i64::from(at.timestamp_subsec_nanos() > 0);
    Time::from_unix((s + unit_s - 1).div_euclid(unit_s) * unit_s)
}

/// A moment by the clock of the zone one lives in: `14:05`, of another day `Thu 14:05`, of one further
/// off than a week `2026-12-03 14:05`.
pub fn clock(at: Time, now: Time) -> String {
    clock_in(&Local, at, now)
}

fn clock_in<Z: TimeZone>(zone: &Z, at: Time, now: Time) -> String
where
    Z::Offset: std::fmt::Display,
{
    let (at, now) = (at.utc().with_timezone(zone), now.utc().with_timezone(zone));
    let days = (at.date_naive() - now.date_naive()).num_days();
    let format = match days {
        0 => "%H:%M",
        -6..=6 => "%a %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    #[test]
    fn what_is_to_come_is_no_more_exact_than_an_estimate() {
        let now = Time::from_unix(1_800_000_000);
        let until = |seconds| until(now.plus_seconds(seconds), now);
        let cases = [
            (-5.0, "now"),
            (1.2, "now"),
            (40.4, "in 40s"),
            (67.0, "in 1m07s"),
            (599.0, "in 9m59s"),
            (629.0, "in 10m"),
            (631.0, "in 11m"),
            (3569.0, "in 59m"),
            (3570.0, "in 59m30s"),
            (7800.0, "in 2h10m"),
            (442_800.0, "in 5d3h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(until(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn expected_moments_are_the_nearest_minute_and_bounds_the_next() {
        let at = |text: &str| -> Time { text.parse().unwrap() };
        let (half, whole) = (at("2026-11-25T22:10:30Z"), at("2026-11-25T22:10:00Z"));
        let early = at("2026-11-25T22:10:29Z");
        let next = at("2026-11-25T22:11:00Z");
        assert_eq!(nearest(half, MINUTE_S), next);
        assert_eq!(nearest(early, MINUTE_S), whole);
        assert_eq!(rounded_up(early, MINUTE_S), next);
        assert_eq!(rounded_up(whole, MINUTE_S), whole);
        assert_eq!(rounded_up(whole.plus_seconds(0.1), MINUTE_S), next);
    }

    #[test]
    fn a_clock_names_the_day_if_it_is_another() {
        let now: Time = "2026-11-25T22:10:00Z".parse().unwrap();
        let zone = FixedOffset::east_opt(3600).unwrap();
        let clock = |hours: f64| clock_in(&zone, now.plus_seconds(hours * 3600.0), now);
        assert_eq!(clock(0.5), "23:40");
        assert_eq!(clock(1.0), "Thu 00:10", "midnight is that of the zone");
        assert_eq!(clock(-23.5), "Tue 23:40");
        assert_eq!(clock(24.0 * 8.0), "2026-12-03 23:10");
    }

    #[test]
    fn lengths_have_two_units() {
        let cases = [
            (-5.0, "0.0s"),
            (0.44, "0.4s"),
            (12.2, "12s"),
            (185.0, "3m05s"),
            (7800.0, "2h10m"),
            (442_800.0, "5d3h"),
            (f64::NAN, "0.0s"),
            (f64::INFINITY, "213503982334601d7h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(length(seconds), text);
        }
    }
}
