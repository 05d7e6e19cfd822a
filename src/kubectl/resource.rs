//! The resources that kubectl knows: names, short names, groups, kinds.
//!
//! What the API server serves, as its discovery lists it, so that no request is spent on discovery: any other word names
//! no resource type. Models `k8s.io/cli-runtime` `RESTMapper` with shortcuts.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::api::{CustomKind, custom};

/// One resource.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// The plural, as in paths: `pods`.
    pub plural: &'static str,
    /// The singular: `pod`.
    pub singular: &'static str,
    /// Short names, separated by commas.
    pub short: &'static str,
    /// The group; empty for the core.
    pub group: &'static str,
    /// The preferred version.
    pub version: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `all` means this resource too.
    pub in_all: bool,
    /// What can be done with it, one letter each: `c`reate `d`elete delete`X`collection `g`et `l`ist `p`atch `u`pdate `w`atch.
    pub verbs: &'static str,
    /// Whether a CustomResourceDefinition describes it.
    pub custom: bool,
}

const FULL: &str = "cdXglpuw";

macro_rules! table {
    ($($group:literal $version:literal { $($plural:literal $singular:literal [$short:literal] $kind:literal $scope:ident $all:literal $verbs:expr;)* })*) => {
        /// Every resource, in the order of discovery.
        #[rustfmt::skip]
        pub const RESOURCES: &[Resource] = &[$($(Resource {
            plural: $plural, singular: $singular, short: $short, group: $group, version: $version, kind: $kind,
            namespaced: namespaced::$scope, in_all: $all == 1, verbs: $verbs, custom: false,
        },)*)*];
    };
}

mod namespaced {
    pub const NS: bool = true;
    pub const CL: bool = false;
}

table! {
"" "v1" {
    "componentstatuses" "componentstatus" ["cs"] "ComponentStatus" CL 0 "gl";
    "configmaps" "configmap" ["cm"] "ConfigMap" NS 0 FULL;
    "endpoints" "endpoints" ["ep"] "Endpoints" NS 0 FULL;
    "events" "event" ["ev"] "Event" NS 0 FULL;
    "limitranges" "limitrange" ["limits"] "LimitRange" NS 0 FULL;
    "namespaces" "namespace" ["ns"] "Namespace" CL 0 "cdglpuw";
    "nodes" "node" ["no"] "Node" CL 0 FULL;
    "persistentvolumeclaims" "persistentvolumeclaim" ["pvc"] "PersistentVolumeClaim" NS 0 FULL;
    "persistentvolumes" "persistentvolume" ["pv"] "PersistentVolume" CL 0 FULL;
    "pods" "pod" ["po"] "Pod" NS 1 FULL;
    "podtemplates" "podtemplate" [""] "PodTemplate" NS 0 FULL;
    "replicationcontrollers" "replicationcontroller" ["rc"] "ReplicationController" NS 1 FULL;
    "resourcequotas" "resourcequota" ["quota"] "ResourceQuota" NS 0 FULL;
    "secrets" "secret" [""] "Secret" NS 0 FULL;
    "serviceaccounts" "serviceaccount" ["sa"] "ServiceAccount" NS 0 FULL;
    "services" "service" ["svc"] "Service" NS 1 FULL;
}
"admissionregistration.k8s.io" "v1" {
    "mutatingadmissionpolicies" "mutatingadmissionpolicy" [""] "MutatingAdmissionPolicy" CL 0 FULL;
    "mutatingadmissionpolicybindings" "mutatingadmissionpolicybinding" [""] "MutatingAdmissionPolicyBinding" CL 0 FULL;
    "mutatingwebhookconfigurations" "mutatingwebhookconfiguration" [""] "MutatingWebhookConfiguration" CL 0 FULL;
    "validatingadmissionpolicies" "validatingadmissionpolicy" [""] "ValidatingAdmissionPolicy" CL 0 FULL;
    "validatingadmissionpolicybindings" "validatingadmissionpolicybinding" [""] "ValidatingAdmissionPolicyBinding" CL 0 FULL;
    "validatingwebhookconfigurations" "validatingwebhookconfiguration" [""] "ValidatingWebhookConfiguration" CL 0 FULL;
}
"apiregistration.k8s.io" "v1" {
    "apiservices" "apiservice" [""] "APIService" CL 0 FULL;
}
"apps" "v1" {
    "controllerrevisions" "controllerrevision" [""] "ControllerRevision" NS 0 FULL;
    "daemonsets" "daemonset" ["ds"] "DaemonSet" NS 1 FULL;
    "deployments" "deployment" ["deploy"] "Deployment" NS 1 FULL;
    "replicasets" "replicaset" ["rs"] "ReplicaSet" NS 1 FULL;
    "statefulsets" "statefulset" ["sts"] "StatefulSet" NS 1 FULL;
}
"authentication.k8s.io" "v1" {
    "selfsubjectreviews" "selfsubjectreview" [""] "SelfSubjectReview" CL 0 "c";
    "tokenreviews" "tokenreview" [""] "TokenReview" CL 0 "c";
}
"authorization.k8s.io" "v1" {
    "localsubjectaccessreviews" "localsubjectaccessreview" [""] "LocalSubjectAccessReview" NS 0 "c";
    "selfsubjectaccessreviews" "selfsubjectaccessreview" [""] "SelfSubjectAccessReview" CL 0 "c";
    "selfsubjectrulesreviews" "selfsubjectrulesreview" [""] "SelfSubjectRulesReview" CL 0 "c";
    "subjectaccessreviews" "subjectaccessreview" [""] "SubjectAccessReview" CL 0 "c";
}
"autoscaling" "v2" {
    "horizontalpodautoscalers" "horizontalpodautoscaler" ["hpa"] "HorizontalPodAutoscaler" NS 1 FULL;
}
"batch" "v1" {
    "cronjobs" "cronjob" ["cj"] "CronJob" NS 1 FULL;
    "jobs" "job" [""] "Job" NS 1 FULL;
}
"certificates.k8s.io" "v1" {
    "certificatesigningrequests" "certificatesigningrequest" ["csr"] "CertificateSigningRequest" CL 0 FULL;
}
"networking.k8s.io" "v1" {
    "ingressclasses" "ingressclass" [""] "IngressClass" CL 0 FULL;
    "ingresses" "ingress" ["ing"] "Ingress" NS 0 FULL;
    "ipaddresses" "ipaddress" ["ip"] "IPAddress" CL 0 FULL;
    "networkpolicies" "networkpolicy" ["netpol"] "NetworkPolicy" NS 0 FULL;
    "servicecidrs" "servicecidr" [""] "ServiceCIDR" CL 0 FULL;
}
"policy" "v1" {
    "poddisruptionbudgets" "poddisruptionbudget" ["pdb"] "PodDisruptionBudget" NS 0 FULL;
}
"rbac.authorization.k8s.io" "v1" {
    "clusterrolebindings" "clusterrolebinding" [""] "ClusterRoleBinding" CL 0 FULL;
    "clusterroles" "clusterrole" [""] "ClusterRole" CL 0 FULL;
    "rolebindings" "rolebinding" [""] "RoleBinding" NS 0 FULL;
    "roles" "role" [""] "Role" NS 0 FULL;
}
"storage.k8s.io" "v1" {
    "csidrivers" "csidriver" [""] "CSIDriver" CL 0 FULL;
    "csinodes" "csinode" [""] "CSINode" CL 0 FULL;
    "csistoragecapacities" "csistoragecapacity" [""] "CSIStorageCapacity" NS 0 FULL;
    "storageclasses" "storageclass" ["sc"] "StorageClass" CL 0 FULL;
    "volumeattachments" "volumeattachment" [""] "VolumeAttachment" CL 0 FULL;
    "volumeattributesclasses" "volumeattributesclass" ["vac"] "VolumeAttributesClass" CL 0 FULL;
}
"apiextensions.k8s.io" "v1" {
    "customresourcedefinitions" "customresourcedefinition" ["crd,crds"] "CustomResourceDefinition" CL 0 FULL;
}
"scheduling.k8s.io" "v1" {
    "priorityclasses" "priorityclass" ["pc"] "PriorityClass" CL 0 FULL;
}
"coordination.k8s.io" "v1" {
    "leases" "lease" [""] "Lease" NS 0 FULL;
}
"node.k8s.io" "v1" {
    "runtimeclasses" "runtimeclass" [""] "RuntimeClass" CL 0 FULL;
}
"events.k8s.io" "v1" {
    "events" "event" ["ev"] "Event" NS 0 FULL;
}
"discovery.k8s.io" "v1" {
    "endpointslices" "endpointslice" [""] "EndpointSlice" NS 0 FULL;
}
"flowcontrol.apiserver.k8s.io" "v1" {
    "flowschemas" "flowschema" [""] "FlowSchema" CL 0 FULL;
    "prioritylevelconfigurations" "prioritylevelconfiguration" [""] "PriorityLevelConfiguration" CL 0 FULL;
}
"resource.k8s.io" "v1" {
    "deviceclasses" "deviceclass" [""] "DeviceClass" CL 0 FULL;
    "resourceclaims" "resourceclaim" [""] "ResourceClaim" NS 0 FULL;
    "resourceclaimtemplates" "resourceclaimtemplate" [""] "ResourceClaimTemplate" NS 0 FULL;
    "resourceslices" "resourceslice" [""] "ResourceSlice" CL 0 FULL;
}
"autoscaling" "v1" {
    "horizontalpodautoscalers" "horizontalpodautoscaler" ["hpa"] "HorizontalPodAutoscaler" NS 0 FULL;
}
}

impl Resource {
    /// `group/version`, or the version alone in the core.
    pub fn group_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The name with its group, as messages print it: `deployment.apps`.
    pub fn kind_name(&self) -> String {
        self.dotted(&self.kind.to_lowercase())
    }

    /// The plural with its group: `deployments.apps`.
    pub fn plural_name(&self) -> String {
        self.dotted(self.plural)
    }

    fn dotted(&self, name: &str) -> String {
        if self.group.is_empty() { name.to_owned() } else { format!("{name}.{}", self.group) }
    }

    /// The path of the collection; `namespace` empty means all of them.
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) };
        let version = self.version;
        match namespace {
            "" => format!("{root}/{version}/{}", self.plural),
            _ if !self.namespaced => format!("{root}/{version}/{}", self.plural),
            namespace => format!("{root}/{version}/namespaces/{namespace}/{}", self.plural),
        }
    }

    /// The path of one object.
    pub fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(namespace))
    }

    fn answers_to(&self, name: &str) -> bool {
        self.plural == name || self.singular == name || (!name.is_empty() && self.short.split(',').any(|s| s == name))
    }
}

const fn older(group: &'static str, version: &'static str, replica_set: bool) -> Resource {
    let (plural, singular, short, kind) = match replica_set {
        true => ("replicasets", "replicaset", "rs", "ReplicaSet"),
        false => ("deployments", "deployment", "deploy", "Deployment"),
    };
    Resource {
        plural,
        singular,
        short,
        group,
        version,
        kind,
        namespaced: true,
        in_all: false,
        verbs: FULL,
        custom: false,
    }
}

/// Versions that today's servers no longer have. Ours takes them in for the sake of older articles, with a warning.
const OLDER: &[Resource] = &[
    older("apps", "v1beta1", false),
    older("apps", "v1beta2", false),
    older("apps", "v1beta2", true),
    older("extensions", "v1beta1", false),
    older("extensions", "v1beta1", true),
];

/// Resources that discovery has found besides those of the table, the preferred version of each first.
pub type Discovered = Vec<&'static Resource>;

/// The resources of custom kinds, as discovery lists them. Each description is kept once, like those of the table.
pub fn discovered(kinds: impl Iterator<Item = CustomKind>) -> Discovered {
    static KNOWN: Mutex<BTreeSet<&'static Resource>> = Mutex::new(BTreeSet::new());
    let mut kinds: Vec<CustomKind> = kinds.collect();
    kinds.sort_by_key(|kind| (kind.info().group, Reverse(custom::rank(kind.info().version)), kind.info().plural));
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let of = |kind: CustomKind| {
        let (info, names) = (kind.info(), kind.names());
        let in_all = names["categories"].as_array().is_some_and(|all| all.iter().any(|one| one == "all"));
        let resource = |short: &'static str| Resource {
            plural: info.plural,
            singular: names["singular"].as_str().unwrap_or(""),
            short,
            group: info.group,
            version: info.version,
            kind: info.kind,
            namespaced: info.namespaced,
            in_all,
            verbs: FULL,
            custom: true,
        };
        let short = info.short.join(",");
        if let Some(found) =
            known.iter().find(|had| ***had == Resource { short: had.short, ..resource("") } && had.short == short)
        {
            return *found;
        }
        let fresh: &'static Resource = Box::leak(Box::new(resource(short.leak())));
        known.insert(fresh);
        fresh
    };
    kinds.into_iter().map(of).collect()
}

/// The resource of a kind in a group and version.
pub fn by_kind(more: &Discovered, group: &str, version: &str, kind: &str) -> Option<&'static Resource> {
    let all = RESOURCES.iter().chain(OLDER).chain(more.iter().copied());
    all.into_iter().find(|r| r.group == group && r.version == version && r.kind == kind)
}

/// The resource with this plural in the core or any group.
pub fn by_plural(plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|r| r.plural == plural)
}

/// The resource that a word on the command line means: `po`, `deployments.apps`, `deploy.v1.apps`.
pub fn named(more: &Discovered, word: &str) -> Option<&'static Resource> {
    let lower = word.to_lowercase();
    let all = || RESOURCES.iter().chain(more.iter().copied());
    if let Some(found) = all().find(|r| r.answers_to(&lower)) {
        return Some(found);
    }
    let (name, rest) = lower.split_once('.')?;
    let named = |r: &&'static Resource| r.answers_to(name) || r.kind.to_lowercase() == name;
    let versioned = |r: &&'static Resource| {
        rest.split_once('.').is_some_and(|(version, group)| version == r.version && group == r.group)
    };
    let of_group = |r: &&'static Resource| named(r) && r.group == rest;
    // The beginning of a group's name will do.
    let begins = |r: &&'static Resource| named(r) && !rest.is_empty() && r.group.starts_with(rest);
    let versioned = all().find(|r| named(r) && versioned(r));
    versioned.or_else(|| all().find(of_group)).or_else(|| all().find(begins))
}

/// The resource with this short name.
pub fn short(more: &Discovered, word: &str) -> Option<&'static Resource> {
    RESOURCES.iter().chain(more.iter().copied()).find(|r| r.short.split(',').any(|s| !s.is_empty() && s == word))
}

/// The same among those of the table.
pub fn lookup(word: &str) -> Option<&'static Resource> {
    named(&Discovered::new(), word)
}

/// The resources that `all` means.
pub fn category_all(more: &Discovered) -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().chain(more.iter().copied()).filter(|r| r.in_all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::control::apiserver::other_form::OtherForm;
    use crate::control::apiserver::{component, review};

    #[test]
    fn words_mean_what_they_mean_to_upstream() {
        let table = [
            ("po", "pods"),
            ("Pod", "pods"),
            ("deploy", "deployments"),
            ("deployments.apps", "deployments"),
            ("deployment.v1.apps", "deployments"),
            ("ep", "endpoints"),
            ("ing", "ingresses"),
            ("pods.v1.", "pods"),
            ("deploy.app", "deployments"),
        ];
        for (word, plural) in table {
            assert_eq!(lookup(word).map(|r| r.plural), Some(plural), "{word}");
        }
        assert!(lookup("foo").is_none() && lookup("leasecandidate").is_none() && lookup("").is_none());
    }

    #[test]
    fn the_table_is_what_the_server_serves() {
        for resource in RESOURCES {
            let kind = Kind::by_kind(resource.group, resource.kind);
            let reviews = review::resources(resource.group, resource.version);
            let review = reviews.iter().any(|(_, kind, _)| *kind == resource.kind);
            let other = OtherForm::of(resource.group, resource.version);
            let component = resource.plural == component::PLURAL;
            assert!(
                kind.is_some() || review || other.is_some() || component,
                "no server answers for {}",
                resource.plural_name()
            );
        }
        for kind in Kind::ALL {
            assert!(RESOURCES.iter().any(|r| Kind::by_kind(r.group, r.kind) == Some(*kind)), "{kind:?} has no name");
        }
    }

    #[test]
    fn paths_follow_group_and_scope() {
        assert_eq!(lookup("po").unwrap().object_path("x", "web"), "/api/v1/namespaces/x/pods/web");
        assert_eq!(lookup("node").unwrap().path("x"), "/api/v1/nodes");
        assert_eq!(lookup("deploy").unwrap().path(""), "/apis/apps/v1/deployments");
    }
}
