//! How long a Job waits before it replaces a failed pod: 10 s, doubling up to 10 minutes, from the last failure on; a success
//! ends it. Models `pkg/controller/job/backoff_utils.go`.

use std::sync::Arc;

use crate::api::{Pod, Timestamp};

const FIRST: i64 = 10;
const MOST: i64 = 600;

/// When the last container of a pod ended; when it was last heard of, if none says.
pub fn ended(pod: &Pod) -> Timestamp {
    let statuses = pod.status.container_statuses.iter();
    let times = statuses.filter_map(|status| status.state.terminated.as_ref()?.finished_at);
    let ready = || pod.status.conditions.iter().find(|c| c.r#type == "Ready").and_then(|c| c.last_transition_time);
    let deleted = || pod.metadata.deletion_timestamp;
    times.max().or_else(ready).or_else(deleted).or(pod.metadata.creation_timestamp).unwrap_or_default()
}

/// Until when no new pod is made, given the pods that succeeded and those that failed.
pub fn until(succeeded: &[&Arc<Pod>], failed: &[&Arc<Pod>]) -> Option<Timestamp> {
    let success = succeeded.iter().map(|pod| ended(pod)).max();
    let since: Vec<Timestamp> =
        failed.iter().map(|pod| ended(pod)).filter(|at| success.is_none_or(|success| *at > success)).collect();
    let last = since.iter().max()?;
    let doublings = u32::try_from(since.len() - 1).unwrap_or(u32::MAX).min(10);
    Some(Timestamp(last.0 + (FIRST << doublings).min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PodCondition;

    fn pod(at: i64) -> Arc<Pod> {
        let mut pod = Pod::default();
        let since = Some(Timestamp(at));
        pod.status.conditions =
            vec![PodCondition { r#type: "Ready".into(), last_transition_time: since, ..PodCondition::default() }];
        Arc::new(pod)
    }

    #[test]
    fn the_wait_doubles_with_every_failure_since_the_last_success() {
        let pods: Vec<Arc<Pod>> = (0..9).map(|n| pod(100 * n)).collect();
        let refs: Vec<&Arc<Pod>> = pods.iter().collect();
        assert_eq!(until(&[], &[]), None);
        assert_eq!(until(&[], &refs[..1]), Some(Timestamp(10)));
        assert_eq!(until(&[], &refs[..3]), Some(Timestamp(240)));
        assert_eq!(until(&[], &refs), Some(Timestamp(1_400)));
        assert_eq!(until(&refs[1..2], &refs[..3]), Some(Timestamp(210)));
    }
}
