//! How long a Job waits before it replaces a failed pod: 10 s, doubling up to 10 minutes, from the last failure on; a success
//! ends it. Models `pkg/controller/job/backoff_utils.go`.

use std::sync::Arc;

use crate::api::{Pod, Timestamp};

const FIRST: i64 = 10;
const MOST: i64 = 600;

/// When a pod ended: with the last of its containers if all have ended, else when it was no longer ready, else when it was
/// asked to go, else when it was made.
pub fn ended(pod: &Pod) -> Timestamp {
    let statuses = pod.status.container_statuses.iter();
    let times: Option<Vec<Timestamp>> =
        statuses.map(|status| status.state.terminated.as_ref().and_then(|ended| ended.finished_at)).collect();
    let unready = || {
        let ready = pod.status.conditions.iter().find(|c| c.r#type == "Ready" && c.status == "False");
        ready.and_then(|c| c.last_transition_time)
    };
    let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
    let asked = || pod.metadata.deletion_timestamp.map(|at| Timestamp(at.0 - grace));
    let last = times.and_then(|times| times.into_iter().max());
    last.or_else(unready).or_else(asked).or(pod.metadata.creation_timestamp).unwrap_or_default()
}

/// The end of the wait after so many failures, the last of them at that moment.
pub fn after(failures: i32, last: Timestamp) -> Timestamp {
    let doublings = u32::try_from(failures - 1).unwrap_or(0).min(10);
    Timestamp(last.0 + (FIRST << doublings).min(MOST))
}

/// Until when no new pod is made, given the pods that succeeded and those that failed.
pub fn until(succeeded: &[&Arc<Pod>], failed: &[&Arc<Pod>]) -> Option<Timestamp> {
    let success = succeeded.iter().map(|pod| ended(pod)).max();
    let since: Vec<Timestamp> =
        failed.iter().map(|pod| ended(pod)).filter(|at| success.is_none_or(|success| *at > success)).collect();
    let last = since.iter().max()?;
    Some(after(i32::try_from(since.len()).unwrap_or(i32::MAX), *last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PodCondition;

    fn pod(at: i64) -> Arc<Pod> {
        let mut pod = Pod::default();
        let since = Some(Timestamp(at));
        pod.status.conditions = vec![PodCondition {
            r#type: "Ready".into(),
            status: "False".into(),
            last_transition_time: since,
            ..PodCondition::default()
        }];
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
