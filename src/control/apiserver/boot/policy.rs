//! The roles and bindings that a server makes for itself. Models `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`.
//!
//! A rule is a line of columns: verbs, groups, resources, names of objects. `-` is the group of the core; a line of two columns
//! is about paths. `admin`, `edit` and `view` are put together by a controller, from the roles whose labels say so.

use crate::api::{
    AggregationRule, ClusterRole, ClusterRoleBinding, LabelSelector, Object, ObjectMeta, PolicyRule, Role, RoleBinding,
    RoleRef, Subject,
};

const GROUP: &str = "rbac.authorization.k8s.io";
/// What a line `events` stands for.
const EVENTS: &str = "create,patch,update -,events.k8s.io events";

/// The roles of users and components, each with its rules below it; `> edit`: its rules are taken over by that role.
const ROLES: &str = "\
system:aggregate-to-admin > admin
  create authorization.k8s.io localsubjectaccessreviews
  create,delete,deletecollection,get,list,patch,update,watch rbac.authorization.k8s.io rolebindings,roles
system:aggregate-to-edit > edit
  get,list,watch - pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy
  impersonate - serviceaccounts
  create,delete,deletecollection,patch,update - pods,pods/attach,pods/exec,pods/portforward,pods/proxy
  create - pods/eviction
  create,delete,deletecollection,patch,update - configmaps,events,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/scale,secrets,serviceaccounts,services,services/proxy
  create - serviceaccounts/token
  create,delete,deletecollection,patch,update apps daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/scale,statefulsets,statefulsets/scale
  create,delete,deletecollection,patch,update autoscaling horizontalpodautoscalers
  create,delete,deletecollection,patch,update batch cronjobs,jobs
  create,delete,deletecollection,patch,update extensions daemonsets,deployments,deployments/rollback,deployments/scale,ingresses,networkpolicies,replicasets,replicasets/scale,replicationcontrollers/scale
  create,delete,deletecollection,patch,update policy poddisruptionbudgets
  create,delete,deletecollection,patch,update networking.k8s.io ingresses,networkpolicies
  create,delete,deletecollection,get,list,patch,update,watch coordination.k8s.io leases
  create,delete,deletecollection,patch,update resource.k8s.io resourceclaims,resourceclaimtemplates
system:aggregate-to-view > view
  get,list,watch - configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status
  get,list,watch - bindings,events,limitranges,namespaces/status,pods/log,pods/status,replicationcontrollers/status,resourcequotas,resourcequotas/status
  get,list,watch - namespaces
  get,list,watch discovery.k8s.io endpointslices
  get,list,watch apps controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,replicasets,replicasets/scale,replicasets/status,statefulsets,statefulsets/scale,statefulsets/status
  get,list,watch autoscaling horizontalpodautoscalers,horizontalpodautoscalers/status
  get,list,watch batch cronjobs,cronjobs/status,jobs,jobs/status
  get,list,watch extensions daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,ingresses,ingresses/status,networkpolicies,replicasets,replicasets/scale,replicasets/status,replicationcontrollers/scale
  get,list,watch policy poddisruptionbudgets,poddisruptionbudgets/status
  get,list,watch networking.k8s.io ingresses,ingresses/status,networkpolicies
  get,list,watch resource.k8s.io resourceclaims,resourceclaims/status,resourceclaimtemplates
cluster-admin
  * * *
  * *
system:auth-delegator
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io subjectaccessreviews
system:basic-user
  create authorization.k8s.io selfsubjectaccessreviews,selfsubjectrulesreviews
  create authentication.k8s.io selfsubjectreviews
system:certificates.k8s.io:certificatesigningrequests:nodeclient
  create certificates.k8s.io certificatesigningrequests/nodeclient
system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  create certificates.k8s.io certificatesigningrequests/selfnodeclient
system:certificates.k8s.io:kube-apiserver-client-approver
  approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client
system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet
system:certificates.k8s.io:kubelet-serving-approver
  approve certificates.k8s.io signers kubernetes.io/kubelet-serving
system:certificates.k8s.io:legacy-unknown-approver
  approve certificates.k8s.io signers kubernetes.io/legacy-unknown
system:discovery
  get /api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/
system:heapster
  get,list,watch - events,namespaces,nodes,pods
  get,list,watch extensions deployments
system:kube-aggregator
  get,list,watch - endpoints,services
system:kube-controller-manager
  events
  create coordination.k8s.io leases
  get,update coordination.k8s.io leases kube-controller-manager
  create - secrets,serviceaccounts
  delete - secrets
  get - configmaps,namespaces,secrets,serviceaccounts
  update - secrets,serviceaccounts
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io subjectaccessreviews
  list,watch * *
  create - serviceaccounts/token
system:kube-dns
  list,watch - endpoints,services
system:kube-scheduler
  events
  create coordination.k8s.io leases
  get,list,update,watch coordination.k8s.io leases kube-scheduler
  get,list,watch - nodes
  delete,get,list,watch - pods
  create - bindings,pods/binding
  patch,update - pods/status
  get,list,watch - replicationcontrollers,services
  get,list,watch apps,extensions replicasets
  get,list,watch apps statefulsets
  get,list,watch policy poddisruptionbudgets
  get,list,watch - persistentvolumeclaims,persistentvolumes
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io subjectaccessreviews
  get,list,watch storage.k8s.io csinodes
  get,list,watch storage.k8s.io volumeattachments
  get,list,watch - namespaces
  get,list,watch storage.k8s.io csidrivers
  get,list,watch storage.k8s.io csistoragecapacities
  get,list,watch resource.k8s.io deviceclasses
  get,list,patch,update,watch resource.k8s.io resourceclaims
  get,list,patch,update,watch resource.k8s.io resourceclaims/status
  get,list,patch,update,watch - pods/finalizers
  get,list,watch resource.k8s.io resourceslices
system:kubelet-api-admin
  get,list,watch - nodes
  proxy - nodes
  * - nodes/log,nodes/metrics,nodes/proxy,nodes/stats
  * - nodes/configz,nodes/healthz,nodes/pods
system:monitoring
  get /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*
system:node
  create authentication.k8s.io tokenreviews
  create authorization.k8s.io localsubjectaccessreviews,subjectaccessreviews
  get,list,watch - services
  create,get,list,watch - nodes
  patch,update - nodes/status
  patch,update - nodes
  create,patch,update - events
  get,list,watch - pods
  create,delete - pods
  patch,update - pods/status
  create - pods/eviction
  get,list,watch - configmaps,secrets
  get - persistentvolumeclaims,persistentvolumes
  get - endpoints
  create,get,list,watch certificates.k8s.io certificatesigningrequests
  create,delete,get,patch,update coordination.k8s.io leases
  get storage.k8s.io volumeattachments
  create - serviceaccounts/token
  get,patch,update - persistentvolumeclaims/status
  get,list,watch storage.k8s.io csidrivers
  create,delete,get,patch,update storage.k8s.io csinodes
  get,list,watch node.k8s.io runtimeclasses
  get resource.k8s.io resourceclaims
  deletecollection resource.k8s.io resourceslices
  get - serviceaccounts
system:node-bootstrapper
  create,get,list,watch certificates.k8s.io certificatesigningrequests
system:node-problem-detector
  get - nodes
  patch - nodes/status
  events
system:node-proxier
  list,watch - endpoints,services
  get,list,watch - nodes
  events
  list,watch networking.k8s.io servicecidrs
  list,watch discovery.k8s.io endpointslices
system:persistent-volume-provisioner
  create,delete,get,list,watch - persistentvolumes
  get,list,update,watch - persistentvolumeclaims
  get,list,watch storage.k8s.io storageclasses
  watch - events
  events
system:public-info-viewer
  get /healthz,/livez,/readyz,/version,/version/
system:service-account-issuer-discovery
  get /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/
system:volume-scheduler
  get,list,patch,update,watch - persistentvolumes
  get,list,watch storage.k8s.io storageclasses
  get,list,patch,update,watch - persistentvolumeclaims
";

/// The roles of controllers; each is bound to the service account of its name in `kube-system`.
const CONTROLLERS: &str = "\
attachdetach-controller
  list,watch - persistentvolumeclaims,persistentvolumes
  get,list,watch - nodes
  patch,update - nodes/status
  list,watch - pods
  events
  create,delete,get,list,watch storage.k8s.io volumeattachments
  get,list,watch storage.k8s.io csidrivers
  get,list,watch storage.k8s.io csinodes
certificate-controller
  delete,get,list,watch certificates.k8s.io certificatesigningrequests
  update certificates.k8s.io certificatesigningrequests/approval,certificatesigningrequests/status
  approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet
  sign certificates.k8s.io signers kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,kubernetes.io/legacy-unknown
  create authorization.k8s.io subjectaccessreviews
  events
clusterrole-aggregation-controller
  escalate,get,list,patch,update,watch rbac.authorization.k8s.io clusterroles
cronjob-controller
  get,list,update,watch batch cronjobs
  create,delete,get,list,patch,update,watch batch jobs
  update batch cronjobs/status
  update batch cronjobs/finalizers
  delete,list,watch - pods
  events
daemon-set-controller
  get,list,watch apps,extensions daemonsets
  update apps,extensions daemonsets/status
  update apps,extensions daemonsets/finalizers
  list,watch - nodes
  create,delete,list,patch,watch - pods
  create - pods/binding
  create,delete,get,list,patch,update,watch apps controllerrevisions
  events
deployment-controller
  get,list,update,watch apps,extensions deployments
  update apps,extensions deployments/status
  update apps,extensions deployments/finalizers
  create,delete,get,list,patch,update,watch apps,extensions replicasets
  get,list,update,watch - pods
  events
device-taint-eviction-controller
  delete,get,list,watch - pods
  patch,update - pods/status
  get,list,watch resource.k8s.io resourceclaims
  get,list,watch resource.k8s.io resourceslices
  get,list,watch resource.k8s.io deviceclasses
  get,list,watch resource.k8s.io devicetaintrules
  events
disruption-controller
  get,list,watch apps,extensions deployments
  get,list,watch apps,extensions replicasets
  get,list,watch - replicationcontrollers
  get,list,watch policy poddisruptionbudgets
  get,list,watch apps statefulsets
  update policy poddisruptionbudgets/status
  patch,update - pods/status
  get * */scale
  events
endpoint-controller
  get,list,watch - pods,services
  create,delete,get,list,update,watch - endpoints
  create - endpoints/restricted
  events
endpointslice-controller
  get,list,watch - nodes,pods,services
  update - services/finalizers
  create,delete,get,list,update,watch discovery.k8s.io endpointslices
  events
endpointslicemirroring-controller
  get,list,watch - endpoints,services
  update - services/finalizers
  update - endpoints/finalizers
  create,delete,get,list,update,watch discovery.k8s.io endpointslices
  events
ephemeral-volume-controller
  get,list,watch - pods
  update - pods/finalizers
  create,get,list,watch - persistentvolumeclaims
  events
expand-controller
  get,list,patch,update,watch - persistentvolumes
  patch,update - persistentvolumeclaims/status
  get,list,watch - persistentvolumeclaims
  events
  get - services
generic-garbage-collector
  delete,get,list,patch,update,watch * *
  events
horizontal-pod-autoscaler
  get,list,watch autoscaling horizontalpodautoscalers
  update autoscaling horizontalpodautoscalers/status
  get,update * */scale
  list,watch - pods
  list,watch metrics.k8s.io pods
  get,list,watch custom.metrics.k8s.io *
  get,list,watch external.metrics.k8s.io *
  events
job-controller
  get,list,patch,update,watch batch jobs
  update batch jobs/status
  update batch jobs/finalizers
  create,delete,list,patch,watch - pods
  events
legacy-service-account-token-cleaner
  get - configmaps kube-apiserver-legacy-service-account-token-tracking
  delete,patch - secrets
namespace-controller
  delete,get,list,watch - namespaces
  update - namespaces/finalize,namespaces/status
  delete,deletecollection,get,list,watch * *
node-controller
  delete,get,list,patch,update,watch - nodes
  patch,update - nodes/status
  patch,update - pods/status
  delete,get,list,watch - pods
  events
persistent-volume-binder
  create,delete,get,list,update,watch - persistentvolumes
  update - persistentvolumes/status
  get,list,update,watch - persistentvolumeclaims
  update - persistentvolumeclaims/status
  create,delete,get,list,watch - pods
  get,list,watch storage.k8s.io storageclasses
  list,watch - nodes
  events
  watch - events
  get - services
pod-garbage-collector
  delete,list,watch - pods
  get,list,watch - nodes
  patch - pods/status
pv-protection-controller
  get,list,update,watch - persistentvolumes
  events
pvc-protection-controller
  get,list,update,watch - persistentvolumeclaims
  get,list,watch - pods
  events
replicaset-controller
  get,list,update,watch apps,extensions replicasets
  update apps,extensions replicasets/status
  update apps,extensions replicasets/finalizers
  create,delete,list,patch,watch - pods
  events
replication-controller
  get,list,update,watch - replicationcontrollers
  update - replicationcontrollers/status
  update - replicationcontrollers/finalizers
  create,delete,list,patch,watch - pods
  events
resource-claim-controller
  get,list,watch - pods
  update - pods/finalizers
  create,delete,get,list,watch resource.k8s.io resourceclaims
  patch,update resource.k8s.io resourceclaims,resourceclaims/status
  patch,update - pods/status
  events
resourcequota-controller
  list,watch * *
  update - resourcequotas/status
  events
root-ca-cert-publisher
  create,update - configmaps
  events
route-controller
  list,watch - nodes
  patch - nodes/status
  events
selinux-warning-controller
  events
  get,list,watch - persistentvolumes
  get,list,watch - persistentvolumeclaims
  get,list,watch - pods
  get,list,watch storage.k8s.io csidrivers
service-account-controller
  create - serviceaccounts
  events
service-ca-cert-publisher
  create,update - configmaps
  events
service-cidrs-controller
  get,list,patch,update,watch networking.k8s.io servicecidrs
  patch,update networking.k8s.io servicecidrs/finalizers
  patch,update networking.k8s.io servicecidrs/status
  get,list,watch networking.k8s.io ipaddresses
  events
service-controller
  get,list,watch - services
  patch,update - services/status
  list,watch - nodes
  events
statefulset-controller
  list,watch - pods
  get,list,watch apps statefulsets
  update apps statefulsets/status
  update apps statefulsets/finalizers
  create,delete,get,patch,update - pods
  create,delete,get,list,patch,update,watch apps controllerrevisions
  create,get,list,watch - persistentvolumeclaims
  delete,update - persistentvolumeclaims
  update - pods/finalizers
  events
ttl-after-finished-controller
  delete,get,list,watch batch jobs
  events
ttl-controller
  list,patch,update,watch - nodes
  events
validatingadmissionpolicy-status-controller
  get,list,watch admissionregistration.k8s.io validatingadmissionpolicies
  get,patch,update admissionregistration.k8s.io validatingadmissionpolicies/status
  events
volumeattributesclass-protection-controller
  get,list,watch - persistentvolumeclaims
  get,list,watch - persistentvolumes
  get,list,update,watch storage.k8s.io volumeattributesclasses
  events
";

/// Who is bound to roles of clusters: the role, and the subjects (`user:`, `group:`, `account:namespace/name`).
const BINDINGS: &[(&str, &str, &[&str])] = &[
    ("cluster-admin", "cluster-admin", &["group:system:masters"]),
    ("system:monitoring", "system:monitoring", &["group:system:monitoring"]),
    ("system:discovery", "system:discovery", &["group:system:authenticated"]),
    ("system:basic-user", "system:basic-user", &["group:system:authenticated"]),
    (
        "system:public-info-viewer",
        "system:public-info-viewer",
        &["group:system:authenticated", "group:system:unauthenticated"],
    ),
    ("system:node-proxier", "system:node-proxier", &["user:system:kube-proxy"]),
    ("system:kube-controller-manager", "system:kube-controller-manager", &["user:system:kube-controller-manager"]),
    ("system:kube-dns", "system:kube-dns", &["account:kube-system/kube-dns"]),
    ("system:kube-scheduler", "system:kube-scheduler", &["user:system:kube-scheduler"]),
    ("system:volume-scheduler", "system:volume-scheduler", &["user:system:kube-scheduler"]),
    ("system:node", "system:node", &[]),
    (
        "system:service-account-issuer-discovery",
        "system:service-account-issuer-discovery",
        &["group:system:serviceaccounts"],
    ),
];

/// Roles of a namespace, with who is bound to them: the namespace, the role, its rules, the binding, the subjects.
type Local = (&'static str, &'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const LOCAL: &[Local] = &[
    (
        "kube-public",
        "system:controller:bootstrap-signer",
        &["get,list,watch - configmaps", "update - configmaps cluster-info", "events"],
        "system:controller:bootstrap-signer",
        &["account:kube-system/bootstrap-signer"],
    ),
    (
        "kube-system",
        "extension-apiserver-authentication-reader",
        &["get,list,watch - configmaps extension-apiserver-authentication"],
        "system::extension-apiserver-authentication-reader",
        &["user:system:kube-controller-manager", "user:system:kube-scheduler"],
    ),
    (
        "kube-system",
        "system::leader-locking-kube-controller-manager",
        &["watch - configmaps", "get,update - configmaps kube-controller-manager"],
        "system::leader-locking-kube-controller-manager",
        &["user:system:kube-controller-manager", "account:kube-system/kube-controller-manager"],
    ),
    (
        "kube-system",
        "system::leader-locking-kube-scheduler",
        &["watch - configmaps", "get,update - configmaps kube-scheduler"],
        "system::leader-locking-kube-scheduler",
        &["user:system:kube-scheduler", "account:kube-system/kube-scheduler"],
    ),
    (
        "kube-system",
        "system:controller:bootstrap-signer",
        &["get,list,watch - secrets"],
        "system:controller:bootstrap-signer",
        &["account:kube-system/bootstrap-signer"],
    ),
    (
        "kube-system",
        "system:controller:cloud-provider",
        &["create,get,list,patch,update,watch - configmaps"],
        "system:controller:cloud-provider",
        &["account:kube-system/cloud-provider"],
    ),
    (
        "kube-system",
        "system:controller:token-cleaner",
        &["delete,get,list,watch - secrets", "events"],
        "system:controller:token-cleaner",
        &["account:kube-system/token-cleaner"],
    ),
];

/// All of them.
pub fn objects() -> Vec<Object> {
    let mut objects: Vec<Object> = Vec::new();
    for (name, into) in [("admin", ""), ("edit", "admin"), ("view", "edit")] {
        let selector = LabelSelector { match_labels: [aggregates(name)].into(), ..LabelSelector::default() };
        let rule = AggregationRule { cluster_role_selectors: vec![selector], ..AggregationRule::default() };
        let metadata = meta("", name, into);
        objects.push(ClusterRole { metadata, aggregation_rule: Some(rule), ..ClusterRole::default() }.into());
    }
    let role = |name: &str, into: &str, rules: &[&str]| -> Object {
        ClusterRole { metadata: meta("", name, into), rules: some(rules), ..ClusterRole::default() }.into()
    };
    let bind = |name: &str, of: &str, subjects: &[&str]| -> Object {
        let (metadata, subjects) = (meta("", name, ""), subjects.iter().map(|text| subject(text)).collect());
        let role_ref = reference("ClusterRole", of);
        ClusterRoleBinding { metadata, role_ref, subjects, ..ClusterRoleBinding::default() }.into()
    };
    objects.extend(roles_of(ROLES).map(|(name, into, rules)| role(name, into, &rules)));
    objects.extend(BINDINGS.iter().map(|(name, of, subjects)| bind(name, of, subjects)));
    for (name, into, rules) in roles_of(CONTROLLERS) {
        let full = format!("system:controller:{name}");
        objects.push(role(&full, into, &rules));
        objects.push(bind(&full, &full, &[&format!("account:kube-system/{name}")]));
    }
    for (namespace, name, rules, binding, subjects) in LOCAL {
        let metadata = meta(namespace, name, "");
        objects.push(Role { metadata, rules: some(rules), ..Role::default() }.into());
        let (metadata, role_ref) = (meta(namespace, binding, ""), reference("Role", name));
        let subjects = subjects.iter().map(|text| subject(text)).collect();
        objects.push(RoleBinding { metadata, role_ref, subjects, ..RoleBinding::default() }.into());
    }
    objects
}

/// The roles of a text: the name, the role that takes the rules over, the rules.
fn roles_of(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, Vec<&'static str>)> {
    let mut lines = text.lines().peekable();
    std::iter::from_fn(move || {
        let head = lines.next()?;
        let (name, into) = head.split_once(" > ").unwrap_or((head, ""));
        let rules = std::iter::from_fn(|| lines.next_if(|line| line.starts_with(' '))).map(str::trim).collect();
        Some((name, into, rules))
    })
}

/// The label by which a role is taken over by another.
fn aggregates(into: &str) -> (String, String) {
    (format!("{GROUP}/aggregate-to-{into}"), "true".into())
}

fn meta(namespace: &str, name: &str, into: &str) -> ObjectMeta {
    let mut meta = ObjectMeta { name: name.into(), namespace: namespace.into(), ..ObjectMeta::default() };
    meta.annotations.insert("rbac.authorization.kubernetes.io/autoupdate".into(), "true".into());
    meta.labels.insert("kubernetes.io/bootstrapping".into(), "rbac-defaults".into());
    meta.labels.extend((!into.is_empty()).then(|| aggregates(into)));
    meta
}

fn some(rules: &[&str]) -> Option<Vec<PolicyRule>> {
    Some(rules.iter().map(|line| rule(line)).collect())
}

fn rule(line: &str) -> PolicyRule {
    let line = if line == "events" { EVENTS } else { line };
    let columns: Vec<&str> = line.split(' ').collect();
    let list = |at: usize| -> Vec<String> {
        let words = columns.get(at).into_iter().flat_map(|column| column.split(','));
        words.map(|word| if word == "-" { String::new() } else { word.to_owned() }).collect()
    };
    let verbs = list(0);
    if columns.len() == 2 {
        return PolicyRule { verbs, non_resource_urls: list(1), ..PolicyRule::default() };
    }
    PolicyRule { verbs, api_groups: list(1), resources: list(2), resource_names: list(3), ..PolicyRule::default() }
}

fn reference(kind: &str, name: &str) -> RoleRef {
    RoleRef { api_group: GROUP.into(), kind: kind.into(), name: name.into(), ..RoleRef::default() }
}

fn subject(text: &str) -> Subject {
    let (kind, name) = text.split_once(':').expect("a subject has a kind");
    match (kind, name.split_once('/')) {
        ("account", Some((namespace, name))) => {
            let (kind, namespace) = ("ServiceAccount".into(), namespace.into());
            Subject { kind, name: name.into(), namespace, ..Subject::default() }
        }
        _ => {
            let kind = if kind == "user" { "User" } else { "Group" };
            Subject { kind: kind.into(), name: name.into(), api_group: GROUP.into(), ..Subject::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;
    use crate::api::validate;

    #[test]
    fn the_roles_are_as_many_as_a_real_cluster_lists_and_every_one_is_valid() {
        let all = objects();
        let count = |kind: Kind| all.iter().filter(|object| object.kind() == kind).count();
        let kinds = [Kind::ClusterRole, Kind::ClusterRoleBinding, Kind::Role, Kind::RoleBinding];
        assert_eq!(kinds.map(count), [70, 51, 7, 7]);
        for object in &all {
            let errors = validate::create(object);
            assert!(errors.is_empty(), "{}: {errors:?}", object.reference());
        }
    }
}
