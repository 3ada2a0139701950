//! Who may cancel whose jobs.

use crate::model::{BoardName, lab::LabFiles};

/// Whether the lab's policy lets `user` cancel a job of `submitter`, running or meant for `boards`:
/// the submitter, an owner of one of the submitter's groups, an owner of one of the boards, an admin.
pub fn may_cancel(files: &LabFiles, user: &str, submitter: &str, boards: &[BoardName]) -> bool {
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
    let owns_board = boards
        .iter()
        .filter_map(|board| files.boards.get(board))
        .any(|board| {
            board
                .owners
                .iter()
                .any(|owner| owner == user || groups_of(user).iter().any(|group| group == owner))
        });
    owns_group || owns_board
}
