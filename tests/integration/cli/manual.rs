//! The page of the manual about the command line is what the program says of itself.

use std::fmt::Write;
use std::path::Path;

use clap::{Command, CommandFactory};
use pumice::cli::Cli;

const HEAD: &str = "# Command line

This page is written by a test from what `pumice --help` knows. Exit codes are the same for every command:

| code | meaning |
|---|---|
| 0 | done |
| 1 | the job or the check failed |
| 2 | the command line was wrong |
| 3 | the lab or its configuration is wrong |
| 4 | git or the network failed |
| 5 | refused by policy |

`-C DIR` names the lab: a work tree, a bare repository or a URL. In a work tree the lab is its `origin`, else the
repository itself, so a lab needs no server to begin with: committing is submitting. A job is named by any unique
prefix of its id or by the path of its file. Colours and bars appear on a terminal only; `NO_COLOR` turns colours off.
On a narrow terminal long cells are cut, and where that is not enough the last columns are left out; `--json` has all.

`when`, `list`, `show` and `submit` say when a job is expected to start and to end. These times are estimates from
past runs and from what the runners last said: a job that starts earlier, fails or is canceled changes them. A waiting
job comes with the reason why it waits: boards that are busy or out of service, jobs that go first, or that no board of
the lab can take it, with the board that comes nearest. `submit` and `resubmit` warn of the latter. In JSON absent
facts are `null`; `show --json` has `why`, a sentence, and `p90`, the time by which the job ends nine times in ten.
";

/// The help of a command and of all below it, each under its own heading.
fn render(command: &mut Command, name: &str, page: &mut String) {
    command.build();
    if name != "pumice" {
        let help = command.clone().term_width(100).render_help();
        let help: String = help
            .to_string()
            .lines()
            .map(|line| format!("{}\n", line.trim_end()))
            .collect();
        writeln!(page, "\n## {name}\n\n```text\n{}\n```", help.trim_end()).unwrap();
    }
    let mut below: Vec<Command> = command.get_subcommands().cloned().collect();
    below.retain(|command| command.get_name() != "help" && !command.is_hide_set());
    for command in &mut below {
        let name = format!("{name} {}", command.get_name());
        render(command, &name, page);
    }
}

#[test]
fn the_manual_shows_every_command() {
    let mut page = HEAD.to_owned();
    render(&mut Cli::command(), "pumice", &mut page);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("site/content/docs/command-line.md");
    if std::env::var_os("PUMICE_UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "run this test with PUMICE_UPDATE=1 to write {} anew",
        path.display()
    );
}

#[test]
fn every_command_and_argument_says_what_it_is_for() {
    fn check(command: &Command, name: &str) {
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments() {
            let is_ours = !["help", "version"].contains(&argument.get_id().as_str());
            assert!(
                !is_ours || argument.get_help().is_some(),
                "{name} {}",
                argument.get_id()
            );
        }
        for below in command
            .get_subcommands()
            .filter(|below| below.get_name() != "help")
        {
            check(below, &format!("{name} {}", below.get_name()));
        }
    }
    check(&Cli::command(), "pumice");
}

#[test]
fn the_grammar_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_first_help_names_all_commands() {
    let help = Cli::command().term_width(100).render_help().to_string();
    insta::assert_snapshot!(help);
}
