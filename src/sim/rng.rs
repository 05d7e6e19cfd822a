//! Seeded randomness: one stream per component, the same on every target.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use crate::sim::digest::digest_of;

/// One component's stream of random numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng(Pcg64Mcg);

impl std::hash::Hash for Rng {
    /// A stream is told by what it yields next.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.clone().next_u64());
    }
}

impl Rng {
    /// The stream called `name` under `seed`. Different names give independent streams.
    pub fn stream(seed: u64, name: &str) -> Rng {
        let low = digest_of(&(seed, name)).0;
        let high = digest_of(&(name, seed, 1_u8)).0;
        Rng(Pcg64Mcg::new(u128::from(low) | (u128::from(high) << 64)))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`, equally likely each (`bound` >= 1).
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a range to draw from is never empty");
        // Rejection keeps it uniform; the loop ends after two draws on average at worst.
        let zone = u64::MAX - (u64::MAX % bound + 1) % bound;
        loop {
            let draw = self.next_u64();
            if draw <= zone {
                return draw % bound;
            }
        }
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True with a probability of `per_million` / 1,000,000.
    pub fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }

    /// One of `items`, equally likely each; `None` of an empty slice.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        let at = self.below(items.len() as u64);
        items.get(usize::try_from(at).expect("an index of a slice fits"))
    }

    /// Puts `items` in random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).expect("an index of a slice fits");
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_every_time_and_differs_by_name() {
        let first: Vec<u64> = (0..4)
            .map({
                let mut r = Rng::stream(7, "a");
                move |_| r.next_u64()
            })
            .collect();
        let again: Vec<u64> = (0..4)
            .map({
                let mut r = Rng::stream(7, "a");
                move |_| r.next_u64()
            })
            .collect();
        let other: Vec<u64> = (0..4)
            .map({
                let mut r = Rng::stream(7, "b");
                move |_| r.next_u64()
            })
            .collect();
        assert_eq!(first, again);
        assert_ne!(first, other);
    }

    #[test]
    fn below_reaches_every_value_and_no_other() {
        let mut rng = Rng::stream(1, "t");
        let mut seen = [0_u32; 6];
        for _ in 0..6_000 {
            seen[usize::try_from(rng.below(6)).expect("small")] += 1;
        }
        assert!(seen.iter().all(|n| (800..1_200).contains(n)), "{seen:?}");
    }
}
