//! The phase of a pod and the conditions that follow from its containers. Models `getPhase` of
//! `pkg/kubelet/kubelet_pods.go` and `pkg/kubelet/status/generate.go`.

use serde_json::Value;

use crate::api::{Container, ContainerStatus, PodCondition, PodSpec};
use crate::node::kubelet::actions::is_sidecar;

/// A condition: whether it holds, why not, in a word and in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// `ContainersNotReady`.
    pub reason: String,
    /// Which containers are to blame.
    pub message: String,
}

impl Verdict {
    fn holds(reason: &str) -> Verdict {
        Verdict { holds: true, reason: reason.into(), message: String::new() }
    }

    fn fails(reason: &str, message: String) -> Verdict {
        Verdict { holds: false, reason: reason.into(), message }
    }
}

fn find<'a>(statuses: &[&'a ContainerStatus], container: &Container) -> Option<&'a ContainerStatus> {
    statuses.iter().copied().find(|status| status.name == container.name)
}

/// How many containers are how.
#[derive(Default)]
struct Tally {
    unknown: u32,
    running: u32,
    waiting: u32,
    stopped: u32,
    succeeded: u32,
    /// Sidecars that have not started.
    pending: u32,
}

/// The phase of a pod whose containers, init containers included, are like this. `terminal`: nothing of it is started any
/// more; `initialized`: one of its regular containers was made already.
pub fn phase(spec: &PodSpec, statuses: &[&ContainerStatus], terminal: bool, initialized: bool) -> &'static str {
    let mut pending = 0;
    for container in spec.init_containers.iter().filter(|c| !is_sidecar(c)) {
        let code = find(statuses, container).and_then(|status| match &status.state {
            state if state.running.is_some() => None,
            state => state.terminated.as_ref().or(status.last_state.terminated.as_ref()).map(|t| t.exit_code),
        });
        match code {
            Some(0) => {}
            Some(code) if !container.restarts(spec, code) => return "Failed",
            _ => pending += 1,
        }
    }
    let mut tally = Tally::default();
    for container in spec.init_containers.iter().filter(|c| is_sidecar(c)) {
        tally.sidecar(find(statuses, container));
    }
    for container in &spec.containers {
        tally.container(find(statuses, container));
    }
    pending += tally.pending;
    let again = (spec.containers.iter()).any(|c| {
        let ended = find(statuses, c).and_then(|s| s.state.terminated.as_ref().or(s.last_state.terminated.as_ref()));
        ended.is_some_and(|t| c.restarts(spec, t.exit_code))
    });
    match tally.stopped {
        _ if pending > 0 && !initialized || tally.waiting > 0 => "Pending",
        _ if tally.unknown > 0 => "Pending",
        _ if tally.running > 0 => "Running",
        0 => "Pending",
        _ if again && !terminal => "Running",
        stopped if stopped == tally.succeeded => "Succeeded",
        _ => "Failed",
    }
}

impl Tally {
    /// A sidecar that has ended says nothing about the pod.
    fn sidecar(&mut self, status: Option<&ContainerStatus>) {
        let Some(status) = status else {
            self.unknown += 1;
            return;
        };
        if status.state.running.is_some() {
            self.pending += u32::from(status.started != Some(true));
            self.running += 1;
        } else if status.state.terminated.is_some() {
        } else if status.state.waiting.is_some() {
            let fresh = u32::from(status.last_state.terminated.is_none());
            self.pending += fresh;
            self.waiting += fresh;
        } else {
            self.pending += 1;
            self.unknown += 1;
        }
    }

    fn container(&mut self, status: Option<&ContainerStatus>) {
        let Some(status) = status else {
            self.unknown += 1;
            return;
        };
        if status.state.running.is_some() {
            self.running += 1;
        } else if let Some(ended) = &status.state.terminated {
            self.stopped += 1;
            self.succeeded += u32::from(ended.exit_code == 0);
        } else if status.state.waiting.is_none() {
            self.unknown += 1;
        } else if status.last_state.terminated.is_some() {
            self.stopped += 1;
        } else {
            self.waiting += 1;
        }
    }
}

/// `containers with unready status: [a b]`.
fn told(what: &str, names: &[&str]) -> Option<String> {
    (!names.is_empty()).then(|| format!("containers with {what} status: [{}]", names.join(" ")))
}

/// Whether all containers are ready.
pub fn containers_ready(spec: &PodSpec, statuses: &[&ContainerStatus], phase: &str) -> Verdict {
    let (mut unknown, mut unready) = (Vec::new(), Vec::new());
    let sidecars = spec.init_containers.iter().filter(|c| is_sidecar(c));
    for container in sidecars.chain(&spec.containers) {
        match find(statuses, container) {
            None => unknown.push(container.name.as_str()),
            Some(status) if !status.ready => unready.push(container.name.as_str()),
            Some(_) => {}
        }
    }
    match phase {
        "Succeeded" if unknown.is_empty() => return Verdict::fails("PodCompleted", String::new()),
        "Failed" => return Verdict::fails("PodFailed", String::new()),
        _ => {}
    }
    let words: Vec<String> = [told("unknown", &unknown), told("unready", &unready)].into_iter().flatten().collect();
    if words.is_empty() { Verdict::holds("") } else { Verdict::fails("ContainersNotReady", words.join(", ")) }
}

/// Whether a pod is ready: its containers are, and what its readiness gates wait for is.
pub fn ready(spec: &PodSpec, others: &[PodCondition], containers: &Verdict) -> Verdict {
    if !containers.holds {
        return containers.clone();
    }
    let gates = spec.rest.get("readinessGates").and_then(Value::as_array).into_iter().flatten();
    let words: Vec<String> = gates
        .filter_map(|gate| gate["conditionType"].as_str())
        .filter_map(|kind| match others.iter().find(|condition| condition.r#type == kind) {
            None => Some(format!("corresponding condition of pod readiness gate {kind:?} does not exist.")),
            Some(condition) if condition.status == "True" => None,
            Some(condition) => {
                Some(format!("the status of pod readiness gate {kind:?} is not \"True\", but {}", condition.status))
            }
        })
        .collect();
    if words.is_empty() { Verdict::holds("") } else { Verdict::fails("ReadinessGatesNotReady", words.join(", ")) }
}

/// Whether a pod's init containers have done what they are for.
pub fn initialized(spec: &PodSpec, statuses: &[&ContainerStatus], phase: &str) -> Verdict {
    let (mut unknown, mut incomplete) = (Vec::new(), Vec::new());
    for container in &spec.init_containers {
        match find(statuses, container) {
            None => unknown.push(container.name.as_str()),
            Some(status) => {
                let done = if is_sidecar(container) { status.started == Some(true) } else { status.ready };
                if !done {
                    incomplete.push(container.name.as_str());
                }
            }
        }
    }
    if phase == "Succeeded" && unknown.is_empty() {
        return Verdict::holds("PodCompleted");
    }
    let begun = |status: &ContainerStatus| status.state.running.is_some() || status.state.terminated.is_some();
    if spec.containers.iter().filter_map(|c| find(statuses, c)).any(begun) {
        return Verdict::holds("");
    }
    let words: Vec<String> =
        [told("unknown", &unknown), told("incomplete", &incomplete)].into_iter().flatten().collect();
    if words.is_empty() { Verdict::holds("") } else { Verdict::fails("ContainersNotInitialized", words.join(", ")) }
}
