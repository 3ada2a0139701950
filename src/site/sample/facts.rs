//! The words and numbers that made-up jobs and boards share.

use crate::model::record::Submitter;
use crate::model::{JobId, ObjectId};

pub(super) fn object(kind: u8, number: u64) -> ObjectId {
    let mut bytes = [0; 20];
    bytes[0] = kind;
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    ObjectId::from_bytes(bytes)
}

pub(super) fn number(id: ObjectId) -> u64 {
    id.as_bytes()[12..]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A number that looks like chance and is always the same.
pub(super) fn dice(i: u64, salt: u64, sides: u64) -> u64 {
    let mut x = i.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xd134_2543_de82_ef95);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ x >> 32) % sides
}

/// The id of the `i`th made-up job.
pub fn job_id(i: u64) -> JobId {
    JobId::new(object(7, i), "queue/sample.json")
}

#[expect(
    clippy::expect_used,
    reason = "the names below are fixed and fit the alphabet"
)]
pub(super) fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a plain name")
}

pub(super) const TYPES: [&str; 3] = ["qemu-x86_64", "beaglebone-black", "rk3399-rock-pi"];
pub(super) const USERS: [(&str, &str); 5] = [
    ("amara", "Amara Okafor"),
    ("bjorn", "Björn Lindqvist"),
    ("chen", "Chen Wei"),
    ("dolores", "Dolores Ibárruri"),
    ("kernel-ci", "Kernel CI"),
];
pub(super) const JOBS: [&str; 8] = [
    "boot-mainline",
    "kselftest-net",
    "ltp-syscalls",
    "smoke",
    "usb-hotplug",
    "write-throughput",
    "suspend-resume-100-cycles-with-rtc-wakeup-and-display-attached",
    "bootloader-update",
];

/// The board and its type on which the `i`th job ran.
pub(super) fn board_of(i: u64) -> (String, &'static str) {
    let kind = dice(i, 1, 3) as usize;
    let short = ["qemu", "bbb", "rock"][kind];
    (format!("{short}{:02}", dice(i, 2, 4) + 1), TYPES[kind])
}

pub(super) fn submitter(i: u64) -> Submitter {
    let (user, full) = USERS[dice(i, 3, 5) as usize];
    Submitter {
        name: full.to_owned(),
        email: format!("{user}@example.org"),
        user: user.to_owned(),
        verified: dice(i, 4, 3) > 0,
    }
}
