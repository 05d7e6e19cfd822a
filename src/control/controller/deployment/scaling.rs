//! Scaling: a Deployment whose number changes in the middle of a rollout keeps the proportions of its ReplicaSets.
//!
//! Models `scale` and `isScalingEvent` of `pkg/controller/deployment/sync.go`.

use std::cmp::Reverse;

use crate::control::controller::deployment::limits;
use crate::control::controller::deployment::view::{DESIRED, MAX, Set, Sets};

/// Whether the wanted number differs from what the ReplicaSets last knew.
pub fn is_scaling_event(sets: &Sets) -> bool {
    let wanted = sets.deployment.spec.replicas;
    sets.sets.iter().filter(|set| set.active()).any(|set| set.annotation(DESIRED).is_some_and(|known| known != wanted))
}

/// Takes all pods of old ReplicaSets away. Whether that is a change.
pub fn scale_down_old(sets: &mut Sets) -> bool {
    let mut changed = false;
    for set in sets.old_mut().filter(|set| set.active()) {
        changed |= set.scale(0);
    }
    changed
}

/// Spreads the wanted number over the ReplicaSets.
pub fn scale(sets: &mut Sets) {
    let wanted = sets.deployment.spec.replicas;
    if let Some(only) = active_or_latest(sets) {
        if sets.sets[only].replicas != wanted {
            sets.sets[only].scale(wanted);
        }
        return;
    }
    if is_saturated(sets) {
        scale_down_old(sets);
        return;
    }
    if sets.deployment.spec.strategy.r#type == crate::api::StrategyType::RollingUpdate {
        scale_in_proportion(sets);
    }
}

/// The only ReplicaSet with pods, or the latest if none has any.
fn active_or_latest(sets: &Sets) -> Option<usize> {
    let active: Vec<usize> = (0..sets.sets.len()).filter(|index| sets.sets[*index].active()).collect();
    match active[..] {
        [] => sets.new.or_else(|| sets.sets.len().checked_sub(1)),
        [only] => Some(only),
        _ => None,
    }
}

/// Whether the new ReplicaSet has all the pods that are wanted, all available.
fn is_saturated(sets: &Sets) -> bool {
    let wanted = sets.deployment.spec.replicas;
    sets.newest().is_some_and(|set| {
        set.replicas == wanted && set.annotation(DESIRED) == Some(wanted) && set.available() == wanted
    })
}

/// Gives every active ReplicaSet its share of what is to be added or taken away; the largest gets the rest.
fn scale_in_proportion(sets: &mut Sets) {
    let deployment = sets.deployment.clone();
    let wanted = deployment.spec.replicas;
    let allowed = if wanted > 0 { wanted + limits::max_surge(&deployment) } else { 0 };
    let mut order: Vec<usize> = (0..sets.sets.len()).filter(|index| sets.sets[*index].active()).collect();
    let total: i32 = order.iter().map(|index| sets.sets[*index].replicas).sum();
    let add = allowed - total;
    if add > 0 {
        order.sort_by_key(|index| (Reverse(sets.sets[*index].replicas), Reverse(*index)));
    } else {
        order.sort_by_key(|index| (Reverse(sets.sets[*index].replicas), *index));
    }
    let mut added = 0;
    let mut sizes = Vec::new();
    for index in &order {
        let set = &sets.sets[*index];
        let share = if add == 0 { 0 } else { proportion(sets, set, add, added) };
        added += share;
        sizes.push(set.replicas + share);
    }
    if let Some(first) = sizes.first_mut().filter(|_| add != 0) {
        *first = (*first + add - added).max(0);
    }
    for (index, size) in order.into_iter().zip(sizes) {
        sets.sets[index].scale(size);
    }
}

/// A ReplicaSet's share, never more than what is left (`GetReplicaSetProportion`).
fn proportion(sets: &Sets, set: &Set, add: i32, added: i32) -> i32 {
    if set.replicas == 0 || add == added {
        return 0;
    }
    let (share, left) = (fraction(sets, set), add - added);
    if add > 0 { share.min(left) } else { share.max(left) }
}

/// What a ReplicaSet would gain or lose if it grew as the Deployment does, rounded to the nearest.
fn fraction(sets: &Sets, set: &Set) -> i32 {
    let deployment = &sets.deployment;
    if deployment.spec.replicas == 0 {
        return -set.replicas;
    }
    let most = i64::from(deployment.spec.replicas) + i64::from(limits::max_surge(deployment));
    let before = set.annotation(MAX).filter(|most| *most > 0).unwrap_or(deployment.status.replicas);
    if before == 0 {
        return 0;
    }
    let doubled = 2 * i64::from(set.replicas) * most + i64::from(before);
    let size = doubled.div_euclid(2 * i64::from(before));
    i32::try_from(size - i64::from(set.replicas)).unwrap_or(i32::MAX)
}
