//! The built-in dispatcher `junit`.

use pumice::dispatch::Exit;
use pumice::model::Verdict;
use pumice::model::record::verdict;
use serde_json::{Value, json};

use crate::dispatch::harness::{Ended, built_in};

fn run(actions: Value) -> Ended {
    built_in("junit", actions).run()
}

#[test]
fn reports_give_results_and_are_attached() {
    let command = "mkdir -p build/a out; echo '<testsuite name=\"one\"><testcase name=\"x\" time=\"0.5\"/></testsuite>' >build/a/TEST-1.xml; \
                   echo '<testsuite name=\"two\"><testcase name=\"y\"><error message=\"boom\"/></testcase></testsuite>' >build/TEST-2.xml; \
                   ln -s a build/link; echo '<no/>' >build/other.xml; echo '<testcase name=\"z\"/>' >out/kept.xml; exit 1";
    let ended = run(json!([
        {"command": "run", "parameters": {"commands": ["true"], "cases": ["before"]}},
        {"command": "test", "parameters": {"command": command, "suite": "unit", "reports": ["build/**/TEST-*.xml", "out/*.xml"]}},
        {"command": "submit_results"},
    ]));
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert_eq!(
        ended.results(),
        [
            "smoke/before pass",
            "unit/exit fail (exit code 1)",
            "unit/z pass",
            "unit.two/y fail (error: boom)",
            "unit.one/x pass"
        ]
    );
    assert_eq!(verdict(&ended.end.suites), Verdict::Fail);
    let names: Vec<&str> = ended
        .end
        .attachments
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "kept.xml.txt",
            "reports-1/build/TEST-2.xml.txt",
            "reports-1/build/a/TEST-1.xml.txt"
        ]
    );
}

#[test]
fn a_missing_or_broken_report_fails() {
    let ended = run(json!([
        {"command": "test", "parameters": {"command": "true", "suite": "none", "reports": ["*.xml"]}},
        {"command": "test", "parameters": {"command": "echo '<testsuite>' >r.xml", "suite": "half", "reports": ["r.xml"]}},
    ]));
    assert_eq!(ended.end.exit, Exit::Code(0));
    assert_eq!(
        ended.results(),
        [
            "none/report fail (*.xml: no file has such a path)",
            "half/report fail (r.xml: ends in the middle)"
        ]
    );
}

#[test]
fn a_wrong_job_runs_nothing() {
    for (parameters, words) in [
        (
            json!({"reports": ["r.xml"]}),
            "actions[0].parameters.command: must say what to run",
        ),
        (
            json!({"command": "touch out/x"}),
            "actions[0].parameters.reports: must name at least one report",
        ),
        (
            json!({"command": "touch out/x", "reports": ["../r.xml"]}),
            "actions[0].parameters.reports: must be paths below",
        ),
        (
            json!({"command": "touch out/x", "reports": ["a", 7]}),
            "actions[0].parameters.reports: must be an array of texts",
        ),
        (
            json!({"command": "touch out/x", "report": "a"}),
            "actions[0].parameters.report: not a parameter of `test`",
        ),
    ] {
        let ended = run(json!([{"command": "test", "parameters": parameters}]));
        assert_eq!(ended.end.exit, Exit::Code(65));
        let said = ended.end.said.clone().unwrap();
        assert!(said.starts_with(words), "{said}");
        assert!(ended.end.attachments.is_empty());
    }
    let ended = run(json!([{"command": "deploy"}]));
    assert!(
        ended
            .end
            .said
            .unwrap()
            .ends_with("it knows run, test and submit_results*")
    );
}
