//! Who is in the group: the file that each member is told of.

use serde::{Deserialize, Serialize};

/// One member, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its role, with a number when several play it.
    pub name: String,
    pub role: String,
    pub board: String,
}

/// `PUMICE_GROUP_FILE`: who one is, and who all are, in the order of `device_group`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFile {
    pub name: String,
    pub role: String,
    pub board: String,
    pub members: Vec<Party>,
}

impl GroupFile {
    /// The file of one of the members.
    pub fn of(party: &Party, members: &[Party]) -> Self {
        let Party { name, role, board } = party.clone();
        Self {
            name,
            role,
            board,
            members: members.to_vec(),
        }
    }
}
