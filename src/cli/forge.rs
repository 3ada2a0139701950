//! Links into the lab's forge.

use crate::model::ObjectId;
use crate::model::lab::{Forge, ForgeKind};

/// The page of a commit.
pub fn commit_page(forge: &Forge, commit: ObjectId) -> String {
    let base = forge.url.trim_end_matches('/');
    match forge.kind {
        ForgeKind::Gitlab => format!("{base}/-/commit/{commit}"),
        ForgeKind::Github | ForgeKind::Gitea => format!("{base}/commit/{commit}"),
    }
}

/// The page that opens a merge request of a branch.
pub fn merge_request(forge: &Forge, main: &str, branch: &str) -> String {
    let base = forge.url.trim_end_matches('/');
    match forge.kind {
        ForgeKind::Gitlab => format!(
            "{base}/-/merge_requests/new?merge_request%5Bsource_branch%5D={}",
            branch.replace('/', "%2F")
        ),
        ForgeKind::Github => format!("{base}/compare/{main}...{branch}?expand=1"),
        ForgeKind::Gitea => format!("{base}/compare/{main}...{branch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_those_of_the_forge() {
        let link = |kind| {
            let forge = Forge {
                kind,
                url: "https://git.example.org/team/lab/".into(),
            };
            let commit = ObjectId::ZERO;
            (
                commit_page(&forge, commit),
                merge_request(&forge, "main", "submit/a-1"),
            )
        };
        let zero = "0".repeat(40);
        assert_eq!(
            link(ForgeKind::Gitlab),
            (
                format!("https://git.example.org/team/lab/-/commit/{zero}"),
                "https://git.example.org/team/lab/-/merge_requests/new?merge_request%5Bsource_branch%5D=submit%2Fa-1"
                    .to_owned()
            )
        );
        assert!(
            link(ForgeKind::Github)
                .1
                .ends_with("/compare/main...submit/a-1?expand=1")
        );
        assert!(
            link(ForgeKind::Gitea)
                .1
                .ends_with("/compare/main...submit/a-1")
        );
    }
}
