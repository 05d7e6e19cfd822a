//! Pod garbage collection: ended pods beyond a threshold, pods of nodes that are no more, unscheduled pods that are
//! being deleted.
//!
//! Models `pkg/controller/podgc/gc_controller.go`. One key stands for the whole round, looked at every 20 s as upstream
//! does; it looks at pods only through indexes and does nothing while no node went and few pods ended.

use crate::api::{Kind, Node, ObjectRef, Pod, Request, Timestamp, Uid};
use crate::control::cache::{Cache, Change, Index};
use crate::control::controller::{Setup, pods};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler};
use crate::sim::{Span, Time, VecSet};

const PERIOD: Span = Span::secs(20);
const QUARANTINE: Span = Span::secs(40);
const TERMINATED_THRESHOLD: usize = 12_500;

/// Pod garbage collection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodGc {
    /// Ended pods, oldest first.
    terminated: VecSet<(Option<Timestamp>, ObjectRef)>,
    /// Unscheduled pods that are being deleted.
    unscheduled: VecSet<ObjectRef>,
    /// Nodes that pods are bound to and that are not there, since when.
    lost: crate::sim::VecMap<String, Time>,
}

impl PodGc {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        PodGc { terminated: VecSet::new(), unscheduled: VecSet::new(), lost: Default::default() }
    }
}

fn round() -> ObjectRef {
    ObjectRef { kind: Kind::Pod, namespace: "".into(), name: "".into() }
}

impl Reconciler for PodGc {
    const NAME: &'static str = "pod-garbage-collector";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[Kind::Pod, Kind::Node];

    fn observe(&mut self, change: &Change, cache: &Cache, now: Time) -> Vec<Note> {
        if let Some(node) = change.new_as::<Node>() {
            if change.deleted() {
                self.lost.insert(node.metadata.name.clone(), now);
            } else {
                self.lost.remove(&node.metadata.name);
            }
            return Vec::new();
        }
        let Some(pod) = change.new_as::<Pod>() else { return Vec::new() };
        let key = change.new.reference();
        let entry = (pod.metadata.creation_timestamp, key.clone());
        self.terminated.remove(&entry);
        self.unscheduled.remove(&key);
        if change.deleted() {
            return Vec::new();
        }
        let node = &pod.spec.node_name;
        if !node.is_empty() && !self.lost.contains_key(node) && cache.get::<Node>("", node).is_none() {
            self.lost.insert(node.clone(), now);
        }
        if pods::is_terminal(pod) {
            self.terminated.insert(entry);
        }
        if pod.metadata.deletion_timestamp.is_some() && pod.spec.node_name.is_empty() {
            self.unscheduled.insert(key);
        }
        Vec::new()
    }

    fn affected(&self, _: &Change, _: &Cache) -> Vec<ObjectRef> {
        Vec::new()
    }

    fn seeds(&self) -> Vec<ObjectRef> {
        vec![round()]
    }

    fn reconcile(&self, _: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        plan.look_again(cx.now + PERIOD);
        let surplus = self.terminated.len().saturating_sub(TERMINATED_THRESHOLD);
        let ended = self.terminated.iter().take(surplus).map(|(_, key)| key.clone());
        let due = self.lost.iter().filter(|(_, since)| **since + QUARANTINE <= cx.now);
        let orphaned = due.flat_map(|(node, _)| cx.cache.find_as::<Pod>(Index::Node, node)).map(|pod| key_of(pod));
        let doomed: VecSet<ObjectRef> = ended.chain(orphaned).chain(self.unscheduled.iter().cloned()).collect();
        plan.together(doomed.iter().filter_map(|key| delete(key, cx.cache)).collect());
        Ok(plan)
    }
}

fn key_of(pod: &Pod) -> ObjectRef {
    ObjectRef {
        kind: Kind::Pod,
        namespace: pod.metadata.namespace.as_str().into(),
        name: pod.metadata.name.as_str().into(),
    }
}

/// Deletes a pod at once: nobody is there to end it.
fn delete(key: &ObjectRef, cache: &Cache) -> Option<ApiCall> {
    let uid: Uid = cache.object(key)?.uid().clone();
    let mut request = Request::delete(Kind::Pod, &key.namespace, &key.name);
    request.options.grace_period_seconds = Some(0);
    request.options.precondition_uid = Some(uid);
    Some(ApiCall::unless_gone(request))
}
