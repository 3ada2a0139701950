//! The key `console` of a board: one way to it, patterns that can be looked for, images.

use super::board::program;
use super::problems::Problems;
use super::tree::{Kind, Node};
use super::words::quote;
use crate::model::pattern::Patterns;

pub(super) fn rules(node: &Node, problems: &mut Problems) {
    let kinds = ["command", "tcp", "serial"];
    let given: Vec<_> = kinds
        .into_iter()
        .filter_map(|kind| node.get(kind).and(node.entry(kind)))
        .collect();
    if given.is_empty() && matches!(node.kind, Kind::Map(_)) {
        problems.error(
            node.place,
            "missing-key",
            "`console` names no console",
            "give it `command`, `tcp` or `serial`",
        );
    }
    for extra in given.iter().skip(1) {
        problems.error(
            extra.key_place,
            "contradiction",
            format!(
                "`console` has `{}` and {}: only one can be the console",
                given[0].key,
                quote(&extra.key)
            ),
            "keep one of them",
        );
    }
    if let Some(command) = node.get("command") {
        if command.kind == Kind::List(Vec::new()) {
            problems.error(command.place, "empty", "`command` must not be empty", "");
        }
        program(command, problems);
    }
    if let Some(tcp) = node.get("tcp")
        && let Some(text) = tcp.text()
    {
        let good = text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty()
                && !host.contains(char::is_whitespace)
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if !good {
            problems.error(
                tcp.place,
                "bad-value",
                format!("`tcp` must be a host and a port, but is {}", quote(text)),
                "write it such as localhost:5555",
            );
        }
    }
    if let Some(serial) = node.get("serial")
        && let Some(text) = serial.text()
        && !text.starts_with('/')
    {
        problems.error(
            serial.place,
            "bad-value",
            format!("`serial` must be a device's path, but is {}", quote(text)),
            "write it such as /dev/ttyUSB0",
        );
    }
    patterns(node, problems);
    images(node, problems);
}

/// What is looked for on the console must be regular expressions.
fn patterns(node: &Node, problems: &mut Problems) {
    let inside = |key: &str, names: [&str; 2]| names.map(|name| node.get(key)?.get(name));
    let answers = node.get("boot").map_or(&[][..], Node::items);
    let all = [node.get("prompt")]
        .into_iter()
        .chain(inside("login", ["prompt", "password_prompt"]))
        .chain(inside("bootloader", ["interrupt", "prompt"]))
        .chain(answers.iter().map(|pair| pair.items().first()));
    for pattern in all.flatten() {
        if let Some(text) = pattern.text()
            && let Err(why) = Patterns::new(&[text])
        {
            problems.error(
                pattern.place,
                "bad-pattern",
                format!("{} cannot be looked for: {why}", quote(text)),
                "it is a regular expression; write a backslash before each character that is meant itself",
            );
        }
    }
    if let Some(user) = node.get("login").and_then(|login| login.get("user"))
        && user.text().is_some_and(|name| name.trim().is_empty())
    {
        problems.error(user.place, "empty", "`user` is empty", "");
    }
}

/// Images are named where the board can take them.
fn images(node: &Node, problems: &mut Problems) {
    let command = node.get("command").map_or(&[][..], Node::items);
    if let Some(program) = command.first()
        && program.text().is_some_and(|name| name.contains(['{', '}']))
    {
        problems.error(
            program.place,
            "bad-value",
            "the program cannot depend on an image: a job would choose what runs on the host",
            "name the program in full, and put `{kernel}` and the like into its arguments",
        );
    }
    for image in node.get("images").map_or(&[][..], Node::entries) {
        if let Some(text) = image.value.text()
            && !["/", "file:///", "http://", "https://"]
                .iter()
                .any(|start| text.starts_with(start))
        {
            problems.error(
                image.value.place,
                "bad-value",
                format!(
                    "{} is neither an absolute path nor a URL of file, http or https",
                    quote(text)
                ),
                "",
            );
        }
    }
}
