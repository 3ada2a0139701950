//! One LAVA signal: the words between `<LAVA_SIGNAL_` and `>`.

/// What begins a signal, wherever in a line it stands.
pub const MARKER: &[u8] = b"<LAVA_SIGNAL_";

/// A signal's name with its words, quotes taken off.
#[derive(Debug, PartialEq, Eq)]
pub struct Signal {
    pub name: String,
    pub words: Vec<String>,
}

impl Signal {
    /// Reads what stands behind the marker; `None` when no `>` ends it. Only in a `whole` line can a
    /// quote be known to be never closed.
    pub fn read(text: &str, whole: bool) -> Option<Self> {
        let words = split(text, true).or_else(|| split(text, false).filter(|_| whole))?;
        let mut words = words.into_iter();
        let name = words.next().filter(|name| !name.is_empty())?;
        Some(Self {
            name,
            words: words.collect(),
        })
    }

    /// The value of `KEY=value`, in any order.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.words.iter().find_map(|word| {
            let (name, value) = word.split_once('=')?;
            name.eq_ignore_ascii_case(key).then_some(value)
        })
    }
}

/// The words before the `>`. A quote that is never closed, as in `don't`, is an ordinary character.
fn split(text: &str, quotes: bool) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut open = None;
    for c in text.chars() {
        match (c, open) {
            (c, Some(quote)) if c == quote => open = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) if quotes => {
                open = Some(c);
                word.get_or_insert_default();
            }
            ('>', None) => {
                words.extend(word);
                return Some(words);
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Option<Vec<String>> {
        Signal::read(text, true).map(|signal| {
            let mut words = vec![signal.name];
            words.extend(signal.words);
            words
        })
    }

    #[test]
    fn reads_words_and_quotes() {
        assert_eq!(words("ENDTC a> rest").unwrap(), ["ENDTC", "a"]);
        assert_eq!(
            words(r#"TESTCASE TEST_CASE_ID="a > b" RESULT='pass'>"#).unwrap(),
            ["TESTCASE", "TEST_CASE_ID=a > b", "RESULT=pass"]
        );
        assert_eq!(
            words("TESTCASE TEST_CASE_ID=don't RESULT=fail>").unwrap(),
            ["TESTCASE", "TEST_CASE_ID=don't", "RESULT=fail"]
        );
        assert_eq!(words("TESTCASE RESULT=pass"), None);
        assert_eq!(words(">"), None);
        assert_eq!(Signal::read("ENDTC 'a>", false), None);
    }
}
