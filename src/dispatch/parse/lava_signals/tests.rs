//! What LAVA's helpers print, whole and broken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;

/// Reads a stream with a clock that goes on by one second at each look.
fn read_in(stream: &[u8], size: usize) -> Vec<ResultEvent> {
    let ticks = Arc::new(AtomicU32::new(0));
    let clock = move || f64::from(ticks.fetch_add(1, Ordering::Relaxed));
    let mut signals = LavaSignals::with_clock(Box::new(clock));
    signals.set_suite("smoke");
    let mut found = Vec::new();
    for chunk in stream.chunks(size) {
        signals.feed(chunk, &mut |event| found.push(event));
    }
    signals.finish(&mut |event| found.push(event));
    found
}

/// `suite/case result` with value, units, seconds and reason where there are any.
fn read(stream: &str) -> Vec<String> {
    let told = |event: ResultEvent| {
        let suite = event.suite.unwrap_or_else(|| "-".into());
        let mut line = format!("{suite}/{} {}", event.case, event.result);
        if let Some(value) = event.value {
            line += &format!(" {value}{}", event.units.unwrap_or_default());
        }
        if let Some(seconds) = event.seconds {
            line += &format!(" in {seconds}s");
        }
        event
            .why
            .map_or(line.clone(), |why| format!("{line} ({why})"))
    };
    read_in(stream.as_bytes(), 4096)
        .into_iter()
        .map(told)
        .collect()
}

#[test]
fn results_have_their_words_in_any_order() {
    let stream = "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=boot RESULT=pass>\n\
                  <LAVA_SIGNAL_TESTCASE RESULT=FAIL TEST_CASE_ID='a b'>\n\
                  <LAVA_SIGNAL_TESTCASE UNITS=ms MEASUREMENT=1.5 RESULT=pass TEST_CASE_ID=ping>\n\
                  <LAVA_SIGNAL_MEASUREMENT TEST_CASE_ID=rate MEASUREMENT=7 UNITS=MB/s>\n\
                  <LAVA_SIGNAL_TESTREFERENCE TEST_CASE_ID=dump RESULT=skip REFERENCE=http://x/1>\n\
                  <LAVA_SIGNAL_TESTRAISE no disk>\n";
    assert_eq!(
        read(stream),
        [
            "smoke/boot pass",
            "smoke/a b fail",
            "smoke/ping pass 1.5ms",
            "smoke/rate pass 7MB/s",
            "smoke/dump skip (http://x/1)",
            "smoke/no disk fail (raised by the test itself)"
        ]
    );
}

#[test]
fn a_case_takes_from_its_start_to_its_end() {
    let stream = "<LAVA_SIGNAL_STARTTC a>\n<LAVA_SIGNAL_ENDTC a>\n\
                  <LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=pass>\n\
                  <LAVA_SIGNAL_TESTCASE TEST_CASE_ID=a RESULT=fail>\n";
    assert_eq!(read(stream), ["smoke/a pass in 1s", "smoke/a fail"]);
}

#[test]
fn what_began_and_gave_nothing_is_unknown() {
    let stream = "<LAVA_SIGNAL_STARTRUN 0_net 7.1>\n<LAVA_SIGNAL_STARTTC a>\n<LAVA_SIGNAL_ENDTC a>\n\
                  <LAVA_SIGNAL_ENDRUN 0_net 7.1>\n<LAVA_SIGNAL_STARTRUN 1_fs 7.2>\n<LAVA_SIGNAL_STARTTC b>\n";
    assert_eq!(
        read(stream),
        [
            "0_net/a unknown in 1s (began, but gave no result)",
            "1_fs/b unknown (began, but gave no result)",
            "1_fs/run unknown (the run did not come to its end)"
        ]
    );
    assert_eq!(
        read("Segmentation fault\n"),
        ["-/lava-signals unknown (no signal in the output)"]
    );
}

#[test]
fn a_test_set_is_a_suite_below() {
    let case = "<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=x RESULT=pass>\n";
    let stream = format!(
        "<LAVA_SIGNAL_TESTSET START lo>\n{case}<LAVA_SIGNAL_TESTSET STOP>\n{case}\
         <LAVA_SIGNAL_STARTRUN 0_net u>\n<LAVA_SIGNAL_TESTSET START eth>\n{case}\
         <LAVA_SIGNAL_ENDRUN 0_net u>\n{case}"
    );
    assert_eq!(
        read(&stream),
        [
            "smoke.lo/x pass",
            "smoke/x pass",
            "0_net.eth/x pass",
            "smoke/x pass"
        ]
    );
}

#[test]
fn nothing_before_the_marker_hides_it() {
    let case = |n: u32| format!("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=c{n} RESULT=pass>");
    let stream = format!(
        "50%\r100%\r{}\r\nboard# {}\n\x1b[1m{}\x1b[0m\n[   12.34] <0>{} tail {}\n<<LAVA_{}",
        case(1),
        case(2),
        case(3),
        case(4),
        case(5),
        case(6)
    );
    let names: Vec<String> = read(&stream);
    assert_eq!(
        names,
        (1..=6)
            .map(|n| format!("smoke/c{n} pass"))
            .collect::<Vec<_>>()
    );
}

#[test]
fn what_is_no_signal_is_passed_over() {
    let stream = "<LAVA_SIGNAL_TESTCASE RESULT=pass>\n<LAVA_SIGNAL_>\n<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=cut RESULT=pass\n\
                  <LAVA_SIGNAL_NEWS x>\n<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=odd RESULT=maybe>\n\
                  <LAVA_SIGNAL_TESTCASE TEST_CASE_ID=bare>\n<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=nan RESULT=pass MEASUREMENT=inf>\n";
    assert_eq!(
        read(stream),
        [
            "smoke/odd unknown (`maybe` is no result)",
            "smoke/bare unknown",
            "smoke/nan pass (the measurement `inf` is no number)"
        ]
    );
    let long = format!("<LAVA_SIGNAL_STARTTC {}>\n", "x".repeat(LONGEST));
    assert_eq!(read(&long).len(), 1, "longer than a signal may be");
}

#[test]
fn endless_starts_are_bounded() {
    let stream: String = (0..BEGUN + 10)
        .map(|n| format!("<LAVA_SIGNAL_STARTTC {n}>\n"))
        .collect();
    assert_eq!(read(&stream).len(), BEGUN + 10);
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_results(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        size in 1_usize..40,
    ) {
        prop_assert_eq!(read_in(&bytes, size), read_in(&bytes, 1000));
    }

    #[test]
    fn any_signals_in_any_pieces_give_the_same_results(
        parts in proptest::collection::vec(
            "<LAVA_SIGNAL_(START|END)(TC|RUN) [ab]>\n|<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=['\"ab]{1,3} RESULT=pass>[\n ]|<LAVA_SIGNAL_TESTSET (START [ab]|STOP)>\n|<LAVA_|\\PC{0,20}",
            0..20,
        ),
        size in 1_usize..40,
    ) {
        let stream = parts.concat();
        let found = read_in(stream.as_bytes(), size);
        prop_assert!(!found.is_empty());
        prop_assert_eq!(found, read_in(stream.as_bytes(), 100_000));
    }
}
