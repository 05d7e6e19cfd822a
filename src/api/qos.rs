//! Classes of quality of service. Models `pkg/apis/core/v1/helper/qos/qos.go`.

use crate::api::{PodSpec, Quantity, ResourceRequirements};
use crate::sim::VecMap;

/// The quality of service that the resources of a pod amount to: its own if it has any, else those of its containers.
pub fn qos(spec: &PodSpec) -> &'static str {
    let mut requests: VecMap<&str, Quantity> = VecMap::new();
    let mut limits: VecMap<&str, Quantity> = VecMap::new();
    let containers = || spec.containers.iter().chain(&spec.init_containers).map(|container| &container.resources);
    let all: Vec<&ResourceRequirements> = match spec.own_resources() {
        Some(own) => vec![own],
        None => containers().collect(),
    };
    let mut guaranteed = true;
    for resources in all {
        add(&mut requests, &resources.requests);
        add(&mut limits, &resources.limits);
        let has = |name: &str| resources.limits.get(name).is_some_and(|q| !q.is_zero());
        guaranteed &= has("cpu") && has("memory");
    }
    if requests.is_empty() && limits.is_empty() {
        return "BestEffort";
    }
    let equal =
        requests.iter().all(|(name, amount)| limits.get(name).is_some_and(|limit| limit.minus(*amount).is_zero()));
    if guaranteed && equal && requests.len() == limits.len() { "Guaranteed" } else { "Burstable" }
}

fn add<'a>(sum: &mut VecMap<&'a str, Quantity>, of: &'a VecMap<String, Quantity>) {
    for (name, amount) in of.iter().filter(|(n, q)| matches!(n.as_str(), "cpu" | "memory") && !q.is_zero()) {
        let total = sum.get(name.as_str()).map_or(*amount, |have| have.plus(*amount));
        sum.insert(name, total);
    }
}
