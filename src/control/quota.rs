//! What objects use of quotas: the API server charges new objects by it, the quota controller counts by it.
//!
//! Models `pkg/quota/v1/evaluator/core` and `k8s.io/apiserver/pkg/quota/v1`. Resource claims and volume attributes
//! classes are not there.

use crate::sim::{VecMap, VecSet};

use serde_json::Value;

use crate::api::usage::{add, limits_held, requests_held};
use crate::api::{
    Kind, Object, PersistentVolumeClaim, Pod, Quantity, ResourceList, ResourceQuota, ResourceRequirements,
    ScopedResourceSelectorRequirement, Service, ServiceType, Timestamp, qos,
};

/// The resources of which a quota makes every container say something.
const DEMANDED: [&str; 6] = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// What an object uses, of every resource that it concerns.
pub fn usage(object: &Object, now: Timestamp) -> ResourceList {
    let info = object.kind().info();
    let one = Quantity::from_units(1);
    let mut all = ResourceList::from([(format!("count/{}", info.group_resource()), one)]);
    match object {
        Object::Pod(pod) if is_over(pod, now) => {}
        Object::Pod(pod) => {
            all.insert("pods".into(), one);
            all.extend(compute(&requests_held(pod), &limits_held(pod)));
        }
        Object::Service(service) => service_usage(service, &mut all),
        Object::PersistentVolumeClaim(claim) => claim_usage(claim, &mut all),
        Object::ConfigMap(_) | Object::Secret(_) | Object::ReplicationController(_) | Object::ResourceQuota(_) => {
            all.insert(info.plural.into(), one);
        }
        _ => {}
    }
    all
}

/// Whether a pod uses nothing any more: it has ended, or should have long ago.
fn is_over(pod: &Pod, now: Timestamp) -> bool {
    let late = pod.metadata.deletion_timestamp.zip(pod.metadata.deletion_grace_period_seconds);
    matches!(pod.status.phase.as_str(), "Failed" | "Succeeded") || late.is_some_and(|(at, grace)| now.0 > at.0 + grace)
}

/// Requests and limits by the names that quotas give them.
fn compute(requests: &ResourceList, limits: &ResourceList) -> ResourceList {
    let mut all = ResourceList::new();
    for (name, value) in requests {
        let plain = matches!(name.as_str(), "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-");
        if plain {
            all.insert(name.clone(), *value);
        }
        if plain || name.contains('/') {
            all.insert(format!("requests.{name}"), *value);
        }
    }
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(value) = limits.get(name) {
            all.insert(format!("limits.{name}"), *value);
        }
    }
    all
}

fn service_usage(service: &Service, all: &mut ResourceList) {
    let spec = &service.spec;
    let ports = || spec.ports.len();
    let chosen = || spec.ports.iter().filter(|port| port.node_port != 0).count();
    let without = spec.rest.get("allocateLoadBalancerNodePorts") == Some(&Value::Bool(false));
    let (balancers, nodes) = match spec.r#type {
        ServiceType::NodePort => (0, ports()),
        ServiceType::LoadBalancer if without => (1, chosen()),
        ServiceType::LoadBalancer => (1, ports()),
        _ => (0, 0),
    };
    all.insert("services".into(), Quantity::from_units(1));
    all.insert("services.loadbalancers".into(), Quantity::from_units(balancers));
    all.insert("services.nodeports".into(), Quantity::from_units(i64::try_from(nodes).unwrap_or(i64::MAX)));
}

fn claim_usage(claim: &PersistentVolumeClaim, all: &mut ResourceList) {
    let mut set = |name: &str, value: Quantity| {
        all.insert(name.to_owned(), value);
        if let Some(class) = claim.spec.storage_class_name.as_deref().filter(|class| !class.is_empty()) {
            all.insert(format!("{class}.storageclass.storage.k8s.io/{name}"), value);
        }
    };
    set("persistentvolumeclaims", Quantity::from_units(1));
    let told = claim.status.rest.get("allocatedResources").and_then(|list| list["storage"].as_str());
    let allocated = told.and_then(|text| text.parse::<Quantity>().ok());
    // A claim that grows is charged for the larger size until it has it.
    if let Some(storage) = claim.spec.resources.requests.get("storage") {
        let larger = allocated.filter(|amount| amount.minus(*storage).sign() > 0).unwrap_or(*storage);
        set("requests.storage", larger.whole());
    }
}

/// Whether an object is in all scopes of a quota. Only pods are in any.
pub fn in_scopes(quota: &ResourceQuota, object: &Object) -> bool {
    let selector = quota.spec.scope_selector.iter().flat_map(|selector| &selector.match_expressions);
    let plain = |name: &String| ScopedResourceSelectorRequirement {
        scope_name: name.clone(),
        operator: "Exists".into(),
        ..Default::default()
    };
    let mut all = quota.spec.scopes.iter().map(plain).chain(selector.cloned());
    match object {
        Object::Pod(pod) => all.all(|scope| in_scope(&scope, pod)),
        _ => all.next().is_none(),
    }
}

fn in_scope(scope: &ScopedResourceSelectorRequirement, pod: &Pod) -> bool {
    match scope.scope_name.as_str() {
        "Terminating" => pod.spec.active_deadline_seconds.is_some(),
        "NotTerminating" => pod.spec.active_deadline_seconds.is_none(),
        "BestEffort" => qos(&pod.spec) == "BestEffort",
        "NotBestEffort" => qos(&pod.spec) != "BestEffort",
        "PriorityClass" => {
            let class = pod.spec.priority_class_name.clone();
            let labels: VecMap<String, String> =
                (!class.is_empty()).then_some((scope.scope_name.clone(), class)).into_iter().collect();
            crate::control::selector::holds(&scope.scope_name, &scope.operator, &scope.values, &labels)
        }
        "CrossNamespacePodAffinity" => {
            let text = serde_json::to_value(&pod.spec.affinity).unwrap_or(Value::Null).to_string();
            text.contains("\"namespaceSelector\":") || text.contains("\"namespaces\":[\"")
        }
        _ => false,
    }
}

/// The resources of a list that are in another one too.
pub fn mask(list: &ResourceList, by: &ResourceList) -> ResourceList {
    list.iter().filter(|(name, _)| by.contains_key(*name)).map(|(name, value)| (name.clone(), *value)).collect()
}

/// What a quota makes the containers of a pod say that they do not say.
///
/// # Errors
/// Upstream's words about it.
pub fn demands(quota: &ResourceQuota, pod: &Pod) -> Result<(), String> {
    // The containers of a pod that says something as a whole need not say anything.
    let mut own = pod.spec.resources.iter().flat_map(|own| own.requests.keys().chain(own.limits.keys()));
    if own.any(|name| ResourceRequirements::is_of_pods(name)) {
        return Ok(());
    }
    let wanted = DEMANDED.iter().filter(|name| quota.status.hard.contains_key(**name));
    let mut missing: VecMap<&str, VecSet<&str>> = VecMap::new();
    for name in wanted {
        for container in pod.spec.containers.iter().chain(&pod.spec.init_containers) {
            if !compute(&container.resources.requests, &container.resources.limits).contains_key(*name) {
                missing.entry(*name).or_default().insert(&container.name);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = |all: &VecSet<&str>| all.iter().copied().collect::<Vec<_>>().join(",");
    let words: Vec<String> = missing.iter().map(|(name, of)| format!("{name} for: {}", names(of))).collect();
    Err(format!("failed quota: {}: must specify {}", quota.metadata.name, words.join("; ")))
}

/// Takes what a new object uses from a quota.
///
/// # Errors
/// It is too much: upstream's words about it.
pub fn take(quota: &mut ResourceQuota, usage: &ResourceList) -> Result<(), String> {
    let name = &quota.metadata.name;
    let hard = &quota.status.hard;
    let mut wanted = mask(usage, hard);
    let unknown: Vec<&str> =
        wanted.keys().filter(|name| !quota.status.used.contains_key(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(format!("status unknown for quota: {name}, resources: {}", unknown.join(",")));
    }
    wanted.retain(|_, value| !value.is_zero());
    let mut used = quota.status.used.clone();
    wanted.iter().for_each(|(name, value)| add(&mut used, name, *value));
    let beyond = |name: &String| used[name].minus(hard[name]).sign() > 0;
    let exceeded: ResourceList =
        wanted.iter().filter(|(name, _)| beyond(name)).map(|(name, value)| (name.clone(), *value)).collect();
    if exceeded.is_empty() {
        quota.status.used = used;
        return Ok(());
    }
    let shown = |list: &ResourceList| -> String {
        list.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
    };
    Err(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        shown(&exceeded),
        shown(&mask(&quota.status.used, &exceeded)),
        shown(&mask(hard, &exceeded))
    ))
}

/// What is used of what a quota allows, counted anew.
pub fn count<'a>(quota: &ResourceQuota, objects: impl Iterator<Item = &'a Object>, now: Timestamp) -> ResourceList {
    let mut used: ResourceList = quota.spec.hard.keys().map(|name| (name.clone(), Quantity::from_units(0))).collect();
    for object in objects.filter(|object| object.kind() != Kind::Event && in_scopes(quota, object)) {
        for (name, value) in mask(&usage(object, now), &quota.spec.hard) {
            add(&mut used, &name, value);
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(value: Value) -> ResourceList {
        serde_json::from_value(value).expect("quantities")
    }

    fn pod(resources: Value) -> Object {
        let value = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "resources": resources}]}});
        Object::from_value(Kind::Pod, value).expect("well-formed")
    }

    #[test]
    fn a_pod_uses_its_requests_and_limits_under_all_their_names() {
        let pod = pod(json!({"requests": {"cpu": "1m", "example.com/dongle": "3"}, "limits": {"cpu": "2m"}}));
        let want = json!({"count/pods": "1", "pods": "1", "cpu": "1m", "requests.cpu": "1m", "limits.cpu": "2m",
            "requests.example.com/dongle": "3"});
        assert_eq!(usage(&pod, Timestamp(0)), list(want));
    }

    #[test]
    fn a_quota_is_taken_from_until_it_is_exceeded() {
        let mut quota = ResourceQuota::default();
        quota.metadata.name = "q".into();
        quota.status.hard = list(json!({"pods": "2", "requests.cpu": "1"}));
        quota.status.used = list(json!({"pods": "0", "requests.cpu": "0"}));
        let used = usage(&pod(json!({"requests": {"cpu": "600m"}})), Timestamp(0));
        assert_eq!(take(&mut quota, &used), Ok(()));
        assert_eq!(
            take(&mut quota, &used),
            Err("exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1"
                .into())
        );
        quota.status.used.remove("pods");
        assert_eq!(take(&mut quota, &used), Err("status unknown for quota: q, resources: pods".into()));
    }

    #[test]
    fn a_quota_of_requests_makes_every_container_ask() {
        let mut quota = ResourceQuota::default();
        quota.metadata.name = "q".into();
        quota.status.hard = list(json!({"limits.cpu": "2", "requests.cpu": "1"}));
        let Object::Pod(pod) = pod(json!({})) else { return };
        let words = "failed quota: q: must specify limits.cpu for: c; requests.cpu for: c";
        assert_eq!(demands(&quota, &pod), Err(words.into()));
    }
}
