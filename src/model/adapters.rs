//! What a board's file says to the dispatchers that hand it on to another tool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// For the dispatcher `lava-run`. Paths on the host, because a device's dictionary holds commands
/// for the host, and those are the host's to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lava {
    /// The absolute path of the device's dictionary, YAML.
    pub device: String,
    /// The absolute path of LAVA's configuration of the dispatcher.
    #[serde(default)]
    pub dispatcher: Option<String>,
}

/// For the dispatcher `labgrid`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labgrid {
    /// The absolute path of an environment file on the host, given as `--lg-env`.
    #[serde(default)]
    pub env: Option<String>,
    /// The place to acquire for as long as an attempt takes.
    #[serde(default)]
    pub place: Option<String>,
    /// The coordinator's `host:port`; labgrid's own default when absent.
    #[serde(default)]
    pub coordinator: Option<String>,
}
