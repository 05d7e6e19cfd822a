//! DaemonSet. Models `k8s.io/api/apps/v1/types.go`.

use std::sync::Arc;

use crate::api::{IntOrString, LabelSelector, ObjectMeta, PodTemplateSpec, Timestamp};

api_struct! {
    /// A pod on every node.
    DaemonSet {
        keep { metadata: ObjectMeta, spec: DaemonSetSpec, status: DaemonSetStatus }
        omit {}
    }

    /// What is wanted.
    DaemonSetSpec {
        keep {
            selector: LabelSelector,
            template: Arc<PodTemplateSpec>,
            update_strategy: DaemonSetUpdateStrategy,
            revision_history_limit: i32 = 10,
        }
        omit { min_ready_seconds: i32 }
    }

    /// How pods are replaced: RollingUpdate or OnDelete.
    DaemonSetUpdateStrategy {
        keep { r#type: String = "RollingUpdate".into() }
        omit { rolling_update: Option<RollingUpdateDaemonSet> }
    }

    /// The limits of a rolling update.
    RollingUpdateDaemonSet {
        keep { max_unavailable: IntOrString = IntOrString::Int(1), max_surge: IntOrString = IntOrString::Int(0) }
        omit {}
    }

    /// What is.
    DaemonSetStatus {
        keep {
            current_number_scheduled: i32,
            number_misscheduled: i32,
            desired_number_scheduled: i32,
            number_ready: i32,
        }
        omit {
            observed_generation: i64,
            updated_number_scheduled: i32,
            number_available: i32,
            number_unavailable: i32,
            collision_count: Option<i32>,
            conditions: Vec<DaemonSetCondition>,
        }
    }

    /// A condition.
    DaemonSetCondition {
        keep { r#type: String, status: String }
        omit { last_transition_time: Option<Timestamp>, reason: String, message: String }
    }
}
