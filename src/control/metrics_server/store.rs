//! The last two points of every node and container, and the usage between them.
//!
//! Models `sigs.k8s.io/metrics-server/pkg/storage`.

use std::sync::Arc;

use crate::sim::{Span, Time, VecMap};

/// A container that has run for so long has a first point that says something.
const FRESH: Span = Span::secs(10);

/// What was measured at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// When the container or node started.
    pub started: Time,
    /// When it was measured.
    pub at: Time,
    /// The CPU time used since the start.
    pub cpu: Span,
    /// Bytes of memory.
    pub memory: u64,
}

/// Namespace and name of a pod.
pub type PodName = (Arc<str>, Arc<str>);

/// What a kubelet says of its node at one scrape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Batch {
    /// The node.
    pub node: Arc<str>,
    /// The node as a whole.
    pub whole: Point,
    /// Its containers, by pod and name.
    pub containers: Vec<(PodName, Arc<str>, Point)>,
}

/// Usage between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Usage {
    /// When the later point was measured.
    pub at: Time,
    /// How long after the earlier one.
    pub window: Span,
    /// Billionths of a core.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
}

/// Points by container.
type Containers = VecMap<Arc<str>, Point>;

/// The points.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Store {
    nodes: VecMap<Arc<str>, Point>,
    nodes_before: VecMap<Arc<str>, Point>,
    pods: VecMap<PodName, Containers>,
    pods_before: VecMap<PodName, Containers>,
}

impl Store {
    /// Takes the batches of one scrape of all nodes in; what is not in them is forgotten.
    pub fn put(&mut self, batches: &[Batch], resolution: Span) {
        let (mut nodes, mut nodes_before) = (VecMap::new(), VecMap::new());
        let (mut pods, mut pods_before) = (VecMap::new(), VecMap::new());
        for batch in batches {
            let known = (self.nodes.get(&batch.node), self.nodes_before.get(&batch.node));
            if let Some(before) = earlier(&batch.whole, known) {
                nodes_before.insert(batch.node.clone(), before);
            }
            nodes.insert(batch.node.clone(), batch.whole);
            for (pod, name, point) in &batch.containers {
                let last: &mut Containers = pods.entry(pod.clone()).or_default();
                last.insert(name.clone(), *point);
                let of = |all: &VecMap<PodName, Containers>| all.get(pod).and_then(|c| c.get(name)).copied();
                let (last, before) = (of(&self.pods), of(&self.pods_before));
                let age = point.at.since(point.started);
                let before = if age >= FRESH && age < resolution {
                    Some(Point { at: point.started, cpu: Span::ZERO, ..*point })
                } else {
                    earlier(point, (last.as_ref(), before.as_ref()))
                };
                if let Some(before) = before {
                    let containers: &mut Containers = pods_before.entry(pod.clone()).or_default();
                    containers.insert(name.clone(), before);
                }
            }
        }
        *self = Store { nodes, nodes_before, pods, pods_before };
    }

    /// Whether there is anything to tell (`metric-storage-ready`).
    pub fn is_ready(&self) -> bool {
        !self.nodes_before.is_empty() || !self.pods_before.is_empty()
    }

    /// The usage of a node.
    pub fn node(&self, name: &str) -> Option<Usage> {
        usage(self.nodes.get(name)?, self.nodes_before.get(name)?)
    }

    /// The usage of a pod's containers; `None` unless it is known of all of them.
    pub fn pod(&self, name: &PodName) -> Option<Vec<(Arc<str>, Usage)>> {
        let (last, before) = (self.pods.get(name)?, self.pods_before.get(name)?);
        last.iter().map(|(name, point)| Some((name.clone(), usage(point, before.get(name)?)?))).collect()
    }
}

/// The point to be compared with: the last one, or the one before that if nothing was measured since; none after a restart.
fn earlier(new: &Point, (last, before): (Option<&Point>, Option<&Point>)) -> Option<Point> {
    let last = last.filter(|last| new.started < last.at)?;
    if new.at > last.at { Some(*last) } else { before.filter(|before| before.at < new.at).copied() }
}

fn usage(last: &Point, before: &Point) -> Option<Usage> {
    let window = last.at.since(before.at);
    if last.cpu < before.cpu || window == Span::ZERO {
        return None;
    }
    let cpu = u128::from(last.cpu.0 - before.cpu.0) * 1_000_000_000 / u128::from(window.0);
    let (cpu, memory) = (i64::try_from(cpu).unwrap_or(i64::MAX), i64::try_from(last.memory).unwrap_or(i64::MAX));
    Some(Usage { at: last.at, window, cpu, memory })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESOLUTION: Span = Span::secs(15);

    fn secs(at: u64) -> Time {
        Time::ZERO + Span::secs(at)
    }

    fn batch(started: u64, at: u64, cpu: u64) -> Batch {
        let point = Point { started: secs(started), at: secs(at), cpu: Span::millis(cpu), memory: 7 };
        let whole = Point { started: Time::ZERO, ..point };
        Batch { node: "n".into(), whole, containers: vec![(("ns".into(), "p".into()), "c".into(), point)] }
    }

    /// Thousandths of a core that the container of the last of these batches uses: when it started, the time, its CPU time.
    fn check(batches: &[(u64, u64, u64)], want: Option<i64>) {
        let mut store = Store::default();
        for (started, at, cpu) in batches {
            store.put(&[batch(*started, *at, *cpu)], RESOLUTION);
        }
        let found = store.pod(&("ns".into(), "p".into()));
        assert_eq!(found.map(|c| c[0].1.cpu / 1_000_000), want, "{batches:?}");
    }

    #[test]
    fn usage_needs_two_points() {
        check(&[(1, 60, 100)], None);
        check(&[(1, 60, 100), (1, 75, 1_600)], Some(100));
        check(&[(1, 60, 100), (1, 75, 1_600), (1, 90, 1_600)], Some(0));
    }

    #[test]
    fn a_restart_begins_anew() {
        check(&[(1, 60, 100), (70, 75, 50)], None);
        check(&[(1, 60, 100), (70, 75, 50), (70, 90, 200)], Some(10));
    }

    #[test]
    fn a_fresh_container_is_measured_from_its_start() {
        check(&[(50, 60, 1_000)], Some(100));
        check(&[(51, 60, 1_000)], None);
        check(&[(45, 60, 1_000)], None);
    }

    #[test]
    fn the_same_point_twice_changes_nothing() {
        check(&[(1, 60, 100), (1, 75, 1_600), (1, 75, 1_600)], Some(100));
    }

    #[test]
    fn a_node_that_does_not_answer_is_forgotten() {
        let mut store = Store::default();
        store.put(&[batch(1, 60, 0)], RESOLUTION);
        assert!(!store.is_ready());
        store.put(&[batch(1, 75, 15)], RESOLUTION);
        assert_eq!(store.node("n").map(|u| (u.cpu, u.window)), Some((1_000_000, RESOLUTION)));
        assert!(store.is_ready());
        store.put(&[], RESOLUTION);
        assert_eq!(store.node("n"), None);
    }
}
