//! ReplicationController. Models `k8s.io/api/core/v1/types.go`.

use std::sync::Arc;

use crate::api::{ObjectMeta, PodTemplateSpec, Timestamp};
use crate::sim::VecMap;

api_struct! {
    /// Keeps a number of pods of one template; older than the ReplicaSet.
    ReplicationController {
        keep { metadata: ObjectMeta, spec: ReplicationControllerSpec, status: ReplicationControllerStatus }
        omit {}
    }

    /// What is wanted.
    ReplicationControllerSpec {
        keep { replicas: i32 = 1 }
        omit {
            selector: VecMap<String, String>,
            template: Arc<PodTemplateSpec>,
            min_ready_seconds: i32,
        }
    }

    /// What is.
    ReplicationControllerStatus {
        keep { replicas: i32 }
        omit {
            fully_labeled_replicas: i32,
            ready_replicas: i32,
            available_replicas: i32,
            observed_generation: i64,
            conditions: Vec<ReplicationControllerCondition>,
        }
    }

    /// A condition: ReplicaFailure.
    ReplicationControllerCondition {
        keep { r#type: String, status: String }
        omit { last_transition_time: Option<Timestamp>, reason: String, message: String }
    }
}
