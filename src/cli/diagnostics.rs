//! Problems of a file, on standard error.

use std::io::{IsTerminal, Write};

use super::text::visible;
use crate::model::{Diagnostic, check};

/// Shows the problems of a file with this text: with the lines and carets on a terminal, a line each
/// elsewhere.
pub fn print(problems: &[Diagnostic], source: &[u8]) {
    if problems.is_empty() {
        return;
    }
    let stderr = std::io::stderr();
    let text = if stderr.is_terminal() {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        check::render(problems, source, colour)
    } else {
        problems.iter().map(line).collect()
    };
    // Where standard error is closed there is nobody to tell.
    let _ = stderr.lock().write_all(text.as_bytes());
}

/// The problem's line, and another with its remedy.
pub fn line(problem: &Diagnostic) -> String {
    let mut text = check::line(problem);
    text.push('\n');
    if let Some(hint) = &problem.hint {
        text.push_str(&format!("  hint: {}\n", visible(hint)));
    }
    text
}
