//! Keeps the edges between the crate's modules, as `src/lib.rs` draws them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proc_paths::Paths;
use walkdir::WalkDir;

/// Which of our modules each module may name. `cli` may name all.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("git", &["model"]),
    ("process", &["model"]),
    ("lab", &["model", "git"]),
    ("schedule", &["model"]),
    ("report", &["model"]),
    ("simulate", &["model", "schedule", "report"]),
    ("dispatch", &["model", "process"]),
    ("fetch", &["model", "process"]),
    (
        "runner",
        &[
            "model", "git", "lab", "schedule", "dispatch", "process", "notify",
        ],
    ),
    ("site", &["model", "git", "lab", "report", "schedule"]),
];

/// Crates that only some modules may name.
const CONFINED: &[(&str, &[&str])] = &[
    ("git2", &["git"]),
    ("tera", &["site", "cli"]),
    ("serde_yaml", &["model"]),
    ("clap", &["cli"]),
    ("notify", &["git"]),
];

/// Modules without input or output.
const PURE: &[&str] = &["model", "schedule", "simulate", "report"];
const IO: &[&str] = &[
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::io::stdin",
    "std::io::stdout",
    "std::time::SystemTime",
];

mod proc_paths {
    //! Every path that a file's code names, `use` trees flattened.

    use syn::visit::{self, Visit};

    #[derive(Default)]
    pub struct Paths {
        pub named: Vec<String>,
        skipping_tests: bool,
    }

    impl Paths {
        pub fn of(source: &str) -> Self {
            let mut paths = Self {
                skipping_tests: true,
                ..Self::default()
            };
            paths.visit_file(&syn::parse_file(source).expect("a source file parses"));
            paths
        }

        fn tree(&mut self, prefix: &str, tree: &syn::UseTree) {
            let join = |name: &syn::Ident| {
                if prefix.is_empty() {
                    name.to_string()
                } else {
                    format!("{prefix}::{name}")
                }
            };
            match tree {
                syn::UseTree::Path(path) => self.tree(&join(&path.ident), &path.tree),
                syn::UseTree::Name(name) => self.named.push(join(&name.ident)),
                syn::UseTree::Rename(rename) => self.named.push(join(&rename.ident)),
                syn::UseTree::Glob(_) => self.named.push(prefix.to_owned()),
                syn::UseTree::Group(group) => {
                    group.items.iter().for_each(|tree| self.tree(prefix, tree));
                }
            }
        }
    }

    impl<'ast> Visit<'ast> for Paths {
        fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
            // A module's own tests may use what they like.
            let test = module.attrs.iter().any(|attr| {
                attr.path().is_ident("cfg") && matches!(&attr.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
            });
            if !(test && self.skipping_tests) {
                visit::visit_item_mod(self, module);
            }
        }

        fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
            self.tree("", &item.tree);
        }

        fn visit_path(&mut self, path: &'ast syn::Path) {
            let parts: Vec<String> = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string())
                .collect();
            self.named.push(parts.join("::"));
            visit::visit_path(self, path);
        }
    }
}

struct Source {
    path: PathBuf,
    module: String,
    paths: Vec<String>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for entry in WalkDir::new(&root).sort_by_file_name() {
        let path = entry.expect("the source tree can be walked").into_path();
        let relative = path.strip_prefix(&root).expect("below src").to_owned();
        let module = relative
            .components()
            .next()
            .map(|first| first.as_os_str().to_string_lossy().into_owned());
        // Files of tests alone may use what they like, as a module's own tests may.
        let of_tests = relative.components().any(|part| {
            ["tests", "tests.rs", "testing.rs"]
                .iter()
                .any(|name| part.as_os_str() == *name)
        });
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if is_source && !of_tests && relative.components().count() > 1 {
            let text = fs::read_to_string(&path).expect("a source file is text");
            sources.push(Source {
                path: relative,
                module: module.expect("a folder"),
                paths: Paths::of(&text).named,
            });
        }
    }
    assert!(
        sources.len() > 50,
        "only {} source files found",
        sources.len()
    );
    sources
}

#[test]
fn modules_use_only_what_their_edges_allow() {
    let ours: BTreeSet<&str> = MAY_USE
        .iter()
        .map(|(module, _)| *module)
        .chain(["cli", "notify"])
        .collect();
    let mut wrong = Vec::new();
    for source in sources() {
        if source.module == "cli" {
            continue;
        }
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(module, _)| *module == source.module)
            .unwrap_or_else(|| panic!("src/{} has no line in MAY_USE", source.module));
        for path in &source.paths {
            let Some(used) = path
                .strip_prefix("crate::")
                .and_then(|rest| rest.split("::").next())
            else {
                continue;
            };
            if ours.contains(used) && used != source.module && !allowed.contains(&used) {
                wrong.push(format!("{}: {path}", source.path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "edges that must not be:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn crates_stay_where_they_belong() {
    let mut wrong = Vec::new();
    let mut yaml_files = BTreeSet::new();
    for source in sources() {
        for path in &source.paths {
            let first = path.split("::").next().unwrap_or_default();
            for (name, allowed) in CONFINED {
                if first == *name && !allowed.contains(&source.module.as_str()) {
                    wrong.push(format!("{}: {path}", source.path.display()));
                }
            }
            if first == "serde_yaml" {
                yaml_files.insert(source.path.clone());
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "crates out of their modules:\n{}",
        wrong.join("\n")
    );
    assert_eq!(
        yaml_files.len(),
        1,
        "YAML is read in one place: {yaml_files:?}"
    );
}

#[test]
fn pure_modules_do_no_input_or_output() {
    let mut wrong = Vec::new();
    for source in sources()
        .iter()
        .filter(|source| PURE.contains(&source.module.as_str()))
    {
        for path in &source.paths {
            if IO.iter().any(|io| path.starts_with(io))
                || path.ends_with("Utc::now")
                || path.ends_with("Instant::now")
            {
                wrong.push(format!("{}: {path}", source.path.display()));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "input or output in pure modules:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn nothing_reaches_two_modules_up() {
    for source in sources() {
        let up = source
            .paths
            .iter()
            .find(|path| path.starts_with("super::super::"));
        assert!(up.is_none(), "{}: {up:?}", source.path.display());
    }
}
