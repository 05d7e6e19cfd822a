//! How many pods a rolling update may have too many or too few.
//!
//! Models `ResolveFenceposts`, `MaxUnavailable`, `MaxSurge`, `MinAvailable`, `NewRSNewReplicas` of
//! `pkg/controller/deployment/util/deployment_util.go` and `k8s.io/apimachinery/pkg/util/intstr`.

use crate::api::{Deployment, IntOrString, StrategyType};

/// A number, or a percentage of `total`; `None` for a text that is no percentage.
pub fn scaled(value: &IntOrString, total: i32, up: bool) -> Option<i32> {
    let percent: i64 = match value {
        IntOrString::Int(n) => return Some(*n),
        IntOrString::String(text) => text.strip_suffix('%')?.parse().ok()?,
    };
    let product = percent.saturating_mul(i64::from(total));
    let share = if up { product.div_euclid(100) + i64::from(product.rem_euclid(100) != 0) } else { product / 100 };
    Some(i32::try_from(share).unwrap_or(i32::MAX))
}

/// Surge (rounded up) and unavailable (rounded down) in pods; never both zero. A missing limit counts as zero.
pub fn fenceposts(surge: Option<&IntOrString>, unavailable: Option<&IntOrString>, desired: i32) -> Option<(i32, i32)> {
    let surge = surge.map_or(Some(0), |value| scaled(value, desired, true))?;
    let unavailable = unavailable.map_or(Some(0), |value| scaled(value, desired, false))?;
    if surge == 0 && unavailable == 0 { Some((0, 1)) } else { Some((surge, unavailable)) }
}

fn rolling(deployment: &Deployment) -> bool {
    deployment.spec.strategy.r#type == StrategyType::RollingUpdate
}

fn posts(deployment: &Deployment) -> (i32, i32) {
    let limits = deployment.spec.strategy.rolling_update.as_ref();
    let surge = limits.map(|limits| &limits.max_surge);
    let unavailable = limits.map(|limits| &limits.max_unavailable);
    fenceposts(surge, unavailable, deployment.spec.replicas).unwrap_or((0, 0))
}

/// How many pods may be missing.
pub fn max_unavailable(deployment: &Deployment) -> i32 {
    if !rolling(deployment) || deployment.spec.replicas == 0 {
        return 0;
    }
    posts(deployment).1.min(deployment.spec.replicas)
}

/// How many pods must be available.
pub fn min_available(deployment: &Deployment) -> i32 {
    if rolling(deployment) { deployment.spec.replicas - max_unavailable(deployment) } else { 0 }
}

/// How many pods may be there beyond the wanted number.
pub fn max_surge(deployment: &Deployment) -> i32 {
    if rolling(deployment) { posts(deployment).0 } else { 0 }
}

/// The size that the new ReplicaSet may have, given its size and that of all ReplicaSets together.
pub fn new_size(deployment: &Deployment, all: i32, new: i32) -> i32 {
    let wanted = deployment.spec.replicas;
    if !rolling(deployment) {
        return wanted;
    }
    let surge = deployment.spec.strategy.rolling_update.as_ref();
    let surge = surge.and_then(|limits| scaled(&limits.max_surge, wanted, true)).unwrap_or(0);
    let most = wanted.saturating_add(surge);
    if all >= most { new } else { new + (most - all).min(wanted - new) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_up_for_surge_and_down_for_unavailable() {
        let percent = IntOrString::String("25%".into());
        for (replicas, expected) in [(0, (0, 1)), (1, (1, 0)), (3, (1, 0)), (4, (1, 1)), (10, (3, 2))] {
            assert_eq!(fenceposts(Some(&percent), Some(&percent), replicas), Some(expected), "{replicas}");
        }
        assert_eq!(fenceposts(Some(&IntOrString::String("oops".into())), None, 3), None);
    }
}
