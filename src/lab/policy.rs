//! Who may cancel whose jobs.

use crate::model::{BoardName, lab::LabFiles};

/// Whether the lab's policy lets `user` cancel a job of `submitter`, running or meant for `board`:
/// the submitter, an owner of one of the submitter's groups, an owner of the board, an admin.
pub fn may_cancel(
    files: &LabFiles,
    user: &str,
    submitter: &str,
    board: Option<&BoardName>,
) -> bool {
    let config = &files.config;
    if user == submitter || config.admins.iter().any(|admin| admin == user) {
        return true;
    }
    let groups_of = |user: &str| {
        config
            .users
            .get(user)
            .map(|known| known.groups.as_slice())
            .unwrap_or_default()
    };
    let owns_group = groups_of(submitter)
        .iter()
        .filter_map(|group| config.groups.get(group))
        .any(|group| group.owners.iter().any(|owner| owner == user));
    let owns_board = board
        .and_then(|board| files.boards.get(board))
        .is_some_and(|board| {
            board
                .owners
                .iter()
                .any(|owner| owner == user || groups_of(user).iter().any(|group| group == owner))
        });
    owns_group || owns_board
}
