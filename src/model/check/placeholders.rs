//! Placeholders of a template that nobody filled in.

use serde_json::Value;

use super::problems::Problems;
use super::tree::{Kind, Node};
use super::words::quote;

/// Reports every text that is exactly one `{name}`: an error, but only a warning in `server`,
/// which is never contacted, and nothing inside `commands`, where braces are the shell's.
pub(super) fn judge(root: &Node, problems: &mut Problems) {
    let mut waiting = vec![(root, false)];
    while let Some((node, in_server)) = waiting.pop() {
        match &node.kind {
            Kind::Scalar(Value::String(text)) if is_placeholder(text) => {
                let message = format!("the placeholder {} is not filled in", quote(text));
                let hint = "put the value in its place; `pumice new` fills templates";
                if in_server {
                    problems.warning(node.place, "placeholder", message, hint);
                } else {
                    problems.error(node.place, "placeholder", message, hint);
                }
            }
            Kind::Scalar(_) => {}
            Kind::List(nodes) => waiting.extend(nodes.iter().map(|item| (item, in_server))),
            Kind::Map(entries) => waiting.extend(
                entries
                    .iter()
                    .filter(|entry| entry.key != "commands")
                    .map(|entry| (&entry.value, entry.key == "server")),
            ),
        }
    }
}

/// `{name}`, a name being letters, digits, `_`, `-`, `.` and spaces around it.
fn is_placeholder(text: &str) -> bool {
    let Some(name) = text
        .trim()
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return false;
    };
    let name = name.trim();
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_the_whole_text() {
        for yes in ["{a}", "{LAVA_URL_API}", "{ name }", "{a.b-c}"] {
            assert!(is_placeholder(yes), "{yes}");
        }
        for no in [
            "",
            "{}",
            "{{a}}",
            "x{a}",
            "{a}{b}",
            "{a b}",
            "{",
            "${a}",
            "{\"a\":1}",
        ] {
            assert!(!is_placeholder(no), "{no}");
        }
    }
}
