//! Git trees to and from the model: the queue, boards, journals, claims, heartbeats.
//!
//! Uses `model` and `git`. It must never know of processes, of the runner's decisions or of pages:
//! it says what stands in the lab's refs, and builds the commits that change them.

mod attempts;
mod claims;
mod error;
mod files;
mod finished;
mod fold;
mod health;
mod heartbeat;
mod journal;
mod open;
pub mod policy;
mod queue;
mod reader;
mod refs;
mod snapshot;
mod submitted;

pub use claims::{Claims, SeenClaim, claim_commit, to_json};
pub use error::LabError;
pub use files::FilesKey;
pub use finished::Finished;
pub use health::{board_health, health_check_id, runner_person, submitted_check};
pub use heartbeat::{Heartbeat, Tail, heartbeat_commit};
pub use journal::{
    AttemptChange, JournalChange, Journals, RecordChange, attempt_path, board_path, log_folder,
    record_path,
};
pub use open::{Lab, Scope};
pub use queue::{QueueEvent, Submission, advance, alive, introducing};
pub use reader::Reader;
pub use refs::Refs;
pub use snapshot::{BoardView, LiveJob, Snapshot};
pub use submitted::{Submitted, submitted};
