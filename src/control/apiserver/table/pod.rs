//! Pods (`printPod`).

use serde_json::{Value, json};

use super::{Column, NONE, or_none, since, text, wide};
use crate::api::{ContainerStatus, Pod, RestartPolicy, Timestamp};

pub(super) const COLUMNS: &[Column] = &[
    text("Name"),
    text("Ready"),
    text("Status"),
    text("Restarts"),
    text("Age"),
    wide("IP"),
    wide("Node"),
    wide("Nominated Node"),
    wide("Readiness Gates"),
];

pub(super) fn cells(pod: &Pod, now: Timestamp) -> Vec<Value> {
    let seen = look(pod);
    let ready = format!("{}/{}", seen.ready, seen.total);
    let restarts = match seen.last_restart {
        Some(at) if seen.restarts != 0 => format!("{} ({} ago)", seen.restarts, since(Some(at), now)),
        _ => seen.restarts.to_string(),
    };
    let ip = pod.status.pod_ips.first().map_or("", |ip| &ip.ip);
    vec![
        json!(pod.metadata.name),
        json!(ready),
        json!(seen.reason),
        json!(restarts),
        json!(since(pod.metadata.creation_timestamp, now)),
        json!(or_none(ip)),
        json!(or_none(&pod.spec.node_name)),
        json!(or_none(&pod.status.nominated_node_name)),
        json!(readiness_gates(pod)),
    ]
}

/// What the row of a pod says.
#[derive(Default)]
struct Seen {
    reason: String,
    ready: u32,
    total: usize,
    restarts: i32,
    last_restart: Option<Timestamp>,
}

fn look(pod: &Pod) -> Seen {
    let sidecars = pod.spec.init_containers.iter().filter(|c| c.restart_policy == Some(RestartPolicy::Always)).count();
    let mut seen = Seen { total: pod.spec.containers.len() + sidecars, ..Seen::default() };
    seen.reason = if pod.status.reason.is_empty() { pod.status.phase.clone() } else { pod.status.reason.clone() };
    if pod.status.conditions.iter().any(|c| c.r#type == "PodScheduled" && c.reason == "SchedulingGated") {
        seen.reason = "SchedulingGated".into();
    }
    let mut of_sidecars = Seen::default();
    let initializing = look_at_init(pod, &mut seen, &mut of_sidecars);
    let initialized = pod.status.conditions.iter().any(|c| c.r#type == "Initialized" && c.status == "True");
    if !initializing || initialized {
        seen.restarts = of_sidecars.restarts;
        seen.last_restart = of_sidecars.last_restart;
        look_at_containers(pod, &mut seen);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        if pod.status.reason == "NodeLost" {
            seen.reason = "Unknown".into();
        } else if !matches!(pod.status.phase.as_str(), "Succeeded" | "Failed") {
            seen.reason = "Terminating".into();
        }
    }
    seen
}

impl Seen {
    fn count_restarts(&mut self, status: &ContainerStatus) {
        self.restarts += status.restart_count;
        let ended = status.last_state.terminated.as_ref().and_then(|t| t.finished_at);
        self.last_restart = self.last_restart.max(ended);
    }
}

/// Whether an init container keeps the pod from going on; then the reason says which.
fn look_at_init(pod: &Pod, seen: &mut Seen, of_sidecars: &mut Seen) -> bool {
    for (at, status) in pod.status.init_container_statuses.iter().enumerate() {
        let spec = pod.spec.init_containers.iter().find(|c| c.name == status.name);
        let sidecar = spec.is_some_and(|c| c.restart_policy == Some(RestartPolicy::Always));
        seen.count_restarts(status);
        if sidecar {
            of_sidecars.count_restarts(status);
        }
        let waiting = status.state.waiting.as_ref().map(|w| w.reason.as_str());
        match (&status.state.terminated, waiting) {
            (Some(ended), _) if ended.exit_code == 0 => continue,
            _ if sidecar && status.started == Some(true) => {
                seen.ready += u32::from(status.ready);
                continue;
            }
            (Some(ended), _) => {
                seen.reason = format!("Init:{}", ended_word(&ended.reason, ended.signal, ended.exit_code))
            }
            (None, Some(reason)) if !reason.is_empty() && reason != "PodInitializing" => {
                seen.reason = format!("Init:{reason}");
            }
            _ => seen.reason = format!("Init:{at}/{}", pod.spec.init_containers.len()),
        }
        return true;
    }
    false
}

fn ended_word(reason: &str, signal: i32, code: i32) -> String {
    match (reason, signal) {
        ("", 0) => format!("ExitCode:{code}"),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

fn look_at_containers(pod: &Pod, seen: &mut Seen) {
    let mut running = false;
    for status in pod.status.container_statuses.iter().rev() {
        seen.count_restarts(status);
        let waiting = status.state.waiting.as_ref().map_or("", |w| &w.reason);
        if !waiting.is_empty() {
            seen.reason = waiting.to_owned();
        } else if let Some(ended) = &status.state.terminated {
            seen.reason = ended_word(&ended.reason, ended.signal, ended.exit_code);
        } else if status.ready && status.state.running.is_some() {
            running = true;
            seen.ready += 1;
        }
    }
    if seen.reason == "Completed" && running {
        let ready = pod.status.conditions.iter().any(|c| c.r#type == "Ready" && c.status == "True");
        seen.reason = if ready { "Running".into() } else { "NotReady".into() };
    }
}

fn readiness_gates(pod: &Pod) -> String {
    let Some(gates) = pod.spec.rest.get("readinessGates").and_then(Value::as_array).filter(|g| !g.is_empty()) else {
        return NONE.into();
    };
    let met = |gate: &&Value| {
        pod.status
            .conditions
            .iter()
            .find(|c| gate["conditionType"] == c.r#type.as_str())
            .is_some_and(|c| c.status == "True")
    };
    format!("{}/{}", gates.iter().filter(met).count(), gates.len())
}
