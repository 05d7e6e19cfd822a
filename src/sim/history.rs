//! Checkpoints: how any earlier moment is reached again.
//!
//! A checkpoint is a clone of the world together with the point that it stands for. To reach another point, take the last
//! checkpoint at or before it and live the rest again. They lie about evenly over the events of the run, so that what is to be
//! lived again is at most about `2 * events / most` events; a clone shares with its neighbours what did not change between them.

use crate::sim::Time;

/// A point of a run. Several events may happen at one time, and several commands may be given between two events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The time.
    pub at: Time,
    /// How many events have happened.
    pub events: u64,
    /// How many commands of the log have been run.
    pub commands: u32,
}

/// Checkpoints of a world, oldest first.
#[derive(Clone, Debug)]
pub struct History<W> {
    checkpoints: Vec<Checkpoint<W>>,
    most: usize,
}

/// The world as it was at a point.
#[derive(Clone, Debug)]
pub struct Checkpoint<W> {
    /// The point.
    pub point: Point,
    /// The world.
    pub world: W,
}

impl<W: Clone> History<W> {
    /// A history that keeps at most `most` checkpoints (at least two).
    pub fn new(most: usize) -> Self {
        History { checkpoints: Vec::new(), most: most.max(2) }
    }

    /// Remembers `world`, in the place of what was remembered of that very point.
    pub fn remember(&mut self, point: Point, world: &W) {
        let checkpoint = Checkpoint { point, world: world.clone() };
        match self.checkpoints.binary_search_by_key(&point, |c| c.point) {
            Ok(at) => self.checkpoints[at] = checkpoint,
            Err(at) => self.checkpoints.insert(at, checkpoint),
        }
        if self.checkpoints.len() > self.most {
            self.thin_out();
        }
    }

    /// Forgets all but what `holds`: the run took another way.
    pub fn retain(&mut self, holds: impl Fn(&Checkpoint<W>) -> bool) {
        self.checkpoints.retain(holds);
    }

    /// The last checkpoint at or before `at`.
    pub fn before(&self, at: Time) -> Option<&Checkpoint<W>> {
        self.last(|c| c.point.at <= at)
    }

    /// The last checkpoint that `fits`.
    pub fn last(&self, fits: impl Fn(&Checkpoint<W>) -> bool) -> Option<&Checkpoint<W>> {
        self.checkpoints.iter().rfind(|c| fits(c))
    }

    /// The first point that is remembered.
    pub fn start(&self) -> Option<Point> {
        self.checkpoints.first().map(|c| c.point)
    }

    /// How many checkpoints are kept.
    pub fn len(&self) -> usize {
        self.checkpoints.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty()
    }

    /// Drops the checkpoint without which the gap is the smallest; never the first or last.
    fn thin_out(&mut self) {
        let gap = |w: &[Checkpoint<W>]| w[2].point.events - w[0].point.events;
        let drop = self.checkpoints.windows(3).enumerate().min_by_key(|(_, w)| gap(w)).map(|(i, _)| i + 1);
        if let Some(drop) = drop {
            self.checkpoints.remove(drop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(n: u64) -> Point {
        Point { at: Time(n), events: n, commands: 0 }
    }

    fn history(most: usize, points: impl IntoIterator<Item = u64>) -> History<u64> {
        let mut history = History::new(most);
        points.into_iter().for_each(|n| history.remember(point(n), &n));
        history
    }

    #[test]
    fn the_nearest_earlier_moment_is_found() {
        let history = history(8, [0, 20, 10]);
        assert_eq!(history.before(Time(19)).map(|c| c.world), Some(10));
        assert_eq!(history.before(Time(20)).map(|c| c.world), Some(20));
    }

    #[test]
    fn what_another_way_never_reaches_is_forgotten() {
        let mut history = history(8, [0, 10, 20]);
        history.retain(|c| c.point < point(15));
        assert_eq!(history.before(Time(99)).map(|c| c.world), Some(10));
    }

    #[test]
    fn the_number_of_checkpoints_is_bounded_and_they_lie_evenly() {
        let history = history(8, 0..1_000);
        assert_eq!((history.len(), history.start()), (8, Some(point(0))));
        let widest = (0..1_000).map(|n| n - history.before(Time(n)).expect("the start is kept").world).max();
        assert!(widest <= Some(2 * 1_000 / 7), "{widest:?}");
    }
}
