//! What a built-in dispatcher is told of its board.

use std::fs;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// The board's facts under a key of `PUMICE_BOARD_FILE`, an `Option` where they may be absent. The reason why they cannot be had is the
/// board's configuration's fault.
pub fn section<T: DeserializeOwned>(key: &str) -> Result<T, String> {
    let path = std::env::var_os("PUMICE_BOARD_FILE")
        .map(PathBuf::from)
        .ok_or("PUMICE_BOARD_FILE is not set")?;
    let bytes = fs::read(path).map_err(|error| format!("the board file: {error}"))?;
    let mut board: Value =
        serde_json::from_slice(&bytes).map_err(|error| format!("the board file: {error}"))?;
    let value = board.get_mut(key).map(Value::take).unwrap_or_default();
    let absent = value.is_null();
    serde_json::from_value(value).map_err(|error| {
        if absent {
            format!("the board's file has no `{key}`")
        } else {
            format!("`{key}` in the board's file: {error}")
        }
    })
}
