//! The published schemas are those of the types.

use std::path::Path;

use crate::model::check::{SchemaKind, schema};

/// With `PUMICE_UPDATE=1` the files are written anew.
#[test]
fn published_schemas_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("site/static/schema");
    for kind in SchemaKind::ALL {
        let path = folder.join(kind.as_str()).with_extension("json");
        let text = serde_json::to_string_pretty(&schema(kind)).unwrap() + "\n";
        if std::env::var_os("PUMICE_UPDATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            published == text,
            "{} is out of date: run the tests once with PUMICE_UPDATE=1",
            path.display()
        );
    }
}
