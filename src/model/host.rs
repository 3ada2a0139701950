//! `runner.yaml`: the lab host's own file, which says what boards may start on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Pumice host file")]
pub struct HostConfig {
    /// Built-in dispatchers and absolute programs that board files may start; `any` for all.
    pub allow: Vec<String>,
    /// Absolute paths of folders whose files jobs may name as images.
    pub images: Vec<String>,
}
