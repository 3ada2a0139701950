//! Why a job ended as it did, where its state does not tell.

use crate::cli::text::{one_line, visible};
use crate::cli::view::Job;
use crate::model::Health;
use crate::model::record::CaseResult;

/// Failed cases beyond these are counted.
const MOST_CASES: usize = 10;

/// The message of a finished job, its failed cases, and where to read on if it did not pass; harmless for
/// a terminal.
pub fn lines(job: &Job) -> Vec<String> {
    let record = &job.record;
    let mut lines: Vec<String> = Vec::new();
    if let Some(message) = &record.message {
        lines.push(one_line(message));
    }
    let suites = record.suites.iter();
    let cases = suites.flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    let failed: Vec<String> = cases
        .filter(|(_, case)| case.result == CaseResult::Fail)
        .map(|(suite, case)| {
            let why = case
                .why
                .as_deref()
                .map(|why| format!(": {}", one_line(why)));
            format!(
                "{} {} failed{}",
                suite.name,
                case.name,
                why.unwrap_or_default()
            )
        })
        .collect();
    let more = failed.len().saturating_sub(MOST_CASES);
    lines.extend(failed.into_iter().take(MOST_CASES));
    if more > 0 {
        lines.push(format!("{more} more cases failed"));
    }
    let ran = matches!(record.health, Some(Health::Complete | Health::Incomplete));
    if ran && !job.passed() {
        lines.push(format!("`pumice log {}` shows its log", record.id.short()));
    }
    lines.iter().map(|line| visible(line)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;
    use crate::cli::view::tests::waiting;
    use crate::model::{Health, State, Verdict};

    #[test]
    fn a_failed_job_tells_its_message_its_failed_cases_and_where_its_log_is() {
        let mut job = waiting(1);
        job.record.state = State::Finished;
        job.record.health = Some(Health::Complete);
        assert_eq!(lines(&job), [""; 0]);
        job.record.verdict = Some(Verdict::Fail);
        job.record.message = Some("step 2 failed\nlast\u{1b}[2J".to_owned());
        job.record.suites = serde_json::from_value(json!([{"name": "s", "cases": [
            {"name": "good", "result": "pass"},
            {"name": "bad", "result": "fail", "why": "no answer"},
        ]}]))
        .unwrap();
        let id = job.record.id.short();
        let expected = [
            "step 2 failed | last\\u{1b}[2J".to_owned(),
            "s bad failed: no answer".to_owned(),
            format!("`pumice log {id}` shows its log"),
        ];
        assert_eq!(lines(&job), expected);
    }
}
