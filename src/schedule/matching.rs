//! A matching of seats and boards that grows by augmenting paths.

use super::bits::Bits;

/// Seats, each with the boards it may have, and who has which.
#[derive(Debug, Clone)]
pub struct Matching {
    /// For each seat the boards it may have.
    may: Vec<Bits>,
    board_of: Vec<Option<usize>>,
    seat_of: Vec<Option<usize>>,
    /// Boards that can be given away.
    open: Bits,
    free: usize,
}

impl Matching {
    /// No seats yet; `open` are the boards that can be given away.
    pub fn new(open: Bits, boards: usize) -> Self {
        Self {
            may: Vec::new(),
            board_of: Vec::new(),
            seat_of: vec![None; boards],
            free: open.len(),
            open,
        }
    }

    /// Whether every open board is taken.
    pub fn is_full(&self) -> bool {
        self.free == 0
    }

    pub fn seats(&self) -> usize {
        self.may.len()
    }

    pub fn board_of(&self, seat: usize) -> Option<usize> {
        self.board_of.get(seat).copied().flatten()
    }

    /// Adds a seat if it can have a board, moving others where that makes room; nothing changes when
    /// it cannot.
    pub fn add(&mut self, may: &Bits) -> bool {
        self.add_or(may).is_ok()
    }

    /// As [`Matching::add`], for a seat that is refused for good: the boards it could have reached are
    /// those of seats that can go nowhere else, so no later seat is helped by them either.
    pub fn add_for_good(&mut self, may: &Bits) -> bool {
        match self.add_or(may) {
            Ok(()) => true,
            Err(reached) => {
                self.open = self.open.and_not(&reached);
                false
            }
        }
    }

    fn add_or(&mut self, may: &Bits) -> Result<(), Bits> {
        self.may.push(may.and(&self.open));
        self.board_of.push(None);
        let seat = self.may.len() - 1;
        let added = augment(seat, &self.may, &mut self.board_of, &mut self.seat_of);
        match added {
            Ok(()) => self.free -= 1,
            Err(_) => {
                self.may.pop();
                self.board_of.pop();
            }
        }
        added
    }

    /// Keeps a seat from some boards if all seats can still have one; else nothing changes.
    pub fn avoid(&mut self, seat: usize, boards: &Bits) {
        let narrow = self.may[seat].and_not(boards);
        if narrow == self.may[seat] {
            return;
        }
        let wide = std::mem::replace(&mut self.may[seat], narrow);
        let Some(board) = self.board_of[seat] else {
            return;
        };
        if self.may[seat].contains(board) {
            return;
        }
        self.board_of[seat] = None;
        self.seat_of[board] = None;
        if augment(seat, &self.may, &mut self.board_of, &mut self.seat_of).is_err() {
            self.may[seat] = wide;
            self.board_of[seat] = Some(board);
            self.seat_of[board] = Some(seat);
        }
    }

    /// Seats everybody anew on the most preferred boards. The sets of boards that seat everybody are
    /// the bases of a matroid, so taking each board that can still be used, in order of preference,
    /// gives the best of them.
    pub fn prefer(&mut self, order: impl Iterator<Item = usize>) {
        let seats = self.may.len();
        let mut used = 0;
        let mut fits = vec![Bits::new(seats); self.seat_of.len()];
        for (seat, may) in self.may.iter().enumerate() {
            may.iter().for_each(|board| fits[board].insert(seat));
        }
        let mut board_of = vec![None; seats];
        let mut seat_of = vec![None; self.seat_of.len()];
        for board in order {
            if used == seats {
                break;
            }
            if augment(board, &fits, &mut seat_of, &mut board_of).is_ok() {
                used += 1;
            }
        }
        if used == seats {
            (self.board_of, self.seat_of) = (board_of, seat_of);
        }
    }
}

/// Finds a partner for `from`, moving others along an alternating path, breadth first. `Err` holds all
/// that could be reached.
fn augment(
    from: usize,
    may: &[Bits],
    partner: &mut [Option<usize>],
    taken_by: &mut [Option<usize>],
) -> Result<(), Bits> {
    let mut reached = Bits::new(taken_by.len());
    // Meaningful for what is reached: who would take it.
    let mut mover_to = vec![0; taken_by.len()];
    let mut frontier = vec![from];
    let mut next = 0;
    while let Some(&mover) = frontier.get(next) {
        next += 1;
        for to in may[mover].and_not(&reached).iter() {
            reached.insert(to);
            mover_to[to] = mover;
            if let Some(holder) = taken_by[to] {
                frontier.push(holder);
                continue;
            }
            // Moves everybody along the path that ends here.
            let mut to = to;
            loop {
                let mover: usize = mover_to[to];
                let left = partner[mover];
                partner[mover] = Some(to);
                taken_by[to] = Some(mover);
                match left {
                    Some(left) if mover != from => to = left,
                    _ => return Ok(()),
                }
            }
        }
    }
    Err(reached)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(boards: &[usize]) -> Bits {
        Bits::of(4, |n| boards.contains(&n))
    }

    #[test]
    fn others_move_where_that_makes_room() {
        let mut matching = Matching::new(set(&[0, 1, 2]), 4);
        assert!(matching.add(&set(&[0, 1])));
        assert!(matching.add(&set(&[0])));
        assert!(matching.add(&set(&[1, 2])));
        let boards: Vec<_> = (0..3).map(|seat| matching.board_of(seat)).collect();
        assert_eq!(boards, [Some(1), Some(0), Some(2)]);
        assert!(matching.is_full());
        assert!(!matching.add(&set(&[0, 1, 2, 3])), "board 3 is not open");
        assert_eq!(matching.seats(), 3);
    }

    #[test]
    fn a_refusal_for_good_closes_what_cannot_change_any_more() {
        let mut matching = Matching::new(set(&[0, 1, 2]), 4);
        assert!(matching.add_for_good(&set(&[0])));
        assert!(!matching.add_for_good(&set(&[0])));
        assert!(!matching.add_for_good(&set(&[0])));
        assert!(matching.add_for_good(&set(&[0, 1])));
        assert_eq!(matching.board_of(1), Some(1));
    }

    #[test]
    fn seats_avoid_boards_only_where_all_keep_one() {
        let mut matching = Matching::new(set(&[0, 1]), 4);
        assert!(matching.add(&set(&[0, 1])));
        matching.avoid(0, &set(&[0]));
        assert_eq!(matching.board_of(0), Some(1));
        assert!(matching.add(&set(&[0, 1])));
        matching.avoid(1, &set(&[0]));
        assert_eq!(matching.board_of(1), Some(0), "there is no other");
    }

    #[test]
    fn the_preferred_boards_are_used() {
        let mut matching = Matching::new(set(&[0, 1, 2, 3]), 4);
        assert!(matching.add(&set(&[0, 1])));
        assert!(matching.add(&set(&[1, 2, 3])));
        matching.prefer([3, 1, 2, 0].into_iter());
        let boards: Vec<_> = (0..2).map(|seat| matching.board_of(seat)).collect();
        assert_eq!(boards, [Some(1), Some(3)]);
    }
}
