//! Job definitions: the JSON files under `queue/`.

use serde::Deserialize;

use super::problems::{Checked, Problems};
use super::schema::SchemaKind;
use super::schema_errors::SpecialKey;
use super::{duplicates, job_in_lab, job_rules, json, placeholders, schema_errors, text};
use crate::model::lab::LabFiles;
use crate::model::{Diagnostic, Job};

/// The largest definition, in bytes.
pub const LARGEST_JOB: usize = 64 * 1024;

/// Judges a job definition; inside a lab also by what the lab has, as warnings.
pub fn job(path: &str, bytes: &[u8], lab: Option<&LabFiles>) -> Checked<Job> {
    let mut problems = Problems::new(path);
    let value = read(bytes, lab, &mut problems);
    problems.finish(value)
}

/// What is said of a definition that is too large to be read at all.
pub fn too_large(path: &str, bytes: u64) -> Diagnostic {
    let mut problems = Problems::new(path);
    text::too_large(Some(bytes), LARGEST_JOB, &mut problems);
    problems.finish::<Job>(None).diagnostics.remove(0)
}

fn read(bytes: &[u8], lab: Option<&LabFiles>, problems: &mut Problems) -> Option<Job> {
    let text = text::decode(bytes, LARGEST_JOB, problems)?;
    let root = json::parse(&text, problems)?;
    duplicates::judge(&root, problems);
    placeholders::judge(&root, problems);
    schema_errors::judge(SchemaKind::Job, &root, special_key, problems);
    job_rules::judge(&root, lab, problems);
    if let Some(lab) = lab {
        job_in_lab::judge(&root, lab, problems);
    }
    if problems.any_error() {
        return None;
    }
    Job::deserialize(root.to_value())
        .map_err(|error| {
            let message = format!("the definition cannot be read: {error}");
            problems.error(root.place, "bad-value", message, "");
        })
        .ok()
}

/// Keys that are known and refused, each for its reason.
fn special_key(key: &str) -> Option<SpecialKey> {
    Some(match key {
        "vm_group" => (
            "vm-group",
            "`vm_group` is not supported: Pumice starts no virtual machines beside a host board",
            "name virtual boards with `device_type`, or several boards with `device_group`",
        ),
        "secrets" => (
            "reserved",
            "`secrets` is reserved: runners cannot hand secrets to jobs yet",
            "remove it",
        ),
        "role" | "group_size" | "target_group" | "sub_id" => (
            "reserved",
            "this key is reserved: LAVA's server set it when it split a job of several boards",
            "remove it; roles stand in the entries of `device_group`",
        ),
        "port" | "hostname" | "is_slave" | "is_vmhost" | "auto_start_vms" | "shared_config" => (
            "reserved",
            "this key was LAVA's own and means nothing here",
            "remove it",
        ),
        _ => return None,
    })
}
