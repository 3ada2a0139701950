//! For people at work on templates and styles: `PUMICE_SITE_PREVIEW=DIR cargo test --lib preview`
//! writes the site of a made-up lab with the templates as they stand in the work tree.

use std::path::Path;

use walkdir::WalkDir;

use crate::model::Time;
use crate::site::sample::Sample;
use crate::site::{BuildOptions, build_from};

#[test]
fn preview() {
    let Some(out) = std::env::var_os("PUMICE_SITE_PREVIEW") else {
        return;
    };
    let now = Time::new(chrono::Utc::now());
    let mut lab = Sample::new(1200, now);
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["templates/site", "site"] {
        for entry in WalkDir::new(top.join(folder)).into_iter().flatten() {
            let path = entry.path().strip_prefix(top).unwrap().to_str().unwrap();
            if let Ok(text) = std::fs::read_to_string(entry.path()) {
                lab.file(path, &text);
            }
        }
    }
    let options = BuildOptions {
        out: out.into(),
        now,
        full: false,
    };
    println!("{:?}", build_from(&lab, &options).unwrap());
}
