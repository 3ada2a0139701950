//! Calibration sums in the manifest. Their histograms are thousands of small numbers, so each number
//! takes as many bytes as it needs.

use super::{Fields, put_text};
use crate::model::Priority;
use crate::report::histogram::Histogram;
use crate::report::{Accuracy, CalibrationSums};

const PRIORITIES: [Priority; 4] = [
    Priority::Low,
    Priority::Medium,
    Priority::High,
    Priority::Urgent,
];

pub(super) fn put(out: &mut Vec<u8>, sums: &CalibrationSums) {
    put_number(out, sums.periods.len() as u64);
    for (period, cells) in &sums.periods {
        put_text(out, &period.to_string());
        put_number(out, cells.len() as u64);
        for ((priority, name), cell) in cells {
            out.push(*priority as u8);
            put_text(out, name);
            cell.counts()
                .iter()
                .for_each(|count| put_number(out, *count));
            for histogram in cell.histograms() {
                put_histogram(out, histogram);
            }
        }
    }
}

pub(super) fn take(fields: &mut Fields<'_>) -> Option<CalibrationSums> {
    let mut sums = CalibrationSums::default();
    for _ in 0..take_number(fields)? {
        let period = fields.text()?.parse().ok()?;
        let cells = sums.periods.entry(period).or_default();
        for _ in 0..take_number(fields)? {
            let priority = *PRIORITIES.get(usize::from(fields.byte()?))?;
            let name = fields.text()?.to_owned();
            let mut counts = [0; Accuracy::COUNTS];
            for count in &mut counts {
                *count = take_number(fields)?;
            }
            let mut histograms: [Histogram; Accuracy::HISTOGRAMS] = Default::default();
            for histogram in &mut histograms {
                *histogram = take_histogram(fields)?;
            }
            cells.insert((priority, name), Accuracy::from_parts(counts, histograms));
        }
    }
    Some(sums)
}

/// How far each bin is from the one before, and its count.
fn put_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    let bins = histogram.bins();
    put_number(out, bins.len() as u64);
    let mut before = 0;
    for (bin, count) in bins {
        put_number(out, u64::from(bin - before));
        put_number(out, u64::from(*count));
        before = *bin;
    }
}

fn take_histogram(fields: &mut Fields<'_>) -> Option<Histogram> {
    let count = take_number(fields)?;
    // Each bin takes two bytes at least, so a broken count reserves no more than there is.
    let mut bins = Vec::with_capacity(count.min(fields.0.len() as u64) as usize);
    let mut bin = 0_u16;
    for _ in 0..count {
        bin = bin.checked_add(take_number(fields)?.try_into().ok()?)?;
        bins.push((bin, take_number(fields)?.try_into().ok()?));
    }
    Histogram::from_bins(bins)
}

/// Seven bits a byte, the lowest first; all bytes but the last have the eighth set.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(fields: &mut Fields<'_>) -> Option<u64> {
    let mut number = 0;
    for place in (0..u64::BITS).step_by(7) {
        let byte = fields.byte()?;
        number |= u64::from(byte & 0x7f) << place;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;
    use crate::site::sample::Sample;

    #[test]
    fn what_was_put_is_taken() {
        let now: Time = "2026-11-24T10:00:00Z".parse().unwrap();
        let lab = Sample::new(300, now);
        let mut sums = CalibrationSums::default();
        (0..300).for_each(|i| sums.add(&lab.record(i)));
        assert!(sums.periods.len() > 2);
        let mut bytes = Vec::new();
        put(&mut bytes, &sums);
        let mut fields = Fields(&bytes);
        assert_eq!(take(&mut fields), Some(sums));
        assert!(fields.0.is_empty());
        for end in 0..bytes.len() {
            assert_eq!(take(&mut Fields(&bytes[..end])), None, "{end}");
        }
        for number in [0, 127, 128, u64::MAX] {
            let mut bytes = Vec::new();
            put_number(&mut bytes, number);
            assert_eq!(take_number(&mut Fields(&bytes)), Some(number));
        }
    }
}
