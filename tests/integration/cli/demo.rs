//! `demo`: a whole lab, from the first push to the site.

use std::fs;

use pumice::fetch::Kind;

use super::{column, pumice_in};
use crate::virtual_boards::kit;

#[test]
fn the_demo_ends_as_it_must() {
    let dir = tempfile::tempdir().unwrap();
    let demo = dir.path().join("demo");
    let ran = pumice_in(
        dir.path(),
        &["demo", "--once", "--dir", demo.to_str().unwrap()],
    )
    .ok();
    assert!(ran.out.contains("each as it must"), "{}", ran.out);
    // The test's own home has no kit.
    assert!(
        ran.out.contains("pumice board fetch uml --kit-only"),
        "{}",
        ran.out
    );
    for kept in ["lab.git", "work", "public/index.html", "state"] {
        assert!(demo.join(kept).exists(), "{kept}");
    }
    let list = pumice_in(&demo.join("work"), &["list", "--json"])
        .ok()
        .json();
    assert!(list.as_array().unwrap().len() >= 10);
    assert!(
        column(&list, "state")
            .iter()
            .all(|state| state == "finished")
    );
    let again = pumice_in(
        dir.path(),
        &["demo", "--once", "--dir", demo.to_str().unwrap()],
    )
    .code(2);
    assert!(again.err.contains("not empty"), "{}", again.err);
}

#[test]
fn real_kernels_boot_where_their_kit_is_there() {
    let Some(kit) = kit(Kind::Uml) else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut command = super::command(dir.path(), &["demo", "--once", "--dir", "demo"]);
    // The cache that this kit is in.
    let cache = kit.ramdisk.ancestors().nth(3).unwrap();
    let ran = super::ran(command.env("PUMICE_CACHE", cache).output().unwrap()).ok();
    assert!(ran.out.contains("boot a real kernel"), "{}", ran.out);
    let list = pumice_in(&dir.path().join("demo/work"), &["list", "--json"])
        .ok()
        .json();
    let boards = column(&list, "board");
    let booted = boards.iter().filter(|board| board.starts_with("uml"));
    assert_eq!(booted.count(), 2, "{}", ran.out);
}

#[test]
fn the_demo_minds_no_settings_of_the_user() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("hostile");
    let template = dir.path().join("template/hooks");
    fs::create_dir_all(&template).unwrap();
    let hook = template.join("pre-commit");
    fs::write(&hook, "#!/bin/sh\nexit 1\n").unwrap();
    std::os::unix::fs::symlink("pre-commit", template.join("pre-receive")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&hook, mode).unwrap();
    let text = format!(
        "[init]\n defaultBranch = trunk\n templateDir = {}\n[commit]\n gpgSign = true\n[core]\n hooksPath = {}\n \
         autocrlf = true\n[merge]\n ff = only\n[pull]\n ff = only\n[push]\n default = nothing\n gpgSign = true\n",
        template.parent().unwrap().display(),
        template.display()
    );
    fs::write(&config, text).unwrap();
    let demo = dir.path().join("demo");
    let args = ["demo", "--once", "--dir", demo.to_str().unwrap()];
    let mut command = super::command(dir.path(), &args);
    command.env("GIT_CONFIG_GLOBAL", &config);
    for name in [
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
    ] {
        command.env_remove(name);
    }
    super::ran(command.output().unwrap()).ok();
}
