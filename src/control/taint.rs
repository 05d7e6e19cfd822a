//! Taints and tolerations. Models `k8s.io/component-helpers/scheduling/corev1` and `Toleration.ToleratesTaint`.

use crate::api::{Taint, Toleration};

/// Whether a toleration bears a taint.
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    if toleration.effect.as_ref().is_some_and(|effect| !effect.as_str().is_empty() && *effect != taint.effect) {
        return false;
    }
    if !toleration.key.is_empty() && toleration.key != taint.key {
        return false;
    }
    match toleration.operator.as_str() {
        "" | "Equal" => toleration.value == taint.value && !toleration.key.is_empty(),
        "Exists" => true,
        "Lt" | "Gt" => {
            let numbers = toleration.value.parse::<i64>().ok().zip(taint.value.parse::<i64>().ok());
            numbers.is_some_and(|(limit, is)| if toleration.operator == "Lt" { is < limit } else { is > limit })
        }
        _ => false,
    }
}
