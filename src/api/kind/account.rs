//! ServiceAccount and PodTemplate. Models `k8s.io/api/core/v1/types.go`.

use std::sync::Arc;

use crate::api::{ObjectMeta, ObjectReference, PodTemplateSpec};

api_struct! {
    /// An identity for the processes of pods.
    ServiceAccount {
        keep { metadata: ObjectMeta }
        omit {
            secrets: Vec<ObjectReference>,
            image_pull_secrets: Vec<LocalObjectReference>,
            automount_service_account_token: Option<bool>,
        }
    }

    /// A reference to an object of the same namespace.
    LocalObjectReference {
        keep {}
        omit { name: String }
    }

    /// A template that no controller uses.
    PodTemplate {
        keep { metadata: ObjectMeta, template: Arc<PodTemplateSpec> }
        omit {}
    }
}
