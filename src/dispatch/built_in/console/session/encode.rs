//! Bytes as formats of the shell's `printf`, which every shell has.

/// How long one format may be.
const LONGEST: usize = 400;

/// The bytes in pieces, each the inside of a quoted format of only printable characters.
pub fn formats(bytes: &[u8]) -> Vec<String> {
    let mut formats = Vec::new();
    let mut format = String::with_capacity(LONGEST);
    for &byte in bytes {
        match byte {
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str("\\\\"),
            b'\'' => format.push_str("\\047"),
            // A format must not look like an option.
            b'-' if format.is_empty() => format.push_str("\\055"),
            b' '..=b'~' => format.push(char::from(byte)),
            byte => format.push_str(&format!("\\{byte:03o}")),
        }
        if format.len() + 4 > LONGEST {
            formats.push(std::mem::take(&mut format));
        }
    }
    if !format.is_empty() {
        formats.push(format);
    }
    formats
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_shell_writes_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 1..3000)) {
            let script: String = formats(&bytes)
                .iter()
                .map(|format| format!("printf '{format}'\n"))
                .collect();
            prop_assert!(script.lines().all(|line| line.len() <= LONGEST + 9));
            let output = Command::new("/bin/sh").arg("-c").arg(&script).output().unwrap();
            prop_assert_eq!(output.stdout, bytes);
        }
    }
}
