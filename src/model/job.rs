//! The job definition: a JSON file under `queue/`, a superset of LAVA's v1 JSON.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{JobId, Priority, Span};

/// How often an infrastructure failure may give another attempt when the job does not say.
pub const DEFAULT_RETRIES: u8 = 2;

/// A job definition whose shape is right. `model` says what each key means; `check` judges files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Pumice job definition")]
pub struct Job {
    /// What people call the job; the file's stem when absent.
    #[serde(default)]
    pub job_name: Option<String>,
    /// Any board of this type will do.
    #[serde(default)]
    pub device_type: Option<String>,
    /// This board and no other.
    #[serde(default)]
    pub target: Option<String>,
    /// Several boards at once, each with a role.
    #[serde(default)]
    pub device_group: Option<Vec<GroupMember>>,
    /// All of these must be on the board.
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub priority: Priority,
    /// The whole job's time limit; `lab.yaml: timeouts.job` when absent.
    #[serde(default)]
    pub timeout: Option<Span>,
    /// Not started so long after submission: canceled, reason `expired`.
    #[serde(default)]
    pub expires: Option<Span>,
    /// What is done, in order; required where there is no `definition`.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub actions: Vec<Action>,
    /// In place of `actions`, a whole LAVA v2 job for the dispatcher `lava-run`: YAML as a text, or
    /// the same as an object.
    #[serde(default)]
    pub definition: Option<Value>,
    /// The path under which results are grouped; `/public/<submitter>/` when absent.
    #[serde(default)]
    pub stream: Option<String>,
    /// How many more attempts an infrastructure failure may give.
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    pub retries: Option<u8>,
    /// Addresses or webhooks told about the end.
    #[serde(default)]
    pub notify: Vec<String>,
    /// Told about an end that is not `complete`.
    #[serde(default)]
    pub notify_on_incomplete: Vec<String>,
    /// One of the board's `dispatchers`; its first one when absent.
    #[serde(default)]
    pub dispatcher: Option<String>,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The job this one is a copy of.
    #[serde(default)]
    pub resubmitted_from: Option<JobId>,
    /// As LAVA v1; recorded.
    #[serde(default)]
    pub logging_level: Option<Value>,
    /// As LAVA v1; recorded.
    #[serde(default)]
    pub image_type: Option<Value>,
    /// As LAVA v1; recorded.
    #[serde(default)]
    pub target_type: Option<Value>,
    /// As LAVA v1; recorded.
    #[serde(default)]
    pub health_check: Option<Value>,
    /// As LAVA v1, which writes both spellings; recorded.
    #[serde(default, rename = "health-check")]
    pub health_check_hyphen: Option<Value>,
    /// As LAVA v1; recorded.
    #[serde(default)]
    pub lmp_module: Option<Value>,
}

/// One member of a group job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMember {
    #[schemars(length(min = 1))]
    pub role: String,
    #[schemars(range(min = 1, max = 4_294_967_295_u32))]
    pub count: u32,
    pub device_type: String,
    #[serde(default)]
    pub tags: Vec<String>,
    /// As LAVA v1; recorded.
    #[serde(default)]
    pub is_slave: Option<Value>,
}

/// One entry of a job's `actions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Action {
    #[schemars(length(min = 1))]
    pub command: String,
    #[serde(default)]
    pub parameters: serde_json::Map<String, Value>,
    /// This action's own time limit.
    #[serde(default)]
    pub timeout: Option<Span>,
    #[serde(default)]
    pub metadata: serde_json::Map<String, Value>,
}

impl Job {
    /// The job's name: its `job_name`, else the stem of its file.
    pub fn name(&self, path: &str) -> String {
        self.job_name
            .clone()
            .unwrap_or_else(|| stem(path).to_owned())
    }

    pub fn retries(&self) -> u8 {
        self.retries.unwrap_or(DEFAULT_RETRIES)
    }

    /// The stream named by the job itself or by its last v1 `submit_results` action.
    pub fn stream(&self) -> Option<&str> {
        self.stream.as_deref().or_else(|| {
            let submit = self
                .actions
                .iter()
                .rev()
                .find(|action| action.command.starts_with("submit_results"))?;
            submit.parameters.get("stream")?.as_str()
        })
    }
}

/// The file name without folders and `.json`.
pub fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".json").unwrap_or(file)
}
