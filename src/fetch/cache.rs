//! Where a user's cache is.

use std::ffi::OsString;
use std::path::PathBuf;

/// `$PUMICE_CACHE`, else `$XDG_CACHE_HOME/pumice`, else `~/.cache/pumice`; `None` where none of them is an
/// absolute path. Everything in it can be made again.
pub fn cache_folder() -> Option<PathBuf> {
    folder(|name| std::env::var_os(name))
}

fn folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("PUMICE_CACHE")
        .or_else(|| Some(absolute("XDG_CACHE_HOME")?.join("pumice")))
        .or_else(|| Some(absolute("HOME")?.join(".cache/pumice")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_absolute_path_counts() {
        let of = |set: &[(&str, &str)]| {
            folder(|name| {
                let (_, value) = set.iter().find(|(set, _)| *set == name)?;
                Some(value.into())
            })
        };
        let all = [
            ("PUMICE_CACHE", "/p"),
            ("XDG_CACHE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        assert_eq!(of(&all), Some("/p".into()));
        assert_eq!(of(&all[1..]), Some("/x/pumice".into()));
        assert_eq!(of(&all[2..]), Some("/h/.cache/pumice".into()));
        let relative = [("PUMICE_CACHE", "p"), ("HOME", "/h")];
        assert_eq!(of(&relative), Some("/h/.cache/pumice".into()));
        assert_eq!(of(&[("HOME", "")]), None);
    }
}
