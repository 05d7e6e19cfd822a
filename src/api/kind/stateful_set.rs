//! StatefulSet. Models `k8s.io/api/apps/v1/types.go`.

use std::sync::Arc;

use crate::api::{IntOrString, LabelSelector, ObjectMeta, PersistentVolumeClaim, PodTemplateSpec, Timestamp};

api_struct! {
    /// Pods with names and volumes of their own.
    StatefulSet {
        keep { metadata: ObjectMeta, spec: StatefulSetSpec, status: StatefulSetStatus }
        omit {}
    }

    /// What is wanted.
    StatefulSetSpec {
        keep {
            replicas: i32 = 1,
            selector: LabelSelector,
            template: Arc<PodTemplateSpec>,
            service_name: String,
            pod_management_policy: String = "OrderedReady".into(),
            update_strategy: StatefulSetUpdateStrategy,
            revision_history_limit: i32 = 10,
            persistent_volume_claim_retention_policy: StatefulSetRetentionPolicy,
        }
        omit {
            volume_claim_templates: Vec<PersistentVolumeClaim>,
            min_ready_seconds: i32,
            ordinals: Option<StatefulSetOrdinals>,
        }
    }

    /// Where the ordinals begin.
    StatefulSetOrdinals {
        keep { start: i32 }
        omit {}
    }

    /// What becomes of the claims: Retain or Delete.
    StatefulSetRetentionPolicy {
        keep { when_deleted: String = "Retain".into(), when_scaled: String = "Retain".into() }
        omit {}
    }

    /// How pods are replaced: RollingUpdate or OnDelete.
    StatefulSetUpdateStrategy {
        keep { r#type: String }
        omit { rolling_update: Option<RollingUpdateStatefulSet> }
    }

    /// The limits of a rolling update.
    RollingUpdateStatefulSet {
        keep { partition: i32 }
        omit { max_unavailable: Option<IntOrString> }
    }

    /// What is.
    StatefulSetStatus {
        keep { replicas: i32, available_replicas: i32 }
        omit {
            observed_generation: i64,
            ready_replicas: i32,
            current_replicas: i32,
            updated_replicas: i32,
            current_revision: String,
            update_revision: String,
            collision_count: Option<i32>,
            conditions: Vec<StatefulSetCondition>,
        }
    }

    /// A condition.
    StatefulSetCondition {
        keep { r#type: String, status: String }
        omit { last_transition_time: Option<Timestamp>, reason: String, message: String }
    }
}
