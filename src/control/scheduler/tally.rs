//! Tallies: how many pods a selector chooses on each node and in each place, kept up to date pod by pod, so that spreading
//! pods needs no look at all of them.
//!
//! Models nothing of upstream, which counts all pods of all nodes in every cycle (in sixteen threads).

use std::sync::Arc;

use crate::api::labels::Selector;
use crate::api::{Node, Pod};
use crate::sim::VecMap;

/// At most so many are kept; when there are more, all are made anew as they are needed.
const MOST: usize = 128;

/// Counts of the pods of one namespace that one selector chooses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tally {
    per_node: VecMap<Arc<str>, i64>,
    /// By the label of nodes, then by its value (empty without the label). Places without pods are there too.
    per_value: VecMap<String, VecMap<String, i64>>,
}

/// All tallies, by namespace and selector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tallies(VecMap<(String, Selector), Tally>);

impl Tally {
    /// The pods of a node.
    pub fn of_node(&self, node: &str) -> i64 {
        self.per_node.get(node).copied().unwrap_or(0)
    }

    /// The pods of each place; `None` if places are not told apart by that label here.
    pub fn by(&self, topology_key: &str) -> Option<&VecMap<String, i64>> {
        self.per_value.get(topology_key)
    }

    fn add(&mut self, node: &Node, count: i64) {
        *self.per_node.entry(node.metadata.name.as_str().into()).or_default() += count;
        for (key, values) in &mut self.per_value {
            let value = node.metadata.labels.get(key).map_or("", String::as_str);
            match values.get_mut(value) {
                Some(known) => *known += count,
                None => {
                    values.insert(value.to_owned(), count);
                }
            }
        }
    }
}

impl Tallies {
    /// The tally of a selector.
    pub fn get(&self, namespace: &str, selector: &Selector) -> Option<&Tally> {
        self.0.get(&(namespace.to_owned(), selector.clone()))
    }

    /// Forgets all: nodes came, went or moved.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A pod came to a node (1) or left it (-1).
    pub fn count(&mut self, pod: &Pod, node: &Node, count: i64) {
        if self.0.is_empty() || pod.metadata.deletion_timestamp.is_some() {
            return;
        }
        let namespace = &pod.metadata.namespace;
        for ((of, selector), tally) in &mut self.0 {
            if of == namespace && selector.matches(&pod.metadata.labels) {
                tally.add(node, count);
            }
        }
    }

    /// Makes the tally of a selector if it is not there, from all nodes with their pods.
    pub fn ensure<'a>(
        &mut self,
        namespace: &str,
        selector: &Selector,
        keys: &[&str],
        nodes: impl Iterator<Item = (&'a Node, Vec<&'a Arc<Pod>>)>,
    ) {
        let known = self.get(namespace, selector);
        if known.is_some_and(|tally| keys.iter().all(|key| tally.per_value.contains_key(*key))) {
            return;
        }
        let mut tally = Tally::default();
        let before = known.into_iter().flat_map(|tally| tally.per_value.keys());
        tally.per_value = before.cloned().chain(keys.iter().map(|k| (*k).to_owned())).map(|k| (k, [].into())).collect();
        for (node, pods) in nodes {
            let chosen = |pod: &&&Arc<Pod>| {
                let meta = &pod.metadata;
                meta.namespace == namespace && meta.deletion_timestamp.is_none() && selector.matches(&meta.labels)
            };
            tally.add(node, i64::try_from(pods.iter().filter(chosen).count()).unwrap_or(i64::MAX));
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert((namespace.to_owned(), selector.clone()), tally);
    }
}
