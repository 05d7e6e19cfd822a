//! Invariants that are watched while chaos reigns: each is looked at when something happened that could break it, and what was
//! found is counted. A broken one is remembered; the simulation goes on, so that it can be looked at.

use crate::api::{Kind, KindOf as _, Lease, Verb};
use crate::cluster::check::{self, Broken, Invariant};
use crate::cluster::{Actor, Cluster, Happened, MasterIx, Said};
use crate::etcd::Revision;
use crate::sim::{EventId, VecMap};

/// What was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watched {
    checked: VecMap<Invariant, u64>,
    broken: VecMap<Invariant, String>,
    store: Revision,
    /// The cluster of etcd that the revision is of: who restores a snapshot begins another one.
    of: u64,
    /// Who led in which term.
    leaders: VecMap<u64, MasterIx>,
    seen: Option<EventId>,
}

impl Watched {
    /// How often an invariant was looked at.
    pub fn checked(&self, invariant: Invariant) -> u64 {
        self.checked.get(&invariant).copied().unwrap_or(0)
    }

    /// What broke it first, if something did.
    pub fn broken(&self, invariant: Invariant) -> Option<&str> {
        self.broken.get(&invariant).map(String::as_str)
    }

    fn found(&mut self, invariant: Invariant, result: Result<(), Broken>) {
        *self.checked.entry(invariant).or_default() += 1;
        if let Err(broken) = result {
            self.broken.entry(invariant).or_insert(broken.to_string());
        }
    }

    /// Looks at everything that what has just happened could have broken.
    pub(super) fn look(&mut self, cluster: &Cluster) {
        let member = cluster.etcd_member();
        let (store, of) = (member.store().revision(), member.config().cluster_id);
        self.found(Invariant::Addresses, check::addresses(cluster.hosts()));
        self.found(Invariant::Subnets, check::subnets(cluster.hosts()));
        if store != self.store || of != self.of {
            let goes_back = of == self.of && store < self.store;
            let result = if goes_back { Err(Broken::Backwards("the store".into())) } else { Ok(()) };
            self.found(Invariant::Forward, result);
            self.found(Invariant::Agreement, check::members(cluster));
            self.found(Invariant::Bindings, check::bindings(cluster));
            let versions = Kind::ALL.iter().try_for_each(|kind| check::ahead(cluster, *kind, store));
            self.found(Invariant::Versions, if of == self.of { versions } else { Ok(()) });
            (self.store, self.of) = (store, of);
        }
        self.look_at_terms(cluster);
        self.look_at_calls(cluster);
    }

    fn look_at_terms(&mut self, cluster: &Cluster) {
        for (at, member) in cluster.etcd_members() {
            if !member.raft().is_leader() {
                continue;
            }
            let term = member.raft().term().0;
            let first = *self.leaders.entry(term).or_insert(at);
            let result = if first == at { Ok(()) } else { Err(Broken::TwoLeaders(term)) };
            self.found(Invariant::OneLeader, result);
        }
    }

    /// What schedulers and controller-managers have asked for since the last look.
    fn look_at_calls(&mut self, cluster: &Cluster) {
        if cluster.masters().count() < 2 {
            return;
        }
        let seen = self.seen;
        let mut new: Vec<(Actor, &'static str)> = Vec::new();
        for entry in cluster.trace().iter().rev().take_while(|entry| Some(entry.id) != seen) {
            let Happened::Sent { from, what: Said::Call { verb, object, .. }, .. } = &entry.event else { continue };
            let lease = match from {
                Actor::Scheduler(_) => "kube-scheduler",
                Actor::ControllerManager(_) => "kube-controller-manager",
                _ => continue,
            };
            let reads = matches!(verb, Verb::Get | Verb::List | Verb::Watch);
            if !reads && !matches!(object.kind, Kind::Lease | Kind::Event) && seen.is_some() {
                new.push((*from, lease));
            }
        }
        self.seen = cluster.trace().iter().next_back().map(|entry| entry.id);
        for (who, lease) in new {
            let (Actor::Scheduler(at) | Actor::ControllerManager(at)) = who else { continue };
            let holder = holder(cluster, lease);
            let result = match holder.starts_with(&format!("master{}_", at.0 + 1)) {
                true => Ok(()),
                false => Err(Broken::Unfenced { who: format!("master{}", at.0 + 1), lease }),
            };
            self.found(Invariant::Fencing, result);
        }
    }
}

/// Who holds a lease by what etcd has committed.
fn holder(cluster: &Cluster, lease: &str) -> String {
    let key = Kind::Lease.etcd_key("kube-system", lease);
    let object = cluster.etcd_member().store().get(&key).and_then(|kv| kv.value.object());
    object.and_then(Lease::of).and_then(|lease| lease.spec.holder_identity.clone()).unwrap_or_default()
}
