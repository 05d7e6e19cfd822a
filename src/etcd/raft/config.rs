//! How a member behaves: time-outs in ticks, limits, the safeguards of elections.
//!
//! Models `Config` of `raft.go` (etcd-io/raft) with the values that `server/etcdserver/raft.go` and `server/embed/config.go`
//! (etcd) give it: a tick is the heartbeat interval (100 ms), an election takes 1,000 ms, pre-vote and check-quorum are on.

use serde::{Deserialize, Serialize};

/// A member's settings. All members of a group should have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Config {
    /// How many ticks without a word from a leader make a follower campaign, at least; each wait is drawn from this to one
    /// less than twice this (§5.2). Greater than `heartbeat_ticks`.
    pub election_ticks: u32,
    /// How many ticks are between two heartbeats of a leader. At least 1.
    pub heartbeat_ticks: u32,
    /// Ask whether one could win before one campaigns (dissertation §9.6).
    pub pre_vote: bool,
    /// A leader that hears from no majority for `election_ticks` steps down, and who heard from a leader within that time
    /// helps nobody to depose it (dissertation §6.2, §4.2.3).
    pub check_quorum: bool,
    /// How many messages with entries may be under way to one follower. At least 1.
    pub max_inflight: u32,
    /// How many bytes of entries one message carries at most (but at least one entry), and one round of applying.
    pub max_message_bytes: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config::ETCD
    }
}

impl Config {
    /// What etcd runs with.
    pub const ETCD: Config = Config {
        election_ticks: 10,
        heartbeat_ticks: 1,
        pre_vote: true,
        check_quorum: true,
        max_inflight: 512,
        max_message_bytes: 1024 * 1024,
    };

    /// The same with what is out of range brought into it.
    pub(super) fn in_range(self) -> Config {
        let heartbeat_ticks = self.heartbeat_ticks.max(1);
        Config {
            election_ticks: self.election_ticks.max(heartbeat_ticks.saturating_add(1)),
            heartbeat_ticks,
            max_inflight: self.max_inflight.max(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_brought_into_it() {
        let check = |election, heartbeat, inflight, is: (u32, u32, u32)| {
            let config = Config {
                election_ticks: election,
                heartbeat_ticks: heartbeat,
                max_inflight: inflight,
                ..Config::default()
            };
            let config = config.in_range();
            assert_eq!((config.election_ticks, config.heartbeat_ticks, config.max_inflight), is);
        };
        check(10, 1, 512, (10, 1, 512));
        check(0, 0, 0, (2, 1, 1));
        check(5, 5, 1, (6, 5, 1));
    }
}
