//! Back-off per index: what an index has failed so far travels from a failed pod to the one that replaces it.
//!
//! Models the part of `backoffLimitPerIndex` in `pkg/controller/job/indexed_job_utils.go` and `backoff_utils.go`: the last
//! failed pod of an index keeps its finalizer until its replacement is there, which carries the count on as an annotation.

use std::sync::Arc;

use crate::api::{Job, Pod, Timestamp};
use crate::control::controller::job::policy::{self, Action};
use crate::control::controller::job::{backoff, indexes};
use crate::sim::VecMap;

/// The annotation that counts the failures of an index.
pub const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
/// The annotation that counts those which its failure policy ignores.
pub const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// What an annotation counts; 0 where it says nothing sensible.
fn counted(pod: &Pod, annotation: &str) -> i32 {
    let known = pod.metadata.annotations.get(annotation).and_then(|text| text.parse().ok());
    known.filter(|count| *count >= 0).unwrap_or(0)
}

fn all_failures(pod: &Pod) -> i32 {
    counted(pod, FAILURES).saturating_add(counted(pod, IGNORED))
}

/// Whether the failure of a pod is the end of its index.
pub fn is_lost(job: &Job, pod: &Pod, limit: i32) -> bool {
    match policy::action(job, pod) {
        Action::FailIndex => true,
        Action::Ignore => false,
        _ => counted(pod, FAILURES) >= limit,
    }
}

/// The last failed pod of each index that is open: it waits for its replacement.
pub fn waiting<'a>(failed: impl Iterator<Item = &'a Arc<Pod>>, is_open: impl Fn(i32) -> bool) -> VecMap<i32, Arc<Pod>> {
    let mut last: VecMap<i32, Arc<Pod>> = VecMap::new();
    for pod in failed {
        let Some(index) = indexes::of(pod).filter(|index| is_open(*index)) else { continue };
        let earlier =
            |known: &Arc<Pod>| all_failures(pod) < all_failures(known) || backoff::ended(pod) < backoff::ended(known);
        if !last.get(&index).is_some_and(earlier) {
            last.insert(index, Arc::clone(pod));
        }
    }
    last
}

/// Until when a failed pod is not replaced.
pub fn until(failed: &Pod) -> Timestamp {
    backoff::after(all_failures(failed).saturating_add(1), backoff::ended(failed))
}

/// Writes into a new pod what its index has failed, given the pod that it replaces.
pub fn count(pod: &mut Pod, job: &Job, replaced: Option<&Pod>) {
    let (mut failures, mut ignored) = replaced.map_or((0, 0), |old| (counted(old, FAILURES), counted(old, IGNORED)));
    match replaced.map(|old| policy::action(job, old)) {
        None => {}
        Some(Action::Ignore) => ignored += 1,
        Some(_) => failures += 1,
    }
    pod.metadata.annotations.insert(FAILURES.into(), failures.to_string());
    if ignored > 0 {
        pod.metadata.annotations.insert(IGNORED.into(), ignored.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{PodCondition, PodFailurePolicy};
    use serde_json::json;

    fn failed(index: i32, failures: &str, at: i64) -> Arc<Pod> {
        let mut pod = Pod::default();
        pod.metadata.annotations.insert(indexes::INDEX.into(), index.to_string());
        pod.metadata.annotations.insert(FAILURES.into(), failures.into());
        pod.status.phase = "Failed".into();
        pod.status.conditions = vec![PodCondition {
            r#type: "Ready".into(),
            status: "False".into(),
            last_transition_time: Some(Timestamp(at)),
            ..PodCondition::default()
        }];
        Arc::new(pod)
    }

    #[test]
    fn the_wait_of_an_index_doubles_with_its_own_failures() {
        for (failures, wait) in [("0", 10), ("1", 20), ("2", 40), ("9", 600), ("-1", 10), ("many", 10)] {
            assert_eq!(until(&failed(0, failures, 100)), Timestamp(100 + wait), "{failures}");
        }
    }

    #[test]
    fn the_last_failed_pod_of_an_open_index_waits() {
        let pods = [failed(0, "0", 1), failed(0, "1", 2), failed(1, "0", 1), failed(2, "1", 9), failed(2, "0", 3)];
        let waits = waiting(pods.iter(), |index| index != 1);
        let counts: Vec<(i32, i32)> = waits.iter().map(|(index, pod)| (*index, all_failures(pod))).collect();
        assert_eq!(counts, [(0, 1), (2, 1)]);
    }

    #[test]
    fn a_replacement_counts_one_more_and_ignored_failures_apart() {
        let mut job = Job::default();
        let carried = |job: &Job, old: Option<&Pod>| {
            let mut pod = Pod::default();
            count(&mut pod, job, old);
            (counted(&pod, FAILURES), counted(&pod, IGNORED), is_lost(job, &failed(0, "1", 0), 1))
        };
        assert_eq!(carried(&job, None), (0, 0, true));
        assert_eq!(carried(&job, Some(&failed(0, "1", 0))), (2, 0, true));
        let ignore =
            json!({"rules": [{"action": "Ignore", "onPodConditions": [{"type": "Ready", "status": "False"}]}]});
        let policy: PodFailurePolicy = serde_json::from_value(ignore).expect("a policy");
        job.spec.pod_failure_policy = Some(policy);
        assert_eq!(carried(&job, Some(&failed(0, "1", 0))), (1, 1, false));
    }
}
