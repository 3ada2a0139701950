//! Keys that stand twice in one map: readers disagree which of them counts.

use std::collections::HashMap;

use super::problems::Problems;
use super::tree::Node;
use super::words::quote;

/// Reports every key that stands in its map already.
pub(super) fn judge(root: &Node, problems: &mut Problems) {
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        let mut seen = HashMap::new();
        for entry in node.entries() {
            if let Some(first) = seen.get(entry.key.as_str()) {
                problems.error(
                    entry.key_place,
                    "duplicate-key",
                    format!("the key {} stands here again", quote(&entry.key)),
                    &format!("it stands on line {first} already: keep one"),
                );
            } else {
                seen.insert(entry.key.as_str(), entry.key_place.line);
            }
            waiting.push(&entry.value);
        }
        waiting.extend(node.items());
    }
}
