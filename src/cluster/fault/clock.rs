//! Clocks that are wrong, and certificates that are over.
//!
//! Models what a wrong clock and an expired certificate do to `client-go`, to the x509 authenticator of the API server
//! (`k8s.io/apiserver/pkg/authentication/request/x509`) and to the prober of etcd's peers
//! (`server/etcdserver/api/rafthttp/probing_status.go`). A serving certificate is looked at when a connection begins, so connections
//! that exist go on; a client's is looked at with each request. The members of etcd speak without certificates here.

use crate::api::{MicroTime, Timestamp};
use crate::cluster::event::{Actor, MasterIx, NodeIx};
use crate::cluster::scenario::parse_span;
use crate::cluster::{Cluster, Message};
use crate::etcd::raft::NodeId;
use crate::node::runtime;
use crate::sim::{Span, Time, VecSet};

/// The most by which a clock may be wrong.
const MOST: Span = Span::mins(24 * 60);
/// A clock of a peer that is behind by more is told of in the log.
const DRIFT: i64 = 1_000;
/// How often etcd says so (`statusMonitoringInterval`).
const PROBE: Span = Span::secs(30);

/// A certificate that is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Expired {
    /// Since when.
    pub at: Time,
    /// Whose connections are from before.
    pub connected: VecSet<Actor>,
}

/// A time with a sign, in milliseconds.
pub fn skew(text: &str) -> Option<i64> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let span = parse_span(text).filter(|span| *span <= MOST)?;
    Some(sign * i64::try_from(span.as_millis()).ok()?)
}

/// The process whose certificate the words name.
///
/// # Errors
/// It has none, or there is no such node.
pub fn certificate(words: &[&str], find: impl Fn(&str) -> Result<NodeIx, String>) -> Result<Actor, String> {
    match words {
        ["kube-apiserver" | "apiserver", master] => find(master).map(|ix| Actor::ApiServer(MasterIx(ix.0))),
        ["kube-apiserver" | "apiserver"] => Ok(Actor::ApiServer(MasterIx(0))),
        ["kubelet", node] => find(node).map(Actor::Kubelet),
        _ => Err(format!(
            "{:?} has no certificate here; there are kube-apiserver with a master and kubelet with a node",
            words.join(" ")
        )),
    }
}

impl Cluster {
    /// By how many milliseconds the clock of a node is ahead.
    fn skew_of(&self, ix: NodeIx) -> i64 {
        self.faults.skews.get(&ix).copied().unwrap_or(0)
    }

    /// The clock of a node is ahead by that.
    pub(super) fn set_skew(&mut self, ix: NodeIx, millis: i64) {
        let was = self.faults.skews.values().any(|skew| *skew != 0);
        if millis == 0 {
            self.faults.skews.remove(&ix);
        } else {
            self.faults.skews.insert(ix, millis);
        }
        self.apply_skew(ix);
        if !was && millis != 0 {
            self.hand_over(Actor::Runtime(NodeIx(0)), None, PROBE, Message::Probed);
        }
    }

    /// What runs on a node goes by its clock. What has begun keeps the times that it has.
    pub(crate) fn apply_skew(&mut self, ix: NodeIx) {
        let seconds = self.skew_of(ix).div_euclid(1_000);
        let epoch = Timestamp(self.scenario.epoch().0 + seconds);
        if let Some(host) = self.host_mut(ix) {
            host.kubelet.set_skew(seconds);
            host.runtime.set_skew(seconds);
        }
        if self.host(ix).is_some_and(|host| host.master)
            && let Some(master) = self.master_mut(MasterIx(ix.0))
        {
            master.set_clock(epoch);
        }
    }

    /// Each member of etcd has looked at the clocks of its peers.
    pub(crate) fn clocks_probed(&mut self) {
        let members: Vec<(MasterIx, NodeId)> =
            self.etcd_members().map(|(at, member)| (at, NodeId(member.config().member_id))).collect();
        for (at, _) in &members {
            let here = Actor::Etcd(*at);
            let own = self.skew_of(NodeIx(at.0));
            for (other, id) in members.iter().filter(|(other, _)| other != at) {
                let behind = own - self.skew_of(NodeIx(other.0));
                let there = Actor::Etcd(*other);
                let is_cut = self.faults.cuts(self.machine_of(here), self.machine_of(there));
                if behind > DRIFT && !is_cut && ![here, there].iter().any(|one| self.faults.down.contains(one)) {
                    self.etcd_warns_of_drift(*at, *id, behind);
                }
            }
        }
        if self.faults.skews.values().any(|skew| *skew != 0) {
            self.hand_over(Actor::Runtime(NodeIx(0)), None, PROBE, Message::Probed);
        }
    }

    fn etcd_warns_of_drift(&mut self, at: MasterIx, peer: NodeId, behind: i64) {
        let ix = NodeIx(at.0);
        let Some(id) = self.running_plane(Actor::Etcd(at)) else { return };
        let micros = self.scenario.epoch().0 * 1_000_000
            + i64::try_from(self.now.0 / 1_000).unwrap_or(0)
            + self.skew_of(ix) * 1_000;
        let stamp = MicroTime(micros).to_string();
        let drift = crate::etcdctl::golang::duration(Span::millis(behind.unsigned_abs()));
        let line = |tripper: &str| {
            format!(
                "{{\"level\":\"warn\",\"ts\":\"{stamp}\",\"msg\":\"prober found high clock drift\",\
                 \"round-tripper-name\":\"{tripper}\",\"remote-peer-id\":\"{:x}\",\"clock-drift\":\"{drift}\"}}\n",
                peer.0
            )
        };
        let text = line("ROUND_TRIPPER_SNAPSHOT") + &line("ROUND_TRIPPER_RAFT_MESSAGE");
        self.hand_over(Actor::Runtime(ix), None, Span::ZERO, Message::ToRuntime(runtime::Input::Said { id, text }));
    }

    /// The certificate of a process is over from now on.
    pub(super) fn expire(&mut self, actor: Actor) {
        let connected = match actor {
            Actor::ApiServer(_) => self.clients_inside().filter(|client| !self.faults.down.contains(client)).collect(),
            _ => VecSet::new(),
        };
        let at = self.now;
        self.faults.expired.entry(actor).or_insert(Expired { at, connected });
    }

    /// The components that keep a connection to an API server.
    fn clients_inside(&self) -> impl Iterator<Item = Actor> + '_ {
        let nodes = (0_u32..).map(NodeIx).take(self.hosts.len());
        let masters = self.masters().map(|(at, _)| at);
        let on_nodes = nodes.flat_map(|ix| [Actor::Kubelet(ix), Actor::KubeProxy(ix), Actor::MetricsServer(ix)]);
        let on_masters = masters.flat_map(|at| [Actor::Scheduler(at), Actor::ControllerManager(at)]);
        on_nodes.chain(on_masters).chain([Actor::Dns, Actor::Ingress, Actor::Cloud])
    }

    /// A client's connections are gone: the next handshake looks at the certificate.
    pub(crate) fn must_shake_hands(&mut self, client: Actor) {
        for expired in self.faults.expired.values_mut() {
            expired.connected.remove(&client);
        }
    }

    /// So are all connections to a server.
    pub(crate) fn all_must_shake_hands(&mut self, server: MasterIx) {
        if let Some(expired) = self.faults.expired.get_mut(&Actor::ApiServer(server)) {
            expired.connected.clear();
        }
    }

    /// Why a client does not trust a server, if it does not.
    pub(crate) fn distrust(&self, client: Actor, server: Actor) -> Option<String> {
        let expired = self.faults.expired.get(&server).filter(|expired| !expired.connected.contains(&client))?;
        let second = |at: Time| {
            let seconds = self.scenario.epoch().0 + i64::try_from(at.as_secs()).unwrap_or(0);
            Timestamp(seconds)
        };
        let skew = self.machine_of(client).map_or(0, |ix| self.skew_of(ix).div_euclid(1_000));
        let (now, end) = (Timestamp(second(self.now).0 + skew), Timestamp(second(expired.at).0 - 1));
        Some(format!(
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time {now} is after {end}"
        ))
    }

    /// Whether an API server takes a client for nobody, as its certificate is over.
    pub(crate) fn is_nobody(&self, client: Actor) -> bool {
        matches!(client, Actor::Kubelet(_)) && self.faults.expired.contains_key(&client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_has_a_sign_and_a_bound() {
        for (text, is) in [
            ("30s", Some(30_000)),
            ("-1m", Some(-60_000)),
            ("0s", Some(0)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("soon", None),
        ] {
            assert_eq!(skew(text), is, "{text}");
        }
    }
}
