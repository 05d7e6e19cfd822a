//! PodDisruptionBudget. Models `k8s.io/api/policy/v1/types.go`.

use crate::api::{IntOrString, LabelSelector, ObjectMeta, Timestamp};
use crate::sim::VecMap;

api_struct! {
    /// How many of some pods may be gone at a time.
    PodDisruptionBudget {
        keep { metadata: ObjectMeta, spec: PodDisruptionBudgetSpec, status: PodDisruptionBudgetStatus }
        omit {}
    }

    /// What is wanted: one of the two limits. No selector selects nothing, an empty one everything.
    PodDisruptionBudgetSpec {
        keep {}
        omit {
            min_available: Option<IntOrString>,
            selector: Option<LabelSelector>,
            max_unavailable: Option<IntOrString>,
            unhealthy_pod_eviction_policy: Option<String>,
        }
    }

    /// What is. `disrupted_pods` are those whose eviction was allowed, since when.
    PodDisruptionBudgetStatus {
        keep { disruptions_allowed: i32, current_healthy: i32, desired_healthy: i32, expected_pods: i32 }
        omit {
            observed_generation: i64,
            disrupted_pods: VecMap<String, Timestamp>,
            conditions: Vec<Condition>,
        }
    }

    /// A condition as newer kinds have it (`metav1.Condition`).
    Condition {
        keep {
            r#type: String,
            status: String,
            last_transition_time: Option<Timestamp>,
            reason: String,
            message: String,
        }
        omit { observed_generation: i64 }
    }
}
