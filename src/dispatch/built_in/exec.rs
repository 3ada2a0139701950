//! The built-in dispatcher `exec`: runs the commands of `run` on the host.

use std::convert::Infallible;
use std::io;
use std::process::{Child, ExitStatus, Stdio};

use serde_json::Value;

use super::commands::{Commands, Halt, Shell};
use super::plan::{self, Dispatcher, Planned};
use super::{host, report};
use crate::dispatch::action::JobError;
use crate::dispatch::built_in;

/// Runs as a dispatcher; returns the exit code of the protocol.
pub fn main() -> i32 {
    built_in::main("exec", |job, events| {
        let actions = plan(job)?;
        Ok(Commands::new(job, events).run(&actions, &mut Exec))
    })
}

fn plan(job: &Value) -> Result<Vec<Planned<Infallible>>, JobError> {
    let exec = Dispatcher {
        name: "exec",
        own: None,
    };
    let actions = exec.plan(job)?;
    plan::reports_below(&actions)?;
    Ok(actions)
}

/// A fresh shell in the job folder for each command.
struct Exec;

impl Shell for Exec {
    type Own = Infallible;

    fn own(&mut self, own: &Infallible, _: u32, _: &mut Commands<'_>) -> Result<(), Halt> {
        match *own {}
    }

    fn start(&mut self, command: &str, output: Stdio) -> Result<Child, String> {
        host::shell(command, output)
    }

    fn judge(&mut self, _: ExitStatus) -> Result<(), String> {
        Ok(())
    }

    fn report(&mut self, path: &str) -> io::Result<Vec<u8>> {
        report::read(path.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(job: Value) -> String {
        plan(&job).unwrap_err().to_string()
    }

    #[test]
    fn the_whole_job_is_read_before_any_of_it_is_run() {
        let actions = plan(&json!({"actions": [
            {"command": "run", "parameters": {"commands": ["true"]}},
            {"command": "submit_results_on_host", "parameters": {"server": "http://x/"}},
        ]}))
        .unwrap();
        assert!(matches!(&actions[0], Planned::Run { run, .. } if run.commands == ["true"]));
        assert!(matches!(&actions[1], Planned::Pass { .. }));
        assert_eq!(
            error(json!({"actions": [
                {"command": "run", "parameters": {"commands": ["true"]}},
                {"command": "deploy_linaro_image"},
            ]})),
            "actions[1].command: `deploy_linaro_image` is unknown to the dispatcher `exec`; \
             it knows run and submit_results*"
        );
        assert_eq!(
            error(json!({"actions": [{"command": "run", "parameters":
                {"commands": ["true"], "parse": "subunit"}}]})),
            "actions[0].parameters.parse: `subunit` is not supported by this dispatcher; \
             it knows tap, ktap, junit, lava-signals"
        );
        for job in [
            json!({}),
            json!({"actions": []}),
            json!([]),
            json!({"actions": [7]}),
        ] {
            assert!(error(job).starts_with("actions"));
        }
    }
}
