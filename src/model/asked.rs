//! What a job asks of one board, and what a board lacks of it, in words.

use super::Board;
use super::board::DispatcherChoice;
use super::check::{join, nearest, quote};

/// What a job, or one member of a group job, asks of a board.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The board that it names; the type does not matter then.
    pub target: Option<&'a str>,
    pub device_type: Option<&'a str>,
    /// All of these must be on the board.
    pub tags: Vec<&'a str>,
    pub dispatcher: Option<&'a str>,
}

/// The board that comes nearest, and what it lacks: words that follow its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest<'b> {
    pub board: &'b Board,
    pub lacks: Vec<String>,
}

impl Asked<'_> {
    /// Whether a board is of the kind that is asked for, and could do it if it were idle.
    pub fn fits(&self, board: &Board) -> bool {
        self.is_kind(board)
            && self.tags.iter().all(|tag| has_tag(board, tag))
            && self.dispatcher.is_none_or(|name| offers(board, name))
    }

    fn is_kind(&self, board: &Board) -> bool {
        match (self.target, self.device_type) {
            (Some(name), _) => board.name.as_str() == name,
            (None, Some(device_type)) => board.device_type == device_type,
            (None, None) => true,
        }
    }

    /// What a board lacks: words that follow its name; none if it fits.
    pub fn lacks(&self, board: &Board) -> Vec<String> {
        let mut lacks = Vec::new();
        if !self.is_kind(board) {
            lacks.push(match self.target {
                Some(_) => "has another name".to_owned(),
                None => format!("is a {}", quote(&board.device_type)),
            });
        }
        let tags = self.tags.iter().filter(|tag| !has_tag(board, tag));
        let tags: Vec<String> = tags.map(|tag| quote(tag)).collect();
        match tags.as_slice() {
            [] => {}
            [tag] => lacks.push(format!("lacks tag {tag}")),
            tags => lacks.push(format!("lacks tags {}", join(tags, "and"))),
        }
        if let Some(name) = self.dispatcher
            && !offers(board, name)
        {
            lacks.push(format!("has no dispatcher {}", quote(name)));
        }
        lacks
    }

    /// Of boards that all lack something the one that lacks least, the first of equal ones. Of a board that is named and not
    /// there none is near.
    pub fn nearest<'b>(&self, boards: impl Iterator<Item = &'b Board>) -> Option<Nearest<'b>> {
        let boards: Vec<&Board> = match self.target {
            Some(_) => boards.filter(|board| self.is_kind(board)).collect(),
            None => boards.collect(),
        };
        let wanted = self.device_type.unwrap_or_default();
        // Of other types the one whose name is most alike, since it may be a slip of the pen.
        let types = boards.iter().map(|board| board.device_type.as_str());
        let alike = nearest(wanted, types);
        let rank = |board: &Board| {
            let is_other = !self.is_kind(board);
            let unlike = is_other && alike != Some(board.device_type.as_str());
            let lacking = self.tags.iter().filter(|tag| !has_tag(board, tag)).count();
            let mute = self.dispatcher.is_some_and(|name| !offers(board, name));
            (is_other, unlike, lacking + usize::from(mute))
        };
        let best = boards.iter().min_by_key(|board| rank(board))?;
        Some(Nearest {
            board: best,
            lacks: self.lacks(best),
        })
    }

    /// What is asked for, after a number: `` `qemu` boards with tag `usb` ``, `` `b1` with tag `usb` ``.
    pub fn words(&self, n: usize) -> String {
        let boards = if n == 1 { "board" } else { "boards" };
        let mut words = match (self.target, self.device_type) {
            (Some(name), _) => quote(name),
            (None, Some(device_type)) => format!("{} {boards}", quote(device_type)),
            (None, None) => boards.to_owned(),
        };
        let tags: Vec<String> = self.tags.iter().map(|tag| quote(tag)).collect();
        match tags.as_slice() {
            [] => {}
            [tag] => words += &format!(" with tag {tag}"),
            tags => words += &format!(" with tags {}", join(tags, "and")),
        }
        if let Some(dispatcher) = self.dispatcher {
            let and = if tags.is_empty() { "with" } else { "and" };
            words += &format!(" {and} dispatcher {}", quote(dispatcher));
        }
        words
    }

    /// That none of these boards is what is asked for, and what comes nearest; `None` if one is.
    pub fn missing<'b>(&self, boards: impl Iterator<Item = &'b Board> + Clone) -> Option<String> {
        if boards.clone().any(|board| self.fits(board)) {
            return None;
        }
        if boards.clone().next().is_none() {
            return Some("the lab has no boards".to_owned());
        }
        let near = self.nearest(boards.clone());
        if let Some(name) = self.target {
            return Some(match near {
                Some(near) => format!("{} {}", quote(name), join(&near.lacks, "and")),
                None => {
                    let known = boards.map(|board| board.name.as_str());
                    let meant = nearest(name, known).map(quote);
                    let meant = meant.map(|meant| format!("; did you mean {meant}?"));
                    format!(
                        "the lab has no board {}{}",
                        quote(name),
                        meant.unwrap_or_default()
                    )
                }
            });
        }
        let near = near.map(|near| {
            let name = quote(near.board.name.as_str());
            format!("; nearest is {name}, which {}", join(&near.lacks, "and"))
        });
        Some(format!(
            "the lab has no {}{}",
            self.words(0),
            near.unwrap_or_default()
        ))
    }
}

fn has_tag(board: &Board, tag: &str) -> bool {
    board.tags.iter().any(|has| has == tag)
}

fn offers(board: &Board, dispatcher: &str) -> bool {
    board
        .dispatchers
        .iter()
        .map(DispatcherChoice::name)
        .any(|name| name == dispatcher)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BoardFile, DeviceType};

    fn board(name: &str, device_type: &str, tags: &[&str]) -> Board {
        let file = BoardFile {
            device_type: device_type.into(),
            tags: tags.iter().map(|tag| (*tag).into()).collect(),
            dispatchers: Some(vec![DispatcherChoice::BuiltIn("exec".into())]),
            ..Default::default()
        };
        let types = [(device_type.to_owned(), DeviceType::default())];
        Board::new(name.parse().unwrap(), file, &types.into())
    }

    fn lab() -> Vec<Board> {
        vec![
            board("panda01", "panda", &["net"]),
            board("panda02", "panda", &["net", "hdmi"]),
            board("qemu01", "qemu", &["usb"]),
        ]
    }

    fn asked<'a>(device_type: &'a str, tags: &[&'a str]) -> Asked<'a> {
        Asked {
            device_type: Some(device_type),
            tags: tags.to_vec(),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_missing_is_said_with_the_board_that_comes_nearest() {
        let lab = lab();
        let missing = |asked: &Asked<'_>| asked.missing(lab.iter()).unwrap_or_default();
        let target = |name, tags: &[&'static str]| Asked {
            target: Some(name),
            tags: tags.to_vec(),
            ..Default::default()
        };
        let said = [
            missing(&asked("panda", &["usb"])),
            missing(&asked("panda", &["hdmi", "usb"])),
            missing(&asked("panda", &["hdmi", "usb", "gpu"])),
            missing(&asked("pamda", &[])),
            missing(&asked("beagle", &["usb"])),
            missing(&target("panda03", &[])),
            missing(&target("x", &[])),
            missing(&target("panda01", &["usb", "hdmi"])),
            missing(&Asked {
                dispatcher: Some("ssh"),
                ..asked("panda", &["hdmi"])
            }),
            missing(&asked("pan\u{1b}[2Jda", &["u\nsb"])),
            asked("panda", &[]).missing([].iter()).unwrap(),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        the lab has no `panda` boards with tag `usb`; nearest is `panda01`, which lacks tag `usb`
        the lab has no `panda` boards with tags `hdmi` and `usb`; nearest is `panda02`, which lacks tag `usb`
        the lab has no `panda` boards with tags `hdmi`, `usb` and `gpu`; nearest is `panda02`, which lacks tags `usb` and `gpu`
        the lab has no `pamda` boards; nearest is `panda01`, which is a `panda`
        the lab has no `beagle` boards with tag `usb`; nearest is `qemu01`, which is a `qemu`
        the lab has no board `panda03`; did you mean `panda01`?
        the lab has no board `x`
        `panda01` lacks tags `usb` and `hdmi`
        the lab has no `panda` boards with tag `hdmi` and dispatcher `ssh`; nearest is `panda02`, which has no dispatcher `ssh`
        the lab has no `pan\u{1b}[2Jda` boards with tag `u\nsb`; nearest is `panda01`, which is a `panda` and lacks tag `u\nsb`
        the lab has no boards
        ");
        assert_eq!(missing(&asked("panda", &["net"])), "");
    }

    #[test]
    fn a_board_fits_that_lacks_nothing() {
        let lab = lab();
        for device_type in [None, Some("panda"), Some("x")] {
            for tags in [&[][..], &["net"], &["hdmi", "net"], &["panda"]] {
                for dispatcher in [None, Some("exec"), Some("ssh")] {
                    for target in [None, Some("panda02")] {
                        let tags = tags.to_vec();
                        let asked = Asked {
                            target,
                            device_type,
                            tags,
                            dispatcher,
                        };
                        for board in &lab {
                            assert_eq!(
                                asked.fits(board),
                                asked.lacks(board).is_empty(),
                                "{asked:?}"
                            );
                        }
                    }
                }
            }
        }
        assert!(
            asked("panda", &["panda"]).fits(&lab[0]),
            "a type is a tag of its boards"
        );
    }
}
