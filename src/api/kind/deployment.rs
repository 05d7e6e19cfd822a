//! Deployment. Models `k8s.io/api/apps/v1/types.go`.

use std::sync::Arc;

use crate::api::{IntOrString, LabelSelector, ObjectMeta, PodTemplateSpec, Timestamp};

api_struct! {
    /// Rolls out pods through ReplicaSets.
    Deployment {
        keep { metadata: ObjectMeta, spec: DeploymentSpec, status: DeploymentStatus }
        omit {}
    }

    /// What is wanted.
    DeploymentSpec {
        keep {
            replicas: i32 = 1,
            selector: LabelSelector,
            template: Arc<PodTemplateSpec>,
            strategy: DeploymentStrategy,
            revision_history_limit: i32 = 10,
            progress_deadline_seconds: i32 = 600,
        }
        omit { min_ready_seconds: i32, paused: bool }
    }

    /// How old pods are replaced. `rolling_update` is there exactly when the type is RollingUpdate.
    DeploymentStrategy {
        keep { r#type: StrategyType }
        omit { rolling_update: Option<RollingUpdateDeployment> }
    }

    /// The limits of a rolling update.
    RollingUpdateDeployment {
        keep {
            max_unavailable: IntOrString = IntOrString::String("25%".into()),
            max_surge: IntOrString = IntOrString::String("25%".into()),
        }
        omit {}
    }

    /// What is.
    DeploymentStatus {
        keep {}
        omit {
            observed_generation: i64,
            replicas: i32,
            updated_replicas: i32,
            ready_replicas: i32,
            available_replicas: i32,
            unavailable_replicas: i32,
            terminating_replicas: Option<i32>,
            conditions: Vec<DeploymentCondition>,
            collision_count: Option<i32>,
        }
    }

    /// A condition: Progressing, Available, ReplicaFailure.
    DeploymentCondition {
        keep { r#type: String, status: String }
        omit {
            last_update_time: Option<Timestamp>,
            last_transition_time: Option<Timestamp>,
            reason: String,
            message: String,
        }
    }
}

api_enum! {
    /// The types of update.
    StrategyType { RollingUpdate = "RollingUpdate", Recreate = "Recreate" }
}
