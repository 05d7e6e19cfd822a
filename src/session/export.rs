//! Going on with a real cluster: everything that was made here as manifests, and a configuration for kind (Kubernetes in
//! Docker) with nodes of the same number.
//!
//! Left out is what a real cluster makes by itself: what every new cluster has, what has an owner, status, names of nodes and
//! addresses that were given out.

use serde_json::{Map, Value};

use crate::api::yaml::to_yaml;
use crate::api::{Kind, Object};
use crate::cluster::{Cluster, ProxyMode, Scenario};
use crate::session::World;
use crate::sim::VecSet;

/// The kinds that are exported, in the order in which they can be created.
const KINDS: &[Kind] = &[
    Kind::Namespace,
    Kind::CustomResourceDefinition,
    Kind::PriorityClass,
    Kind::RuntimeClass,
    Kind::StorageClass,
    Kind::VolumeAttributesClass,
    Kind::CSIDriver,
    Kind::IngressClass,
    Kind::ServiceAccount,
    Kind::ClusterRole,
    Kind::ClusterRoleBinding,
    Kind::Role,
    Kind::RoleBinding,
    Kind::ResourceQuota,
    Kind::LimitRange,
    Kind::Secret,
    Kind::ConfigMap,
    Kind::PersistentVolume,
    Kind::PersistentVolumeClaim,
    Kind::Service,
    Kind::Endpoints,
    Kind::EndpointSlice,
    Kind::PodTemplate,
    Kind::Pod,
    Kind::ReplicationController,
    Kind::ReplicaSet,
    Kind::Deployment,
    Kind::StatefulSet,
    Kind::DaemonSet,
    Kind::Job,
    Kind::CronJob,
    Kind::HorizontalPodAutoscaler,
    Kind::PodDisruptionBudget,
    Kind::NetworkPolicy,
    Kind::Ingress,
    Kind::APIService,
];

/// Annotations that components write; a name that ends in `/` stands for all below it.
const WRITTEN: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/",
    "deprecated.daemonset.template.generation",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "pv.kubernetes.io/",
    "volume.kubernetes.io/",
    "volume.beta.kubernetes.io/",
];

/// The name of the cluster that kind makes, with which the names of its nodes begin.
const NAME: &str = "kubarium";

/// Everything that was made in a world, as one YAML file of several documents; empty if nothing was.
pub fn manifests(world: &World) -> String {
    let cluster = &world.cluster;
    let fresh = World::boot(cluster.scenario().clone());
    let keys = |cluster: &Cluster| -> VecSet<(Kind, String)> {
        let of_kind =
            |kind: &Kind| cluster.objects(*kind).map(|object| (object.kind(), key(object))).collect::<Vec<_>>();
        KINDS.iter().flat_map(of_kind).collect()
    };
    let everywhere = keys(&fresh.cluster);
    let mut documents = Vec::new();
    for kind in KINDS {
        let made = cluster.objects(*kind).filter(|object| !everywhere.contains(&(*kind, key(object))));
        let made = made.filter(|object| !is_given(object, cluster));
        documents.extend(made.map(|object| to_yaml(&bare(object, cluster))));
    }
    documents.join("---\n")
}

/// A configuration for kind with as many nodes and the same mode of kube-proxy, as far as kind has it.
pub fn kind_config(scenario: &Scenario) -> String {
    let mode = match scenario.proxy {
        ProxyMode::Ipvs => "ipvs",
        ProxyMode::Nftables => "nftables",
        ProxyMode::Userspace | ProxyMode::Iptables => "iptables",
    };
    let mut text = format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: {NAME}\nnetworking:\n");
    text.push_str(&format!(
        "  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/16\n  kubeProxyMode: {mode}\nnodes:\n"
    ));
    for _ in 0..scenario.masters.max(1) {
        text.push_str("- role: control-plane\n");
    }
    for _ in &scenario.names {
        text.push_str("- role: worker\n");
    }
    text
}

fn key(object: &Object) -> String {
    format!("{}/{}", object.meta().namespace, object.meta().name)
}

/// Whether a real cluster makes the object by itself, or is about to take it away.
fn is_given(object: &Object, cluster: &Cluster) -> bool {
    let meta = object.meta();
    if !meta.owner_references.is_empty() || meta.deletion_timestamp.is_some() {
        return true;
    }
    match object.kind() {
        Kind::ServiceAccount => meta.name == "default",
        Kind::ConfigMap => meta.name == "kube-root-ca.crt",
        Kind::PersistentVolume => meta.annotations.contains_key("pv.kubernetes.io/provisioned-by"),
        Kind::Endpoints => cluster
            .object(Kind::Service, &meta.namespace, &meta.name)
            .is_some_and(|service| !service.to_value()["spec"]["selector"].is_null()),
        Kind::Secret => object.to_value()["type"] == "kubernetes.io/service-account-token",
        _ => false,
    }
}

/// The object as somebody would have written it.
fn bare(object: &Object, cluster: &Cluster) -> Value {
    let mut value = object.to_value();
    let annotations = value["metadata"]["annotations"].clone();
    let Some(root) = value.as_object_mut() else { return value };
    root.remove("status");
    if object.kind() == Kind::Job {
        bare_job(root);
    }
    if let Some(meta) = root.get_mut("metadata").and_then(Value::as_object_mut) {
        bare_meta(meta);
    }
    if let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut) {
        match object.kind() {
            Kind::Namespace => drop(root.remove("spec")),
            Kind::Service => bare_service(spec),
            Kind::Pod => bare_pod(spec, &annotations, cluster),
            Kind::PersistentVolume if annotations["pv.kubernetes.io/bound-by-controller"] == "yes" => {
                spec.remove("claimRef");
            }
            Kind::PersistentVolume => remove(spec.get_mut("claimRef"), &["uid", "resourceVersion"]),
            Kind::PersistentVolumeClaim if annotations["pv.kubernetes.io/bind-completed"] == "yes" => {
                spec.remove("volumeName");
            }
            _ => {}
        }
    }
    value
}

fn bare_meta(meta: &mut Map<String, Value>) {
    for name in
        ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "generateName", "selfLink"]
    {
        meta.remove(name);
    }
    if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
        let is_written = |name: &str| {
            WRITTEN
                .iter()
                .any(|written| if written.ends_with('/') { name.starts_with(written) } else { name == *written })
        };
        annotations.retain(|name, _| !is_written(name));
    }
    if let Some(finalizers) = meta.get_mut("finalizers").and_then(Value::as_array_mut) {
        finalizers.retain(|one| one.as_str().is_some_and(|one| one.contains('/') && !one.contains("kubernetes.io/")));
    }
    if let Some(labels) = meta.get_mut("labels").and_then(Value::as_object_mut) {
        labels.remove("kubernetes.io/metadata.name");
    }
    remove_empty(meta, &["annotations", "finalizers", "labels"]);
}

fn bare_service(spec: &mut Map<String, Value>) {
    if spec.get("clusterIP") != Some(&Value::from("None")) {
        spec.remove("clusterIP");
    }
    for name in ["clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"] {
        spec.remove(name);
    }
}

fn bare_job(root: &mut Map<String, Value>) {
    let Some(spec) = root.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if spec.get("manualSelector") == Some(&Value::Bool(true)) {
        return;
    }
    spec.remove("selector");
    unlabel(spec.get_mut("template").and_then(|template| template.get_mut("metadata")));
    unlabel(root.get_mut("metadata"));
}

/// Without the labels by which a job knows its pods.
fn unlabel(meta: Option<&mut Value>) {
    let given = ["controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"];
    let Some(meta) = meta.and_then(Value::as_object_mut) else { return };
    remove(meta.get_mut("labels"), &given);
    remove_empty(meta, &["labels"]);
}

/// A pod without what admission and the scheduler gave it. A node that its author named is kept, by the name that kind gives it.
fn bare_pod(spec: &mut Map<String, Value>, annotations: &Value, cluster: &Cluster) {
    let applied = annotations["kubectl.kubernetes.io/last-applied-configuration"].as_str().unwrap_or("");
    let applied: Value = serde_json::from_str(applied).unwrap_or_default();
    spec.remove("nodeName");
    if let Some(node) = applied["spec"]["nodeName"].as_str() {
        spec.insert("nodeName".into(), Value::from(node_of_kind(node, cluster)));
    }
    for name in ["serviceAccount", "priority", "preemptionPolicy", "ephemeralContainers"] {
        spec.remove(name);
    }
    if let Some(tolerations) = spec.get_mut("tolerations").and_then(Value::as_array_mut) {
        tolerations.retain(|one| {
            !matches!(one["key"].as_str(), Some("node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable"))
                || one["tolerationSeconds"] != 300
        });
    }
    let is_token = |name: &Value| name.as_str().is_some_and(|name| name.starts_with("kube-api-access-"));
    if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
        volumes.retain(|volume| !is_token(&volume["name"]));
    }
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let Some(container) = container.as_object_mut() else { continue };
            if let Some(mounts) = container.get_mut("volumeMounts").and_then(Value::as_array_mut) {
                mounts.retain(|mount| !is_token(&mount["name"]));
            }
            remove_empty(container, &["volumeMounts"]);
        }
    }
    remove_empty(spec, &["tolerations", "volumes"]);
}

/// What kind calls the node that takes the place of this one.
fn node_of_kind(node: &str, cluster: &Cluster) -> String {
    let names = &cluster.scenario().names;
    let (role, at) = match names.iter().position(|name| name == node) {
        Some(at) => ("worker", at),
        None => match node.strip_prefix("master").and_then(|n| n.parse::<usize>().ok()) {
            Some(n) if n > 0 => ("control-plane", n - 1),
            _ => return node.to_owned(),
        },
    };
    if at == 0 { format!("{NAME}-{role}") } else { format!("{NAME}-{role}{}", at + 1) }
}

fn remove(from: Option<&mut Value>, names: &[&str]) {
    if let Some(from) = from.and_then(Value::as_object_mut) {
        from.retain(|name, _| !names.contains(&name.as_str()));
    }
}

fn remove_empty(from: &mut Map<String, Value>, names: &[&str]) {
    let is_empty = |value: &Value| match value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    from.retain(|name, value| !(names.contains(&name.as_str()) && is_empty(value)));
}
