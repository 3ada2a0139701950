//! When jobs are expected, and why they wait.

use serde_json::{Value, json};

use super::{column, pumice};
use crate::harness::{Lab, until};
use crate::life::{beside, running};

/// The moments of one key, in the array's order.
fn moments(list: &Value, key: &str) -> Vec<pumice::model::Time> {
    let moments = column(list, key);
    moments.iter().map(|at| at.parse().unwrap()).collect()
}

#[test]
fn jobs_on_one_board_are_expected_one_after_another() {
    let lab = Lab::new();
    let go = lab.root().join("go");
    lab.board("b1", "r").submit("Add a board");
    beside(&lab, "r", |_| {
        let waits = format!("while ! test -e {}; do sleep 0.02; done", go.display());
        lab.job_with("queue/one.json", &waits, json!({"timeout": "10m"}));
        lab.submit("Submit the first");
        until("the first runs", || running(&lab, "queue/one.json"));
        for (path, priority) in [("queue/three.json", "low"), ("queue/two.json", "high")] {
            lab.job_with(path, "true", json!({"timeout": "5m", "priority": priority}));
            lab.submit("Submit another");
        }

        let when = pumice(&lab, &["when", "--json"]).ok().json();
        assert_eq!(column(&when, "job_name"), ["one", "two", "three"]);
        assert_eq!(
            column(&when, "state"),
            ["running", "submitted", "submitted"]
        );
        let ends = moments(&when, "expected_end");
        let waiting = Value::from(when.as_array().unwrap()[1..].to_vec());
        let starts = moments(&waiting, "expected_start");
        // A moment that is told is a whole millisecond.
        let follow = |(start, end): (&pumice::model::Time, &pumice::model::Time)| {
            start.seconds_since(*end).abs() < 0.01
        };
        assert!(
            starts.iter().zip(&ends).all(follow),
            "each starts when the one before it ends: {when}"
        );
        assert_eq!(ends[2].seconds_since(starts[1]), 180.0, "60 % of its limit");
        assert!(moments(&waiting, "p90") > ends[1..].to_vec());
        assert_eq!(column(&when, "basis"), ["timeout"; 3]);
        let why = "the only `shell` board, `b1`, is busy";
        let whys = ["null", why, &format!("{why}; 1 job is ahead")];
        assert_eq!(column(&when, "why"), whys);

        // Not to the second: a running job's end is told by when it is asked for.
        let near = |a: &Value, b: &Value| {
            let time =
                |at: &Value| -> pumice::model::Time { at.as_str().unwrap().parse().unwrap() };
            time(a).seconds_since(time(b)).abs() < 30.0
        };
        let list = pumice(&lab, &["list", "--json", "--sort", "name"])
            .ok()
            .json();
        for told in when.as_array().unwrap() {
            let id = told["id"].as_str().unwrap();
            let shown = pumice(&lab, &["show", id, "--json"]).ok().json();
            let entries = list.as_array().unwrap();
            let listed = entries.iter().find(|job| job["id"] == told["id"]).unwrap();
            let one = pumice(&lab, &["when", id, "--json"]).ok().json();
            assert_eq!(one["why"], told["why"]);
            for other in [listed, &shown, &one] {
                assert!(
                    near(&other["expected_end"], &told["expected_end"]),
                    "{other}"
                );
                if told["state"] == "submitted" {
                    assert!(
                        near(&other["expected_start"], &told["expected_start"]),
                        "{other}"
                    );
                } else {
                    assert_eq!(other["expected_start"], Value::Null);
                }
            }
            assert_eq!(shown["why"], told["why"]);
            assert!(near(&shown["p90"], &told["p90"]));
        }

        let table = pumice(&lab, &["when"]).ok().out;
        assert!(
            (3..=6).any(|minutes| table.contains(&format!("in {minutes}m")))
                && table.contains("1 job is ahead"),
            "{table}"
        );
        assert!(
            table.contains("first run: 60 % of its time limit"),
            "{table}"
        );
        let list = pumice(&lab, &["list"]).ok().out;
        assert!(
            list.contains("EXPECTED") && list.contains("starts ~"),
            "{list}"
        );
        assert!(list.contains("ends ~"), "{list}");
        let told = pumice(&lab, &["when", "queue/three.json"]).ok().out;
        // Nine minutes after the first began.
        let soon = |text: &str, before: &str| {
            (6..=9).any(|minutes| text.contains(&format!("{before} in {minutes}m")))
        };
        assert!(soon(&told, "It is expected to start"), "{told}");
        assert!(
            told.contains("Why: the only `shell` board, `b1`, is busy; 1 job is ahead."),
            "{told}"
        );
        let page = pumice(&lab, &["show", "queue/three.json"]).ok().out;
        assert!(soon(&page, "\nexpected   to start"), "{page}");

        // What comes after these knows it when it is submitted.
        lab.job_with(
            "../four.json",
            "true",
            json!({"timeout": "5m", "priority": "low"}),
        );
        let submitted = pumice(&lab, &["submit", "../four.json"]).ok();
        assert!(
            submitted.err.starts_with("expected to start in 12m ("),
            "{}",
            submitted.err
        );
        assert!(!submitted.err.contains("warning"), "{}", submitted.err);
        std::fs::write(&go, "").unwrap();
    });
    let told = pumice(&lab, &["when", "queue/one.json"]).ok().out;
    assert!(
        told.contains("complete, pass\nIt was submitted at "),
        "{told}"
    );
    assert!(told.contains(" than was said at submission.\n"), "{told}");
    assert!(told.contains("Estimate at submission: start "), "{told}");
}

#[test]
fn what_no_board_can_do_is_said_at_once() {
    let lab = Lab::new();
    lab.board("b1", "r").submit("Add a board");
    lab.job_with("../usb.json", "true", json!({"tags": ["usb"]}));
    let told = pumice(&lab, &["submit", "../usb.json"]).ok();
    assert!(
        told.err.contains("nearest is `b1`, which lacks tag `usb`"),
        "{}",
        told.err
    );
    assert_eq!(told.err.matches("warning").count(), 1, "{}", told.err);
    let shown = pumice(&lab, &["show", &told.id(), "--json"]).ok().json();
    assert_eq!(
        shown["why"],
        json!(
            "the lab has no `shell` boards with tag `usb`; nearest is `b1`, which lacks tag `usb` \
             and is driven by no runner (its file says `r`)"
        )
    );
    assert_eq!(shown["expected_start"], Value::Null);
    let copy = pumice(&lab, &["resubmit", &told.id()]).ok();
    assert!(copy.err.contains("nearest is `b1`"), "{}", copy.err);

    // Boards there are, but nobody drives them.
    lab.job("../any.json", "true");
    let told = pumice(&lab, &["submit", "../any.json"]).ok();
    let why = "the only `shell` board, `b1`, is driven by no runner (its file says `r`)";
    let warning = format!("warning: queue/any.json: it cannot start as things are: {why}\n");
    assert_eq!(told.err, warning);
    let when = pumice(&lab, &["when", "any"]).code(2);
    assert!(when.err.contains("did you mean"), "{}", when.err);
    let when = pumice(&lab, &["when", "queue/any.json"]).ok().out;
    assert!(when.contains("As things are it cannot start."), "{when}");
    assert!(when.contains(why), "{when}");
    let list = pumice(&lab, &["list"]).ok().out;
    assert_eq!(list.matches("cannot start").count(), 3, "{list}");
    let json = pumice(&lab, &["submit", "--json", "../any.json"]).ok();
    let keys: Vec<String> = json.json()[0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(
        keys.join(" "),
        "id path commit page unchanged expected_start expected_end p90 why"
    );
}

#[test]
fn a_lab_without_jobs_or_boards_has_little_to_say() {
    let lab = Lab::new();
    let none = pumice(&lab, &["when"]).ok();
    assert_eq!(
        (none.out.as_str(), none.err.as_str()),
        ("", "no job waits or runs\n")
    );
    assert_eq!(pumice(&lab, &["when", "--json"]).ok().json(), json!([]));
    let nonsense = pumice(&lab, &["when", "nonsense"]).code(2);
    assert!(nonsense.err.contains("pumice list"), "{}", nonsense.err);
    lab.job("queue/a.json", "true").submit("Submit");
    let told = pumice(&lab, &["when", "queue/a.json"]).ok().out;
    assert!(told.contains("Why: the lab has no boards."), "{told}");
}
