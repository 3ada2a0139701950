//! A job as LAVA's version 1 has it, from the deployment of a kernel to its measurements in the record.

use std::fs::File;
use std::thread;

use pumice::fetch::{Kind, Kit};
use pumice::model::record::{Case, CaseResult, StepState};
use pumice::model::{Health, Verdict};
use serde_json::json;

use super::kit;
use super::lab::{add_board, write};
use crate::harness::Lab;

const DEFINITION: &str = r#"
metadata:
  format: Lava-Test Test Definition 1.0
  name: smoke
run:
  steps:
    - lava-test-case kernel --shell uname -r
    - lava-test-case broken --shell false
    - lava-test-case uptime --result pass --measurement $(cut -d ' ' -f 1 /proc/uptime) --units s
    - "echo 'found: PASS'"
parse:
  pattern: "^(?P<test_case_id>[a-z]+): (?P<result>[A-Z]+)$"
  fixupdict: {PASS: pass, FAIL: fail}
"#;

/// Runs the job with images from `kernel` and `ramdisk`, which are URLs.
fn runs(kit: &Kit, kernel: &str, ramdisk: &str) {
    let lab = Lab::new();
    add_board(&lab, kit, "b1", "");
    let definition = lab.root().join("smoke.yaml");
    std::fs::write(&definition, DEFINITION).unwrap();
    let job = json!({
        "job_name": "v1",
        "device_type": kit.kind.device_type(),
        "timeout": 900,
        "actions": [
            {"command": "deploy_linaro_kernel", "parameters": {"kernel": kernel, "ramdisk": ramdisk}},
            {"command": "boot_linaro_image"},
            {
                "command": "lava_test_shell",
                "parameters": {
                    "testdef_urls": [format!("file://{}", definition.display())],
                    "timeout": 300,
                },
            },
            {
                "command": "submit_results",
                "parameters": {"server": "http://lava.example.org/RPC2/", "stream": "/public/team/kernel/"},
            },
        ],
    });
    write(&lab, "queue/v1.json", &job);
    lab.submit("Submit");
    let mut options = lab.options("r1");
    options.images = [lab.root(), kit.kernel.parent().unwrap()]
        .map(|folder| folder.to_str().unwrap().to_owned())
        .into();
    let (daemon, said) = lab.daemon(options);
    daemon.run().unwrap();

    let record = lab.record_of("queue/v1.json");
    let told = || {
        format!(
            "{record:#?}\n{:?}\n{}",
            said.lock().unwrap(),
            lab.log_of(&record)
        )
    };
    assert_eq!(record.health, Some(Health::Complete), "{}", told());
    // One of its tests is made to fail.
    assert_eq!(record.verdict, Some(Verdict::Fail), "{}", told());
    assert_eq!(record.stream, "/public/team/kernel/");
    let steps: Vec<&str> = record.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(
        steps,
        [
            "deploy_linaro_kernel",
            "boot_linaro_image",
            "lava_test_shell",
            "submit_results"
        ]
    );
    for step in &record.steps {
        assert_eq!(step.state, StepState::Done, "{}", told());
        assert_eq!(step.result, Some(CaseResult::Pass), "{}", told());
        assert!(step.started_s.is_some() && step.duration_s.is_some());
    }
    // A kernel takes its time.
    assert!(record.steps[1].duration_s > Some(0.1), "{}", told());
    let suites: Vec<&str> = record
        .suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    assert_eq!(suites, ["smoke"], "{}", told());
    let case = |name: &str| -> &Case {
        let mut cases = record.suites[0].cases.iter();
        cases
            .find(|case| case.name == name)
            .unwrap_or_else(|| panic!("no {name}: {}", told()))
    };
    assert_eq!(case("kernel").result, CaseResult::Pass);
    assert_eq!(case("broken").result, CaseResult::Fail);
    assert_eq!(case("found").result, CaseResult::Pass);
    let uptime = case("uptime");
    assert_eq!(uptime.result, CaseResult::Pass);
    assert_eq!(uptime.units.as_deref(), Some("s"));
    assert!(uptime.value.is_some_and(|value| value > 0.1), "{}", told());
    assert_eq!(record.suites[0].cases.len(), 4, "{}", told());
}

#[test]
fn runs_on_uml_with_images_of_the_host() {
    let Some(kit) = kit(Kind::Uml) else { return };
    let url = |path: &std::path::Path| format!("file://{}", path.display());
    runs(&kit, &url(&kit.kernel), &url(&kit.ramdisk));
}

#[test]
fn runs_on_qemu_with_images_from_a_web_server() {
    let Some(kit) = kit(Kind::Qemu) else { return };
    let server = std::sync::Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
    let address = server.server_addr().to_ip().unwrap();
    let serving = thread::spawn({
        let (server, kit) = (server.clone(), kit.clone());
        move || {
            for request in server.incoming_requests() {
                let file = match request.url() {
                    "/vmlinuz" => &kit.kernel,
                    _ => &kit.ramdisk,
                };
                let file = tiny_http::Response::from_file(File::open(file).unwrap());
                request.respond(file).ok();
            }
        }
    });
    runs(
        &kit,
        &format!("http://{address}/vmlinuz"),
        &format!("http://{address}/initramfs.cpio"),
    );
    server.unblock();
    serving.join().unwrap();
}
