//! Changes one key of a board's file and leaves every other byte as it is: people keep comments and
//! an order of their own there. Pure.

use crate::model::BoardFile;
use crate::model::board::Service;
use crate::model::check;

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    Service(Service),
    /// A new text asks for a health check.
    Check(String),
}

impl Edit {
    fn key(&self) -> &'static str {
        match self {
            Self::Service(_) => "service",
            Self::Check(_) => "check",
        }
    }

    /// The key's line as it is written.
    pub fn line(&self) -> String {
        // A JSON string is a YAML one, whatever it holds.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Service(service) => {
                let mut line = format!("service: {{state: {}", service.state.as_str());
                if let Some(reason) = &service.reason {
                    line.push_str(&format!(", reason: {}", quoted(reason)));
                }
                if let Some(since) = service.since {
                    line.push_str(&format!(", since: {}", quoted(&since.to_string())));
                }
                line + "}"
            }
            Self::Check(text) => format!("check: {}", quoted(text)),
        }
    }

    fn apply(&self, file: &mut BoardFile) {
        match self {
            Self::Service(service) => file.service = Some(service.clone()),
            Self::Check(text) => file.check = Some(text.clone()),
        }
    }
}

/// The changed text; `Err` says why it must be done by hand. What comes out is read again: it says
/// what was wanted and nothing else.
pub fn edit(path: &str, bytes: &[u8], edit: &Edit) -> Result<Vec<u8>, String> {
    let mut wanted = check::board(path, bytes, None)
        .value
        .ok_or("the file has errors; `pumice validate` lists them")?;
    edit.apply(&mut wanted);
    let text = std::str::from_utf8(bytes).map_err(|_| "the file is not UTF-8")?;
    let changed = replaced(text, edit.key(), &edit.line()).into_bytes();
    if check::board(path, &changed, None).value.as_ref() == Some(&wanted) {
        Ok(changed)
    } else {
        Err(format!(
            "the layout of its `{}` is not one that can be changed line by line",
            edit.key()
        ))
    }
}

/// Puts `line` in the place of the top-level key with all that belongs to it, else at the end.
fn replaced(text: &str, key: &str, line: &str) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let Some(first) = lines.iter().position(|line| names(line, key)) else {
        let mut all = text.to_owned();
        if !all.is_empty() && !all.ends_with('\n') {
            all.push_str(end);
        }
        return all + line + end;
    };
    let mut last = first + 1;
    while lines
        .get(last)
        .is_some_and(|line| line.starts_with([' ', '\t']))
    {
        last += 1;
    }
    let mut all = lines[..first].concat();
    all.push_str(line);
    if let Some(comment) = comment(lines[first]) {
        all.push_str("  ");
        all.push_str(comment);
    }
    all.push_str(end);
    // What people wrote beside the old lines stays, one line each.
    for comment in lines[first + 1..last]
        .iter()
        .filter_map(|line| comment(line))
    {
        all.push_str(comment);
        all.push_str(end);
    }
    all + &lines[last..].concat()
}

/// Whether a line begins the entry of a top-level key.
fn names(line: &str, key: &str) -> bool {
    line.strip_prefix(key)
        .is_some_and(|rest| rest.trim_start().starts_with(':'))
}

/// A line's comment: from a `#` that begins it or follows a blank, outside of quotes.
fn comment(line: &str) -> Option<&str> {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '#') if before.is_whitespace() => return Some(line[at..].trim_end()),
            (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
            (Some(open), c) if open == c && before != '\\' => quote = None,
            _ => {}
        }
        before = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceState;

    fn maintenance(reason: &str) -> Edit {
        Edit::Service(Service {
            state: ServiceState::Maintenance,
            reason: Some(reason.to_owned()),
            since: None,
        })
    }

    fn done(text: &str, what: &Edit) -> String {
        String::from_utf8(edit("boards/b1.yaml", text.as_bytes(), what).unwrap()).unwrap()
    }

    #[test]
    fn comments_and_layout_stay() {
        let head = "# The board in rack 2.\ndevice_type: shell   # as the others\n\n";
        let tail = "tags: [a,\n  b]  # both\n\n# The end.\n";
        let new = "service: {state: maintenance, reason: \"fan\"}";
        for (old, kept) in [
            ("service: {state: active}\n", String::new()),
            (
                "service: {state: active}   # active | retired\n",
                "  # active | retired".into(),
            ),
            (
                "service:\n  state: active  # since spring\n",
                "\n# since spring".into(),
            ),
            (
                "service:\n  state: retired\n  reason: \"it's # old\"\n",
                String::new(),
            ),
            (
                "service: {state: retired,\n  reason: 'x # y'}\n",
                String::new(),
            ),
        ] {
            assert_eq!(
                done(&format!("{head}{old}{tail}"), &maintenance("fan")),
                format!("{head}{new}{kept}\n{tail}"),
                "{old}"
            );
        }
        assert_eq!(
            done(&format!("{head}{tail}"), &maintenance("fan")),
            format!("{head}{tail}{new}\n")
        );
        assert_eq!(
            done("device_type: shell\r\n", &Edit::Check("x".into())),
            "device_type: shell\r\ncheck: \"x\"\r\n"
        );
        assert_eq!(
            done("device_type: shell", &Edit::Check("x".into())),
            "device_type: shell\ncheck: \"x\"\n"
        );
    }

    #[test]
    fn a_reason_cannot_add_keys() {
        for reason in ["a\"}\nrunner: evil", "x: y # z", "{[", "\u{1b}[1m", ""] {
            let text = done("device_type: shell\n", &maintenance(reason));
            let file = check::board("boards/b1.yaml", text.as_bytes(), None)
                .value
                .unwrap();
            assert_eq!(file.service.unwrap().reason.as_deref(), Some(reason));
            assert_eq!(file.runner, None);
        }
    }

    #[test]
    fn what_cannot_be_changed_line_by_line_is_refused() {
        for text in [
            "{device_type: shell, service: {state: active}}\n",
            "device_type: shell\n\"service\": {state: active}\n",
            "device_type: shell\ndescription: |\n  x\n...\n",
            "devicetype: shell\n",
        ] {
            assert!(
                edit("boards/b1.yaml", text.as_bytes(), &maintenance("x")).is_err(),
                "{text}"
            );
        }
        // Not a key, though it looks like one.
        let text = "device_type: shell\ndescription: |\n  service: none\n";
        assert!(done(text, &maintenance("x")).starts_with(text));
    }
}
