//! Who is near whom: in which places the pods are that want something of other pods, and those that such a wish means, kept
//! up to date pod by pod, so that InterPodAffinity needs no look at all of them.
//!
//! Models nothing of upstream, which looks at all pods of all nodes in every cycle (in sixteen threads).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::Node;
use crate::api::meta::Labels;
use crate::control::scheduler::snapshot::PodInfo;
use crate::control::scheduler::terms::{Affinity, Term};
use crate::sim::VecMap;

/// How many pods are in each place that a label of nodes tells apart: by the label's value.
pub type Places = Arc<BTreeMap<String, i64>>;

/// So many answers about who is meant are kept; when there are more, all are made anew as they are needed.
const MOST: usize = 128;

/// What a pod wants of the pods that a term means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// They must be near.
    Near,
    /// They must not be near.
    Far,
    /// It weighs so much that they are near; less than nothing if they had better not be.
    Weight(i64),
}

/// The pods of all nodes, as far as InterPodAffinity asks for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Near {
    /// Where the pods are that have a wish.
    wishing: VecMap<(Wish, Term), Places>,
    /// Where the pods are that all of some terms mean, for terms that were asked for.
    meant: VecMap<(Vec<Term>, String), Places>,
}

/// Adds to what a place counts; a place without pods is none.
pub fn add(places: &mut Places, value: &str, by: i64) {
    let places = Arc::make_mut(places);
    match places.get_mut(value) {
        Some(count) => {
            *count += by;
            if *count == 0 {
                places.remove(value);
            }
        }
        None => _ = places.insert(value.to_owned(), by),
    }
}

/// Every wish of a pod with its term.
fn wishes(of: &Affinity) -> impl Iterator<Item = (Wish, &Term)> {
    let required = of.required.iter().map(|term| (Wish::Near, term));
    let anti = of.required_anti.iter().map(|term| (Wish::Far, term));
    let preferred = of.preferred.iter().map(|wish| (Wish::Weight(wish.weight), &wish.term));
    let preferred_anti = of.preferred_anti.iter().map(|wish| (Wish::Weight(-wish.weight), &wish.term));
    required.chain(anti).chain(preferred).chain(preferred_anti)
}

/// Whether a pod is meant by all of the terms, of which there is one at least.
pub fn all_match(terms: &[Term], pod: &PodInfo, namespace: Option<&Labels>) -> bool {
    !terms.is_empty() && terms.iter().all(|term| term.matches(&pod.pod, namespace))
}

impl Near {
    /// Every wish of the pods that are there, and where they are.
    pub fn wishing(&self) -> impl Iterator<Item = (Wish, &Term, &Places)> {
        self.wishing.iter().map(|((wish, term), places)| (*wish, term, places))
    }

    /// Where the pods are that all terms mean, if that is known.
    fn known(&self, terms: &[Term], key: &str) -> Option<&Places> {
        let found = |((of, by), _): &(&(Vec<Term>, String), &Places)| by == key && of == terms;
        self.meant.iter().find(found).map(|(_, places)| places)
    }

    /// Where the pods are that all terms mean, by this label of nodes; `count` counts them if that is not known.
    pub fn meant(&self, terms: &[Term], key: &str, count: impl FnOnce() -> Places) -> Cow<'_, Places> {
        self.known(terms, key).map_or_else(|| Cow::Owned(count()), Cow::Borrowed)
    }

    /// Sees to it that what is asked for is known from now on.
    pub fn ensure(&mut self, terms: &[Term], key: &str, count: impl FnOnce() -> Places) {
        if self.known(terms, key).is_some() {
            return;
        }
        if self.meant.len() >= MOST {
            self.meant.clear();
        }
        self.meant.insert((terms.to_vec(), key.to_owned()), count());
    }

    /// The labels of namespaces changed: other pods may be meant.
    pub fn forget_meant(&mut self) {
        self.meant.clear();
    }

    /// A pod came to a node (1) or left it (-1).
    pub fn count(&mut self, pod: &PodInfo, node: &Node, namespace: Option<&Labels>, by: i64) {
        for (wish, term) in pod.affinity.iter().flat_map(|affinity| wishes(affinity)) {
            let Some(value) = node.metadata.labels.get(&term.topology_key) else { continue };
            let places = self.wishing.entry((wish, term.clone())).or_default();
            add(places, value, by);
            if places.is_empty() {
                self.wishing.remove(&(wish, term.clone()));
            }
        }
        for ((terms, key), places) in &mut self.meant {
            if let Some(value) = node.metadata.labels.get(key)
                && all_match(terms, pod, namespace)
            {
                add(places, value, by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object, Pod};
    use crate::control::scheduler::snapshot::Snapshot;
    use crate::sim::Rng;
    use serde_json::{Value, json};

    fn node(name: &str, zone: u64) -> Arc<Node> {
        let labels = json!({"zone": format!("z{zone}"), "host": name});
        let node = Object::from_value(Kind::Node, json!({"metadata": {"name": name, "labels": labels}}));
        node.ok().and_then(|node| node.get::<Node>().cloned()).expect("a node")
    }

    fn pod(number: u64) -> Arc<PodInfo> {
        let colour = ["red", "blue"][(number % 2) as usize];
        let term = |key: &str| json!({"topologyKey": key, "labelSelector": {"matchLabels": {"colour": colour}}});
        let affinity: Value = match number % 3 {
            0 => {
                json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term("zone"), term("host")]}})
            }
            1 => json!({"podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [term("host")],
                "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 7, "podAffinityTerm": term("zone")}],
            }}),
            _ => json!({}),
        };
        let value = json!({
            "metadata": {"name": format!("p{number}"), "namespace": "default", "labels": {"colour": colour}},
            "spec": {"affinity": affinity, "containers": [{"name": "c", "image": "nginx"}]},
        });
        let pod = Object::from_value(Kind::Pod, value).ok().and_then(|pod| pod.get::<Pod>().cloned());
        Arc::new(PodInfo::new(pod.expect("a pod")))
    }

    #[test]
    fn what_is_kept_pod_by_pod_is_what_a_count_of_all_pods_finds() {
        let (mut rng, mut nodes) = (Rng::stream(7, "near"), Snapshot::default());
        let pods: Vec<Arc<PodInfo>> = (0..12).map(pod).collect();
        for step in 0..400 {
            let (name, chosen) = (format!("n{}", rng.below(5)), &pods[rng.below(12) as usize]);
            match rng.below(8) {
                0 => nodes.set_node(&node(&name, rng.below(2))),
                1 => nodes.remove_node(&name),
                2 | 3 => _ = nodes.displace(&chosen.key()),
                _ => nodes.place(Arc::clone(chosen), &name),
            }
            nodes.refresh();
            let mut anew = Near::default();
            for info in nodes.nodes() {
                info.pods.values().for_each(|pod| anew.count(pod, &info.node, None, 1));
            }
            assert!(nodes.wishing().eq(anew.wishing()), "step {step}");
            for wants in pods.iter().filter_map(|pod| pod.affinity.clone()) {
                for term in wants.required.iter().chain(&wants.required_anti) {
                    let alone = std::slice::from_ref(term);
                    let kept = nodes.meant(alone, &term.topology_key).into_owned();
                    let counted = nodes.count_meant(alone, &term.topology_key);
                    assert_eq!(kept, counted, "step {step}");
                    nodes.ensure_meant(alone, &term.topology_key);
                }
            }
        }
    }
}
