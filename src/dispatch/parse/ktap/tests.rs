//! Streams as kernels print them, whole and cut short.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn read_in(stream: &[u8], size: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut ktap = Ktap::new();
    for chunk in stream.chunks(size) {
        ktap.feed(chunk, &mut |case| cases.push(case));
    }
    ktap.finish(&mut |case| cases.push(case));
    cases
}

fn read(stream: &str) -> Vec<String> {
    read_in(stream.as_bytes(), 4096)
        .into_iter()
        .map(|case| match case.why {
            Some(why) => format!("{}: {} ({why})", case.name, case.result),
            None => format!("{}: {}", case.name, case.result),
        })
        .collect()
}

/// The example of the specification.
const SPECIFIED: &str = "\
KTAP version 1
1..1
  KTAP version 1
  1..2
    KTAP version 1
    1..1
    # test_1: initializing test_1
    ok 1 test_1
  ok 1 test_example_1
    KTAP version 1
    1..2
    ok 1 test_1
    not ok 2 test_2 # TIMEOUT 30 seconds
  # example 2 failed
  not ok 2 test_example_2
not ok 1 example_test
";

#[test]
fn subtests_are_named_after_all_their_parents() {
    assert_eq!(
        read(SPECIFIED),
        [
            "example_test / test_example_1 / test_1: pass",
            "example_test / test_example_1: pass",
            "example_test / test_example_2 / test_1: pass",
            "example_test / test_example_2 / test_2: fail (TIMEOUT 30 seconds)",
            "example_test / test_example_2: fail",
            "example_test: fail"
        ]
    );
}

#[test]
fn directives_say_what_a_line_means() {
    let stream = "KTAP version 1\n1..9\nok 1 a # SKIP no device\nnot ok 2 b # TODO later\n\
                  not ok 3 c # XFAIL always\nok 4 d # XFAIL\nnot ok 5 e # ERROR no module\n\
                  not ok 6 f # exit=1\nok 7 g # fine\nok 8 # SKIP\nok 9 - i # TODO done\n";
    assert_eq!(
        read(stream),
        [
            "a: skip (no device)",
            "b: skip (TODO later)",
            "c: skip (XFAIL always)",
            "d: skip (XFAIL)",
            "e: fail (ERROR no module)",
            "f: fail (exit=1)",
            "g: pass",
            "test-8: skip",
            "i: pass"
        ]
    );
}

#[test]
fn the_kernel_log_may_stand_around_it() {
    let stream = "[    0.000000] Linux version 6.12\r\n\
                  [    1.100000] KTAP version 1\r\n\
                  <6>[    1.100100] 1..1\r\n\
                  [    1.100200]     KTAP version 1\r\n\
                  [    1.100300]     # Subtest: example\r\n\
                  [    1.100400]     # module: kunit_example\r\n\
                  [    1.100500]     1..3\r\n\
                  [    1.100600] usb 1-1: new device\r\n\
                  [    1.100700]     ok 1 example_simple_test\r\n\
                  [    1.100800]         KTAP version 1\r\n\
                  [    1.100900]         # Subtest: example_params_test\r\n\
                  [    1.101000]         ok 1 example value 3 # SKIP unsupported\r\n\
                  [    1.101100]         ok 2 example value 2\r\n\
                  [    1.101200]     # example_params_test: pass:1 fail:0 skip:1 total:2\r\n\
                  [    1.101300]     ok 2 example_params_test\r\n\
                  [    1.101350][    T9]     # example_mark: speed: slow\r\n\
                  [    1.101400][    T9]     not ok 3 example_fail\r\n\
                  [    1.101500] # example: pass:2 fail:1 skip:0 total:3\r\n\
                  [    1.101600] not ok 1 example\r\n";
    assert_eq!(
        read(stream),
        [
            "example / example_simple_test: pass",
            "example / example_params_test / example value 3: skip (unsupported)",
            "example / example_params_test / example value 2: pass",
            "example / example_params_test: pass",
            "example / example_fail: fail",
            "example: fail"
        ]
    );
}

#[test]
fn self_tests_of_the_old_form() {
    let stream = "TAP version 13\n1..3\n# selftests: net: foo\n# ok 7 is what it prints\n# free words\n\
                  ok 1 selftests: net: foo\n# selftests: net: bar\n# TAP version 13\n# 1..2\n\
                  # ok 1 up\n# # only a remark\n# not ok 2 down\n# # Totals: pass:1 fail:1\n\
                  not ok 2 selftests: net: bar # exit=1\n# selftests: net: slow\n#\n\
                  not ok 3 selftests: net: slow # TIMEOUT 45 seconds\n";
    assert_eq!(
        read(stream),
        [
            "selftests: net: foo: pass",
            "selftests: net: bar / up: pass",
            "selftests: net: bar / down: fail",
            "selftests: net: bar: fail (exit=1)",
            "selftests: net: slow: fail (TIMEOUT 45 seconds)"
        ]
    );
}

#[test]
fn a_run_that_was_cut_off_never_passes() {
    let whole = read(SPECIFIED);
    assert!(!whole.iter().any(|case| case.contains("unknown")));
    let ends: Vec<usize> = SPECIFIED
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .collect();
    let (_, cut) = ends.split_last().unwrap();
    for &end in cut {
        let cases = read(&SPECIFIED[..end]);
        assert!(
            cases.iter().any(|case| case.contains("unknown")),
            "{end}: {cases:?}"
        );
    }
    assert_eq!(
        read("KTAP version 1\n1..2\nok 1 a\n"),
        ["a: pass", "test-2: unknown (planned but not seen)"]
    );
    assert_eq!(
        read("ok 1 a\n"),
        [
            "a: pass",
            "plan: unknown (no plan, so nobody knows whether these are all tests)"
        ]
    );
    assert_eq!(
        read("Oops\n"),
        ["ktap: unknown (no test and no plan in the output)"]
    );
}

#[test]
fn each_version_line_at_the_left_begins_a_stream() {
    let stream = "KTAP version 1\n1..1\nok 1 a\nKTAP version 1\n1..2\nok 1 b\nKTAP version 1\n1..1\nok 1 a\n";
    assert_eq!(
        read(stream),
        [
            "a: pass",
            "b: pass",
            "test-2: unknown (planned but not seen)",
            "a #2: pass"
        ]
    );
}

#[test]
fn bailing_out_ends_the_level_it_stands_in() {
    let stream = "TAP version 13\n1..2\n# TAP version 13\n# 1..2\n# ok 1 up\n# Bail out! no root\n\
                  not ok 1 net\nok 2 mm\n";
    assert_eq!(
        read(stream),
        [
            "net / up: pass",
            "net / bail-out: fail (no root)",
            "net / test-2: unknown (planned but not seen)",
            "net: fail",
            "mm: pass"
        ]
    );
    assert_eq!(
        read("KTAP version 1\n1..1\nBail out! fire\nok 1 a\n"),
        [
            "bail-out: fail (fire)",
            "test-1: unknown (planned but not seen)"
        ]
    );
}

#[test]
fn a_skipped_parent_excuses_its_subtests() {
    let stream =
        "KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 b # SKIP later\n";
    assert_eq!(read(stream), ["b / a: skip", "b: skip (later)"]);
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_cases(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        size in 1_usize..40,
    ) {
        prop_assert_eq!(read_in(&bytes, size), read_in(&bytes, 1000));
    }

    #[test]
    fn any_lines_of_the_protocol_give_bounded_cases_of_distinct_names(
        lines in proptest::collection::vec(
            "(\\[ 1\\.2\\] )?(# ){0,2} {0,5}((ok|not ok)( [0-9]{1,2})?( [ab]{1,2})?( # (SKIP|TIMEOUT|XFAIL|x) x)?|1\\.\\.[0-9]{1,2}|# Subtest: [ab]|KTAP version 1|TAP version 13|Bail out!)|\\PC{0,20}",
            0..40,
        ),
        size in 1_usize..40,
    ) {
        let stream = lines.join("\n");
        let cases = read_in(stream.as_bytes(), size);
        prop_assert_eq!(&cases, &read_in(stream.as_bytes(), 100_000));
        prop_assert!(!cases.is_empty());
        prop_assert!(cases.len() <= 2 + lines.len() * 102);
        let names: HashSet<_> = cases.iter().map(|case| &case.name).collect();
        prop_assert_eq!(names.len(), cases.len());
    }
}
