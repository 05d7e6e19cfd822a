//! Metadata that all objects carry. Models `k8s.io/apimachinery/pkg/apis/meta/v1/types.go`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::api::Timestamp;
use crate::api::managed::ManagedFields;
use crate::sim::VecMap;

/// A unique identifier of an object, in the form of a UUID.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub Arc<str>);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The etcd revision at which an object was last written; on the wire a decimal text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceVersion(pub u64);

impl fmt::Display for ResourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ResourceVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResourceVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(ResourceVersion).map_err(|_| D::Error::custom(format!("invalid resource version {text:?}")))
    }
}

/// Labels or annotations.
pub type Labels = VecMap<String, String>;

api_struct! {
    /// `metav1.ObjectMeta`. An absent `uid`, `resource_version` or `creation_timestamp` means: not stored yet.
    ObjectMeta {
        keep {}
        omit {
            name: String,
            generate_name: String,
            namespace: String,
            uid: Uid,
            resource_version: Option<ResourceVersion>,
            generation: i64,
            creation_timestamp: Option<Timestamp>,
            deletion_timestamp: Option<Timestamp>,
            deletion_grace_period_seconds: Option<i64>,
            labels: Labels,
            annotations: Labels,
            owner_references: Vec<OwnerReference>,
            finalizers: Vec<String>,
            #[serde(skip_serializing)]
            managed_fields: ManagedFields,
        }
    }

    /// `metav1.OwnerReference`.
    OwnerReference {
        keep { api_version: String, kind: String, name: String, uid: Uid }
        omit { controller: bool, block_owner_deletion: bool }
    }

    /// `metav1.LabelSelector`: all of `match_labels` and all of `match_expressions`.
    LabelSelector {
        keep {}
        omit { match_labels: Labels, match_expressions: Vec<LabelSelectorRequirement> }
    }

    /// `metav1.LabelSelectorRequirement`; the operator is In, NotIn, Exists or DoesNotExist.
    LabelSelectorRequirement {
        keep { key: String, operator: String }
        omit { values: Vec<String> }
    }
}

impl ObjectMeta {
    /// The owner that manages this object (`metav1.GetControllerOf`).
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}
