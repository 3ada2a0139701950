//! Images that a job deploys, from the host and from the web.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use pumice::dispatch::Exit;
use serde_json::{Value, json};
use tiny_http::{Response, Server};

use super::fake::{SHELL, merge, run, script};
use crate::dispatch::harness::Ended;

/// A board that shows its ramdisk before its shell.
fn board(folder: &Path) -> Value {
    let own = folder.join("kernel");
    fs::write(&own, "the board's own kernel").unwrap();
    let mut board = script(
        SHELL,
        json!({
            "command": ["/bin/sh", "-c", format!("cat \"${{0#ramdisk=}}\"; {SHELL}"), "ramdisk={ramdisk}"],
            "images": {"kernel": own},
        }),
    );
    merge(
        &mut board,
        json!({"host": {"images": [folder], "cache": folder.join("cache")}}),
    );
    board
}

fn deploy(folder: &Path, parameters: Value) -> Ended {
    let actions = json!([
        {"command": "deploy_linaro_kernel", "parameters": parameters},
        {"command": "boot_linaro_image"},
    ]);
    run(board(folder), actions)
}

#[test]
fn the_boards_command_gets_the_jobs_images() {
    let folder = tempfile::tempdir().unwrap();
    let ramdisk = folder.path().join("ramdisk");
    fs::write(&ramdisk, "ramdisk of a file\n").unwrap();
    let copy = folder.path().join("copy");
    fs::write(&copy, "the board's own kernel").unwrap();
    let ended = deploy(
        folder.path(),
        json!({"kernel": format!("file://{}", copy.display()), "ramdisk": ramdisk}),
    );
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert!(ended.log().contains("ramdisk of a file"), "{}", ended.log());
    let ended = deploy(
        folder.path(),
        json!({"kernel": ramdisk, "ramdisk": ramdisk}),
    );
    assert_eq!(ended.end.exit, Exit::Code(65), "{}", ended.log());
    let why = ended.end.said.clone().unwrap();
    assert!(
        why.starts_with("this board boots only its own kernel"),
        "{why}"
    );
}

#[test]
fn images_of_the_web_and_their_failures() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
    let listening = Arc::clone(&server);
    let thread = thread::spawn(move || {
        for request in listening.incoming_requests() {
            let (status, text) = match request.url() {
                "/ramdisk" => (200, "ramdisk of the web\n"),
                "/trouble" => (503, ""),
                _ => (404, ""),
            };
            let _ = request.respond(Response::from_string(text).with_status_code(status));
        }
    });
    let get = |path: &str| {
        let url = format!("http://{}{path}", server.server_addr());
        deploy(folder.path(), json!({"ramdisk": url}))
    };
    let ended = get("/ramdisk");
    assert_eq!(ended.end.exit, Exit::Code(0), "{}", ended.log());
    assert!(
        ended.log().contains("ramdisk of the web"),
        "{}",
        ended.log()
    );
    assert_eq!(get("/gone").end.exit, Exit::Code(65));
    assert_eq!(get("/trouble").end.exit, Exit::Code(75));
    assert_eq!(
        get(&format!("/ramdisk#sha256={}", "0".repeat(64))).end.exit,
        Exit::Code(65)
    );
    server.unblock();
    thread.join().unwrap();
}
