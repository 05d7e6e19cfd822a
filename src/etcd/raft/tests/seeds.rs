//! Many seeds of one test: a failing one is printed, and can be run alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `test` with seeds from 0 on: `usual` many, or as many as `KUBARIUM_RAFT_SEEDS` says, or only `KUBARIUM_RAFT_SEED`.
pub fn for_each_seed(usual: u64, test: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("KUBARIUM_RAFT_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("KUBARIUM_RAFT_SEEDS").unwrap_or(usual),
    };
    for seed in seeds {
        if catch_unwind(AssertUnwindSafe(|| test(seed))).is_err() {
            panic!("seed {seed} fails; KUBARIUM_RAFT_SEED={seed} runs it alone");
        }
    }
}
