//! Choosing a real server. Models net/netfilter/ipvs/ip_vs_rr.c, ip_vs_wrr.c, ip_vs_lc.c, ip_vs_wlc.c, ip_vs_sed.c,
//! ip_vs_nq.c, ip_vs_dh.c and ip_vs_sh.c.

use std::net::{Ipv4Addr, SocketAddrV4};

use serde::{Deserialize, Serialize};

use crate::net::ipvs::{Ipvs, RealServer, VirtualAt};
use crate::sim::Time;

/// How a server is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scheduler {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The same, more often where the weight is greater.
    WeightedRoundRobin,
    /// The one with the fewest connections.
    LeastConnection,
    /// The same for its weight.
    WeightedLeastConnection,
    /// The one that answers soonest if connections take equally long.
    ShortestExpectedDelay,
    /// One that has nothing to do; else as the shortest expected delay.
    NeverQueue,
    /// By the address that the client sends to.
    DestinationHash,
    /// By the client's address.
    SourceHash,
}

impl Scheduler {
    /// All of them.
    pub const ALL: [Scheduler; 8] = [
        Scheduler::RoundRobin,
        Scheduler::WeightedRoundRobin,
        Scheduler::LeastConnection,
        Scheduler::WeightedLeastConnection,
        Scheduler::ShortestExpectedDelay,
        Scheduler::NeverQueue,
        Scheduler::DestinationHash,
        Scheduler::SourceHash,
    ];

    /// Its name: `rr`.
    pub fn word(self) -> &'static str {
        match self {
            Scheduler::RoundRobin => "rr",
            Scheduler::WeightedRoundRobin => "wrr",
            Scheduler::LeastConnection => "lc",
            Scheduler::WeightedLeastConnection => "wlc",
            Scheduler::ShortestExpectedDelay => "sed",
            Scheduler::NeverQueue => "nq",
            Scheduler::DestinationHash => "dh",
            Scheduler::SourceHash => "sh",
        }
    }
}

/// How many buckets the hashing schedulers have.
const BUCKETS: u32 = 256;

/// Where the schedulers that go round are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Turn {
    /// The index of the server that was chosen last.
    last: Option<usize>,
    /// The weight that a server must have in this round.
    weight: u32,
}

impl Turn {
    pub(super) fn inserted_first(&mut self) {
        self.last = self.last.map(|at| at + 1);
    }

    pub(super) fn removed(&mut self, index: usize) {
        // What came before it was last, then.
        self.last = self.last.and_then(|at| if at >= index { at.checked_sub(1) } else { Some(at) });
    }

    fn round_robin(&mut self, servers: &[RealServer]) -> Option<SocketAddrV4> {
        let first = self.last.map_or(0, |at| at + 1);
        let order = (0..servers.len()).map(|step| (first + step) % servers.len());
        let at = order.into_iter().find(|at| servers[*at].weight > 0)?;
        self.last = Some(at);
        Some(servers[at].at)
    }

    fn weighted_round_robin(&mut self, servers: &[RealServer]) -> Option<SocketAddrV4> {
        let most = servers.iter().map(|server| server.weight).max().filter(|most| *most > 0)?;
        let step = servers.iter().map(|server| server.weight).fold(0, greatest_divisor);
        let mut at = self.last.map_or(0, |at| at + 1);
        loop {
            if at >= servers.len() {
                at = 0;
                self.weight = self.weight.saturating_sub(step);
            }
            if self.weight == 0 || self.weight > most {
                self.weight = most;
            }
            if servers[at].weight >= self.weight {
                self.last = Some(at);
                return Some(servers[at].at);
            }
            at += 1;
        }
    }
}

impl Ipvs {
    pub(super) fn schedule(&mut self, of: VirtualAt, client: SocketAddrV4, now: Time) -> Option<SocketAddrV4> {
        let service = self.services.get(&of)?;
        let willing = || service.servers.iter().filter(|server| server.weight > 0);
        let load = |server: &RealServer| {
            let (active, inactive) = self.connections_of(of, server.at, now);
            (u64::from(active), u64::from(inactive))
        };
        // Of servers with the same cost the first is taken.
        let least = |cost: &dyn Fn(&RealServer) -> (u64, u64)| {
            let cheaper = |a: &&RealServer, b: &&RealServer| {
                let ((a, per_a), (b, per_b)) = (cost(a), cost(b));
                (a * per_b).cmp(&(b * per_a))
            };
            willing().min_by(cheaper).map(|server| server.at)
        };
        let all = |server: &RealServer| load(server).0 * 256 + load(server).1;
        let delay = |server: &RealServer| (load(server).0 + 1, u64::from(server.weight));
        match service.scheduler {
            Scheduler::LeastConnection => least(&|server| (all(server), 1)),
            Scheduler::WeightedLeastConnection => least(&|server| (all(server), u64::from(server.weight))),
            Scheduler::ShortestExpectedDelay => least(&delay),
            Scheduler::NeverQueue => {
                willing().find(|server| load(server).0 == 0).map(|server| server.at).or_else(|| least(&delay))
            }
            Scheduler::DestinationHash => hashed(&service.servers, *of.at.ip(), |_| 1),
            Scheduler::SourceHash => hashed(&service.servers, *client.ip(), |server| server.weight.max(1)),
            Scheduler::RoundRobin | Scheduler::WeightedRoundRobin => {
                let service = self.services.get_mut(&of)?;
                match service.scheduler {
                    Scheduler::RoundRobin => service.turn.round_robin(&service.servers),
                    _ => service.turn.weighted_round_robin(&service.servers),
                }
            }
        }
    }
}

/// The server in the bucket of an address, if it takes connections: servers fill the buckets in turn, each as often as
/// `times` says.
fn hashed(servers: &[RealServer], ip: Ipv4Addr, times: impl Fn(&RealServer) -> u32) -> Option<SocketAddrV4> {
    let bucket = u32::from(ip).wrapping_mul(2_654_435_761) % BUCKETS;
    let round: u32 = servers.iter().map(&times).sum();
    let mut at = bucket.checked_rem(round)?;
    let server = servers.iter().find(|server| match at.checked_sub(times(server)) {
        Some(left) => {
            at = left;
            false
        }
        None => true,
    })?;
    (server.weight > 0).then_some(server.at)
}

fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}
