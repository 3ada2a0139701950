//! A definition as the shell script that the board runs.

use super::TestDef;

/// The script of a definition whose files lie in `folder` and whose helpers lie in `helpers`.
/// The steps are one script, as in LAVA: what one of them sets the next one sees, and the first
/// that fails ends it.
pub fn script(
    testdef: &TestDef,
    given: &[(String, String)],
    folder: &str,
    helpers: &str,
    install: bool,
) -> String {
    let mut script = format!("PATH={helpers}:$PATH\nexport PATH\n");
    // What the job gives comes last and so counts.
    for (name, value) in testdef.parameters.iter().chain(given) {
        script.push_str(&format!("{name}={}\n", quoted(value)));
    }
    script.push_str(&format!("cd {folder}\nset -e\n"));
    if install && !testdef.install.packages.is_empty() {
        let packages: Vec<String> = testdef.install.packages.iter().map(|p| quoted(p)).collect();
        script.push_str(&format!(
            "DEBIAN_FRONTEND=noninteractive apt-get -qy install {}\n",
            packages.join(" ")
        ));
    }
    let install = testdef.install.steps.iter().filter(|_| install);
    for step in install.chain(&testdef.steps) {
        script.push_str(step);
        script.push('\n');
    }
    script
}

/// A text as one word of a shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
