//! Reports as several writers make them, whole, cut and hostile.

use proptest::prelude::*;

use super::*;

/// The results, then why the report is bad if it is.
fn read(report: &str) -> Vec<String> {
    let mut found = Vec::new();
    let end = super::read(report.as_bytes(), &mut |event| {
        let suite = event.suite.unwrap_or_else(|| "-".into());
        let mut line = format!("{suite}/{} {}", event.case, event.result);
        if let Some(seconds) = event.seconds {
            line += &format!(" in {seconds}s");
        }
        found.push(
            event
                .why
                .map_or(line.clone(), |why| format!("{line} ({why})")),
        );
    });
    found.extend(end.err().map(|error| error.to_string()));
    found
}

const PYTEST: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4" time="0.071" hostname="h">
<properties><property name="name" value="no test"/></properties>
<testcase classname="net.test_dns" name="test_ok" time="0.002"><system-out>&lt;failure/&gt;</system-out></testcase>
<testcase classname="net.test_dns" name="test_bad" time="1.5"><failure message="assert 1 == 2&#10;  where">def test_bad():
&gt;   assert 1 == 2</failure></testcase>
<testcase classname="net.test_dns" name="test_skip" time="0"><skipped type="pytest.skip" message="no board">x.py:3: no board</skipped></testcase>
<testcase classname="net.test_dns" name="test_err" time="0.1"><error message="failed on setup with &quot;E&quot;">text</error></testcase>
</testsuite></testsuites>"#;

#[test]
fn reads_what_pytest_writes() {
    assert_eq!(
        read(PYTEST),
        [
            "pytest/net.test_dns.test_ok pass in 0.002s",
            "pytest/net.test_dns.test_bad fail in 1.5s (assert 1 == 2   where)",
            "pytest/net.test_dns.test_skip skip in 0s (no board)",
            "pytest/net.test_dns.test_err fail in 0.1s (error: failed on setup with \"E\")"
        ]
    );
}

#[test]
fn reads_the_dialects_of_others() {
    let stream = r#"<testsuite name="a"><testsuite name="b"><testcase name="x" time="1,234.5"/></testsuite>
        <testcase name="a.y" classname="a"><failure type="Boom"><![CDATA[

  first line
second]]></failure></testcase>
        <testcase name="z" status="notrun"/><testcase name="w"><error type="E"/></testcase>
        <testcase name="z"><flakyFailure message="once"/><skipped/></testcase>
        <testcase><skipped/><failure>both</failure><failure>again</failure></testcase></testsuite>"#;
    assert_eq!(
        read(stream),
        [
            "a.b/x pass in 1234.5s",
            "a/a.y fail (first line)",
            "a/z skip",
            "a/w fail (error: E)",
            "a/z #2 skip",
            "a/test fail (both)"
        ]
    );
    assert_eq!(read(r#"<testcase name="alone"/>"#), ["-/alone pass"]);
}

#[test]
fn a_report_that_was_cut_off_is_bad_wherever_it_was_cut() {
    for end in 0..PYTEST.len() {
        let mut none = |_| {};
        assert!(
            super::read(&PYTEST.as_bytes()[..end], &mut none).is_err(),
            "{end}"
        );
    }
    let half = PYTEST
        .find("<testcase classname=\"net.test_dns\" name=\"test_skip\"")
        .unwrap();
    assert_eq!(read(&PYTEST[..half]).len(), 3, "what came before is kept");
}

#[test]
fn entities_and_depth_cost_nothing() {
    let bomb = r#"<!DOCTYPE t [<!ENTITY a "aaaaaaaa"><!ENTITY f SYSTEM "file:///etc/passwd">]>
        <testsuite name="s"><testcase name="x"><failure>&f;&a; boom</failure></testcase></testsuite>"#;
    assert_eq!(read(bomb), ["s/x fail (boom)"]);
    let named = r#"<!DOCTYPE t [<!ENTITY a "b">]><testsuite><testcase name="&a;"/></testsuite>"#;
    assert_eq!(read(named), ["-/test pass"]);
    assert_eq!(
        read(&"<testsuite>".repeat(100_000)),
        ["nested deeper than 64"]
    );
    assert_eq!(read("<testsuite name='s'/>"), ["has no test"]);
    assert_eq!(read("not xml"), ["has no test"]);
    assert_eq!(read(""), ["has no test"]);
}

#[test]
fn a_report_has_a_size_limit() {
    let end = super::read(&vec![b' '; LARGEST + 1], &mut |_| {});
    assert_eq!(end.unwrap_err().to_string(), "larger than 32 MiB");
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = super::read(&bytes, &mut |_| {});
    }

    #[test]
    fn any_markup_is_survived(
        parts in proptest::collection::vec(
            "</?(testsuite|testcase|failure|error|skipped)( (name|message|time|status)=['\"]?[a&;0]{0,3}['\"]?)?/?>|<!\\[CDATA\\[|\\]\\]>|&[a-z#0]{0,3};|\\PC{0,9}",
            0..30,
        ),
    ) {
        let mut names = std::collections::HashSet::new();
        let mut twice = false;
        let _ = super::read(parts.concat().as_bytes(), &mut |event| twice |= !names.insert((event.suite, event.case)));
        prop_assert!(!twice);
    }
}
