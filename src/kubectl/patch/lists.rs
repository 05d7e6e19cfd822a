//! How strategic merge treats each list and struct: which are merged by key, which replace their siblings.
//!
//! Models the `patchStrategy` and `patchMergeKey` tags of `k8s.io/api`. What is not listed here is replaced whole (lists)
//! or merged key by key (objects).

/// What the tags of a field say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field {
    /// The type of the field's value, or of its items.
    pub of: &'static str,
    /// How a list is merged.
    pub list: List,
    /// Whether only the keys of the patch stay (`retainKeys`).
    pub retain_keys: bool,
}

/// How a list is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum List {
    /// Replaced as a whole.
    Atomic,
    /// Objects merged by this key.
    ByKey(&'static str),
    /// Scalars as a set.
    Set,
}

/// `type.field`, the type below it, the list's merge key (`*` is a set), and `r` for retainKeys.
#[rustfmt::skip]
const FIELDS: &[(&str, &str, &str, &str, &str)] = &[
    ("*", "metadata", "ObjectMeta", "", ""),
    ("ObjectMeta", "finalizers", "", "*", ""),
    ("ObjectMeta", "ownerReferences", "", "uid", ""),
    ("Pod", "spec", "PodSpec", "", ""),
    ("Pod", "status", "PodStatus", "", ""),
    ("PodStatus", "conditions", "", "type", ""),
    ("PodStatus", "podIPs", "", "ip", ""),
    ("PodStatus", "hostIPs", "", "ip", ""),
    ("PodTemplateSpec", "metadata", "ObjectMeta", "", ""),
    ("PodTemplateSpec", "spec", "PodSpec", "", ""),
    ("PodSpec", "containers", "Container", "name", ""),
    ("PodSpec", "initContainers", "Container", "name", ""),
    ("PodSpec", "ephemeralContainers", "Container", "name", ""),
    ("PodSpec", "volumes", "Volume", "name", "r"),
    ("PodSpec", "imagePullSecrets", "", "name", ""),
    ("PodSpec", "hostAliases", "", "ip", ""),
    ("PodSpec", "topologySpreadConstraints", "", "topologyKey", ""),
    ("PodSpec", "schedulingGates", "", "name", ""),
    ("PodSpec", "resourceClaims", "", "name", "r"),
    ("Container", "ports", "", "containerPort", ""),
    ("Container", "env", "", "name", ""),
    ("Container", "volumeMounts", "", "mountPath", ""),
    ("Container", "volumeDevices", "", "devicePath", ""),
    ("Service", "spec", "ServiceSpec", "", ""),
    ("ServiceSpec", "ports", "", "port", ""),
    ("Service", "status", "Conditions", "", ""),
    ("Conditions", "conditions", "", "type", ""),
    ("ServiceAccount", "secrets", "", "name", ""),
    ("ServiceAccount", "imagePullSecrets", "", "name", ""),
    ("Node", "spec", "NodeSpec", "", ""),
    ("NodeSpec", "podCIDRs", "", "*", ""),
    ("Node", "status", "NodeStatus", "", ""),
    ("NodeStatus", "conditions", "", "type", ""),
    ("NodeStatus", "addresses", "", "type", ""),
    ("Namespace", "status", "Conditions", "", ""),
    ("Deployment", "spec", "DeploymentSpec", "", ""),
    ("Deployment", "status", "Conditions", "", ""),
    ("DeploymentSpec", "template", "PodTemplateSpec", "", ""),
    ("DeploymentSpec", "strategy", "", "", "r"),
    ("ReplicaSet", "spec", "Workload", "", ""),
    ("ReplicaSet", "status", "Conditions", "", ""),
    ("ReplicationController", "spec", "Workload", "", ""),
    ("ReplicationController", "status", "Conditions", "", ""),
    ("StatefulSet", "spec", "Workload", "", ""),
    ("StatefulSet", "status", "Conditions", "", ""),
    ("DaemonSet", "spec", "Workload", "", ""),
    ("DaemonSet", "status", "Conditions", "", ""),
    ("Job", "spec", "Workload", "", ""),
    ("Job", "status", "Conditions", "", ""),
    ("Workload", "template", "PodTemplateSpec", "", ""),
    ("CronJob", "spec", "CronJobSpec", "", ""),
    ("CronJobSpec", "jobTemplate", "JobTemplate", "", ""),
    ("JobTemplate", "metadata", "ObjectMeta", "", ""),
    ("JobTemplate", "spec", "Workload", "", ""),
    ("PodTemplate", "template", "PodTemplateSpec", "", ""),
    ("PersistentVolumeClaim", "status", "Conditions", "", ""),
    ("PodDisruptionBudget", "status", "Conditions", "", ""),
    ("MutatingWebhookConfiguration", "webhooks", "", "name", ""),
    ("ValidatingWebhookConfiguration", "webhooks", "", "name", ""),
];

/// What the tags of a field of a type say.
pub fn field(of: &str, name: &str) -> Field {
    let found = FIELDS.iter().find(|(t, f, ..)| *f == name && (*t == of || (*t == "*" && is_kind(of))));
    match found {
        Some((_, _, below, key, retain)) => {
            let list = match *key {
                "" => List::Atomic,
                "*" => List::Set,
                key => List::ByKey(key),
            };
            Field { of: below, list, retain_keys: *retain == "r" }
        }
        None => Field { of: "", list: List::Atomic, retain_keys: false },
    }
}

/// Whether the type is a kind with metadata rather than a part of one.
fn is_kind(of: &str) -> bool {
    crate::kubectl::resource::RESOURCES.iter().any(|r| r.kind == of)
}
