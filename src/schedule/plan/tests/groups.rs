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

fn on(runner: &str, mut board: IdleBoard) -> IdleBoard {
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
    let boards = [board("a", &["usb"], 0.0), board("b", &["usb", "net"], 0.0)];
    assert_eq!(shown(&plan(&jobs, &boards)), [(id(1), vec!["a", "b"])]);
    let boards = [board("a", &["usb"], 0.0), board("b", &[], 0.0)];
    assert_eq!(shown(&plan(&jobs, &boards)), [(id(1), vec!["b", "a"])]);
}

#[test]
fn a_group_without_all_its_boards_holds_none() {
    let jobs = [
        group(1, Priority::High, &[&[], &[], &[]]),
        job(2, Priority::Low, "t", &[]),
    ];
    let boards = [board("a", &[], 0.0), board("b", &[], 0.0)];
    assert_eq!(shown(&plan(&jobs, &boards)), [(id(2), vec!["a"])]);
}

#[test]
fn a_group_never_spans_two_runners() {
    let jobs = [group(1, Priority::Low, &[&[], &[]])];
    let mut boards = vec![
        on("lab-a", board("a", &[], 0.0)),
        on("lab-b", board("b", &[], 1.0)),
    ];
    assert_eq!(plan(&jobs, &boards), []);
    boards.push(on("lab-b", board("c", &[], 2.0)));
    assert_eq!(shown(&plan(&jobs, &boards)), [(id(1), vec!["b", "c"])]);
    assert_eq!(able_runner(&jobs[0], &boards).unwrap().as_str(), "lab-b");
}

#[test]
fn a_plain_job_makes_room_for_a_group() {
    let jobs = [
        job(1, Priority::High, "t", &[]),
        group(2, Priority::Low, &[&[], &[]]),
    ];
    let boards = [
        on("lab-a", board("a", &[], 0.0)),
        on("lab-a", board("b", &[], 1.0)),
        on("lab-b", board("c", &[], 2.0)),
    ];
    let placed = plan(&jobs, &boards);
    assert_eq!(
        shown(&placed),
        [(id(1), vec!["c"]), (id(2), vec!["b", "a"])]
    );
}

#[test]
fn a_group_that_holds_keeps_what_comes_free_from_later_jobs_only() {
    let mut waiting = group(2, Priority::Medium, &[&[], &[]]);
    waiting.holds_on = Some("lab-a".parse().unwrap());
    let jobs = [
        job(1, Priority::High, "u", &[]),
        waiting,
        job(3, Priority::Low, "t", &[]),
    ];
    let boards = [
        on("lab-a", board("a", &[], 0.0)),
        on("lab-b", board("b", &[], 5.0)),
    ];
    assert_eq!(shown(&plan(&jobs, &boards)), [(id(3), vec!["b"])]);
    assert_eq!(plan(&jobs, &boards[..1]), []);
    let urgent = [job(9, Priority::Urgent, "t", &[]), jobs[1].clone()];
    assert_eq!(shown(&plan(&urgent, &boards[..1])), [(id(9), vec!["a"])]);
    let both = [boards[0].clone(), on("lab-a", board("c", &[], 9.0))];
    assert_eq!(shown(&plan(&jobs, &both)), [(id(2), vec!["a", "c"])]);
}

/// Whether seats find boards of their own, by trying everything. Each seat may be bound to a runner.
fn placeable(
    seats: &[(&Candidate, &Seat, Option<&RunnerName>)],
    boards: &[IdleBoard],
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
fn by_the_rule(jobs: &[Candidate], boards: &[IdleBoard]) -> Vec<JobId> {
    let mut ordered: Vec<&Candidate> = jobs.iter().collect();
    ordered.sort_by_key(|job| (Reverse(job.priority), job.order, job.id));
    let mut preferred: Vec<&IdleBoard> = boards.iter().collect();
    preferred.sort_by(|a, b| {
        let scarce = a.tags.len().cmp(&b.tags.len());
        scarce
            .then(a.busy_seconds.total_cmp(&b.busy_seconds))
            .then(a.name.cmp(&b.name))
    });
    let mut seats: Vec<(&Candidate, &Seat, Option<&RunnerName>)> = Vec::new();
    let mut started = Vec::new();
    for job in ordered {
        let runners = preferred.iter().map(|board| Some(&board.runner));
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

fn instance() -> impl Strategy<Value = (Vec<Candidate>, Vec<IdleBoard>)> {
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
                let board = board(&format!("b{n}"), &tags, f64::from(busy));
                on(&format!("lab-{runner}"), board)
            });
        (jobs.collect(), boards.collect())
    })
}

proptest! {
    #[test]
    fn groups_start_by_the_rule((jobs, boards) in instance()) {
        let placed = plan(&jobs, &boards);
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
        prop_assert_eq!(plan(&jobs, &boards), plan(&reversed.0, &reversed.1));
    }

    /// Who holds takes nothing from those before it.
    #[test]
    fn holding_delays_no_earlier_job((jobs, boards) in instance(), holder in 0..6usize) {
        let before = plan(&jobs, &boards);
        let mut held = jobs;
        let Some(holder) = held.get_mut(holder) else { return Ok(()) };
        holder.holds_on = Some("lab-0".parse().unwrap());
        let key = |job: &Candidate| (Reverse(job.priority), job.order, job.id);
        let place = key(holder);
        let earlier: Vec<JobId> = held.iter().filter(|job| key(job) <= place).map(|job| job.id).collect();
        let started = |placed: &[(JobId, Vec<BoardName>)]| -> Vec<JobId> {
            placed.iter().map(|(id, _)| *id).filter(|id| earlier.contains(id)).collect()
        };
        prop_assert_eq!(started(&before), started(&plan(&held, &boards)));
    }
}
