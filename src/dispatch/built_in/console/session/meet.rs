//! Members of a group that meet over their consoles: a helper on the board prints what it asks for, and
//! the answer is typed to it.

use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::{Heard, LONGEST, Session};
use crate::dispatch::built_in::console::halt::Halt;
use crate::dispatch::protocol::text::clean;
use crate::dispatch::rendezvous::tool;
use crate::model::pattern::Patterns;

/// Keeps the console as a helper's descriptor 9, the greatest that every shell knows: a test's own
/// input is empty.
pub const INPUT: &str = "9<&0 ";

/// What a helper prints.
pub const REQUEST: &str = "<PUMICE_MEET [^\\r\\n]*>\\r*\\n";

const BEGIN: &str = "<PUMICE_MEET ";

/// `lava-send` and its like on the board: asks by one line, and reads lines until the one that is the
/// end: `=` before what is to be printed, `!0` for success, `!` before the reason of a failure.
const HELPER: &str = r#"#!/bin/sh
printf '<PUMICE_MEET %s' "${0##*/}"
for w;do printf ' "%s"' "$w";done
echo '>'
while IFS= read -r l<&9;do case $l in
=*)echo "${l#=}";;
!0)exit 0;;
!*)echo "${0##*/}: ${l#!}">&2;exit 1;;
esac;done
exit 1
"#;

type Answer = Result<String, String>;

/// The lines of a script that puts the helpers into a folder of the board.
pub fn install(folder: &str) -> String {
    let first = tool::NAMES[0];
    let mut script = format!("\ncd {folder}&&cat >{first} <<'THE_END'\n{HELPER}THE_END\n");
    for name in &tool::NAMES[1..] {
        script.push_str(&format!("cat {first} >{name}\n"));
    }
    script.push_str(&format!("chmod +x {}\n", tool::NAMES.join(" ")));
    script
}

impl Session<'_> {
    /// Waits for the first of the patterns, and answers what helpers ask for meanwhile.
    pub(super) fn wait_and_meet(
        &mut self,
        patterns: &Patterns,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Halt> {
        let mut asked: Option<Receiver<Answer>> = None;
        loop {
            // The runner holds the action to its limit.
            let heard = self.console.wait(patterns, None, take)?;
            match self.or_halt(heard)? {
                Heard::Pattern(0) => return Ok(()),
                Heard::News => {
                    let answer = asked.take().and_then(|asked| asked.recv().ok());
                    self.console.send(typed(answer).as_bytes());
                }
                // One thread at most: a board may ask without an end.
                _ if asked.is_some() => {
                    let busy = Err("another request is open".to_owned());
                    self.console.send(typed(Some(busy)).as_bytes());
                }
                _ => asked = Some(self.ask()?),
            }
        }
    }

    /// Asks the runner on a thread, for the console must not go unheard while an answer is waited for.
    fn ask(&mut self) -> Result<Receiver<Answer>, Halt> {
        let said = String::from_utf8_lossy(self.console.tail()).into_owned();
        let (rings, bell) = UnixStream::pair()?;
        self.console.expect_news(rings.into());
        let (sender, answer) = channel();
        thread::Builder::new().stack_size(1 << 18).spawn(move || {
            let answer = match words(&said) {
                Some((name, words)) => tool::answer(name, &words),
                None => Err("what is asked for cannot be read".to_owned()),
            };
            // Whoever does not wait any more needs no answer.
            let _ = sender.send(answer);
            drop(bell);
        })?;
        Ok(answer)
    }
}

/// The tool and its words in the last line that asks: `lava-send "ID" "KEY=VALUE"`.
fn words(said: &str) -> Option<(&str, Vec<&str>)> {
    let (_, asked) = said.rsplit_once(BEGIN)?;
    let asked = asked.trim_end().strip_suffix('>')?;
    let Some((name, words)) = asked.split_once(' ') else {
        return Some((asked, Vec::new()));
    };
    let words = words.strip_prefix('"')?.strip_suffix('"')?;
    Some((name, words.split("\" \"").collect()))
}

/// An answer as it is typed. What a terminal could cut is not.
fn typed(answer: Option<Answer>) -> String {
    let answer = answer.unwrap_or_else(|| Err("the runner does not answer".to_owned()));
    match answer {
        Ok(lines) if lines.lines().all(|line| line.len() < LONGEST) => {
            let lines: String = lines.lines().map(|line| format!("={line}\n")).collect();
            format!("{lines}!0\n")
        }
        Ok(_) => "!what was sent is too long for a console\n".to_owned(),
        Err(why) => format!("!{}\n", clean(&why, LONGEST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_from_its_line() {
        let said = "noise <PUMICE_MEET x>\nmore\r\n<PUMICE_MEET lava-send \"id\" \"k=a b\">\r\n";
        assert_eq!(words(said), Some(("lava-send", vec!["id", "k=a b"])));
        assert_eq!(
            words("<PUMICE_MEET lava-self>\n"),
            Some(("lava-self", vec![]))
        );
        assert_eq!(words("<PUMICE_MEET lava-send id>\n"), None);
        assert_eq!(words("nothing"), None);
    }

    #[test]
    fn an_answer_ends_with_its_outcome() {
        assert_eq!(typed(Some(Ok("a=1\nb=2\n".into()))), "=a=1\n=b=2\n!0\n");
        assert_eq!(typed(Some(Ok(String::new()))), "!0\n");
        assert_eq!(typed(Some(Err("gone\n!0".into()))), "!gone !0\n");
        assert!(typed(Some(Ok("x".repeat(LONGEST)))).starts_with("!what"));
        assert!(typed(None).starts_with('!'));
    }
}
