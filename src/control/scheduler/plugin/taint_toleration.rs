//! TaintToleration: pods stay off nodes whose taints they do not tolerate, and prefer those without soft taints.
//! Models `plugins/tainttoleration/taint_toleration.go`.

use crate::api::{Taint, TaintEffect};
use crate::control::scheduler::framework::{CycleState, Plugin, Rejection, normalise_by_largest};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::control::taint;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct TaintToleration;

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn filter(&self, pod: &PodInfo, node: &NodeInfo, _: &CycleState) -> Result<(), Rejection> {
        let hard = |taint: &&Taint| matches!(taint.effect, TaintEffect::NoSchedule | TaintEffect::NoExecute);
        let tolerations = &pod.pod.spec.tolerations;
        let untolerated = node.node.spec.taints.iter().filter(hard);
        if untolerated.into_iter().all(|t| tolerations.iter().any(|toleration| taint::tolerates(toleration, t))) {
            return Ok(());
        }
        Err(Rejection::unresolvable("node(s) had untolerated taint(s)"))
    }

    fn scores(&self, _: &PodInfo) -> bool {
        true
    }

    /// How many soft taints the pod does not tolerate.
    fn score(&self, pod: &PodInfo, node: &NodeInfo, _: &Snapshot, _: &CycleState) -> i64 {
        let soft = |taint: &&Taint| taint.effect == TaintEffect::PreferNoSchedule;
        let tolerations = &pod.pod.spec.tolerations;
        let bears = |t: &Taint| tolerations.iter().any(|toleration| taint::tolerates(toleration, t));
        let count = node.node.spec.taints.iter().filter(soft).filter(|t| !bears(t)).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn normalise(&self, scores: &mut [i64]) {
        normalise_by_largest(scores, true);
    }
}
