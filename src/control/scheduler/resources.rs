//! What pods ask for and nodes have, in the scheduler's units: thousandths of a core, bytes, counts.
//!
//! Models `k8s.io/component-helpers/resource/helpers.go` (`PodRequests`) and `framework.Resource`.

use crate::api::{Container, Pod, PodSpec, Quantity, ResourceRequirements, RestartPolicy, usage};
use crate::sim::VecMap;

/// What a container counts for in scores when it asks for nothing.
const DEFAULT_CPU: i64 = 100;
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// Amounts of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Amounts {
    /// Thousandths of a core.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// Bytes.
    pub storage: i64,
    /// How many pods.
    pub pods: i64,
    /// Anything else: `nvidia.com/gpu`.
    pub other: VecMap<String, i64>,
}

impl Amounts {
    /// Amounts from quantities by name.
    pub fn of(quantities: &VecMap<String, Quantity>) -> Amounts {
        let mut amounts = Amounts::default();
        amounts.set(quantities.iter());
        amounts
    }

    /// Puts quantities in place of what was there.
    pub fn set<'a>(&mut self, quantities: impl Iterator<Item = (&'a String, &'a Quantity)>) {
        for (name, quantity) in quantities {
            match name.as_str() {
                "cpu" => self.cpu = quantity.millis(),
                "memory" => self.memory = quantity.units(),
                "ephemeral-storage" => self.storage = quantity.units(),
                "pods" => self.pods = quantity.units(),
                _ => _ = self.other.insert(name.clone(), quantity.units()),
            }
        }
    }

    /// The amount by name.
    pub fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.cpu,
            "memory" => self.memory,
            "ephemeral-storage" => self.storage,
            "pods" => self.pods,
            _ => self.other.get(name).copied().unwrap_or(0),
        }
    }

    /// Adds amounts, `times` over (-1 takes them away).
    pub fn add(&mut self, more: &Amounts, times: i64) {
        self.cpu += more.cpu * times;
        self.memory += more.memory * times;
        self.storage += more.storage * times;
        self.pods += more.pods * times;
        for (name, amount) in &more.other {
            *self.other.entry(name.clone()).or_default() += amount * times;
        }
    }

    /// The larger of each.
    pub fn max(&mut self, other: &Amounts) {
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.storage = self.storage.max(other.storage);
        for (name, amount) in &other.other {
            let known = self.other.entry(name.clone()).or_default();
            *known = (*known).max(*amount);
        }
    }

    /// Whether nothing is asked for.
    pub fn is_nothing(&self) -> bool {
        self.cpu == 0 && self.memory == 0 && self.storage == 0 && self.other.values().all(|amount| *amount == 0)
    }
}

/// What a pod asks for: as a whole what it says as a whole, else its containers and sidecars, or its greediest init container.
///
/// Of a pod that is resized, what it has and is allocated counts too.
pub fn requests(pod: &Pod) -> Amounts {
    sum(&pod.spec, &|container| Amounts::of(&usage::held(pod, container)))
}

/// What a pod counts for in scores: as [`requests`], with a default for containers that ask for nothing.
pub fn non_zero(pod: &Pod) -> Amounts {
    sum(&pod.spec, &|container| {
        let requests = usage::held(pod, container);
        let mut amounts = Amounts::of(&requests);
        if !requests.contains_key("cpu") {
            amounts.cpu = DEFAULT_CPU;
        }
        if !requests.contains_key("memory") {
            amounts.memory = DEFAULT_MEMORY;
        }
        amounts
    })
}

fn sum(spec: &PodSpec, of: &dyn Fn(&Container) -> Amounts) -> Amounts {
    let mut total = Amounts::default();
    for container in &spec.containers {
        total.add(&of(container), 1);
    }
    let (mut sidecars, mut greediest) = (Amounts::default(), Amounts::default());
    for container in &spec.init_containers {
        let mut amounts = of(container);
        if container.restart_policy == Some(RestartPolicy::Always) {
            total.add(&amounts, 1);
            sidecars.add(&amounts, 1);
            amounts = sidecars.clone();
        } else {
            amounts.add(&sidecars, 1);
        }
        greediest.max(&amounts);
    }
    total.max(&greediest);
    total.set(
        spec.resources.iter().flat_map(|own| &own.requests).filter(|(name, _)| ResourceRequirements::is_of_pods(name)),
    );
    if let Some(overhead) = spec.rest.get("overhead")
        && let Ok(overhead) = serde_json::from_value(overhead.clone())
    {
        total.add(&Amounts::of(&overhead), 1);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(spec: Value) -> Pod {
        serde_json::from_value(json!({"spec": spec})).expect("well-formed")
    }

    #[test]
    fn a_pod_asks_for_its_containers_or_its_greediest_init_container() {
        let pod = of(json!({
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "100m"}}}, {"name": "b"}],
            "initContainers": [
                {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "50m"}}},
                {"name": "init", "resources": {"requests": {"cpu": "300m", "memory": "1Ki"}}},
            ],
        }));
        let asked = requests(&pod);
        assert_eq!((asked.cpu, asked.memory), (350, 1_024));
        assert_eq!(non_zero(&pod).memory, 4 * DEFAULT_MEMORY - DEFAULT_MEMORY);
    }

    #[test]
    fn what_a_pod_asks_for_as_a_whole_counts_instead_of_its_containers() {
        let pod = of(json!({
            "resources": {"requests": {"cpu": "1"}},
            "containers": [{"name": "a", "resources": {"requests": {"cpu": "100m", "memory": "1Ki"}}}],
        }));
        assert_eq!((requests(&pod).cpu, requests(&pod).memory), (1_000, 1_024));
    }
}
