//! Any object of any kind, and the registry of kinds.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::api::custom::{CustomKind, CustomResource};
use crate::api::kind::*;
use crate::api::{ObjectMeta, Uid};

/// The facts of a kind that discovery, paths and etcd keys are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// `Deployment`.
    pub kind: &'static str,
    /// `deployments`, as in paths.
    pub plural: &'static str,
    /// Short names: `deploy`.
    pub short: &'static [&'static str],
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// `v1`.
    pub version: &'static str,
    /// Whether its objects belong to a namespace.
    pub namespaced: bool,
    /// The part of the etcd key after `/registry/`: `services/specs`.
    pub etcd: &'static str,
}

impl KindInfo {
    /// `apps/v1`, or `v1` for the core group.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `pods` for the core group: how errors name a resource.
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// The registry: one line a kind.
macro_rules! kinds {
    ($( $kind:ident $plural:literal [$($short:literal)*] $group:literal $version:literal $namespaced:literal $etcd:literal; )*) => {
        /// A kind that is simulated.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[allow(missing_docs)] // The names are upstream's.
        pub enum Kind {
            $( $kind, )*
            /// One that a CustomResourceDefinition describes.
            Custom(CustomKind),
        }

        /// An object, cheap to clone.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // The names are upstream's.
        pub enum Object {
            $( $kind(Arc<$kind>), )*
            /// Of a kind that a CustomResourceDefinition describes.
            Custom(Arc<CustomResource>),
        }

        impl Kind {
            /// Every kind that the server brings along.
            pub const ALL: &'static [Kind] = &[$( Kind::$kind, )*];

            /// Its facts.
            pub const fn info(self) -> &'static KindInfo {
                match self {
                    $( Kind::$kind => &KindInfo {
                        kind: stringify!($kind), plural: $plural, short: &[$($short),*], group: $group,
                        version: $version, namespaced: $namespaced, etcd: $etcd,
                    }, )*
                    Kind::Custom(kind) => kind.info(),
                }
            }
        }

        impl Object {
            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $( Object::$kind(_) => Kind::$kind, )*
                    Object::Custom(object) => Kind::Custom(object.kind),
                }
            }

            /// Its metadata.
            pub fn meta(&self) -> &ObjectMeta {
                match self {
                    $( Object::$kind(object) => &object.metadata, )*
                    Object::Custom(object) => &object.metadata,
                }
            }

            /// Its metadata, to be changed; the object is copied if it is shared.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self {
                    $( Object::$kind(object) => &mut Arc::make_mut(object).metadata, )*
                    Object::Custom(object) => &mut Arc::make_mut(object).metadata,
                }
            }

            /// Its JSON form without `apiVersion` and `kind`.
            fn fields(&self) -> serde_json::Result<Value> {
                match self {
                    $( Object::$kind(object) => encode(object.as_ref()), )*
                    Object::Custom(object) => object.fields(),
                }
            }

            /// Reads an object of a kind from its JSON form; missing fields take their defaults.
            ///
            /// # Errors
            /// A field of the wrong type.
            pub fn from_value(kind: Kind, value: Value) -> serde_json::Result<Object> {
                match kind {
                    $( Kind::$kind => Ok(Object::$kind(Arc::new(decode::<$kind>(value)?))), )*
                    Kind::Custom(kind) => Ok(Object::Custom(Arc::new(CustomResource::from_value(kind, value)?))),
                }
            }
        }

        $(
            impl From<$kind> for Object {
                fn from(object: $kind) -> Object {
                    Object::$kind(Arc::new(object))
                }
            }

            impl KindOf for $kind {
                const KIND: Kind = Kind::$kind;

                fn of(object: &Object) -> Option<&Arc<Self>> {
                    match object {
                        Object::$kind(object) => Some(object),
                        #[allow(unreachable_patterns)]
                        _ => None,
                    }
                }

                fn meta(&self) -> &ObjectMeta {
                    &self.metadata
                }
            }
        )*
    };
}

kinds! {
    Namespace      "namespaces"     ["ns"]     ""                    "v1" false "namespaces";
    Node           "nodes"          ["no"]     ""                    "v1" false "minions";
    Pod            "pods"           ["po"]     ""                    "v1" true  "pods";
    Service        "services"       ["svc"]    ""                    "v1" true  "services/specs";
    Endpoints      "endpoints"      ["ep"]     ""                    "v1" true  "services/endpoints";
    ConfigMap      "configmaps"     ["cm"]     ""                    "v1" true  "configmaps";
    Secret         "secrets"        []         ""                    "v1" true  "secrets";
    Event          "events"         ["ev"]     ""                    "v1" true  "events";
    PersistentVolume      "persistentvolumes"      ["pv"]  "" "v1" false "persistentvolumes";
    PersistentVolumeClaim "persistentvolumeclaims" ["pvc"] "" "v1" true  "persistentvolumeclaims";
    ReplicationController "replicationcontrollers" ["rc"]  "" "v1" true  "controllers";
    ControllerRevision "controllerrevisions" []   "apps"                 "v1" true  "controllerrevisions";
    DaemonSet      "daemonsets"     ["ds"]     "apps"                "v1" true  "daemonsets";
    StatefulSet    "statefulsets"   ["sts"]    "apps"                "v1" true  "statefulsets";
    Job            "jobs"           []         "batch"               "v1" true  "jobs";
    CronJob        "cronjobs"       ["cj"]     "batch"               "v1" true  "cronjobs";
    StorageClass   "storageclasses" ["sc"]     "storage.k8s.io"      "v1" false "storageclasses";
    HorizontalPodAutoscaler "horizontalpodautoscalers" ["hpa"] "autoscaling" "v2" true "horizontalpodautoscalers";
    PodDisruptionBudget "poddisruptionbudgets" ["pdb"] "policy" "v1" true "poddisruptionbudgets";
    PriorityClass  "priorityclasses" ["pc"]    "scheduling.k8s.io"   "v1" false "priorityclasses";
    LimitRange     "limitranges"    ["limits"] ""                    "v1" true  "limitranges";
    ResourceQuota  "resourcequotas" ["quota"]  ""                    "v1" true  "resourcequotas";
    ReplicaSet     "replicasets"    ["rs"]     "apps"                "v1" true  "replicasets";
    Deployment     "deployments"    ["deploy"] "apps"                "v1" true  "deployments";
    EndpointSlice  "endpointslices" []         "discovery.k8s.io"    "v1" true  "endpointslices";
    Lease          "leases"         []         "coordination.k8s.io" "v1" true  "leases";
    PodTemplate    "podtemplates"   []         ""                    "v1" true  "podtemplates";
    ServiceAccount "serviceaccounts" ["sa"]    ""                    "v1" true  "serviceaccounts";
    Ingress        "ingresses"      ["ing"]    "networking.k8s.io"   "v1" true  "ingress";
    IngressClass   "ingressclasses" []         "networking.k8s.io"   "v1" false "ingressclasses";
    NetworkPolicy  "networkpolicies" ["netpol"] "networking.k8s.io"  "v1" true  "networkpolicies";
    Role           "roles"          []         "rbac.authorization.k8s.io" "v1" true  "roles";
    RoleBinding    "rolebindings"   []         "rbac.authorization.k8s.io" "v1" true  "rolebindings";
    ClusterRole    "clusterroles"   []         "rbac.authorization.k8s.io" "v1" false "clusterroles";
    ClusterRoleBinding "clusterrolebindings" [] "rbac.authorization.k8s.io" "v1" false "clusterrolebindings";
    IPAddress      "ipaddresses"    ["ip"]     "networking.k8s.io"   "v1" false "ipaddresses";
    ServiceCIDR    "servicecidrs"   []         "networking.k8s.io"   "v1" false "servicecidrs";
    CSIDriver      "csidrivers"     []         "storage.k8s.io"      "v1" false "csidrivers";
    CSINode        "csinodes"       []         "storage.k8s.io"      "v1" false "csinodes";
    CSIStorageCapacity "csistoragecapacities" [] "storage.k8s.io"    "v1" true  "csistoragecapacities";
    VolumeAttachment "volumeattachments" []    "storage.k8s.io"      "v1" false "volumeattachments";
    VolumeAttributesClass "volumeattributesclasses" ["vac"] "storage.k8s.io" "v1" false "volumeattributesclasses";
    CertificateSigningRequest "certificatesigningrequests" ["csr"] "certificates.k8s.io" "v1" false "certificatesigningrequests";
    RuntimeClass   "runtimeclasses" []         "node.k8s.io"         "v1" false "runtimeclasses";
    FlowSchema     "flowschemas"    []         "flowcontrol.apiserver.k8s.io" "v1" false "flowschemas";
    PriorityLevelConfiguration "prioritylevelconfigurations" [] "flowcontrol.apiserver.k8s.io" "v1" false "prioritylevelconfigurations";
    DeviceClass    "deviceclasses"  []         "resource.k8s.io"     "v1" false "deviceclasses";
    ResourceClaim  "resourceclaims" []         "resource.k8s.io"     "v1" true  "resourceclaims";
    ResourceClaimTemplate "resourceclaimtemplates" [] "resource.k8s.io" "v1" true "resourceclaimtemplates";
    ResourceSlice  "resourceslices" []         "resource.k8s.io"     "v1" false "resourceslices";
    ValidatingWebhookConfiguration "validatingwebhookconfigurations" [] "admissionregistration.k8s.io" "v1" false "validatingwebhookconfigurations";
    MutatingWebhookConfiguration "mutatingwebhookconfigurations" [] "admissionregistration.k8s.io" "v1" false "mutatingwebhookconfigurations";
    ValidatingAdmissionPolicy "validatingadmissionpolicies" [] "admissionregistration.k8s.io" "v1" false "validatingadmissionpolicies";
    ValidatingAdmissionPolicyBinding "validatingadmissionpolicybindings" [] "admissionregistration.k8s.io" "v1" false "validatingadmissionpolicybindings";
    MutatingAdmissionPolicy "mutatingadmissionpolicies" [] "admissionregistration.k8s.io" "v1" false "mutatingadmissionpolicies";
    MutatingAdmissionPolicyBinding "mutatingadmissionpolicybindings" [] "admissionregistration.k8s.io" "v1" false "mutatingadmissionpolicybindings";
    CustomResourceDefinition "customresourcedefinitions" ["crd" "crds"] "apiextensions.k8s.io" "v1" false "apiextensions.k8s.io/customresourcedefinitions";
    APIService     "apiservices"    []         "apiregistration.k8s.io" "v1" false "apiregistration.k8s.io/apiservices";
}

/// A struct that is a kind.
pub trait KindOf: Sized {
    /// Which.
    const KIND: Kind;
    /// The struct inside an object of its kind.
    fn of(object: &Object) -> Option<&Arc<Self>>;
    /// Its metadata.
    fn meta(&self) -> &ObjectMeta;
}

impl Kind {
    /// The kind with that plural name in that group (`apps`, empty for the core group).
    pub fn by_plural(group: &str, plural: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.info().group == group && k.info().plural == plural)
    }

    /// The first kind of any group with that plural name.
    pub fn of_any_group(plural: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.info().plural == plural)
    }

    /// The kind with that `kind` and that group.
    pub fn by_kind(group: &str, kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|k| k.info().group == group && k.info().kind == kind)
    }

    /// The etcd key of an object: `/registry/pods/default/web-0`.
    pub fn etcd_key(self, namespace: &str, name: &str) -> String {
        let info = self.info();
        if info.namespaced {
            ["/registry/", info.etcd, "/", namespace, "/", name].concat()
        } else {
            ["/registry/", info.etcd, "/", name].concat()
        }
    }

    /// The prefix of the etcd keys of all its objects: `/registry/pods/`.
    pub fn etcd_prefix(self) -> String {
        format!("/registry/{}/", self.info().etcd)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().kind)
    }
}

impl Object {
    /// Its JSON form, with `apiVersion` and `kind`; keys are in alphabetical order.
    pub fn to_value(&self) -> Value {
        let mut value = self.plain_value();
        let managed = &self.meta().managed_fields;
        if !managed.entries(self).is_empty() {
            value["metadata"]["managedFields"] = managed.to_value(self);
        }
        value
    }

    /// The same without its managed fields, which have to be worked out.
    pub fn plain_value(&self) -> Value {
        let mut value = self.fields().expect("API structs have JSON forms: their keys are texts");
        let info = self.kind().info();
        value["apiVersion"] = Value::String(info.api_version());
        value["kind"] = Value::String(info.kind.to_owned());
        value
    }

    /// The object in the version of a kind; only custom resources have several.
    pub fn in_version(&self, of: Kind) -> Object {
        match (self, of) {
            (Object::Custom(object), Kind::Custom(kind)) => Object::Custom(Arc::new(object.in_version(kind))),
            _ => self.clone(),
        }
    }

    /// The object as a struct of that kind.
    pub fn get<K: KindOf>(&self) -> Option<&Arc<K>> {
        K::of(self)
    }

    /// A reference to it.
    pub fn reference(&self) -> ObjectRef {
        let meta = self.meta();
        ObjectRef { kind: self.kind(), namespace: meta.namespace.as_str().into(), name: meta.name.as_str().into() }
    }

    /// Its uid.
    pub fn uid(&self) -> &Uid {
        &self.meta().uid
    }
}

/// Decodes without `apiVersion` and `kind`, reading `null` as missing.
#[inline(never)] // See `sim::apart`.
fn decode<T: DeserializeOwned>(mut value: Value) -> serde_json::Result<T> {
    if let Value::Object(map) = &mut value {
        map.remove("apiVersion");
        map.remove("kind");
    }
    strip_nulls(&mut value);
    serde_json::from_value(value)
}

#[inline(never)] // See `sim::apart`.
fn encode(object: &impl Serialize) -> serde_json::Result<Value> {
    serde_json::to_value(object)
}

/// Removes `null` fields of objects, however deep: the API reads them as missing.
pub fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}

/// Kind, namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The kind.
    pub kind: Kind,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl fmt::Display for ObjectRef {
    /// `Pod default/web-0`, `Node worker1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_keeps_the_fields_that_it_does_not_name() {
        let value = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"app": "web"}},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx", "securityContext": {"runAsUser": 1}}],
                    "volumes": [{"name": "v", "emptyDir": {}}]}}},
        });
        let object = Object::from_value(Kind::Deployment, value).expect("well-formed");
        let out = object.to_value();
        assert_eq!(out["spec"]["template"]["spec"]["containers"][0]["securityContext"]["runAsUser"], 1);
        assert_eq!(out["spec"]["template"]["spec"]["volumes"][0]["emptyDir"], json!({}));
        assert_eq!(out["spec"]["replicas"], 0);
        assert_eq!(out["spec"]["revisionHistoryLimit"], 10);
        assert_eq!(out["spec"]["strategy"]["type"], "RollingUpdate");
        assert_eq!(out["apiVersion"], "apps/v1");
    }

    #[test]
    fn keys_are_upstreams() {
        assert_eq!(Kind::Pod.etcd_key("default", "web-0"), "/registry/pods/default/web-0");
        assert_eq!(Kind::Node.etcd_key("", "worker1"), "/registry/minions/worker1");
        assert_eq!(Kind::Service.etcd_prefix(), "/registry/services/specs/");
    }
}
