//! What stands around a KTAP line: the kernel log's prefix, and the `# ` of a test within a test.

/// Takes off what the kernel's log puts before a line: a level such as `<6>`, a time such as
/// `[   12.345678]`, and a caller such as `[    T1]`.
pub fn without_log_prefix(line: &str) -> &str {
    let level = line
        .strip_prefix('<')
        .and_then(|rest| rest.split_once('>'))
        .filter(|(level, _)| is_number(level));
    let rest = level.map_or(line, |(_, rest)| rest);
    let Some((time, after)) = bracketed(rest) else {
        return rest;
    };
    let is_time = time
        .split_once('.')
        .is_some_and(|(seconds, fraction)| is_number(seconds) && is_number(fraction));
    if !is_time {
        return rest;
    }
    let caller = bracketed(after).filter(|(caller, _)| {
        let number = caller.strip_prefix(['T', 'C']);
        number.is_some_and(is_number)
    });
    let after = caller.map_or(after, |(_, after)| after);
    after.strip_prefix(' ').unwrap_or(after)
}

/// What is in the brackets that a line begins with, and what comes after.
fn bracketed(line: &str) -> Option<(&str, &str)> {
    let (inner, after) = line.strip_prefix('[')?.split_once(']')?;
    Some((inner.trim_start(), after))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Counts the `# ` that the kernel's self tests put before the output of each test they run, and
/// gives the rest; at most `most` are taken off.
pub fn without_hashes(mut line: &str, most: usize) -> (usize, &str) {
    let mut hashes = 0;
    while hashes < most
        && let Some(rest) = line.strip_prefix("# ")
    {
        line = rest;
        hashes += 1;
    }
    (hashes, line)
}

/// Whether it is the first line of a stream or of a subtest.
pub fn is_version(body: &str) -> bool {
    body.strip_prefix("KTAP version ")
        .or_else(|| body.strip_prefix("TAP version "))
        .is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_off_what_the_kernel_log_adds() {
        for (line, rest) in [
            ("ok 1 a", "ok 1 a"),
            ("[    1.234567] ok 1 a", "ok 1 a"),
            ("[12345.6]     ok 1 a", "    ok 1 a"),
            ("<6>[    1.2] ok 1 a", "ok 1 a"),
            ("<6>ok 1 a", "ok 1 a"),
            ("[    1.2][    T1] ok 1 a", "ok 1 a"),
            ("[    1.2][ C0] ok 1 a", "ok 1 a"),
            ("[    1.2][ x] ok", "[ x] ok"),
            ("[info] ok", "[info] ok"),
            ("[1.2", "[1.2"),
            ("<a>ok", "<a>ok"),
            ("", ""),
        ] {
            assert_eq!(without_log_prefix(line), rest, "{line}");
        }
    }
}
