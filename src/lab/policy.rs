//! Who may cancel whose jobs, and who may change boards.

use crate::model::{BoardName, lab::LabFiles};

/// Whether the lab's policy lets `user` change a board's service state: an owner of it, an admin;
/// everybody who may push where the lab names neither.
pub fn may_change_board(files: &LabFiles, user: &str, board: &BoardName) -> bool {
    let admins = &files.config.admins;
    let owned = files
        .boards
        .get(board)
        .is_some_and(|board| !board.owners.is_empty());
    (admins.is_empty() && !owned)
        || admins.iter().any(|admin| admin == user)
        || owns(files, user, board)
}

/// Whether a user owns a board, in person or by a group.
fn owns(files: &LabFiles, user: &str, board: &BoardName) -> bool {
    let groups = files.config.users.get(user).map(|known| &known.groups);
    let in_group = |owner: &String| groups.is_some_and(|groups| groups.contains(owner));
    files.boards.get(board).is_some_and(|board| {
        let mut owners = board.owners.iter();
        owners.any(|owner| owner == user || in_group(owner))
    })
}

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
    owns_group || boards.iter().any(|board| owns(files, user, board))
}
