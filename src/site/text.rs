//! How facts become text: harmless characters, durations, sizes, moments.

use std::io::{self, Write};

use crate::model::Time;

/// Whether a character may change how the text around it is shown: controls and the marks that turn
/// the writing direction, with which a name can show itself as another.
pub fn is_deceptive(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}

/// What is shown instead of a deceptive character: control pictures where Unicode has them.
fn picture(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        _ => '\u{fffd}',
    }
}

/// The text with its deceptive characters made visible.
pub fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if is_deceptive(c) { picture(c) } else { c })
        .collect()
}

/// The escape function of every template: text fit for HTML content and quoted attributes.
pub fn escape_to(text: &str, out: &mut dyn Write) -> io::Result<()> {
    escape(text, true, |part| out.write_all(part.as_bytes()))
}

/// The same into a string.
pub fn push_escaped(out: &mut String, text: &str) {
    push(out, text, true);
}

/// Text fit for an element's content alone, where quotation marks mean nothing.
pub fn content(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    push(&mut out, text, false);
    out
}

fn push(out: &mut String, text: &str, quotes: bool) {
    let pushed: Result<(), std::convert::Infallible> = escape(text, quotes, |part| {
        out.push_str(part);
        Ok(())
    });
    match pushed {
        Ok(()) => {}
    }
}

/// Hands over the parts of a text, each either as it is or what stands for a character.
fn escape<E>(
    text: &str,
    quotes: bool,
    mut part: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let mut buffer = [0; 4];
        let replaced: &str = match c {
            // Most characters leave here.
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' => continue,
            '<' => "&lt;",
            '>' => "&gt;",
            '&' => "&amp;",
            '"' if quotes => "&quot;",
            '\'' if quotes => "&#39;",
            _ if is_deceptive(c) => picture(c).encode_utf8(&mut buffer),
            _ => continue,
        };
        part(&text[plain..at])?;
        part(replaced)?;
        plain = at + c.len_utf8();
    }
    part(&text[plain..])
}

/// At most so many characters, with an ellipsis where something was cut.
pub fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// `2 h 5 min`, `3 min 4 s`, `4.2 s`: the two largest units.
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let s = seconds.round() as u64;
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {smaller}"),
    };
    match s {
        0..=59 => format!("{s} s"),
        60..=3599 => two(s / 60, "min", s % 60, "s"),
        3600..=86_399 => two(s / 3600, "h", s % 3600 / 60, "min"),
        _ => two(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

/// `512 B`, `4.2 kB`, `12 MB`: thousands, as disks count.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["B", "kB", "MB", "GB", "TB"] {
        if value < 999.5 || unit == "TB" {
            return match unit {
                "B" => format!("{count} B"),
                _ if value < 9.95 => format!("{value:.1} {unit}"),
                _ => format!("{value:.0} {unit}"),
            };
        }
        value /= 1000.0;
    }
    format!("{count} B")
}

/// `12 345`: thousands set apart by a narrow space.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + 6);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A measured value without needless digits.
pub fn measurement(value: f64) -> String {
    let size = value.abs();
    if value == value.trunc() && size < 1e15 {
        format!("{value:.0}")
    } else if (1e-3..1e7).contains(&size) {
        let decimals = (3 - size.log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{value:.decimals$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:e}")
    }
}

/// `2026-11-24 01:02`, UTC: what a `time` element holds.
pub fn minute(at: Time) -> String {
    at.utc().format("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-24 01:02:03`, UTC.
pub fn second(at: Time) -> String {
    at.utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_html_and_eyes_could_mistake() {
        let hostile = "<script>alert(\"1\")</script> & 'x' \u{202e}gnp.exe\x1b[31m é\ttab";
        let expected = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; \u{fffd}gnp.exe\u{241b}[31m é\ttab";
        let mut bytes = Vec::new();
        escape_to(hostile, &mut bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        let mut text = String::new();
        push_escaped(&mut text, hostile);
        assert_eq!(text, expected);
        assert_eq!(content("\"<b>' \x07"), "\"&lt;b&gt;' \u{2407}");
    }

    #[test]
    fn shows_numbers_as_people_read_them() {
        for (seconds, shown) in [
            (0.0, "0.0 s"),
            (4.24, "4.2 s"),
            (9.99, "10 s"),
            (59.6, "1 min"),
            (184.0, "3 min 4 s"),
            (7500.0, "2 h 5 min"),
            (90_000.0, "1 d 1 h"),
            (f64::NAN, "–"),
            (-1.0, "–"),
        ] {
            assert_eq!(duration(seconds), shown, "{seconds}");
        }
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(4200), "4.2 kB");
        assert_eq!(bytes(999_900), "1.0 MB");
        assert_eq!(number(1_234_567), "1\u{202f}234\u{202f}567");
        for (value, shown) in [
            (1.0, "1"),
            (1.25, "1.25"),
            (0.001234, "0.001234"),
            (1234.5678, "1235"),
            (1e20, "1e20"),
        ] {
            assert_eq!(measurement(value), shown);
        }
        assert_eq!(shorten("abcdef", 3), "abc…");
        assert_eq!(shorten("äbc", 3), "äbc");
    }
}
