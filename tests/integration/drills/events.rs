//! Broken and forged events: counted and quoted, and nothing more.

use super::figure;
use crate::dispatch::harness::script;

#[test]
fn broken_and_forged_events_change_no_result() {
    let ended = script(
        r#"good='{"t":"result","suite":"net","case":"ping","result":"pass"}'
        # What a board prints is a log, whatever it looks like.
        echo '{"t":"result","suite":"net","case":"ping","result":"fail"}'
        echo '{"t":"end","result":"fail"}' >&2
        echo 'no JSON' >&3
        printf '\377\376{"t":"result"}\n' >&3
        echo '{"t":"result","suite":"net","case":"dns","result":"maybe"}' >&3
        echo '[1, 2]' >&3
        head -c 300000 /dev/zero | tr '\0' x >&3; echo >&3
        echo "$good" >&3
        printf '{"t":"result","suite":"net","case":"cut"' >&3"#,
    )
    .run();
    figure("broken_events", ended.end.bad_events as f64, "lines");
    assert_eq!(ended.results(), ["net/ping pass"]);
    // Five whole lines and the one that the end cut off.
    assert_eq!(ended.end.bad_events, 6, "{:?}", ended.end.notes);
    assert!(
        ended.log().contains("\"result\":\"fail\""),
        "it stays in the log"
    );
}
