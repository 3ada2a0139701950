//! LAVA's helpers: small programs of the board's shell that print test signals.
//!
//! They are files in the `PATH` and no shell functions, so that a script that a step starts finds
//! them as well. A helper succeeds whatever it reports: a step that fails ends its definition.

/// A script that puts the helpers into a folder.
pub fn install(folder: &str) -> String {
    let mut script = format!("cd {folder}\n");
    for (name, text) in HELPERS {
        script.push_str(&format!(
            "cat >{name} <<'END'\n{text}END\nchmod +x {name}\n"
        ));
    }
    script
}

const HELPERS: [(&str, &str); 6] = [
    ("lava-test-case", TEST_CASE),
    ("lava-test-set", TEST_SET),
    ("lava-test-reference", TEST_REFERENCE),
    ("lava-test-raise", TEST_RAISE),
    ("lava-test-case-attach", ATTACH),
    ("lava-test-run-attach", ATTACH),
];

const TEST_CASE: &str = r#"#!/bin/sh
[ $# -gt 0 ]||{ echo "usage: lava-test-case NAME --result RESULT|--shell COMMAND">&2;exit 1;}
s="TEST_CASE_ID=\"$1\"";c=$1;r=;shift
while [ $# -gt 0 ];do case $1 in
--result)r=$2;shift;;
--measurement)s="$s MEASUREMENT=$2";shift;;
--units)s="$s UNITS=\"$2\"";shift;;
--output)shift;;
--shell)shift;echo "<LAVA_SIGNAL_STARTTC \"$c\">"
if [ $# -eq 1 ];then sh -c "$1";else "$@";fi
if [ $? -eq 0 ];then r=pass;else r=fail;fi
echo "<LAVA_SIGNAL_ENDTC \"$c\">";break;;
*)echo "lava-test-case: what is $1?">&2;esac
shift;done
echo "<LAVA_SIGNAL_TESTCASE $s RESULT=${r:-unknown}>"
"#;

const TEST_SET: &str = r#"#!/bin/sh
case $1 in
start)echo "<LAVA_SIGNAL_TESTSET START \"$2\">";;
stop)echo "<LAVA_SIGNAL_TESTSET STOP>";;
*)echo "usage: lava-test-set start NAME|stop">&2;exit 1;;
esac
"#;

const TEST_REFERENCE: &str = r#"#!/bin/sh
s="TEST_CASE_ID=\"$1\"";r=unknown;shift
while [ $# -gt 0 ];do case $1 in
--result)r=$2;;
--reference)s="$s REFERENCE=\"$2\"";;
esac;shift;shift;done
echo "<LAVA_SIGNAL_TESTREFERENCE $s RESULT=$r>"
"#;

/// Ends the definition: its steps run under `set -e`.
const TEST_RAISE: &str = r#"#!/bin/sh
echo "<LAVA_SIGNAL_TESTRAISE $*>"
exit 1
"#;

const ATTACH: &str = r#"#!/bin/sh
echo "$1 stays on the board: this console brings no files back"
"#;
