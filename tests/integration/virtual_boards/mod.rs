//! Virtual boards as `pumice board fetch` makes them: real kernels. Each test says that it is skipped where
//! the kit is not in the user's cache; `pumice board fetch uml --kit-only` puts it there.

mod boot;
mod killed;
mod lab;
mod machine;
mod parallel;
mod v1_job;

use pumice::fetch::{self, Kind, Kit};

use crate::harness::skip;

/// The kit, or a line that says why a test is skipped.
pub fn kit(kind: Kind) -> Option<Kit> {
    let kit = fetch::find(kind);
    if kit.is_none() {
        let kind = kind.as_str();
        skip(&format!(
            "no kit for {kind} boards; `pumice board fetch {kind} --kit-only` fetches it"
        ));
    }
    kit
}
