//! A stable sort for orders that are none: upstream's comparisons are sometimes not transitive, and Go sorts by them all the
//! same, where the standard library here would panic.

use std::cmp::Ordering;

/// Sorts by merging, stably, whatever `compare` answers: n log n comparisons, no panic.
pub fn merge_sort_by<T>(items: &mut Vec<T>, compare: &mut impl FnMut(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let mut right = items.split_off(items.len() / 2);
    merge_sort_by(items, compare);
    merge_sort_by(&mut right, compare);
    let (mut left, mut right) = (std::mem::take(items).into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if compare(a, b) == Ordering::Greater { right.next() } else { left.next() };
        items.extend(next);
    }
    items.extend(left.chain(right));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_sorted_by_stably() {
        let mut pairs = vec![(2, 'a'), (1, 'b'), (2, 'c'), (0, 'd'), (1, 'e')];
        merge_sort_by(&mut pairs, &mut |a, b| a.0.cmp(&b.0));
        assert_eq!(pairs, [(0, 'd'), (1, 'b'), (1, 'e'), (2, 'a'), (2, 'c')]);
    }

    #[test]
    fn what_is_no_order_is_survived() {
        let mut stones: Vec<u32> = (0..500).collect();
        merge_sort_by(&mut stones, &mut |a, b| ((b + 3 - a % 3) % 3).cmp(&1));
        stones.sort_unstable();
        assert_eq!(stones, (0..500).collect::<Vec<u32>>());
    }
}
