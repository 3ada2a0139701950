//! Playing the plan forward over the queue as this runner sees it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::boards;
use super::world::{Waiting, World};
use crate::model::{BoardName, Claim, JobId, Priority, Time};
use crate::schedule::{Busy, Candidate, PlanBoard, Queue, RunTime, Wanted, forecast};

impl World {
    /// What the next run of a job is expected to take on a kind of board.
    pub(super) fn run_time(&self, waiting: &Waiting, device_type: &str) -> RunTime {
        let limit_s = waiting.limit.seconds();
        self.past
            .runs
            .run_time(&waiting.job_name, device_type, limit_s)
    }

    /// When the jobs that are `free` will start on these boards, and what their runs will take. A job
    /// that is missing from the answer never starts as things are. Boards that are `due` take their
    /// health check first.
    pub(super) fn play(
        &self,
        boards: Vec<PlanBoard>,
        due: &[BoardName],
        free: impl Fn(&JobId) -> bool,
        now: Time,
    ) -> BTreeMap<JobId, (Time, RunTime)> {
        let busy = self.busy(due, now);
        let names: BTreeSet<&BoardName> = busy.iter().map(|one| &one.board).collect();
        let is_idle = |board: &PlanBoard| !names.contains(&board.name);
        let waiting = self.waiting.values();
        let waiting = waiting.filter(|waiting| free(&waiting.candidate.id));
        // A job's first seat names its device type, so its run time is known before its board is.
        let mut known: HashMap<(&str, &str, u64), RunTime> = HashMap::new();
        let mut runs: HashMap<JobId, RunTime> = HashMap::new();
        let mut jobs = Vec::new();
        for one in waiting {
            let Some(seat) = one.candidate.seats.first() else {
                continue;
            };
            let device_type = match &seat.wanted {
                Wanted::Type(device_type) => device_type,
                Wanted::Board(name) => self.device_type(name),
            };
            let limit = one.limit.seconds().to_bits();
            let key = (one.job_name.as_str(), device_type, limit);
            let run = known
                .entry(key)
                .or_insert_with(|| self.run_time(one, device_type));
            runs.insert(one.candidate.id, *run);
            jobs.push(one.candidate.clone());
        }
        let queue = Queue::new(
            jobs,
            boards,
            is_idle,
            self.rules(&BTreeSet::new(), now),
            now,
        );
        let run_s = |job: &Candidate, _: &PlanBoard| runs.get(&job.id).map_or(0.0, |run| run.p50_s);
        let forecasts = forecast(queue, &busy, run_s).into_iter();
        forecasts
            .filter_map(|(id, forecast)| Some((id, (forecast.start, *runs.get(&id)?))))
            .collect()
    }

    /// The boards that work, and those that are `due` for their health check, with when they will be free.
    fn busy(&self, due: &[BoardName], now: Time) -> Vec<Busy> {
        let mut busy = Vec::new();
        for (id, seen) in &self.claims {
            let until = self.expected_end(*id, &seen.claim, now);
            let candidate = self.waiting.get(id).map(|waiting| &waiting.candidate);
            let urgent = candidate.filter(|job| job.priority == Priority::Urgent);
            for (n, board) in seen.claim.boards().enumerate() {
                busy.push(Busy {
                    board: board.clone(),
                    until,
                    // A group job counts once.
                    urgent_of: urgent.filter(|_| n == 0).map(|job| job.group.clone()),
                });
            }
        }
        let claimed = boards::claimed(self.claims.values().map(|seen| &seen.claim));
        for board in due.iter().filter(|board| !claimed.contains(board)) {
            let run = self.check_run(board).map(|(name, device_type, limit_s)| {
                self.past.runs.run_time(name, device_type, limit_s)
            });
            busy.push(Busy {
                board: board.clone(),
                until: now.plus_seconds(run.map_or(0.0, |run| run.p50_s)),
                urgent_of: None,
            });
        }
        busy
    }

    fn device_type(&self, board: &str) -> &str {
        let board = board.parse::<BoardName>().ok();
        let board = board.and_then(|board| self.files.boards.get(&board));
        board.map_or("", |board| &board.device_type)
    }

    /// The name, the device type and the time limit in seconds of a board's health check.
    fn check_run(&self, board: &BoardName) -> Option<(&str, &str, f64)> {
        let board = self.files.boards.get(board)?;
        let check = self.checks.of(board)?.ok()?;
        let limit_s = check.limit.seconds();
        Some((&check.job_name, &board.device_type, limit_s))
    }

    /// When a claimed job is expected to end: now, where nobody knows what it is, as while it is
    /// being canceled. A peer's clock tells when it began; the estimate is wrong by as much.
    fn expected_end(&self, id: JobId, claim: &Claim, now: Time) -> Time {
        let run = || {
            let board = claim.board.as_ref()?;
            if claim.health_check {
                return self.check_run(board);
            }
            let waiting = self.waiting.get(&id)?;
            let device_type = &self.files.boards.get(board)?.device_type;
            let limit_s = waiting.limit.seconds();
            Some((waiting.job_name.as_str(), device_type.as_str(), limit_s))
        };
        let Some((name, device_type, limit_s)) = run() else {
            return now;
        };
        let heartbeat = self.heartbeats.get(&claim.runner);
        let mut running = heartbeat.into_iter().flat_map(|said| &said.status.running);
        let started = running.find(|job| job.id == id).map(|job| job.started_at);
        let elapsed_s = now.seconds_since(started.unwrap_or(claim.at)).max(0.0);
        let runs = &self.past.runs;
        now.plus_seconds(runs.remaining_s(name, device_type, limit_s, elapsed_s))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::git::{FILE_MODE, Person};
    use crate::lab::{SeenClaim, Submission};
    use crate::model::board::HealthCheck;
    use crate::model::span::Span;
    use crate::model::{Board, ObjectId, check, record};
    use crate::runner::checks::Checks;

    fn now() -> Time {
        Time::from_unix(1_000_000)
    }

    fn id(n: u16) -> JobId {
        let mut id = [0; 16];
        id[14..].copy_from_slice(&n.to_be_bytes());
        JobId::from_bytes(id)
    }

    /// A lab with so many boards of one type, and no jobs.
    fn world(boards: usize) -> World {
        let mut world = World::default();
        for n in 0..boards {
            let text = b"device_type: t\ndispatchers: [exec]\n";
            let file = check::board("boards/b.yaml", text, None).value.unwrap();
            let name: BoardName = format!("b{n:02}").parse().unwrap();
            let board = Board::new(name.clone(), file, &BTreeMap::new());
            world.files.boards.insert(name, board);
        }
        world
    }

    fn plan_boards(world: &World) -> Vec<PlanBoard> {
        let runner = "r".parse().unwrap();
        let boards = world.files.boards.values();
        boards
            .map(|board| PlanBoard::new(board, &runner, 0))
            .collect()
    }

    /// A job that waits, with a limit of a hundred seconds: it is expected to take sixty.
    fn submit(world: &mut World, n: u16, name: &str) {
        let text = br#"{"device_type": "t", "timeout": 100, "actions": [{"command": "run"}]}"#;
        let job = check::job("queue/a.json", text, None).value.unwrap();
        let person = Person {
            name: "A".to_owned(),
            email: "a@b".to_owned(),
            time: now(),
        };
        let waiting = Waiting {
            submission: Submission {
                id: id(n),
                path: format!("queue/{n}.json"),
                blob: ObjectId::ZERO,
                mode: FILE_MODE,
                commit: ObjectId::ZERO,
                author: person,
                submitted_at: now(),
                order: i64::from(n),
                name_ok: true,
            },
            candidate: Candidate::new(id(n), i64::from(n), &job, "g", now()).unwrap(),
            user: String::new(),
            timeout: job.timeout,
            job_name: name.to_owned(),
            limit: world.files.config.timeouts.limit(&job),
            members: Vec::new(),
        };
        world.waiting.insert(id(n), waiting);
    }

    /// A job is claimed and has run for so long.
    fn claim(world: &mut World, n: u16, board: &str, ran_s: f64) {
        let claim = Claim {
            version: record::VERSION,
            job: id(n),
            path: format!("queue/{n}.json"),
            runner: "r".parse().unwrap(),
            instance: String::new(),
            board: Some(board.parse().unwrap()),
            members: Vec::new(),
            attempt: 1,
            main: ObjectId::ZERO,
            at: now().plus_seconds(-ran_s),
            takes_over: None,
            lost_by: None,
            nonce: String::new(),
            health_check: false,
            estimate: None,
        };
        let id = ObjectId::ZERO;
        world.claims.insert(claim.job, SeenClaim { id, claim });
    }

    fn starts(world: &World, due: &[BoardName]) -> Vec<f64> {
        let free = |id: &JobId| world.is_unclaimed(id);
        let played = world.play(plan_boards(world), due, free, now());
        let starts = played.values();
        starts
            .map(|(start, _)| start.seconds_since(now()))
            .collect()
    }

    #[test]
    fn waiting_jobs_follow_the_rules_of_the_lab() {
        let mut world = world(1);
        submit(&mut world, 1, "a");
        world.files.config.timeouts.max = Span::from_secs(50);
        world.apply_config();
        let waiting = &world.waiting[&id(1)];
        assert_eq!(waiting.limit, Span::from_secs(50));
        let group = world.files.config.group_of(&waiting.user);
        assert_eq!(waiting.candidate.group, group);
    }

    #[test]
    fn a_job_starts_when_the_one_before_it_is_expected_to_end() {
        let mut world = world(1);
        submit(&mut world, 1, "a");
        submit(&mut world, 2, "b");
        submit(&mut world, 3, "c");
        claim(&mut world, 1, "b00", 20.0);
        assert_eq!(starts(&world, &[]), [40.0, 100.0]);
        // Longer than expected: its time limit ends it.
        claim(&mut world, 1, "b00", 70.0);
        assert_eq!(starts(&world, &[]), [30.0, 90.0]);
        // Canceled: it may end at once.
        world.waiting.remove(&id(1));
        assert_eq!(starts(&world, &[]), [0.0, 60.0]);
    }

    #[test]
    fn an_urgent_job_whose_boards_are_freed_has_had_its_turn_but_runs_no_more() {
        let mut world = world(2);
        for (n, board) in [(1, "b00"), (2, "b01")] {
            submit(&mut world, n, "a");
            let waiting = world.waiting.get_mut(&id(n)).unwrap();
            waiting.candidate.priority = Priority::Urgent;
            claim(&mut world, n, board, 20.0);
        }
        let running = |freed: &[&str]| {
            let freed = freed.iter().map(|name| name.parse().unwrap()).collect();
            let rules = world.rules(&freed, now());
            let served = rules.served.values().next().unwrap().urgent;
            assert_eq!(served, Some(now().plus_seconds(-20.0)));
            rules.urgent_running["g"]
        };
        assert_eq!([running(&[]), running(&["b00"])], [2, 1]);
    }

    #[test]
    fn what_no_board_can_take_is_left_out() {
        let mut world = world(1);
        submit(&mut world, 1, "a");
        let waiting = world.waiting.get_mut(&id(1)).unwrap();
        waiting.candidate.seats[0].tags.push("gone".to_owned());
        assert!(starts(&world, &[]).is_empty());
    }

    #[test]
    fn a_board_that_is_due_for_its_check_counts_as_busy() {
        let mut world = world(2);
        submit(&mut world, 1, "a");
        submit(&mut world, 2, "a");
        let due = ["b01".parse().unwrap()];
        assert_eq!(starts(&world, &due), [0.0, 0.0], "a check of no length");
        world.checks = Checks::only("t", "check", Span::from_secs(50));
        for board in world.files.boards.values_mut() {
            board.health_check = Some(HealthCheck {
                job: String::new(),
                every: None,
                jobs: None,
            });
        }
        assert_eq!(starts(&world, &due), [0.0, 30.0]);
        // It runs: what is left of it counts.
        claim(&mut world, 9, "b01", 20.0);
        let running = world.claims.get_mut(&id(9)).unwrap();
        running.claim.health_check = true;
        assert_eq!(starts(&world, &due), [0.0, 10.0]);
    }

    #[test]
    fn a_play_of_a_thousand_jobs_is_short() {
        let mut world = world(16);
        for n in 0..1000 {
            submit(&mut world, n, &format!("suite-{}", n % 30));
        }
        let begun = Instant::now();
        assert_eq!(starts(&world, &[]).len(), 1000);
        println!("a play of 1000 jobs on 16 boards: {:?}", begun.elapsed());
    }
}
