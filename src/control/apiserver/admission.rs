//! What is refused of or added to objects on their way in. Models the plugins that are on by default: NamespaceLifecycle,
//! LimitRanger, ServiceAccount, PodSecurity, Priority, DefaultTolerationSeconds, RuntimeClass, ResourceQuota, NodeRestriction's
//! taint of new nodes, PodTopologyLabels; then webhooks and policies.
//!
//! Upstream waits for the account `default` of a new namespace, which its controller is about to make; here a pod may do
//! without. Any other account must be in the server's cache. Nobody checks what an account may do.

mod limit_ranger;
pub mod matching;
pub mod pod_security;
mod policy;
mod priority;
pub mod quota;
pub mod resize;
mod runtime_class;
mod webhook;

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Kind, Namespace, Node, Object, ObjectMeta, Pod, PodSpec, Status, Taint, TaintEffect, Toleration, Volume,
    VolumeMount,
};
use crate::control::apiserver::cache::Cache;
use crate::control::apiserver::registry::Env;
use crate::sim::VecMap;

pub use matching::Asked;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The labels that a pod has of its node.
const TOPOLOGY: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// A new object.
///
/// # Errors
/// It is forbidden.
pub fn on_create(object: &mut Object, env: &mut Env<'_>) -> Result<(), Status> {
    namespace_is_open(object, env)?;
    match object {
        Object::Pod(pod) => {
            let pod = Arc::make_mut(pod);
            limit_ranger::fill(pod, env);
            service_account(pod, env)?;
            priority::pod(pod, env)?;
            tolerations(pod);
            runtime_class::pod(pod, env)?;
            pod_security::pod(pod, namespace_of(env))?;
            let node = env.objects(Kind::Node).find(|node| node.meta().name == pod.spec.node_name);
            if let Some(node) = node {
                topology_labels(&mut pod.metadata, node.meta());
            }
        }
        Object::PersistentVolumeClaim(claim) => {
            let old = claim.metadata.annotations.contains_key("volume.beta.kubernetes.io/storage-class");
            if claim.spec.storage_class_name.is_none() && !old {
                Arc::make_mut(claim).spec.storage_class_name.clone_from(&env.default_class);
            }
        }
        Object::Ingress(ingress) => {
            let old = ingress.metadata.annotations.contains_key("kubernetes.io/ingress.class");
            if ingress.spec.ingress_class_name.is_none() && !old {
                Arc::make_mut(ingress).spec.ingress_class_name.clone_from(&env.default_class);
            }
        }
        Object::PriorityClass(class) => priority::class(class, true, env)?,
        Object::Namespace(namespace) => pod_security::namespace(namespace)?,
        Object::Node(node) => taint(Arc::make_mut(node)),
        _ => {}
    }
    Ok(())
}

/// Gives a pod the labels of its node that tell where it is.
pub fn topology_labels(pod: &mut ObjectMeta, node: &ObjectMeta) {
    for label in TOPOLOGY {
        if let Some(place) = node.labels.get(label) {
            pod.labels.insert(label.into(), place.clone());
        }
    }
}

/// A new object as it will be, once it is known to be valid.
///
/// # Errors
/// It is forbidden.
pub fn check_new(object: &Object, env: &Env<'_>) -> Result<(), Status> {
    limit_ranger::check(object, env)
}

/// A changed object as it will be, once it is known to be valid.
///
/// # Errors
/// It is forbidden.
pub fn check_changed(object: &Object, env: &Env<'_>) -> Result<(), Status> {
    match object {
        Object::PersistentVolumeClaim(_) => limit_ranger::check(object, env),
        _ => Ok(()),
    }
}

/// A pod that is resized, once that is known to be valid: it keeps to the ranges of its namespace and fits its node.
///
/// # Errors
/// It is forbidden.
pub fn check_resized(new: &Object, old: &Object, env: &Env<'_>) -> Result<(), Status> {
    limit_ranger::check(new, env)?;
    match (new, old) {
        (Object::Pod(new), Object::Pod(old)) => resize::check(new, old, env),
        _ => Ok(()),
    }
}

/// Whether anybody was put in charge besides.
pub fn is_anybody_in_charge(caches: &VecMap<Kind, Cache>) -> bool {
    let kinds = [
        Kind::ValidatingAdmissionPolicyBinding,
        Kind::MutatingWebhookConfiguration,
        Kind::ValidatingWebhookConfiguration,
    ];
    kinds.iter().filter_map(|kind| caches.get(kind)).any(|cache| cache.objects().next().is_some())
}

/// Asks those who were put in charge besides, webhooks and policies, if there is anything to ask. Answers their warnings.
///
/// # Errors
/// One of them denies the request, or cannot be asked.
pub fn consult(asked: Option<&Asked<'_>>, env: &Env<'_>) -> Result<Vec<String>, Status> {
    let Some(asked) = asked.filter(|asked| !matching::is_exempt(asked.kind)) else { return Ok(Vec::new()) };
    webhook::ask(asked, env)?;
    policy::judge(asked, env)
}

/// A changed object.
///
/// # Errors
/// It is forbidden.
pub fn on_update(new: &mut Object, old: &Object, env: &mut Env<'_>) -> Result<(), Status> {
    match &*new {
        Object::PriorityClass(class) => priority::class(class, false, env)?,
        Object::Namespace(namespace) => pod_security::namespace(namespace)?,
        _ => {}
    }
    if let (Object::Pod(new), Object::Pod(old)) = (&mut *new, old) {
        // What creation added stays if the client left it out.
        if new.spec.priority.is_none() && old.spec.priority.is_some() && new.spec.priority_class_name.is_empty() {
            let spec = Arc::make_mut(&mut Arc::make_mut(new).spec);
            spec.priority = old.spec.priority;
            spec.preemption_policy = old.spec.preemption_policy.clone();
        }
    }
    Ok(())
}

/// The namespace of the request.
fn namespace_of<'a>(env: &'a Env<'_>) -> Option<&'a Namespace> {
    match &env.namespace {
        Some(Object::Namespace(namespace)) => Some(namespace),
        _ => None,
    }
}

fn namespace_is_open(object: &Object, env: &Env<'_>) -> Result<(), Status> {
    let Some(Object::Namespace(namespace)) = &env.namespace else { return Ok(()) };
    let kind = object.kind();
    if kind == Kind::Namespace || namespace.metadata.deletion_timestamp.is_none() {
        return Ok(());
    }
    let (meta, space) = (object.meta(), &namespace.metadata.name);
    let name = if meta.name.is_empty() { &meta.generate_name } else { &meta.name };
    let why = format!("unable to create new content in namespace {space} because it is being terminated");
    let mut status = Status::forbidden(kind, name, &why);
    if let Some(details) = &mut status.details {
        let message = format!("namespace {space} is being terminated");
        details["causes"] = json!([
            {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
        ]);
    }
    Err(status)
}

/// The name of an object, or what its name will begin with.
fn name_of(meta: &ObjectMeta) -> &str {
    if meta.name.is_empty() { &meta.generate_name } else { &meta.name }
}

/// Gives the pod the default account and mounts its token.
fn service_account(pod: &mut Pod, env: &mut Env<'_>) -> Result<(), Status> {
    if pod.metadata.annotations.contains_key("kubernetes.io/config.mirror") {
        return Ok(());
    }
    let spec = Arc::make_mut(&mut pod.spec);
    if spec.service_account_name.is_empty() {
        spec.service_account_name = "default".into();
    }
    spec.deprecated_service_account = spec.service_account_name.clone();
    let account = env.account.take();
    if account.is_none() && spec.service_account_name != "default" {
        let (meta, name) = (&pod.metadata, &spec.service_account_name);
        let of = if meta.name.is_empty() { &meta.generate_name } else { &meta.name };
        let space = &meta.namespace;
        let why = format!("error looking up service account {space}/{name}: serviceaccount {name:?} not found");
        return Err(Status::forbidden(Kind::Pod, of, &why));
    }
    if let Some(account) = account {
        if !account.image_pull_secrets.is_empty() {
            spec.rest.entry("imagePullSecrets".into()).or_insert_with(|| json!(account.image_pull_secrets));
        }
        if spec.automount_service_account_token.is_none() && account.automount_service_account_token == Some(false) {
            return Ok(());
        }
    }
    if spec.automount_service_account_token == Some(false) {
        return Ok(());
    }
    mount_token(spec, env);
    Ok(())
}

/// Mounts the token of the account in every container that has nothing in its place.
fn mount_token(spec: &mut PodSpec, env: &mut Env<'_>) {
    let has = spec.volumes.iter().find(|v| v.name.starts_with("kube-api-access-")).map(|v| v.name.clone());
    let name = match &has {
        Some(name) => name.clone(),
        None => format!("kube-api-access-{}", env.suffix()),
    };
    let mut mounted = false;
    for container in spec.init_containers.iter_mut().chain(&mut spec.containers) {
        if container.volume_mounts.iter().all(|m| m.mount_path != TOKEN_PATH) {
            let mount = VolumeMount {
                name: name.clone(),
                mount_path: TOKEN_PATH.into(),
                read_only: true,
                ..VolumeMount::default()
            };
            container.volume_mounts.push(mount);
            mounted = true;
        }
    }
    if mounted && has.is_none() {
        spec.volumes.push(token_volume(name));
    }
}

fn token_volume(name: String) -> Volume {
    let mut volume = Volume { name, ..Volume::default() };
    let sources = json!([
        {"serviceAccountToken": {"expirationSeconds": 3_607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
        ]}},
    ]);
    volume.rest.insert("projected".into(), json!({"defaultMode": 0o644, "sources": sources}));
    volume
}

/// A pod bears an unready or unreachable node for five minutes, unless it says otherwise.
fn tolerations(pod: &mut Pod) {
    let bears = |key: &str| {
        pod.spec.tolerations.iter().any(|t| {
            (t.key == key || t.key.is_empty()) && t.effect.as_ref().is_none_or(|e| *e == TaintEffect::NoExecute)
        })
    };
    let missing: Vec<&str> = [NOT_READY, UNREACHABLE].into_iter().filter(|key| !bears(key)).collect();
    let spec = Arc::make_mut(&mut pod.spec);
    for key in missing {
        spec.tolerations.push(Toleration {
            key: key.into(),
            operator: "Exists".into(),
            effect: Some(TaintEffect::NoExecute),
            toleration_seconds: Some(300),
            ..Toleration::default()
        });
    }
}

/// A new node takes no pods until its controller has seen that it is ready.
fn taint(node: &mut Node) {
    let has = node.spec.taints.iter().any(|t| t.key == NOT_READY && t.effect == TaintEffect::NoSchedule);
    if !has {
        node.spec.taints.push(Taint { key: NOT_READY.into(), effect: TaintEffect::NoSchedule, ..Taint::default() });
    }
}
