//! PriorityClass. Models `k8s.io/api/scheduling/v1/types.go`.

use crate::api::ObjectMeta;

api_struct! {
    /// A name for a priority of pods.
    PriorityClass {
        keep { metadata: ObjectMeta, value: i32 }
        omit { global_default: bool, description: String, preemption_policy: Option<String> }
    }
}
