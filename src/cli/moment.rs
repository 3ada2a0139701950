//! Lengths of time and moments, as people read them.

use chrono::Local;

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

#[cfg(test)]
mod tests {
    use super::*;

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
