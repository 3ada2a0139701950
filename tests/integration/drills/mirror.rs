//! A runner whose mirror is damaged: everything in it is on the server, so it is cloned anew.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use pumice::model::Health;

use super::figure;
use crate::harness::{Lab, git};

/// Cuts the mirror's packs in half.
fn cut_packs(mirror: &Path) {
    for entry in fs::read_dir(mirror.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
}

/// Changes bytes in the middle of a pack, which only whoever reads those objects sees.
fn rot_packs(mirror: &Path) {
    for entry in fs::read_dir(mirror.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let mut bytes = fs::read(&path).unwrap();
            let length = bytes.len();
            for byte in &mut bytes[20..length - 20] {
                *byte ^= 0x55;
            }
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
}

fn garble(path: &Path) {
    fs::write(path, "\0 not what it was \u{fffd}\n").unwrap();
}

type Damage = (&'static str, fn(&Path));

#[test]
fn a_damaged_mirror_is_cloned_anew_and_the_state_beside_it_is_kept() {
    let lab = Lab::new();
    lab.board("b1", "r1").submit("Add a board");
    let state = lab.state("r1");
    let mirror = state.join("mirror.git");
    let damages: [Damage; 7] = [
        ("pack_cut", cut_packs),
        ("pack_rotten", rot_packs),
        ("objects_gone", |mirror| {
            fs::remove_dir_all(mirror.join("objects")).unwrap();
        }),
        ("head_garbled", |mirror| garble(&mirror.join("HEAD"))),
        ("packed_refs_garbled", |mirror| {
            garble(&mirror.join("packed-refs"));
        }),
        ("config_garbled", |mirror| garble(&mirror.join("config"))),
        ("clone_half_done", |mirror| {
            fs::remove_file(mirror.join("HEAD")).unwrap();
            fs::remove_dir_all(mirror.join("refs")).unwrap();
        }),
    ];
    lab.job("queue/first.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    let evidence = state.join("evidence").join("kept.json");
    fs::write(&evidence, "{}").unwrap();
    for (name, damage) in damages {
        let packed = git(&mirror, &["gc", "-q", "--prune=now"]);
        assert!(packed.status.success(), "{name}");
        damage(&mirror);
        let path = format!("queue/{name}.json");
        lab.job(&path, "true").submit("Submit");
        let begun = Instant::now();
        // A damage that only reading shows ends the first start; the next one mends it.
        let (daemon, _) = lab.daemon(lab.options("r1"));
        if daemon.run().is_err() {
            lab.run_until_idle("r1");
        }
        let took = begun.elapsed().as_secs_f64();
        figure(&format!("mirror_{name}"), took, "s");
        assert_eq!(
            lab.record_of(&path).health,
            Some(Health::Complete),
            "{name}"
        );
    }
    assert!(evidence.exists());
    lab.has_no_claims();
}

#[test]
fn locks_of_a_killed_process_do_not_hold_a_start_up() {
    let lab = Lab::new();
    lab.board("b1", "r1")
        .job("queue/a.json", "true")
        .submit("Submit");
    lab.run_until_idle("r1");
    let mirror = lab.state("r1").join("mirror.git");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    for lock in ["packed-refs.lock", "refs/heads/main.lock", "shallow.lock"] {
        let path = mirror.join(lock);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = File::create(path).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    lab.job("queue/b.json", "true").submit("Submit");
    lab.run_until_idle("r1");
    assert_eq!(lab.record_of("queue/b.json").health, Some(Health::Complete));
    assert!(!mirror.join("packed-refs.lock").exists());
}
