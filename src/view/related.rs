//! How objects belong together: owners, references, selectors, and the volumes that pods share.

use serde::{Deserialize, Serialize};

use crate::view::ObjectRef;

/// How an object stands to the one that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Relation {
    /// It owns the shown one.
    Owner,
    /// The shown one owns it.
    Owned,
    /// The shown pod runs on it.
    RunsOn,
    /// It runs on the shown node.
    Runs,
    /// The shown one names it.
    Uses,
    /// It names the shown one.
    UsedBy,
    /// The labels that the shown one selects are on it.
    Selects,
    /// It selects the labels of the shown one.
    SelectedBy,
    /// The shown one sets its replicas.
    Scales,
    /// It sets the replicas of the shown one.
    ScaledBy,
}

impl Relation {
    /// The same seen from the other end.
    pub fn reversed(self) -> Relation {
        match self {
            Relation::Owner => Relation::Owned,
            Relation::Owned => Relation::Owner,
            Relation::RunsOn => Relation::Runs,
            Relation::Runs => Relation::RunsOn,
            Relation::Uses => Relation::UsedBy,
            Relation::UsedBy => Relation::Uses,
            Relation::Selects => Relation::SelectedBy,
            Relation::SelectedBy => Relation::Selects,
            Relation::Scales => Relation::ScaledBy,
            Relation::ScaledBy => Relation::Scales,
        }
    }
}

/// A volume with all who see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeView {
    /// Its name in the pod; the name of the claim or volume where no pod is shown.
    pub name: String,
    /// What it is: `emptyDir`, `persistentVolumeClaim`, `configMap`.
    pub source: String,
    /// The object behind it: the claim, the ConfigMap, the Secret.
    pub object: Option<ObjectRef>,
    /// What the claim is bound to.
    pub bound: Option<ObjectRef>,
    /// `1Gi, RWO`, the path of a hostPath.
    pub facts: String,
    /// Containers that see it.
    pub mounts: Vec<MountView>,
}

/// A container that sees a volume.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MountView {
    /// The pod.
    pub pod: ObjectRef,
    /// The container.
    pub container: String,
    /// Where it sees it.
    pub path: String,
    /// Whether it may only read.
    pub read_only: bool,
}
