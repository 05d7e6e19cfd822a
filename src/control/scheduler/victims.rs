//! What the scheduler does to pods that must make room: it tells why, asks for their deletion, and remembers for whom.
//!
//! Models `prepareCandidate` of `pkg/scheduler/framework/preemption/preemption.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::labels::Selector;
use crate::api::{Body, Call, Kind, Object, PatchType, PodDisruptionBudget, Request, Subresource, Verb};
use crate::control::Cache;
use crate::control::recorder::involved;
use crate::control::scheduler::preemption::{Budget, Nomination};
use crate::control::scheduler::snapshot::PodInfo;
use crate::control::scheduler::{NAME, Scheduler, origin};
use crate::sim::{EventId, Out, Time};

/// The disruption budgets of all namespaces. One without a selector concerns no pod.
pub fn budgets(cache: &Cache) -> Vec<Budget> {
    let known = cache.all::<PodDisruptionBudget>().map(|budget| Budget {
        namespace: budget.metadata.namespace.clone(),
        selector: budget.spec.selector.as_ref().map_or_else(Selector::nothing, Selector::from),
        allowed: i64::from(budget.status.disruptions_allowed),
        disrupted: budget.status.disrupted_pods.keys().cloned().collect(),
    });
    known.collect()
}

impl Scheduler {
    /// Makes room for a pod, or gives up what was made.
    pub(super) fn preempt(
        &mut self,
        pod: &Arc<PodInfo>,
        nomination: &Nomination,
        cause: Option<EventId>,
        now: Time,
        out: &mut Out<Call>,
    ) {
        match nomination {
            Nomination::Unchanged => {}
            Nomination::Cleared => self.snapshot.nominate(pod, None),
            Nomination::Node { node, victims } => {
                for victim in victims {
                    self.make_go(victim, pod, node, cause, now, out);
                }
                self.drop_lesser(pod, node);
                self.snapshot.nominate(pod, Some(node));
            }
        }
    }

    fn make_go(
        &mut self,
        victim: &Arc<PodInfo>,
        pod: &Arc<PodInfo>,
        node: &str,
        cause: Option<EventId>,
        now: Time,
        out: &mut Out<Call>,
    ) {
        let meta = &victim.pod.metadata;
        let condition = json!({
            "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
            "message": format!("{NAME}: preempting to accommodate a higher priority pod"),
            "lastProbeTime": null, "lastTransitionTime": self.calendar.timestamp(now),
            "observedGeneration": meta.generation,
        });
        let mut patch = Request::new(Verb::Patch(PatchType::Strategic), Kind::Pod, &meta.namespace, &meta.name);
        patch.subresource = Some(Subresource::Status);
        patch.body = Body::Value(json!({"metadata": {"uid": meta.uid}, "status": {"conditions": [condition]}}).into());
        let mut delete = Request::delete(Kind::Pod, &meta.namespace, &meta.name);
        delete.options.precondition_uid = Some(meta.uid.clone());
        for request in [patch, delete] {
            let id = self.ids.next();
            out.push_for(cause, Call { id, request, origin: origin(&pod.key()) });
        }
        let words = format!("Preempted by pod {} on node {node}", pod.pod.metadata.uid);
        let about = involved(&Object::Pod(Arc::clone(&victim.pod)));
        for request in self.recorder.action(now, about, "Normal", "Preempted", "Preempting", &words) {
            let id = self.ids.next();
            out.push_for(cause, Call { id, request, origin: origin(&pod.key()) });
        }
    }

    /// Pods of lower priority for which room was being made there look elsewhere.
    fn drop_lesser(&mut self, pod: &PodInfo, node: &str) {
        let priority = |pod: &PodInfo| pod.pod.spec.priority.unwrap_or(0);
        let lesser: Vec<Arc<PodInfo>> =
            self.snapshot.nominated(node).filter(|other| priority(other) < priority(pod)).cloned().collect();
        lesser.iter().for_each(|other| self.snapshot.nominate(other, None));
    }
}
