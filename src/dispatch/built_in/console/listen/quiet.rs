//! Keeps the dispatcher's own talk with the shell out of the log: its prompts, its marks and the echo
//! of what it typed.
//!
//! Only what is known to the byte is taken out, wherever it stands; all else that the board says
//! stays, such as a kernel's message in the middle of it. A mark that such a message broke stays as
//! well.

/// The question where the cursor is, by which line editors look for the width of a terminal.
const WHERE: &[u8] = b"\x1b[6n";

/// How long a number in a mark may be.
const DIGITS: usize = 10;

/// Something that is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Talk {
    /// A prompt: the line goes on behind it.
    Prompt(Vec<u8>),
    /// Stands alone in its line.
    Line(Vec<u8>),
    /// The same with a number and `;` at its end, and behind a line end that is no output either.
    Number(Vec<u8>),
}

pub struct Quiet {
    talk: Vec<Talk>,
    /// An echo that is expected; it comes once at the most.
    echo: Option<Talk>,
    /// The beginning of what may have to be taken out.
    held: Vec<u8>,
    /// Whether what was let through ended its line.
    fresh: bool,
}

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// So many bytes that are taken out.
    Talk(usize),
    /// What may become talk with more bytes.
    Perhaps,
    Other,
}

impl Default for Quiet {
    fn default() -> Self {
        Self {
            talk: Vec::new(),
            echo: None,
            held: Vec::new(),
            fresh: true,
        }
    }
}

impl Quiet {
    /// What is taken out from now on.
    pub fn take_out(&mut self, talk: Vec<Talk>) {
        self.talk = talk;
    }

    /// Takes the echo of a line out if it comes, in place of the one that was expected before.
    pub fn expect_echo(&mut self, line: &str) {
        self.echo = Some(Talk::Line(line.as_bytes().to_vec()));
    }

    /// Gives what belongs into the log. The beginning of talk is kept back until it is known.
    pub fn feed(&mut self, bytes: &[u8], log: &mut Vec<u8>) {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let mut at = 0;
        while at < text.len() {
            match self.look(&text[at..]) {
                Found::Talk(count) => at += count,
                Found::Perhaps => {
                    self.held = text.split_off(at);
                    return;
                }
                Found::Other => {
                    let rest = &text[at + 1..];
                    let begins = |&byte: &u8| self.may_begin(byte);
                    // A line end changes what may follow.
                    let other = rest
                        .iter()
                        .position(|byte| *byte == b'\n' || begins(byte))
                        .unwrap_or(rest.len());
                    let passed = &text[at..=at + other];
                    self.fresh = passed.ends_with(b"\n");
                    log.extend_from_slice(passed);
                    at += passed.len();
                }
            }
        }
    }

    /// What is still kept back, when nothing follows.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn may_begin(&self, byte: u8) -> bool {
        let first = |talk: &Talk| match talk {
            Talk::Prompt(text) | Talk::Line(text) | Talk::Number(text) => text.first().copied(),
        };
        byte == WHERE[0]
            || byte == b'\r'
            || self
                .talk
                .iter()
                .chain(&self.echo)
                .any(|talk| first(talk) == Some(byte))
    }

    fn look(&mut self, text: &[u8]) -> Found {
        let mut perhaps = false;
        let mut found = |after: After| match after {
            After::Bytes(count) => Some(Found::Talk(count)),
            After::Short => {
                perhaps = true;
                None
            }
            After::Not => None,
        };
        if let Some(found) = found(exact(text, WHERE)) {
            return found;
        }
        let of_echo = self.echo.as_ref().map(|echo| self.one(echo, text));
        if let Some(Found::Talk(count)) = of_echo.and_then(&mut found) {
            self.echo = None;
            return Found::Talk(count);
        }
        for talk in &self.talk {
            if let Some(found) = found(self.one(talk, text)) {
                return found;
            }
        }
        if perhaps {
            Found::Perhaps
        } else {
            Found::Other
        }
    }

    fn one(&self, talk: &Talk, text: &[u8]) -> After {
        match talk {
            Talk::Prompt(prompt) => exact(text, prompt),
            Talk::Line(line) => exact(text, line).then(|at| self.line_end(text, at)),
            Talk::Number(mark) => {
                // An empty line before it, which ends the command's last one if that is open.
                let before = if self.fresh {
                    line_end(text)
                } else {
                    After::Not
                };
                let at = match before {
                    After::Bytes(count) => count,
                    After::Short => return After::Short,
                    After::Not => 0,
                };
                exact(&text[at..], mark)
                    .then(|count| number(text, at + count))
                    .then(|at| self.line_end(text, at))
            }
        }
    }

    /// The line end behind talk goes with it, unless the line began with something else.
    fn line_end(&self, text: &[u8], at: usize) -> After {
        if !self.fresh {
            return After::Bytes(at);
        }
        match line_end(&text[at..]) {
            After::Bytes(count) => After::Bytes(at + count),
            After::Short => After::Short,
            After::Not => After::Bytes(at),
        }
    }
}

/// How a part of talk was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// It ends behind so many bytes.
    Bytes(usize),
    /// The text ends before it does.
    Short,
    Not,
}

impl After {
    fn then(self, next: impl FnOnce(usize) -> Self) -> Self {
        match self {
            Self::Bytes(count) => next(count),
            other => other,
        }
    }
}

fn exact(text: &[u8], wanted: &[u8]) -> After {
    if text.starts_with(wanted) {
        After::Bytes(wanted.len())
    } else if wanted.starts_with(text) {
        After::Short
    } else {
        After::Not
    }
}

fn number(text: &[u8], at: usize) -> After {
    let digits = text[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    match text.get(at + digits) {
        _ if digits > DIGITS => After::Not,
        None => After::Short,
        Some(b';') if digits > 0 => After::Bytes(at + digits + 1),
        Some(_) => After::Not,
    }
}

/// Some terminals put more than one CR before LF.
fn line_end(text: &[u8]) -> After {
    let returns = text
        .iter()
        .take_while(|&&byte| byte == b'\r')
        .take(4)
        .count();
    match text.get(returns) {
        None => After::Short,
        Some(b'\n') => After::Bytes(returns + 1),
        Some(_) => After::Not,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quiet() -> Quiet {
        let mut quiet = Quiet::default();
        quiet.take_out(vec![
            Talk::Prompt(b"ab12# ".to_vec()),
            Talk::Line(b"ab12b".to_vec()),
            Talk::Number(b"ab12e:".to_vec()),
        ]);
        quiet
    }

    fn log(mut quiet: Quiet, parts: &[&[u8]]) -> String {
        let mut log = Vec::new();
        for part in parts {
            quiet.feed(part, &mut log);
        }
        log.extend(quiet.rest());
        String::from_utf8_lossy(&log).into_owned()
    }

    #[test]
    fn a_command_leaves_its_output_and_nothing_else() {
        let talk = b"ab12b\r\nhello\r\n\r\nab12e:0;\r\nab12# ";
        assert_eq!(log(quiet(), &[talk]), "hello\r\n");
        let talk = b"ab12b\r\nno end\r\nab12e:127;\r\n\x1b[6nab12# ";
        assert_eq!(log(quiet(), &[talk]), "no end\r\n");
        assert_eq!(log(quiet(), &[b"ab12b\n\nab12e:0;\nab12# "]), "");
    }

    #[test]
    fn what_the_board_says_meanwhile_stays() {
        let talk = b"ab12# [1.5] usb\r\nab12b\r\n[1.6] net\r\nx\r\nab12e:0;[1.7] disk\r\nab12# ab1[1.8] cut\r\n2# \r\n\r\n";
        assert_eq!(
            log(quiet(), &[talk]),
            "[1.5] usb\r\n[1.6] net\r\nx\r\n[1.7] disk\r\nab1[1.8] cut\r\n2# \r\n\r\n"
        );
        assert_eq!(
            log(quiet(), &[b"ab12e:x;\nab12e:12345678901;\n"]),
            "ab12e:x;\nab12e:12345678901;\n"
        );
    }

    #[test]
    fn an_echo_goes_once() {
        let mut quiet = quiet();
        quiet.expect_echo("ls 'x'");
        let mut log = Vec::new();
        quiet.feed(b"board# ls ", &mut log);
        quiet.feed(b"'x'\r\nls 'x'\r\nls", &mut log);
        assert_eq!(log, b"board# \r\nls 'x'\r\nls");
    }

    #[test]
    fn only_the_beginning_of_talk_is_kept_back() {
        let (mut quiet, mut log) = (quiet(), Vec::new());
        quiet.feed(b"abc\nlast words\r\n", &mut log);
        assert_eq!(log, b"abc\nlast words\r\n");
        quiet.feed(b"ab1", &mut log);
        assert_eq!(log, b"abc\nlast words\r\n");
        assert_eq!(quiet.rest(), b"ab1");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_log(
            pieces in proptest::collection::vec(prop_oneof![
                Just("ab12# "), Just("ab12b"), Just("ab12e:"), Just("7;"), Just("\r\n"), Just("\n"),
                Just("x"), Just("a"), Just("\x1b[6n"), Just("\x1b["), Just("echo"), Just("ab12")], 0..40),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let bytes = pieces.concat().into_bytes();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.sort_unstable();
            let (mut parts, mut from) = (Vec::new(), 0);
            for to in places {
                parts.push(&bytes[from..to]);
                from = to;
            }
            parts.push(&bytes[from..]);
            let with_echo = || {
                let mut quiet = quiet();
                quiet.expect_echo("echo");
                quiet
            };
            prop_assert_eq!(log(with_echo(), &parts), log(with_echo(), &[&bytes]));
        }
    }
}
