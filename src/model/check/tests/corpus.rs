//! Real files of LAVA v1.

use super::{codes, lines, shared};
use crate::model::check::job;

#[test]
fn real_files_are_accepted_or_refused_for_a_reason() {
    let Some(shared) = shared() else { return };
    let folder = shared.join("corpus/lava-v1");
    let table = std::fs::read_to_string(folder.join("PROVENANCE.tsv")).unwrap();
    let mut accepted = std::collections::BTreeMap::<String, u32>::new();
    let mut all = 0;
    for row in table.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let (name, kind) = (columns[0], columns[4]);
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let checked = job(name, &bytes, None);
        all += 1;
        if checked.value.is_some() {
            *accepted.entry(kind.to_owned()).or_default() += 1;
            continue;
        }
        let reasons = ["no-device", "vm-group", "duplicate-key", "placeholder"];
        for one in checked.diagnostics.iter().filter(|one| one.is_error()) {
            assert!(
                reasons.contains(&&*one.code),
                "{}",
                lines(&checked.diagnostics)
            );
        }
    }
    assert_eq!(all, 219);
    let counts: Vec<(&str, u32)> = accepted.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    assert_eq!(
        counts,
        [
            ("concrete", 57),
            ("doc-snippet (dedented)", 9),
            ("template", 4)
        ]
    );
}

#[test]
fn broken_files_are_refused_at_their_place() {
    let Some(shared) = shared() else { return };
    for (name, expected) in [
        (
            "BayLibre__health__bcm2835-rpi-b-plus-health.json.53e92066",
            "1:1 syntax",
        ),
        (
            "doc_2015.12__doc__developing-tests.rst.1.json",
            "9:4 missing-comma",
        ),
        (
            "doc_2017.10__doc__v1__deprecated.rst.7.json",
            "5:5 missing-comma",
        ),
    ] {
        let bytes = std::fs::read(shared.join("corpus/lava-v1-broken").join(name)).unwrap();
        let checked = job(name, &bytes, None);
        assert!(checked.value.is_none());
        assert_eq!(codes(&checked.diagnostics), [expected], "{name}");
    }
}
