//! The world as the checks of lessons see it.

use serde_json::Value;

use crate::api::{Kind, Object};
use crate::cluster::{Cluster, fault};
use crate::control::apiserver::StoredValue;
use crate::control::scheduler::decision::{Outcome, Verdict};
use crate::etcd::{Event, KeyRange, Payload as _, RangeOp, Revision};
use crate::lesson::facts::{DecisionFact, Facts, KeyFact, Moment, PacketFact};
use crate::net::host::Netns;
use crate::net::show;
use crate::session::build::packets;
use crate::sim::VecMap;

/// The world as checks see it.
pub struct WorldFacts<'a>(pub &'a Cluster);

impl Facts for WorldFacts<'_> {
    fn objects(&self, resource: &str) -> Option<Vec<Value>> {
        Some(self.0.objects(Kind::of_any_group(resource)?).map(Object::to_value).collect())
    }

    fn history(&self, resource: &str, since: Moment) -> Vec<Vec<Value>> {
        self.states(resource, since).unwrap_or_else(|| self.objects(resource).into_iter().collect())
    }

    fn packets(&self) -> Vec<PacketFact> {
        packets::facts(self.0)
    }

    fn keys(&self, prefix: &str) -> Vec<KeyFact> {
        let range = KeyRange::prefix(prefix);
        let keys = self.0.etcd_member().store().keys(&range);
        let fact = |key: &str, value: &StoredValue, version| KeyFact {
            key: key.to_owned(),
            value: value.text().into_owned(),
            version,
        };
        keys.map(|kv| fact(&kv.key, &kv.value, kv.version)).collect()
    }

    fn runs(&self, process: &str, node: Option<&str>) -> Option<bool> {
        let words: Vec<&str> = [Some(process), node].into_iter().flatten().collect();
        let find = |name: &str| self.0.node_named(name).ok_or_else(|| format!("there is no node {name:?}"));
        let actor = fault::process(&words, find).ok()?;
        Some(!self.0.faults().down.contains(&actor))
    }

    fn devices(&self, node: &str) -> Vec<String> {
        self.ns(node).into_iter().flat_map(Netns::devices).map(|device| device.name.to_string()).collect()
    }

    fn routes(&self, node: &str) -> Vec<String> {
        let Some(ns) = self.ns(node) else { return Vec::new() };
        show::ip_route(ns, |_| true).lines().map(str::to_owned).collect()
    }

    fn decisions(&self, pod: &str) -> Vec<DecisionFact> {
        let of = self.0.scheduler().decisions().iter().filter(|decision| &*decision.pod.name == pod);
        of.map(|decision| DecisionFact {
            chosen: match &decision.outcome {
                Outcome::Chosen(node) => Some(node.to_string()),
                Outcome::Unschedulable(_) => None,
            },
            rejected: decision
                .nodes
                .iter()
                .filter_map(|node| match &node.verdict {
                    Verdict::Rejected { plugin, .. } => Some((node.node.to_string(), (*plugin).to_owned())),
                    Verdict::Feasible { .. } => None,
                })
                .collect(),
        })
        .collect()
    }

    fn now(&self) -> Moment {
        Moment { at: self.0.now(), revision: self.0.etcd_member().store().revision().0 }
    }
}

impl WorldFacts<'_> {
    fn ns(&self, node: &str) -> Option<&Netns> {
        let host = self.0.hosts().iter().find(|host| &*host.name == node)?;
        self.0.fabric().ns(host.ns)
    }

    /// The objects of a resource at `since` and after every change since then; `None` if etcd has forgotten that.
    fn states(&self, resource: &str, since: Moment) -> Option<Vec<Vec<Value>>> {
        let range = KeyRange::prefix(&Kind::of_any_group(resource)?.etcd_prefix());
        let store = self.0.etcd_member().store();
        let then = RangeOp { revision: Some(Revision(since.revision)), ..RangeOp::new(range.clone()) };
        let mut state: VecMap<String, Value> = VecMap::new();
        for kv in store.range(&then).ok()?.kvs() {
            state.extend(kv.value.object().map(|object| (kv.key.to_string(), object.to_value())));
        }
        let mut states = vec![state.values().cloned().collect()];
        for event in store.events_since(Revision(since.revision + 1), &range).ok()? {
            match event {
                Event::Put { kv, .. } => {
                    state.extend(kv.value.object().map(|object| (kv.key.to_string(), object.to_value())));
                }
                Event::Delete { key, .. } => _ = state.remove(&*key),
            }
            states.push(state.values().cloned().collect());
        }
        Some(states)
    }
}
