//! Groups: all members on the boards of one runner, or none at all.

use super::*;

fn group(n: u8, priority: Priority, seats: &[&[&str]]) -> Candidate {
    let mut group = job(n, priority, "t", &[]);
    group.seats = seats
        .iter()
        .map(|tags| job(n, priority, "t", tags).seats.remove(0))
        .collect();
    group
}

fn on(runner: &str, mut board: PlanBoard) -> PlanBoard {
    board.runner = runner.parse().unwrap();
    board
}

fn shown(placed: &[(JobId, Vec<BoardName>)]) -> Vec<(JobId, Vec<&str>)> {
    placed
        .iter()
        .map(|(id, boards)| (*id, boards.iter().map(BoardName::as_str).collect()))
        .collect()
}

#[test]
fn members_get_the_boards_that_their_seats_want() {
    let jobs = [group(1, Priority::Low, &[&[], &["usb"]])];
    let boards = [board("a", &["usb"], 0), board("b", &["usb", "net"], 0)];
    assert_eq!(shown(&planned(&jobs, &boards)), [(id(1), vec!["a", "b"])]);
    let boards = [board("a", &["usb"], 0), board("b", &[], 0)];
    assert_eq!(shown(&planned(&jobs, &boards)), [(id(1), vec!["b", "a"])]);
}

#[test]
fn a_group_without_all_its_boards_holds_none() {
    let jobs = [
        group(1, Priority::High, &[&[], &[], &[]]),
        job(2, Priority::Low, "t", &[]),
    ];
    let boards = [board("a", &[], 0), board("b", &[], 0)];
    assert_eq!(shown(&planned(&jobs, &boards)), [(id(2), vec!["a"])]);
}

#[test]
fn a_group_never_spans_two_runners() {
    let jobs = [group(1, Priority::Low, &[&[], &[]])];
    let mut boards = vec![
        on("lab-a", board("a", &[], 0)),
        on("lab-b", board("b", &[], 1)),
    ];
    assert_eq!(planned(&jobs, &boards), []);
    boards.push(on("lab-b", board("c", &[], 2)));
    assert_eq!(shown(&planned(&jobs, &boards)), [(id(1), vec!["b", "c"])]);
    assert_eq!(able_runner(&jobs[0], &boards).unwrap().as_str(), "lab-b");
}

#[test]
fn a_plain_job_makes_room_for_a_group() {
    let jobs = [
        job(1, Priority::High, "t", &[]),
        group(2, Priority::Low, &[&[], &[]]),
    ];
    let boards = [
        on("lab-a", board("a", &[], 0)),
        on("lab-a", board("b", &[], 1)),
        on("lab-b", board("c", &[], 2)),
    ];
    let placed = planned(&jobs, &boards);
    assert_eq!(
        shown(&placed),
        [(id(1), vec!["c"]), (id(2), vec!["b", "a"])]
    );
}

/// The plan with only some of the boards idle, when everything has waited for so long.
fn after(
    waited_s: f64,
    jobs: &[Candidate],
    boards: &[PlanBoard],
    idle: &[&str],
) -> Vec<(JobId, Vec<BoardName>)> {
    let idle = idle.iter().map(|name| name.parse().unwrap()).collect();
    let now = Time::from_unix(0).plus_seconds(waited_s);
    plan(jobs.to_vec(), boards.to_vec(), &idle, Rules::default(), now).starts
}

#[test]
fn what_a_group_holds_is_said() {
    let jobs = [
        group(2, Priority::Medium, &[&[], &[]]),
        job(3, Priority::Low, "t", &[]),
    ];
    let boards = [
        on("lab-a", board("a", &[], 0)),
        on("lab-b", board("b", &[], 5)),
        on("lab-a", board("c", &[], 9)),
    ];
    let idle = ["a", "b"].map(|name| name.parse().unwrap()).into();
    let held = |waited_s| {
        let now = Time::from_unix(0).plus_seconds(waited_s);
        let (jobs, boards) = (jobs.to_vec(), boards.to_vec());
        let plan = plan(jobs, boards, &idle, Rules::default(), now);
        assert_eq!(plan.starts.len(), 1);
        plan.held
    };
    assert_eq!(held(HOLD_AFTER_S), ["a".parse().unwrap()].into());
    assert_eq!(held(HOLD_AFTER_S - 1.0), BTreeSet::new());
}

#[test]
fn a_young_group_job_does_not_hide_an_old_one_like_it() {
    let mut young = group(1, Priority::High, &[&[], &[]]);
    young.submitted_at = Time::from_unix(HOLD_AFTER_S as i64);
    let jobs = [
        young,
        group(2, Priority::Medium, &[&[], &[]]),
        job(3, Priority::Low, "t", &[]),
    ];
    let boards = [
        on("lab-a", board("a", &[], 0)),
        on("lab-a", board("c", &[], 9)),
    ];
    let early = after(HOLD_AFTER_S - 1.0, &jobs, &boards, &["a"]);
    assert_eq!(shown(&early), [(id(3), vec!["a"])]);
    assert_eq!(after(HOLD_AFTER_S, &jobs, &boards, &["a"]), []);
    // One that starts in this plan waits no more.
    let boards = [&boards[..], &[on("lab-a", board("d", &[], 9))]].concat();
    let mut old = jobs[1].clone();
    (old.priority, old.id) = (Priority::Urgent, id(4));
    let jobs = [jobs[0].clone(), old, jobs[2].clone()];
    let started = after(HOLD_AFTER_S, &jobs, &boards, &["a", "c", "d"]);
    assert_eq!(started.len(), 2);
}

#[test]
fn a_group_that_holds_keeps_what_comes_free_from_later_jobs_only() {
    let jobs = [
        job(1, Priority::High, "u", &[]),
        group(2, Priority::Medium, &[&[], &[]]),
        job(3, Priority::Low, "t", &[]),
    ];
    let boards = [
        on("lab-a", board("a", &[], 0)),
        on("lab-b", board("b", &[], 5)),
        on("lab-a", board("c", &[], 9)),
    ];
    let held = HOLD_AFTER_S;
    let plan = |idle: &[&str]| after(held, &jobs, &boards, idle);
    let early = after(held - 1.0, &jobs, &boards, &["a"]);
    assert_eq!(shown(&early), [(id(3), vec!["a"])]);
    assert_eq!(shown(&plan(&["a", "b"])), [(id(3), vec!["b"])]);
    assert_eq!(plan(&["a"]), []);
    let urgent = [job(9, Priority::Urgent, "t", &[]), jobs[1].clone()];
    let first = after(held, &urgent, &boards, &["a"]);
    assert_eq!(shown(&first), [(id(9), vec!["a"])]);
    assert_eq!(shown(&plan(&["a", "c"])), [(id(2), vec!["a", "c"])]);
    // It holds only where it could run, and one group at most.
    let large = [
        group(2, Priority::Medium, &[&[], &[], &[]]),
        jobs[2].clone(),
    ];
    assert_eq!(
        shown(&after(held, &large, &boards, &["a"])),
        [(id(3), vec!["a"])]
    );
    let two = [
        jobs[1].clone(),
        group(4, Priority::Medium, &[&[], &["x"]]),
        jobs[2].clone(),
    ];
    let wide = [&boards[..], &[on("lab-b", board("d", &["x"], 9))]].concat();
    assert_eq!(
        shown(&after(held, &two, &wide, &["a", "b"])),
        [(id(3), vec!["b"])]
    );
}

/// Whether seats find boards of their own, by trying everything. Each seat may be bound to a runner.
fn placeable(
    seats: &[(&Candidate, &Seat, Option<&RunnerName>)],
    boards: &[PlanBoard],
    used: &mut Vec<bool>,
) -> bool {
    let Some(((job, seat, runner), rest)) = seats.split_first() else {
        return true;
    };
    (0..boards.len()).any(|b| {
        let bound = runner.is_none_or(|runner| *runner == boards[b].runner);
        if used[b] || !bound || !fits(job, seat, &boards[b]) {
            return false;
        }
        used[b] = true;
        let found = placeable(rest, boards, used);
        used[b] = false;
        found
    })
}

/// The started set as the rule says it: in order, each job if it can be placed with those before it,
/// a group on the first runner where that is so.
fn by_the_rule(jobs: &[Candidate], boards: &[PlanBoard]) -> Vec<JobId> {
    let mut ordered: Vec<&Candidate> = jobs.iter().collect();
    ordered.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.order, job.id));
    let now = Time::from_unix(0);
    let queue = Queue::new(
        jobs.to_vec(),
        boards.to_vec(),
        |_| true,
        Rules::default(),
        now,
    );
    let preferred = queue.preferred();
    let mut seats: Vec<(&Candidate, &Seat, Option<&RunnerName>)> = Vec::new();
    let mut started = Vec::new();
    for job in ordered {
        let runners = preferred
            .iter()
            .map(|board| Some(&queue.board(*board).runner));
        let anywhere = std::iter::once(None);
        let mut tries: Vec<Option<&RunnerName>> = if job.is_group() {
            runners.collect()
        } else {
            anywhere.collect()
        };
        tries.dedup();
        let found = tries.into_iter().find_map(|runner| {
            let more = job.seats.iter().map(|seat| (job, seat, runner));
            let all: Vec<_> = seats.iter().copied().chain(more).collect();
            placeable(&all, boards, &mut vec![false; boards.len()]).then_some(all)
        });
        if let Some(all) = found {
            seats = all;
            started.push(job.id);
        }
    }
    started
}

fn instance() -> impl Strategy<Value = (Vec<Candidate>, Vec<PlanBoard>)> {
    let tags = || prop::sample::subsequence(vec!["x", "y"], 0..=2);
    let seats = prop::collection::vec(tags(), 1..4);
    let jobs = prop::collection::vec((0..3u8, seats), 0..6);
    let boards = prop::collection::vec((tags(), 0..100u32, 0..3u8), 0..7);
    (jobs, boards).prop_map(|(jobs, boards)| {
        let jobs = jobs.into_iter().enumerate().map(|(n, (level, seats))| {
            let priority = [Priority::Low, Priority::Medium, Priority::High][level as usize];
            let seats: Vec<&[&str]> = seats.iter().map(Vec::as_slice).collect();
            group(n as u8, priority, &seats)
        });
        let boards = boards
            .into_iter()
            .enumerate()
            .map(|(n, (tags, busy, runner))| {
                let board = board(&format!("b{n}"), &tags, u64::from(busy));
                on(&format!("lab-{runner}"), board)
            });
        (jobs.collect(), boards.collect())
    })
}

proptest! {
    #[test]
    fn groups_start_by_the_rule((jobs, boards) in instance()) {
        let placed = planned(&jobs, &boards);
        let started: Vec<JobId> = placed.iter().map(|(id, _)| *id).collect();
        prop_assert_eq!(started, by_the_rule(&jobs, &boards));
        let mut used = BTreeSet::new();
        for (id, names) in &placed {
            let job = jobs.iter().find(|job| job.id == *id).unwrap();
            prop_assert_eq!(names.len(), job.seats.len());
            let mut runners = BTreeSet::new();
            for (seat, name) in job.seats.iter().zip(names) {
                let board = boards.iter().find(|board| board.name == *name).unwrap();
                prop_assert!(fits(job, seat, board));
                prop_assert!(used.insert(name));
                runners.insert(&board.runner);
            }
            prop_assert_eq!(runners.len(), 1);
        }
    }

    #[test]
    fn the_order_of_groups_in_the_input_does_not_matter((jobs, boards) in instance()) {
        let mut reversed = (jobs.clone(), boards.clone());
        reversed.0.reverse();
        reversed.1.reverse();
        prop_assert_eq!(planned(&jobs, &boards), planned(&reversed.0, &reversed.1));
    }

    /// Who holds takes nothing from those before it.
    #[test]
    fn holding_delays_no_earlier_job((jobs, boards) in instance(), busy in 0..7usize) {
        let mut idle: Vec<&str> = boards.iter().map(|board| board.name.as_str()).collect();
        if busy < idle.len() {
            idle.remove(busy);
        }
        let started = |waited| -> Vec<JobId> {
            let placed = after(waited, &jobs, &boards, &idle);
            placed.iter().map(|(id, _)| *id).collect()
        };
        let (early, late) = (started(0.0), started(HOLD_AFTER_S));
        let mut first = early.iter().zip(&late);
        // What starts is the same up to the group that holds; after it fewer start.
        let differs = first.position(|(a, b)| a != b).unwrap_or(late.len().min(early.len()));
        prop_assert!(late.len() <= early.len());
        prop_assert_eq!(&early[..differs], &late[..differs]);
    }
}
