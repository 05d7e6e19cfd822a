//! The rolling update of a DaemonSet: which old pods go, and where new ones come before the old ones go.
//!
//! Models `rollingUpdate` of `pkg/controller/daemon/update.go`. Nodes are looked at in the order of their names.

use std::sync::Arc;

use crate::api::{DaemonSet, Pod, Timestamp};
use crate::control::controller::daemon_set::pod;
use crate::control::controller::deployment::limits;
use crate::control::controller::{history, pods};
use crate::sim::VecMap;

/// What is to be done.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Nodes for new pods.
    pub nodes: Vec<String>,
    /// Pods that go.
    pub pods: Vec<Arc<Pod>>,
}

/// Whether a pod was made from the template as it is.
pub fn is_updated(pod: &Pod, set: &DaemonSet, hash: &str) -> bool {
    let label = |key: &str| pod.metadata.labels.get(key).map(String::as_str);
    let of_generation = pod::generation(set).is_some() && label(pod::GENERATION_LABEL) == pod::generation(set);
    of_generation || (!hash.is_empty() && label(history::REVISION_LABEL) == Some(hash))
}

/// How many nodes may have two pods.
pub fn max_surge(set: &DaemonSet, desired: i32) -> usize {
    let rolling = set.spec.update_strategy.rolling_update.as_ref();
    let surge = rolling.and_then(|rolling| limits::scaled(&rolling.max_surge, desired, true)).unwrap_or(0);
    usize::try_from(surge).unwrap_or(0)
}

fn max_unavailable(set: &DaemonSet, desired: i32) -> usize {
    let rolling = set.spec.update_strategy.rolling_update.as_ref();
    let most = rolling.and_then(|rolling| limits::scaled(&rolling.max_unavailable, desired, true)).unwrap_or(1);
    usize::try_from(most).unwrap_or(0)
}

/// The new and the old pod of a node.
type Pair<'a> = (Option<&'a Arc<Pod>>, Option<&'a Arc<Pod>>);

/// The new and the old pod of a node; `None` if it has several of a kind, which are dealt with elsewhere.
fn of_node<'a>(set: &DaemonSet, hash: &str, all: &'a [Arc<Pod>]) -> Option<Pair<'a>> {
    let (mut new, mut old) = (None, None);
    for pod in all.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()) {
        let place = if is_updated(pod, set, hash) { &mut new } else { &mut old };
        if place.replace(pod).is_some() {
            return None;
        }
    }
    Some((new, old))
}

/// Chooses the next pods of a rolling update.
pub fn choose(
    set: &DaemonSet,
    hash: &str,
    by_node: &VecMap<String, Vec<Arc<Pod>>>,
    desired: usize,
    now: Timestamp,
) -> Chosen {
    let desired = i32::try_from(desired).unwrap_or(i32::MAX);
    let available = |pod: &Pod| pods::is_available(pod, set.spec.min_ready_seconds, now);
    let (surge, mut unavailable) = (max_surge(set, desired), max_unavailable(set, desired));
    if surge > 0 {
        return with_surge(set, hash, by_node, surge, &available);
    }
    unavailable = unavailable.max(1);
    let (mut missing, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
    for all in by_node.values() {
        match of_node(set, hash, all) {
            Some((Some(new), None)) => missing += usize::from(!available(new)),
            Some((None, Some(old))) if !available(old) => {
                missing += 1;
                broken.push(Arc::clone(old));
            }
            Some((None, Some(old))) => candidates.push(Arc::clone(old)),
            _ => missing += 1,
        }
    }
    candidates.truncate(unavailable.saturating_sub(missing));
    broken.extend(candidates);
    Chosen { nodes: Vec::new(), pods: broken }
}

fn with_surge(
    set: &DaemonSet,
    hash: &str,
    by_node: &VecMap<String, Vec<Arc<Pod>>>,
    surge: usize,
    available: &dyn Fn(&Pod) -> bool,
) -> Chosen {
    let mut chosen = Chosen::default();
    let (mut surging, mut candidates) = (0, Vec::new());
    for (node, all) in by_node {
        match of_node(set, hash, all) {
            None => surging += 1,
            Some((_, None)) => {}
            Some((None, Some(old))) if !available(old) => chosen.nodes.push(node.clone()),
            Some((None, Some(_))) => candidates.push(node.clone()),
            Some((Some(new), Some(old))) if available(new) => chosen.pods.push(Arc::clone(old)),
            Some((Some(_), Some(_))) => surging += 1,
        }
    }
    candidates.truncate(surge.saturating_sub(surging));
    chosen.nodes.extend(candidates);
    chosen
}
