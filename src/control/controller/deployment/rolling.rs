//! The rolling update: the new ReplicaSet first, then old ones, unhealthy pods before healthy ones.
//!
//! Models `pkg/controller/deployment/rolling.go`.

use crate::control::controller::deployment::limits;
use crate::control::controller::deployment::view::Sets;

/// Gives the new ReplicaSet the size that it may have. Whether that is a change.
pub fn reconcile_new(sets: &mut Sets) -> bool {
    let wanted = sets.deployment.spec.replicas;
    let Some(new) = sets.newest().map(|set| set.replicas) else { return false };
    if new == wanted {
        return false;
    }
    let size = if new > wanted { wanted } else { limits::new_size(&sets.deployment, sets.size(), new) };
    sets.scale_new(size)
}

/// Takes old pods away as far as availability allows. Whether that is a change.
pub fn reconcile_old(sets: &mut Sets) -> bool {
    let old: i32 = sets.old().map(|set| set.replicas).sum();
    if old == 0 {
        return false;
    }
    let min_available = sets.deployment.spec.replicas - limits::max_unavailable(&sets.deployment);
    let new_unavailable = sets.newest().map_or(0, |set| set.replicas - set.available());
    let most = sets.size() - min_available - new_unavailable;
    if most <= 0 {
        return false;
    }
    clean_up_unhealthy(sets, most) + scale_down_old(sets) > 0
}

/// Takes old pods away that are not available: they serve nobody. How many.
pub fn clean_up_unhealthy(sets: &mut Sets, most: i32) -> i32 {
    let mut taken = 0;
    for set in sets.old_mut() {
        if taken >= most {
            break;
        }
        if set.replicas == 0 || set.replicas == set.available() {
            continue;
        }
        let count = (most - taken).min(set.replicas - set.available());
        if count < 0 {
            continue;
        }
        set.scale(set.replicas - count);
        taken += count;
    }
    taken
}

/// Takes old pods away, oldest ReplicaSet first, as long as enough are available. How many.
pub fn scale_down_old(sets: &mut Sets) -> i32 {
    let min_available = sets.deployment.spec.replicas - limits::max_unavailable(&sets.deployment);
    let available: i32 = sets.sets.iter().map(|set| set.available()).sum();
    let most = available - min_available;
    let mut taken = 0;
    for set in sets.old_mut() {
        if taken >= most {
            break;
        }
        if set.replicas == 0 {
            continue;
        }
        let count = set.replicas.min(most - taken);
        set.scale(set.replicas - count);
        taken += count;
    }
    taken
}
