//! A whole attempt: power off, the dispatcher, power off again, whatever happens between.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::attempt::{AttemptEnd, AttemptMessage, AttemptSpec, Exit};
use super::diary::Diary;
use super::net::Net;
use super::{drive, folder};
use crate::dispatch::power::PowerTrouble;
use crate::process::{CappedLog, Control, Wish};

/// Runs the attempt on the calling thread.
pub fn run(
    spec: &AttemptSpec,
    log: CappedLog,
    control: &Control,
    report: &dyn Fn(AttemptMessage),
) -> AttemptEnd {
    let mut diary = Diary::begin(&folder::diary(&spec.folder));
    for line in &spec.preface {
        diary.note(line);
    }
    diary.note(&format!("containment: {}", spec.containment));
    let mut name = format!("{}-{}", spec.id, spec.attempt);
    if let Some(group) = &spec.group {
        name = format!("{name}.{}", group.file.name);
    }
    let net = Net::new(&spec.containment, &name, &spec.cookie).unwrap_or_else(|error| {
        diary.note(&format!("no group for this attempt: {error}"));
        Net::of_cookie(&spec.cookie)
    });
    let off = |diary: &mut Diary, before| match &spec.power {
        Some(power) => power
            .run(&spec.folder, &net, diary)
            .map_err(|why| PowerTrouble { before, why }),
        None => Ok(()),
    };
    if let Err(trouble) = off(&mut diary, true) {
        diary.note("the dispatcher is not started");
        return AttemptEnd {
            power: Some(trouble),
            diary: Some(diary),
            ..drive::not_begun(spec, log, Exit::Code(drive::TRY_AGAIN))
        };
    }
    if control.wish() > Wish::None {
        diary.note("the end was asked for before the dispatcher was started");
        return AttemptEnd {
            terminated: true,
            diary: Some(diary),
            ..drive::not_begun(spec, log, Exit::Code(drive::TRY_AGAIN))
        };
    }
    let log_path = folder::log(&spec.folder);
    let mut end = catch_unwind(AssertUnwindSafe(|| {
        drive::drive(spec, log, control, report, &net, &mut diary)
    }))
    .unwrap_or_else(|panic| {
        net.haul(None);
        panicked(&*panic, log_path)
    });
    for note in &end.notes {
        diary.note(&format!("note: {note}"));
    }
    end.power = off(&mut diary, false).err();
    if let Some(trace) = &spec.trace {
        // Only now: until the board is off, the next start after a crash must know of it. A file that
        // stays names a process that is gone, which that start finds out.
        let _ = fs::remove_file(trace);
    }
    end.diary = Some(diary);
    end
}

/// Our own fault: as an infrastructure failure, so that the job gets another attempt.
fn panicked(panic: &(dyn std::any::Any + Send), log: std::path::PathBuf) -> AttemptEnd {
    let words = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    AttemptEnd {
        said: Some(format!("the supervising thread panicked: {words}")),
        log_bytes: log.metadata().map_or(0, |data| data.len()),
        ..AttemptEnd::new(Exit::Code(drive::TRY_AGAIN), log)
    }
}
