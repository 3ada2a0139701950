//! How LAVA's end is told in the protocol's exit codes.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::Value;

use super::Case;
use crate::dispatch::built_in::commands::failure;
use crate::dispatch::built_in::exit;
use crate::dispatch::protocol::event::{ResultEvent, TEXT};
use crate::dispatch::protocol::text::clean;
use crate::model::check::plain_yaml;
use crate::model::record::CaseResult;

pub struct Verdict {
    pub code: i32,
    pub why: Option<String>,
    /// A failing case, where LAVA ended the job for the sake of a test.
    pub case: Option<Case>,
}

impl Verdict {
    fn new(code: i32, why: String) -> Self {
        let why = Some(why);
        Self {
            code,
            why,
            case: None,
        }
    }

    pub fn infrastructure(why: String) -> Self {
        Self::new(exit::TRY_AGAIN, why)
    }

    pub fn board(why: String) -> Self {
        Self::new(exit::BOARD_CONFIG, why)
    }
}

/// Judges by `result.yaml`; where there is none, `last` is what was said instead of a log, if it wrote none.
pub fn judge(result: Option<&str>, status: ExitStatus, last: Option<String>) -> Verdict {
    let read = result.and_then(|text| plain_yaml(text).ok());
    let Some(read) = read.filter(Value::is_object) else {
        let ended = failure(status).unwrap_or_else(|| "exit code 0".to_owned());
        return match last {
            // Memory ran out, or somebody ended it: neither the job nor the board did.
            _ if status.signal().is_some() => {
                Verdict::infrastructure(format!("lava-run left no result: {ended}"))
            }
            // It refuses to start for one reason or another: the host is not set up for it.
            Some(last) => Verdict::board(format!(
                "lava-run did not run the job: {}",
                clean(&last, TEXT)
            )),
            None => Verdict::new(exit::UNKNOWN, format!("lava-run left no result: {ended}")),
        };
    };
    let text = |key: &str| read.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("result") == "pass" {
        return Verdict {
            code: exit::OK,
            why: None,
            case: None,
        };
    }
    let kind = text("error_type");
    let why = clean(&format!("{kind}: {}", text("error_msg")), TEXT);
    match kind {
        "Infrastructure" => Verdict::infrastructure(why),
        "Job" => Verdict::new(exit::JOB_ERROR, why),
        "Configuration" => Verdict::board(why),
        // The tests were run, and one of them asked for the end.
        "Test" => {
            let case = ResultEvent {
                suite: Some("lava".to_owned()),
                why: Some(why),
                ..ResultEvent::new("job", CaseResult::Fail)
            };
            Verdict {
                code: exit::OK,
                why: None,
                case: Some(case),
            }
        }
        // Bug, LAVATimeout, MultinodeTimeout, and Canceled by somebody else than the runner.
        _ => Verdict::new(exit::UNKNOWN, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(result: &str) -> (i32, Option<String>) {
        let verdict = judge(Some(result), ExitStatus::from_raw(1 << 8), None);
        (verdict.code, verdict.why)
    }

    #[test]
    fn every_kind_of_error_has_its_code() {
        for (kind, code) in [
            ("Infrastructure", 75),
            ("Job", 65),
            ("Configuration", 78),
            ("Bug", 1),
            ("LAVATimeout", 1),
            ("Canceled", 1),
        ] {
            let result = format!(
                "case: job\ndefinition: lava\nerror_msg: no 'x'\nerror_type: {kind}\nresult: fail\n"
            );
            assert_eq!(of(&result), (code, Some(format!("{kind}: no 'x'"))));
        }
        assert_eq!(of("case: job\nresult: pass\n"), (0, None));
    }

    #[test]
    fn a_test_that_ends_the_job_is_a_failing_case() {
        let verdict = judge(
            Some("error_type: Test\nerror_msg: raised\nresult: fail\n"),
            ExitStatus::from_raw(256),
            None,
        );
        assert_eq!(verdict.code, 0);
        assert_eq!(verdict.case.unwrap().why.as_deref(), Some("Test: raised"));
    }

    #[test]
    fn without_a_result_somebody_is_to_blame() {
        let killed = ExitStatus::from_raw(9);
        for last in [None, Some("Traceback".to_owned())] {
            let ended = judge(None, killed, last);
            assert_eq!(
                (ended.code, ended.why.unwrap().as_str()),
                (75, "lava-run left no result: signal 9")
            );
        }
        assert_eq!(judge(None, ExitStatus::from_raw(256), None).code, 1);
        let refused = judge(None, ExitStatus::from_raw(256), Some("must be root".into()));
        assert_eq!(
            (refused.code, refused.why.unwrap().as_str()),
            (78, "lava-run did not run the job: must be root")
        );
        assert_eq!(judge(Some("[]"), killed, None).code, 75);
    }
}
