//! Which fields kustomize changes where nothing else is said: labels, references by name, and the order of output.
//!
//! Models `api/internal/konfig/builtinpluginconsts` and `api/internal/builtins/SortOrderTransformer.go` of kustomize.

use super::field::FieldSpec;

/// A table's line: group, kind, path; `+` before the path makes what is missing.
type Line = (&'static str, &'static str, &'static str);

/// Where labels of a selector stand.
const SELECTORS: &[Line] = &[
    ("v1", "Service", "+spec/selector"),
    ("v1", "ReplicationController", "+spec/selector"),
    ("", "Deployment", "+spec/selector/matchLabels"),
    ("", "ReplicaSet", "+spec/selector/matchLabels"),
    ("", "DaemonSet", "+spec/selector/matchLabels"),
    ("apps", "StatefulSet", "+spec/selector/matchLabels"),
    ("batch", "Job", "spec/selector/matchLabels"),
    ("batch", "CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
    ("policy", "PodDisruptionBudget", "spec/selector/matchLabels"),
    ("networking.k8s.io", "NetworkPolicy", "spec/podSelector/matchLabels"),
    ("networking.k8s.io", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels"),
    ("networking.k8s.io", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels"),
];

/// Selectors within the pods of a Deployment and a StatefulSet.
const POD_SELECTORS: &[&str] = &[
    "affinity/podAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels",
    "affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels",
    "topologySpreadConstraints/labelSelector/matchLabels",
];

/// Where the metadata of templates stand.
const TEMPLATES: &[Line] = &[
    ("v1", "ReplicationController", "+spec/template/metadata/"),
    ("", "Deployment", "+spec/template/metadata/"),
    ("", "ReplicaSet", "+spec/template/metadata/"),
    ("", "DaemonSet", "+spec/template/metadata/"),
    ("apps", "StatefulSet", "+spec/template/metadata/"),
    ("batch", "Job", "+spec/template/metadata/"),
    ("batch", "CronJob", "+spec/jobTemplate/metadata/"),
    ("batch", "CronJob", "+spec/jobTemplate/spec/template/metadata/"),
];

fn spec((group, kind, path): Line, end: &str) -> FieldSpec {
    let (create, path) = path.strip_prefix('+').map_or((false, path), |path| (true, path));
    let (group, version) = if group == "v1" { ("", "v1") } else { (group, "") };
    let path = format!("{path}{end}");
    FieldSpec { group: group.into(), version: version.into(), kind: kind.into(), path, create }
}

/// `metadata/labels` or `metadata/annotations` of everything.
pub fn metadata(what: &str) -> FieldSpec {
    spec(("", "", "+metadata/"), what)
}

/// The same of all templates.
pub fn templates(what: &str) -> Vec<FieldSpec> {
    let mut found: Vec<FieldSpec> = TEMPLATES.iter().map(|line| spec(*line, what)).collect();
    if what == "labels" {
        found.push(spec(("apps", "StatefulSet", "+spec/volumeClaimTemplates[]/metadata/"), what));
    }
    found
}

/// The labels of selectors.
pub fn selectors() -> Vec<FieldSpec> {
    let mut found: Vec<FieldSpec> = SELECTORS.iter().map(|line| spec(*line, "")).collect();
    for kind in ["Deployment", "StatefulSet"] {
        found.extend(POD_SELECTORS.iter().map(|path| spec(("apps", kind, "spec/template/spec/"), path)));
    }
    found
}

/// A kind that is referred to by name, and the field that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The group of what is referred to, or empty for any.
    pub group: &'static str,
    /// The version, or empty for any.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The field.
    pub field: FieldSpec,
}

/// Pods within kinds: all that ConfigMaps and Secrets are named in.
const PODS: &[(&str, &str)] = &[
    ("Pod", "spec/"),
    ("PodTemplate", "template/spec/"),
    ("Deployment", "spec/template/spec/"),
    ("ReplicaSet", "spec/template/spec/"),
    ("DaemonSet", "spec/template/spec/"),
    ("StatefulSet", "spec/template/spec/"),
    ("Job", "spec/template/spec/"),
    ("CronJob", "spec/jobTemplate/spec/template/spec/"),
];

/// The same for accounts, claims and priorities.
const MORE_PODS: &[(&str, &str)] = &[
    ("Pod", "spec/"),
    ("StatefulSet", "spec/template/spec/"),
    ("Deployment", "spec/template/spec/"),
    ("ReplicationController", "spec/template/spec/"),
    ("CronJob", "spec/jobTemplate/spec/template/spec/"),
    ("Job", "spec/template/spec/"),
    ("DaemonSet", "spec/template/spec/"),
];

const RBAC: &str = "rbac.authorization.k8s.io";
const HOOKS: &str = "admissionregistration.k8s.io";

/// What is referred to from within pods.
struct InPods {
    group: &'static str,
    kind: &'static str,
    pods: &'static [(&'static str, &'static str)],
    fields: &'static [&'static str],
}

const IN_PODS: &[InPods] = &[
    InPods {
        group: "",
        kind: "ConfigMap",
        pods: PODS,
        fields: &[
            "volumes/configMap/name",
            "containers/env/valueFrom/configMapKeyRef/name",
            "initContainers/env/valueFrom/configMapKeyRef/name",
            "containers/envFrom/configMapRef/name",
            "initContainers/envFrom/configMapRef/name",
            "volumes/projected/sources/configMap/name",
        ],
    },
    InPods {
        group: "",
        kind: "Secret",
        pods: PODS,
        fields: &[
            "volumes/secret/secretName",
            "containers/env/valueFrom/secretKeyRef/name",
            "initContainers/env/valueFrom/secretKeyRef/name",
            "containers/envFrom/secretRef/name",
            "initContainers/envFrom/secretRef/name",
            "imagePullSecrets/name",
            "volumes/projected/sources/secret/name",
        ],
    },
    InPods { group: "", kind: "ServiceAccount", pods: MORE_PODS, fields: &["serviceAccountName"] },
    InPods {
        group: "",
        kind: "PersistentVolumeClaim",
        pods: MORE_PODS,
        fields: &["volumes/persistentVolumeClaim/claimName"],
    },
    InPods { group: "scheduling.k8s.io", kind: "PriorityClass", pods: MORE_PODS, fields: &["priorityClassName"] },
];

/// All other references: group, version, kind; and group, kind and field of who refers.
const ELSEWHERE: &[(&str, &str, &str, Line)] = &[
    ("", "", "Deployment", ("", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")),
    ("", "", "ReplicationController", ("", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")),
    ("", "", "ReplicaSet", ("", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")),
    ("", "", "StatefulSet", ("", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")),
    ("", "v1", "ConfigMap", ("", "Node", "spec/configSource/configMap")),
    ("", "v1", "ConfigMap", ("", "Role", "rules/resourceNames")),
    ("", "v1", "ConfigMap", ("", "ClusterRole", "rules/resourceNames")),
    (
        "",
        "v1",
        "ConfigMap",
        ("", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap"),
    ),
    ("", "v1", "Secret", ("", "Ingress", "spec/tls/secretName")),
    ("", "v1", "Secret", ("", "Ingress", "metadata/annotations/ingress.kubernetes.io\\/auth-secret")),
    ("", "v1", "Secret", ("", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret")),
    ("", "v1", "Secret", ("", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret")),
    ("", "v1", "Secret", ("", "ServiceAccount", "imagePullSecrets/name")),
    ("", "v1", "Secret", ("", "StorageClass", "parameters/secretName")),
    ("", "v1", "Secret", ("", "StorageClass", "parameters/adminSecretName")),
    ("", "v1", "Secret", ("", "StorageClass", "parameters/userSecretName")),
    ("", "v1", "Secret", ("", "StorageClass", "parameters/secretRef")),
    ("", "v1", "Secret", ("", "Role", "rules/resourceNames")),
    ("", "v1", "Secret", ("", "ClusterRole", "rules/resourceNames")),
    ("", "v1", "Secret", ("", "PersistentVolume", "spec/azureFile/secretName")),
    ("", "v1", "Service", ("apps", "StatefulSet", "spec/serviceName")),
    ("", "v1", "Service", ("", "Ingress", "spec/rules/http/paths/backend/serviceName")),
    ("", "v1", "Service", ("", "Ingress", "spec/backend/serviceName")),
    ("", "v1", "Service", ("", "Ingress", "spec/rules/http/paths/backend/service/name")),
    ("", "v1", "Service", ("", "Ingress", "spec/defaultBackend/service/name")),
    ("", "v1", "Service", ("apiregistration.k8s.io", "APIService", "spec/service/name")),
    ("", "v1", "Service", (HOOKS, "ValidatingWebhookConfiguration", "webhooks/clientConfig/service")),
    ("", "v1", "Service", (HOOKS, "MutatingWebhookConfiguration", "webhooks/clientConfig/service")),
    (RBAC, "", "Role", (RBAC, "RoleBinding", "roleRef/name")),
    (RBAC, "", "ClusterRole", (RBAC, "RoleBinding", "roleRef/name")),
    (RBAC, "", "ClusterRole", (RBAC, "ClusterRoleBinding", "roleRef/name")),
    ("", "v1", "ServiceAccount", (RBAC, "RoleBinding", "subjects")),
    ("", "v1", "ServiceAccount", (RBAC, "ClusterRoleBinding", "subjects")),
    ("", "v1", "PersistentVolume", ("", "PersistentVolumeClaim", "spec/volumeName")),
    ("", "v1", "PersistentVolume", ("", "ClusterRole", "rules/resourceNames")),
    ("storage.k8s.io", "v1", "StorageClass", ("", "PersistentVolume", "spec/storageClassName")),
    ("storage.k8s.io", "v1", "StorageClass", ("", "PersistentVolumeClaim", "spec/storageClassName")),
    ("storage.k8s.io", "v1", "StorageClass", ("", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName")),
];

/// Every reference by name.
pub fn references() -> Vec<Reference> {
    let mut found = Vec::new();
    for InPods { group, kind, pods, fields } in IN_PODS {
        for (referrer, pod) in *pods {
            for field in *fields {
                let field = spec(("", referrer, pod), field);
                found.push(Reference { group, version: "v1", kind, field });
            }
        }
    }
    let elsewhere = |(group, version, kind, line): &(&'static str, &'static str, &'static str, Line)| Reference {
        group,
        version,
        kind,
        field: spec(*line, ""),
    };
    found.extend(ELSEWHERE.iter().map(elsewhere));
    found
}

/// Kinds that come first, in their order.
pub const FIRST: &[&str] = &[
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come last.
pub const LAST: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
