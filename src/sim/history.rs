//! Checkpoints: how any earlier moment is reached again.
//!
//! A checkpoint is a clone of the world together with the time it stands for. To reach a moment, take the last checkpoint
//! at or before it and replay the commands that came after. Checkpoints thin out with age, so that their number stays
//! logarithmic in the length of the run.

use crate::sim::Time;

/// Checkpoints of a world, oldest first.
#[derive(Clone, Debug)]
pub struct History<W> {
    checkpoints: Vec<Checkpoint<W>>,
    most: usize,
}

/// The world as it was at a moment, before the command numbered `commands` of the log was run.
#[derive(Clone, Debug)]
pub struct Checkpoint<W> {
    /// The moment.
    pub at: Time,
    /// How many commands of the log it contains.
    pub commands: u32,
    /// The world.
    pub world: W,
}

impl<W: Clone> History<W> {
    /// A history that keeps at most `most` checkpoints (at least two).
    pub fn new(most: usize) -> Self {
        History { checkpoints: Vec::new(), most: most.max(2) }
    }

    /// Remembers `world`. Moments at or after `at` that were remembered before are forgotten: the future has been forked.
    pub fn remember(&mut self, at: Time, commands: u32, world: &W) {
        self.checkpoints.retain(|c| c.at < at);
        self.checkpoints.push(Checkpoint { at, commands, world: world.clone() });
        if self.checkpoints.len() > self.most {
            self.thin_out();
        }
    }

    /// The last checkpoint at or before `at`.
    pub fn before(&self, at: Time) -> Option<&Checkpoint<W>> {
        self.checkpoints.iter().rev().find(|c| c.at <= at)
    }

    /// How many checkpoints are kept.
    pub fn len(&self) -> usize {
        self.checkpoints.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.checkpoints.is_empty()
    }

    /// Drops the checkpoint whose neighbours are nearest to each other compared with their age; never the first or last.
    fn thin_out(&mut self) {
        let now = self.checkpoints.last().map_or(Time::ZERO, |c| c.at);
        let cost = |w: &[Checkpoint<W>]| {
            let gap = w[2].at.since(w[0].at).0.max(1);
            now.since(w[1].at).0 / gap
        };
        let drop = self.checkpoints.windows(3).enumerate().max_by_key(|(_, w)| cost(w)).map(|(i, _)| i + 1);
        if let Some(drop) = drop {
            self.checkpoints.remove(drop);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_earlier_moment_is_found() {
        let mut history = History::new(8);
        for at in [0, 10, 20] {
            history.remember(Time(at), 0, &at);
        }
        assert_eq!(history.before(Time(19)).map(|c| c.world), Some(10));
        assert_eq!(history.before(Time(20)).map(|c| c.world), Some(20));
    }

    #[test]
    fn acting_in_the_past_forgets_the_future() {
        let mut history = History::new(8);
        for at in [0, 10, 20, 15] {
            history.remember(Time(at), 0, &at);
        }
        assert_eq!(history.before(Time(99)).map(|c| c.world), Some(15));
    }

    #[test]
    fn the_number_of_checkpoints_is_bounded_and_the_start_is_kept() {
        let mut history = History::new(8);
        for at in 0..1_000 {
            history.remember(Time(at), 0, &at);
        }
        assert_eq!(history.len(), 8);
        assert_eq!(history.before(Time(3)).map(|c| c.world), Some(0));
    }
}
