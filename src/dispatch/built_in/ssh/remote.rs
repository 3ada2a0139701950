//! What the board's shell is given to run.

/// Runs one command, and ends it when the connection does: a server closes a session without
/// ending what runs in it. `$1` is the command.
///
/// Input stays open as long as the dispatcher wants the command. At its end the group of the
/// session gets TERM, later KILL, where the session has a group of its own; else only the command's
/// shell does, since the group would be the server's.
const KEEPER: &str = r#"exec 3<&0 </dev/null
sh -c "$1" 3<&- &
p=$!
(
  read -r _ <&3
  trap '' TERM HUP
  read -r _ _ _ _ g _ </proc/$$/stat
  [ "$g" = $$ ] && p=0
  kill -TERM $p
  sleep 5
  kill -KILL $p
) >/dev/null 2>&1 &
w=$!
exec 3<&-
wait $p
r=$?
kill $w
exit $r"#;

/// A command for the shared connection.
pub fn kept(command: &str) -> String {
    sh(KEEPER, Some(command))
}

/// Says `word` and stays until its input ends.
pub fn announced(word: &str) -> String {
    sh(&format!("echo {word}; read -r _"), None)
}

/// Prints a regular file; a pipe or a device would keep us for ever.
pub fn report(path: &str) -> String {
    let path = quote(path);
    kept(&format!(
        "test -f {path} || {{ echo no such file >&2; exit 1; }}; cat -- {path}"
    ))
}

/// The login shell may be any: it only starts `/bin/sh`.
fn sh(script: &str, argument: Option<&str>) -> String {
    let argument = argument.map_or(String::new(), |text| format!(" {}", quote(text)));
    format!("exec /bin/sh -c {} sh{argument}", quote(script))
}

/// One word for a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_kept_command_gives_its_own_exit_code() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", &kept("exit 7")])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        assert_eq!(child.wait().unwrap().code(), Some(7));
        drop(input);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_text_is_one_word(text in "[^\0]{0,20}") {
            let output = Command::new("/bin/sh")
                .args(["-c", &sh("printf %s \"$1\"", Some(&text))])
                .output()
                .unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
