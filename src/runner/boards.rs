//! The boards this runner drives, and whether each could take a job now.

use std::collections::BTreeSet;

use super::options::Options;
use super::world::World;
use crate::lab::board_health;
use crate::model::board::{BUILT_IN_DISPATCHERS, DispatcherChoice};
use crate::model::record::BoardHealth;
use crate::model::status::{BoardStatus, BoardUse};
use crate::model::{Board, BoardName, Claim, RunnerName, Time};
use crate::schedule::PlanBoard;

/// Whether this runner is the one that drives a board.
pub(super) fn is_mine(board: &Board, options: &Options) -> bool {
    let named = board
        .runner
        .as_ref()
        .is_none_or(|runner| *runner == options.name);
    match &options.boards {
        Some(only) => named && only.contains(&board.name),
        None => named,
    }
}

/// What a board may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Jobs,
    /// Its health check, before anything else.
    Check,
    Nothing,
}

/// A board's health as this host sees it, why it is not good, and what it is fit for.
pub(super) struct Standing {
    pub health: BoardHealth,
    pub reason: Option<String>,
    pub fit: Use,
}

pub(super) fn standing(board: &Board, world: &World, options: &Options, now: Time) -> Standing {
    let (health, reason) = board_health(
        board,
        world.noted.get(&board.name),
        world.files.board_blobs.get(&board.name),
    );
    let unfit = |health, reason| Standing {
        health,
        reason,
        fit: Use::Nothing,
    };
    if !matches!(health, BoardHealth::Good | BoardHealth::Unknown) {
        return unfit(health, reason);
    }
    if let Some(obstacle) = obstacles(board, options) {
        return unfit(BoardHealth::Maintenance, Some(obstacle));
    }
    if let Some(why) = world.unfit.get(&board.name) {
        return unfit(BoardHealth::Unknown, Some(why.clone()));
    }
    let fit = match world.checks.of(board) {
        // A typo in a definition must not go unseen until the boards are worn out.
        Some(Err(why)) => return unfit(BoardHealth::Unknown, Some(why)),
        Some(Ok(_))
            if health == BoardHealth::Unknown || world.check_is_due(board, now).is_some() =>
        {
            Use::Check
        }
        // Without a check a job has to show how a board is.
        Some(Ok(_)) | None => Use::Jobs,
    };
    Standing {
        health,
        reason,
        fit,
    }
}

/// Why this host cannot drive a board as its file wants.
fn obstacles(board: &Board, options: &Options) -> Option<String> {
    if board.dispatchers.is_empty() {
        return Some(
            "no dispatcher: add `dispatchers:` to the board's or its type's file".to_owned(),
        );
    }
    let mut choices = board.dispatchers.iter();
    choices
        .find_map(|choice| obstacle(choice, options))
        .or_else(|| console_obstacle(board, options))
        .or_else(|| section_obstacle(board))
        .or_else(|| power_obstacle(board, options))
}

/// This runner's boards whose health check is due and that nobody has claimed.
pub(super) fn due(world: &World, options: &Options, now: Time) -> Vec<(BoardName, String)> {
    let busy = claimed(world.claims.values().map(|seen| &seen.claim));
    let boards = world.files.boards.values();
    boards
        .filter(|board| is_mine(board, options) && !busy.contains(&board.name))
        .filter(|board| standing(board, world, options, now).fit == Use::Check)
        .filter_map(|board| {
            let definition = world.checks.of(board)?.ok()?;
            Some((board.name.clone(), definition.path.clone()))
        })
        .collect()
}

/// Why this host may not start the process that is a board's console.
fn console_obstacle(board: &Board, options: &Options) -> Option<String> {
    let is_console =
        |choice: &DispatcherChoice| *choice == DispatcherChoice::BuiltIn("console".to_owned());
    if !board.dispatchers.iter().any(is_console) {
        return None;
    }
    let Some(console) = &board.console else {
        return Some("no console: add `console:` to the board's or its type's file".to_owned());
    };
    match console.command.first() {
        Some(program) if program.starts_with('/') => not_allowed(program, options),
        Some(_) => Some("the program in `console: command` must be an absolute path".to_owned()),
        None => None,
    }
}

/// What a dispatcher of the board needs in its file, and is not there.
fn section_obstacle(board: &Board) -> Option<String> {
    let needed = [
        ("ssh", "ssh", board.ssh.is_some()),
        ("lava-run", "lava", board.lava.is_some()),
    ];
    needed.into_iter().find_map(|(dispatcher, key, there)| {
        let lists =
            |choice: &DispatcherChoice| *choice == DispatcherChoice::BuiltIn(dispatcher.to_owned());
        (!there && board.dispatchers.iter().any(lists)).then(|| {
            format!(
                "the dispatcher `{dispatcher}` needs `{key}:` in the board's or its type's file"
            )
        })
    })
}

/// Why this host may not switch a board's power.
pub(super) fn power_obstacle(board: &Board, options: &Options) -> Option<String> {
    let power = &board.power;
    let programs = [&power.on, &power.off, &power.reset];
    programs
        .into_iter()
        .filter_map(|command| command.first())
        .find_map(|program| {
            if program.starts_with('/') {
                not_allowed(program, options)
            } else {
                Some("a program in `power:` must be an absolute path".to_owned())
            }
        })
}

fn not_allowed(what: &str, options: &Options) -> Option<String> {
    (!options.allows(what)).then(|| {
        format!("not allowed on this host: add `{what}` to `allow:` in the runner's runner.yaml, or start it with --allow {what}")
    })
}

/// Why this host may not start a dispatcher, with the line that would let it.
fn obstacle(choice: &DispatcherChoice, options: &Options) -> Option<String> {
    let what = match choice {
        DispatcherChoice::BuiltIn(name) if !BUILT_IN_DISPATCHERS.contains(&name.as_str()) => {
            return Some(format!("this version has no dispatcher `{name}`"));
        }
        DispatcherChoice::BuiltIn(name) => name,
        DispatcherChoice::Program { command, .. } => match command.first() {
            Some(program) if program.starts_with('/') => program,
            _ => return Some("a dispatcher's program must be an absolute path".to_owned()),
        },
    };
    not_allowed(what, options)
}

/// The boards that claims name: all of a group's.
pub(super) fn claimed<'a>(claims: impl Iterator<Item = &'a Claim>) -> BTreeSet<BoardName> {
    claims.flat_map(Claim::boards).cloned().collect()
}

/// This runner's boards that are fit for this, busy or not.
pub(super) fn fit(world: &World, options: &Options, wanted: Use, now: Time) -> Vec<PlanBoard> {
    let mine = world
        .files
        .boards
        .values()
        .filter(|board| is_mine(board, options));
    mine.filter(|board| standing(board, world, options, now).fit == wanted)
        .map(|board| PlanBoard::new(board, &options.name, world.past.busy_ms(&board.name, now)))
        .collect()
}

/// The boards that claims name, without `freed`: those are claimed, but not for long.
pub(super) fn busy(world: &World, freed: &BTreeSet<BoardName>) -> BTreeSet<BoardName> {
    let mut busy = claimed(world.claims.values().map(|seen| &seen.claim));
    busy.retain(|board| !freed.contains(board));
    busy
}

/// The lab's boards that take jobs, idle or not: mine that are fit, and those of living peers, so
/// that every runner computes the same plan and claims only for its own.
pub(super) fn able(
    world: &World,
    options: &Options,
    living: &BTreeSet<RunnerName>,
    now: Time,
) -> Vec<PlanBoard> {
    let boards = world.files.boards.values();
    let driver = |board: &Board| {
        if is_mine(board, options) {
            let fit = standing(board, world, options, now).fit == Use::Jobs;
            return fit.then(|| options.name.clone());
        }
        let offers = |runner: &&RunnerName| {
            world.heartbeats.get(runner).is_some_and(|heartbeat| {
                let status = heartbeat
                    .status
                    .boards
                    .iter()
                    .find(|status| status.name == board.name);
                heartbeat.status.paused.is_none()
                    && status.is_some_and(|status| status.usage != BoardUse::Unavailable)
            })
        };
        living.iter().find(offers).cloned()
    };
    boards
        .filter_map(|board| {
            let busy_ms = world.past.busy_ms(&board.name, now);
            Some(PlanBoard::new(board, &driver(board)?, busy_ms))
        })
        .collect()
}

/// What the heartbeat says of this runner's boards.
pub(super) fn statuses(world: &World, options: &Options, now: Time) -> Vec<BoardStatus> {
    let busy = claimed(world.claims.values().map(|seen| &seen.claim));
    let mine = world
        .files
        .boards
        .values()
        .filter(|board| is_mine(board, options));
    mine.map(|board| {
        let standing = standing(board, world, options, now);
        let usage = match standing.fit {
            Use::Jobs | Use::Check if busy.contains(&board.name) => BoardUse::Busy,
            Use::Jobs => BoardUse::Idle,
            Use::Check | Use::Nothing => BoardUse::Unavailable,
        };
        BoardStatus {
            name: board.name.clone(),
            usage,
            health: standing.health,
            reason: standing.reason,
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::check;

    fn obstacle_of(console: &str, allow: &[&str]) -> Option<String> {
        let text = format!("device_type: t\ndispatchers: [console]\n{console}\n");
        let file = check::board("boards/b.yaml", text.as_bytes(), None).value;
        let board = Board::new("b".parse().unwrap(), file.unwrap(), &BTreeMap::new());
        let options = Options {
            name: "r".parse().unwrap(),
            boards: None,
            allow: allow.iter().map(|&one| one.to_owned()).collect(),
            images: Vec::new(),
            until_idle: false,
            accept_rewrite: None,
            program: "/pumice".into(),
        };
        console_obstacle(&board, &options)
    }

    #[test]
    fn the_host_decides_which_program_is_a_console() {
        let uml = "console: {command: [/boot/linux.uml, mem=64M]}";
        let why = obstacle_of(uml, &["console"]).unwrap();
        assert!(why.contains("add `/boot/linux.uml` to `allow:`"), "{why}");
        assert_eq!(obstacle_of(uml, &["console", "/boot/linux.uml"]), None);
        assert_eq!(obstacle_of(uml, &["any"]), None);
        let why = obstacle_of("console: {command: [qemu]}", &["any"]).unwrap();
        assert!(why.contains("must be an absolute path"), "{why}");
        let why = obstacle_of("", &["any"]).unwrap();
        assert!(why.contains("no console"), "{why}");
        assert_eq!(obstacle_of("console: {tcp: 'a:1'}", &["console"]), None);
    }
}
