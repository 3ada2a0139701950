//! What people see of bad files: snapshots, to be read as a person would.

use super::small_lab;
use crate::model::Diagnostic;
use crate::model::check::{board, device_type, job, lab_config, render};

macro_rules! bad {
    ($($name:ident: $check:expr, $text:expr;)+) => {$(
        #[test]
        fn $name() {
            let owned = $text;
            let text: &[u8] = owned.as_ref();
            let diagnostics: Vec<Diagnostic> = $check(text);
            assert!(!diagnostics.is_empty());
            insta::assert_snapshot!(render(&diagnostics, text, false));
        }
    )+};
}

fn a_job(text: &[u8]) -> Vec<Diagnostic> {
    job("queue/a.json", text, None).diagnostics
}

fn a_job_in_a_lab(text: &[u8]) -> Vec<Diagnostic> {
    job("queue/a.json", text, Some(&small_lab())).diagnostics
}

fn a_board(text: &[u8]) -> Vec<Diagnostic> {
    board("boards/b.yaml", text, Some(&small_lab())).diagnostics
}

fn a_type(text: &[u8]) -> Vec<Diagnostic> {
    device_type("boards/types/t.yaml", text).diagnostics
}

fn a_lab(text: &[u8]) -> Vec<Diagnostic> {
    lab_config("lab.yaml", text).diagnostics
}

bad! {
    typos: a_job, "{\n  \"devcie_type\": \"qemu\",\n  \"timeout\": \"15 parsecs\",\n  \"priority\": \"hihg\",\n  \"actions\": [{\"comand\": \"boot\"}]\n}\n";
    missing_keys: a_job, "{\n  \"job_name\": \"x\",\n  \"actions\": [{}, {\"command\": \"\"}]\n}\n";
    wrong_types: a_job, "{\"device_type\": 3, \"tags\": \"net\", \"actions\": {}, \"timeout\": [], \"retries\": \"2\",\n \"metadata\": {\"a\": true}, \"notify\": null, \"priority\": {}}";
    ranges: a_job, "{\"device_type\": \"a\", \"timeout\": -5, \"retries\": 9, \"priority\": 101, \"expires\": 1e999,\n \"actions\": [{\"command\": \"x\", \"timeout\": \"25h\"}]}";
    not_strict: a_job, "{\n  // a remark\n  'device_type': \"qemu\",\n  actions: [{\"command\": \"boot\",} {\"command\": \"x\"}], /* more */\n}\n";
    comma_missing: a_job, "{\n  \"device_type\": \"qemu\"\n  \"actions\": [{\"command\": \"boot\"}]\n}\n";
    quote_missing: a_job, "{\n  \"device_type\": \"qemu,\n  \"actions\": [{\"command\": \"boot\"}]\n}\n";
    bracket_missing: a_job, "{\n  \"device_type\": \"qemu\",\n  \"actions\": [{\"command\": \"boot\"}\n}\n";
    unclosed: a_job, "{\n  \"device_type\": \"qemu\",\n  \"actions\": [\n";
    trailing_garbage: a_job, "{\"device_type\": \"qemu\", \"actions\": [{\"command\": \"boot\"}]}\n}\n";
    not_json: a_job, "<!DOCTYPE html>\n<html></html>\n";
    bad_bytes: a_job, b"{\"device_type\": \"qemu\", \"job_name\": \"a\xff\xfeb\",\n \"actions\": [{\"command\": \"boot\"}]}";
    byte_order_mark: a_job, b"\xef\xbb\xbf{\"device_type\": \"qemu\", \"action\": []}";
    duplicate_keys: a_job, "{\"device_type\": \"qemu\",\n \"device_type\": \"panda\",\n \"actions\": [{\"command\": \"x\", \"parameters\": {\"a\": 1, \"a\": 2}}]}";
    reserved_keys: a_job, "{\n  \"vm_group\": {},\n  \"secrets\": [\"token\"],\n  \"role\": \"server\",\n  \"actions\": [{\"command\": \"x\"}]\n}";
    template: a_job, "{\n  \"job_name\": \"{job_name}\",\n  \"device_type\": \"{device_type}\",\n  \"priority\": \"{priority}\",\n  \"actions\": [{\"command\": \"submit_results\", \"parameters\": {\"server\": \"{LAVA_URL}\", \"stream\": \"/a/\"}}]\n}";
    contradicting_boards: a_job, "{\"device_type\": \"a\", \"target\": \"b\", \"actions\": [{\"command\": \"x\"}],\n \"device_group\": [{\"role\": \"a\", \"count\": 1, \"device_type\": \"a\"}]}";
    strange_characters: a_job, "{\"device_type\": \"a\u{1b}[31m\", \"jöb_näme\\u001b\": \"ü\", \"actions\": [{\"command\": \"x\"}]}";
    a_long_line: a_job, format!("{{\"device_type\": \"qemu\", \"metadata\": {{\"a\": \"{}\"}}, \"colour\": 1, \"job_name\": \"{}\", \"actions\": [{{\"command\": \"x\"}}]}}", "x".repeat(200), "y".repeat(200));
    not_in_this_lab: a_job_in_a_lab, "{\n  \"target\": \"qemu1\",\n  \"tags\": [\"netz\", \"hdmi\"],\n  \"dispatcher\": \"consol\",\n  \"device_group\": null,\n  \"actions\": [{\"command\": \"boot\"}]\n}";
    board_typos: a_board, "device_typ: qemu\ntags: net\nservice: {state: maintenence, sinse: now}\ndispatchers: [consol, {name: x}, 3]\npower: {on: reboot now}\n";
    board_rules: a_board, "device_type: qmeu\nowners: [alcie]\nconsole:\n  tcp: nowhere\n  serial: ttyS0\ntags: [a, a, 'b c']\n";
    console_rules: a_board, "device_type: qemu\nconsole:\n  command: ['{kernel}', -nographic]\n  images: {ramdisk: initramfs.cpio}\n  prompt: 'root@[board'\n  boot: [['Hit any key: *', ''], ['*', run]]\n  login: {user: ' ', prompt: 'login(:'}\n";
    board_with_tab: a_board, "device_type: qemu\nservice:\n\tstate: active\n";
    board_unclosed: a_board, "device_type: qemu\ntags: [a, b\nowners: [c]\n";
    type_rules: a_type, "device_type: x\nhealth_check: {job: ../x.json, evry: 24h}\ntags: &a [*a]\n";
    lab_rules: a_lab, "nmae: Lab\ntimeouts: {job: 30h}\nheartbeat: soon\nforge: {kind: bitbucket}\nusers:\n  alice: {emails: [alice]}\n  alice: {}\nrefs: pumice\n";
}

#[test]
fn terminals_get_colour() {
    let text = b"{\"device_type\": \"qemu\", \"colour\": 1, \"actions\": [{\"command\": \"x\"}]}";
    let coloured = render(&a_job(text), text, true);
    assert!(coloured.contains("\u{1b}["));
    assert!(
        coloured
            .starts_with("queue/a.json:1:25: \u{1b}[1;31merror\u{1b}[0m: unknown key `colour`\n")
    );
}
