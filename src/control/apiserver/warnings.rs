//! What is accepted with a word of warning: the texts of `Warning` headers about an object.
//!
//! Models `WarningsOnCreate` and `WarningsOnUpdate` of the strategies, and `pkg/api/{service,persistentvolume,
//! persistentvolumeclaim}`. Addresses that are not in their canonical form are not warned of.

mod pod;

use serde_json::Value;

use crate::api::validate::names;
use crate::api::{Kind, Object, PersistentVolume, PersistentVolumeClaim, PodTemplateSpec, Quantity, Service};

/// The annotation by which claims and volumes named their class before they had a field for it.
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";
const BETA_OPTIONS: &str = "volume.beta.kubernetes.io/mount-options";

/// Everything that is to be said about an object that was made or changed.
pub fn of(object: &Object, created: bool) -> Vec<String> {
    let mut found = Vec::new();
    if created {
        found.extend(name(object));
        if matches!(object, Object::Ingress(i) if i.metadata.annotations.contains_key(INGRESS_CLASS)) {
            found.push(format!(
                "annotation {INGRESS_CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
            ));
        }
    }
    match object {
        Object::Custom(c) => found.extend(c.metadata.finalizers.iter().filter_map(|name| finalizer(name))),
        Object::Pod(p) => pod::warn("", &p.metadata, &p.spec, &mut found),
        Object::Deployment(d) => template("spec.template", &d.spec.template, &mut found),
        Object::ReplicaSet(r) => template("spec.template", &r.spec.template, &mut found),
        Object::ReplicationController(r) => template("spec.template", &r.spec.template, &mut found),
        Object::StatefulSet(s) => {
            template("spec.template", &s.spec.template, &mut found);
            for (index, claim) in s.spec.volume_claim_templates.iter().enumerate() {
                claim_spec(&format!("spec.volumeClaimTemplates[{index}].spec"), claim, &mut found);
            }
        }
        Object::DaemonSet(d) => template("spec.template", &d.spec.template, &mut found),
        Object::Job(j) => template("spec.template", &j.spec.template, &mut found),
        Object::CronJob(c) => {
            template("spec.jobTemplate.spec.template", &c.spec.job_template.spec.template, &mut found)
        }
        Object::Service(s) => service(s, &mut found),
        Object::PersistentVolume(v) => volume(v, &mut found),
        Object::PersistentVolumeClaim(c) => claim(c, &mut found),
        _ => {}
    }
    found
}

/// The name of a finalizer of a custom resource that others may choose, too.
fn finalizer(name: &str) -> Option<String> {
    let standard = matches!(name, "orphan" | "foregroundDeletion" | "kubernetes");
    (!standard && !name.contains('/')).then(|| {
        format!("metadata.finalizers: {name:?}: prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers")
    })
}

fn template(path: &str, template: &PodTemplateSpec, found: &mut Vec<String>) {
    pod::warn(path, &template.metadata, &template.spec, found);
}

/// A name that becomes a host name should be one.
fn name(object: &Object) -> Option<String> {
    let used = match object.kind() {
        Kind::Pod => "the Pod's hostname",
        Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController | Kind::Job | Kind::CronJob => {
            "Pod names and hostnames"
        }
        _ => return None,
    };
    let wrong = names::dns_label(&object.meta().name);
    (!wrong.is_empty()).then(|| {
        let wrong = wrong.join(" ");
        format!(
            "metadata.name: this is used in {used}, which can result in surprising behavior; a DNS label is recommended: [{wrong}]"
        )
    })
}

fn service(service: &Service, found: &mut Vec<String>) {
    const HINTS: &str = "service.kubernetes.io/topology-aware-hints";
    const MODE: &str = "service.kubernetes.io/topology-mode";
    let spec = &service.spec;
    let text = |field: &str| spec.rest.get(field).and_then(Value::as_str).unwrap_or_default();
    let external = spec.rest.get("externalIPs").and_then(Value::as_array).is_some_and(|ips| !ips.is_empty());
    let named = spec.r#type == crate::api::ServiceType::ExternalName;
    let headless = spec.r#type == crate::api::ServiceType::ClusterIp && spec.cluster_ip == "None";
    if service.metadata.annotations.contains_key(HINTS) {
        found.push(format!("annotation {HINTS} is deprecated, please use {MODE} instead"));
    }
    if headless {
        let ignored = [
            (!text("loadBalancerIP").is_empty(), "spec.loadBalancerIP"),
            (external, "spec.externalIPs"),
            (!matches!(spec.session_affinity.as_str(), "" | "None"), "spec.SessionAffinity"),
        ];
        let ignored = ignored.into_iter().filter(|(there, _)| *there);
        found.extend(ignored.map(|(_, field)| format!("{field} is ignored for headless services")));
    }
    if external && !headless && !named {
        found.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters".into());
    }
    if named && external {
        found.push("spec.externalIPs is ignored when spec.type is \"ExternalName\"".into());
    }
    if !named && !spec.external_name.is_empty() {
        found.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".into());
    }
    if text("trafficDistribution") == "PreferClose" {
        found.push("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"".into());
    }
}

fn volume(volume: &PersistentVolume, found: &mut Vec<String>) {
    let annotations = &volume.metadata.annotations;
    for (key, since, field) in [(BETA_CLASS, "v1.8", "storageClassName"), (BETA_OPTIONS, "v1.31", "mountOptions")] {
        if annotations.contains_key(key) {
            found.push(format!(
                "metadata.annotations[{key}]: deprecated since {since}; use {field:?} attribute instead"
            ));
        }
    }
    if volume.spec.persistent_volume_reclaim_policy == "Recycle" {
        found.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".into());
    }
    let terms = volume.spec.node_affinity.iter().filter_map(|affinity| affinity.required.as_ref());
    for (index, term) in terms.flat_map(|required| &required.node_selector_terms).enumerate() {
        pod::node_term(&format!("spec.nodeAffinity.required.nodeSelectorTerms[{index}]"), term, found);
    }
    found.extend(pod::gone_sources("spec", &volume.spec.rest));
}

fn claim(claim: &PersistentVolumeClaim, found: &mut Vec<String>) {
    if claim.metadata.annotations.contains_key(BETA_CLASS) {
        found.push(format!(
            "metadata.annotations[{BETA_CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
        ));
    }
    claim_spec("spec", claim, found);
}

fn claim_spec(path: &str, claim: &PersistentVolumeClaim, found: &mut Vec<String>) {
    let resources = &claim.spec.resources;
    for (map, amounts) in [("requests", &resources.requests), ("limits", &resources.limits)] {
        found.extend(fractional(&format!("{path}.resources.{map}[storage]"), amounts.get("storage")));
    }
}

/// A part of a byte.
fn fractional(path: &str, amount: Option<&Quantity>) -> Option<String> {
    let amount = amount.filter(|amount| amount.millis() % 1_000 != 0)?;
    Some(format!("{path}: fractional byte value \"{amount}\" is invalid, must be an integer"))
}
