//! Which cell is measured next, and how long all of them take.

use std::time::Duration;

/// Uploads that go at once, of all cells together: more would measure the machine.
pub const UPLOADS_MAX: u32 = 128;

/// Which of `waiting` (uploads of each, and how long it takes) is to begin beside `going` uploads:
/// the longest there is room for.
#[must_use]
pub fn next(waiting: &[(u32, Duration)], going: u32) -> Option<usize> {
    let room = UPLOADS_MAX.saturating_sub(going);
    let fits = waiting.iter().enumerate().filter(|(_, (users, _))| *users <= room);
    fits.max_by_key(|(index, (_, takes))| (*takes, std::cmp::Reverse(*index)))
        .map(|(index, _)| index)
}

/// How long all of them take that way.
#[must_use]
pub fn duration(cells: &[(u32, Duration)]) -> Duration {
    let mut waiting = cells.to_vec();
    let mut going: Vec<(Duration, u32)> = Vec::new();
    let mut now = Duration::ZERO;
    loop {
        let uploads = going.iter().map(|(_, users)| users).sum();
        if let Some(index) = next(&waiting, uploads) {
            let (users, takes) = waiting.swap_remove(index);
            going.push((now + takes, users));
            continue;
        }
        let ends = going.iter().enumerate().min_by_key(|(_, (end, _))| *end);
        let Some((index, &(end, _))) = ends else { return now };
        now = end;
        going.swap_remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::super::design::tests::S;
    use super::*;

    #[test]
    fn the_longest_with_room_is_next() {
        let waiting = [(1, S(5)), (8, S(50)), (128, S(60)), (2, S(50))];
        assert_eq!(next(&waiting, 0), Some(2));
        assert_eq!(next(&waiting, 1), Some(1), "of two alike the first");
        assert_eq!(next(&waiting, 124), Some(3));
        assert_eq!(next(&waiting, 127), Some(0));
        assert_eq!(next(&waiting, 128), None);
        assert_eq!(next(&[], 0), None);
    }

    #[test]
    fn the_whole_takes_as_long_as_its_last() {
        assert_eq!(duration(&[]), S(0));
        assert_eq!(duration(&[(1, S(5)), (1, S(7)), (126, S(3))]), S(7));
        assert_eq!(duration(&[(128, S(5)), (1, S(7)), (127, S(3))]), S(12));
        assert_eq!(duration(&[(80, S(5)), (80, S(5)), (80, S(5))]), S(15));
    }
}
