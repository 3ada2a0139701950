//! Health checks whose job the lab does not have: boards of such a type stay `unknown` and take nothing.

use crate::model::check::{self, File, FileKind};
use crate::model::{Diagnostic, Severity};

/// What a device type's file says of a job that is not there.
pub(super) fn judge(file: &File, has: &dyn Fn(&str) -> bool) -> Option<Diagnostic> {
    if FileKind::of(&file.path) != Some(FileKind::DeviceType) {
        return None;
    }
    let job = check::device_type(&file.path, &file.bytes)
        .value?
        .health_check?
        .job;
    if has(&job) {
        return None;
    }
    // Where the path is written; a file that writes it in an unusual way is shown from its beginning.
    let text = String::from_utf8_lossy(&file.bytes);
    let found = text.lines().enumerate().find_map(|(n, line)| {
        let line = line.split(" #").next().unwrap_or_default();
        let at = line.find(&job).filter(|_| !line.starts_with('#'))?;
        Some((n + 1, line[..at].chars().count() + 1))
    });
    let (line, column) = found.unwrap_or((1, 1));
    Some(Diagnostic {
        path: file.path.clone(),
        line,
        column,
        severity: Severity::Warning,
        code: "no-such-file".to_owned(),
        message: format!(
            "the health check's job {} is not in the lab: boards of this type take no jobs",
            job.escape_debug()
        ),
        hint: Some("write that job, or remove `health_check`".to_owned()),
    })
}
