//! ReplicaSet. Models `k8s.io/api/apps/v1/types.go`.

use std::sync::Arc;

use crate::api::{LabelSelector, ObjectMeta, PodTemplateSpec, Timestamp};

api_struct! {
    /// Keeps a number of pods of one template.
    ReplicaSet {
        keep { metadata: ObjectMeta, spec: ReplicaSetSpec, status: ReplicaSetStatus }
        omit {}
    }

    /// What is wanted.
    ReplicaSetSpec {
        keep { replicas: i32 = 1, selector: LabelSelector, template: Arc<PodTemplateSpec> }
        omit { min_ready_seconds: i32 }
    }

    /// What is.
    ReplicaSetStatus {
        keep { replicas: i32 }
        omit {
            fully_labeled_replicas: i32,
            ready_replicas: i32,
            available_replicas: i32,
            terminating_replicas: Option<i32>,
            observed_generation: i64,
            conditions: Vec<ReplicaSetCondition>,
        }
    }

    /// A condition: ReplicaFailure.
    ReplicaSetCondition {
        keep { r#type: String, status: String }
        omit { last_transition_time: Option<Timestamp>, reason: String, message: String }
    }
}
