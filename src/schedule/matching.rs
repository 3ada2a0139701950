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
    search: Search,
}

impl Matching {
    /// No seats yet; `open` are the boards that can be given away.
    pub fn new(open: Bits) -> Self {
        let boards = open.bound();
        Self {
            may: Vec::new(),
            board_of: Vec::new(),
            seat_of: vec![None; boards],
            free: open.len(),
            open,
            search: Search::new(boards),
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

    /// Adds a seat if it can have a board, moving others where that makes room. When it cannot, nothing
    /// changes.
    pub fn add(&mut self, may: &Bits) -> bool {
        let may = may.and(&self.open);
        if may.is_empty() {
            return false;
        }
        self.may.push(may);
        self.board_of.push(None);
        let seat = self.may.len() - 1;
        let added = self
            .search
            .augment(seat, &self.may, &mut self.board_of, &mut self.seat_of);
        if added {
            self.free -= 1;
        } else {
            self.may.pop();
            self.board_of.pop();
        }
        added
    }

    /// As [`Matching::add`], for a seat that is refused for good: the boards it could have reached are
    /// those of seats that can go nowhere else, so no later seat is helped by them either.
    pub fn add_for_good(&mut self, may: &Bits) -> bool {
        if !may.meets(&self.open) {
            return false;
        }
        let added = self.add(may);
        if !added {
            self.open = self.open.and_not(&self.search.reached);
        }
        added
    }

    /// Whether enough boards can be given away at all for so many seats on these.
    pub fn has(&self, seats: usize, on: &Bits) -> bool {
        self.open.common(on) >= seats
    }

    /// Adds all of these seats on some boards, or none of them.
    pub fn add_all(&mut self, seats: &[Bits], on: &Bits) -> bool {
        let first = self.seats();
        if !self.has(seats.len(), on) {
            return false;
        }
        let added = seats.iter().all(|may| self.add(&may.and(on)));
        if !added {
            self.take_back(first);
        }
        added
    }

    /// Takes back the seats from this one on.
    fn take_back(&mut self, first: usize) {
        for board in self.board_of.drain(first..).flatten() {
            self.seat_of[board] = None;
            self.free += 1;
        }
        self.may.truncate(first);
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
        let moved = self
            .search
            .augment(seat, &self.may, &mut self.board_of, &mut self.seat_of);
        if !moved {
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
        let boards = self.seat_of.len();
        let mut used = 0;
        let mut fits = vec![Bits::new(seats); boards];
        for (seat, may) in self.may.iter().enumerate() {
            may.iter().for_each(|board| fits[board].insert(seat));
        }
        let mut search = Search::new(seats);
        let mut board_of = vec![None; seats];
        let mut seat_of = vec![None; boards];
        for board in order {
            if used == seats {
                break;
            }
            if search.augment(board, &fits, &mut seat_of, &mut board_of) {
                used += 1;
            }
        }
        if used == seats {
            (self.board_of, self.seat_of) = (board_of, seat_of);
        }
    }
}

/// The search for an augmenting path, with the room it needs.
#[derive(Debug, Clone)]
struct Search {
    /// All that the last one came to.
    reached: Bits,
    /// Meaningful for what is reached: who would take it.
    mover_to: Vec<usize>,
    frontier: Vec<usize>,
}

impl Search {
    /// For partners below this number.
    fn new(bound: usize) -> Self {
        Self {
            reached: Bits::new(bound),
            mover_to: vec![0; bound],
            frontier: Vec::new(),
        }
    }

    /// Finds a partner for `from`, moving others along an alternating path, breadth first; says whether
    /// there is one.
    fn augment(
        &mut self,
        from: usize,
        may: &[Bits],
        partner: &mut [Option<usize>],
        taken_by: &mut [Option<usize>],
    ) -> bool {
        self.reached.clear();
        self.frontier.clear();
        self.frontier.push(from);
        let mut next = 0;
        while let Some(&mover) = self.frontier.get(next) {
            next += 1;
            let mut free = None;
            self.reached.join_each(&may[mover], |to| {
                self.mover_to[to] = mover;
                match taken_by[to] {
                    Some(holder) => self.frontier.push(holder),
                    None => free = free.or(Some(to)),
                }
            });
            let Some(mut to) = free else { continue };
            // Moves everybody along the path that ends here.
            loop {
                let mover: usize = self.mover_to[to];
                let left = partner[mover];
                partner[mover] = Some(to);
                taken_by[to] = Some(mover);
                match left {
                    Some(left) if mover != from => to = left,
                    _ => return true,
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(boards: &[usize]) -> Bits {
        Bits::of(4, |n| boards.contains(&n))
    }

    #[test]
    fn others_move_where_that_makes_room() {
        let mut matching = Matching::new(set(&[0, 1, 2]));
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
        let mut matching = Matching::new(set(&[0, 1, 2]));
        assert!(matching.add_for_good(&set(&[0])));
        assert!(!matching.add_for_good(&set(&[0])));
        assert!(!matching.add_for_good(&set(&[0])));
        assert!(matching.add_for_good(&set(&[0, 1])));
        assert_eq!(matching.board_of(1), Some(1));
    }

    #[test]
    fn seats_avoid_boards_only_where_all_keep_one() {
        let mut matching = Matching::new(set(&[0, 1]));
        assert!(matching.add(&set(&[0, 1])));
        matching.avoid(0, &set(&[0]));
        assert_eq!(matching.board_of(0), Some(1));
        assert!(matching.add(&set(&[0, 1])));
        matching.avoid(1, &set(&[0]));
        assert_eq!(matching.board_of(1), Some(0), "there is no other");
    }

    #[test]
    fn the_preferred_boards_are_used() {
        let mut matching = Matching::new(set(&[0, 1, 2, 3]));
        assert!(matching.add(&set(&[0, 1])));
        assert!(matching.add(&set(&[1, 2, 3])));
        matching.prefer([3, 1, 2, 0].into_iter());
        let boards: Vec<_> = (0..2).map(|seat| matching.board_of(seat)).collect();
        assert_eq!(boards, [Some(1), Some(3)]);
    }
}
