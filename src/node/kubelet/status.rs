//! A pod's status from its spec and from what the relist saw. Models `generateAPIPodStatus` and
//! `convertToAPIContainerStatuses` of `pkg/kubelet/kubelet_pods.go`.

use std::net::Ipv4Addr;

use serde_json::json;

use crate::api::{
    Container, ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting, ContainerStatus,
    PodCondition, PodIp, PodSpec, PodStatus, Timestamp, qos,
};
use crate::node::kubelet::actions::{exit_code, is_sidecar};
use crate::node::kubelet::phase::{self, Verdict};
use crate::node::kubelet::worker::{Life, Worker};
use crate::node::runtime::{ContainerPhase, ContainerView};

/// The status of `worker`'s pod as of `now`.
pub fn generate(worker: &Worker, host: Ipv4Addr, now: Timestamp, epoch: i64) -> PodStatus {
    let spec = &worker.pod.spec;
    let seen = &worker.seen;
    let old = &worker.status;
    if let Some((reason, message)) = worker.failed.as_ref().filter(|_| worker.rejected) {
        return PodStatus {
            observed_generation: worker.pod.metadata.generation,
            phase: "Failed".into(),
            reason: reason.clone(),
            message: message.clone(),
            start_time: old.start_time.or(Some(now)),
            qos_class: qos(spec).into(),
            ..PodStatus::default()
        };
    }
    let mut status = PodStatus {
        observed_generation: worker.pod.metadata.generation,
        host_ip: host.to_string(),
        host_ips: vec![PodIp { ip: host.to_string(), ..PodIp::default() }],
        start_time: old.start_time.or(Some(now)),
        qos_class: qos(spec).into(),
        init_container_statuses: spec.init_containers.iter().map(|c| container(worker, c, epoch)).collect(),
        container_statuses: spec.containers.iter().map(|c| container(worker, c, epoch)).collect(),
        ephemeral_container_statuses: spec.ephemeral_containers.iter().map(|c| ephemeral(worker, c, epoch)).collect(),
        nominated_node_name: old.nominated_node_name.clone(),
        rest: old.rest.clone(),
        ..PodStatus::default()
    };
    let own = spec.own_resources();
    status.rest.insert("resources".into(), own.map_or_else(|| json!({}), |own| json!(own)));
    if let Some(own) = own {
        status.rest.insert("allocatedResources".into(), json!(own.requests));
    }
    // A pod keeps its address until it is gone.
    let ip = seen.sandbox.as_ref().and_then(|s| s.ip).map(|ip| ip.to_string()).unwrap_or_else(|| old.pod_ip.clone());
    if !ip.is_empty() {
        status.pod_ips = vec![PodIp { ip: ip.clone(), ..PodIp::default() }];
        status.pod_ip = ip;
    }
    let begun = spec.containers.iter().any(|c| seen.latest(&c.name).is_some());
    let all: Vec<&ContainerStatus> = status.init_container_statuses.iter().chain(&status.container_statuses).collect();
    status.phase = phase::phase(spec, &all, worker.life == Life::Terminated, begun).into();
    if let Some((reason, message)) = &worker.failed {
        status.phase = "Failed".into();
        status.reason.clone_from(reason);
        status.message.clone_from(message);
    }
    conditions(worker, &mut status, now);
    // A pod has not ended before nothing of it can run any more.
    let over = |phase: &str| matches!(phase, "Succeeded" | "Failed");
    if over(&status.phase) && worker.life != Life::Terminated {
        status.phase = if old.phase.is_empty() { "Pending".into() } else { old.phase.clone() };
        status.reason.clone_from(&old.reason);
        status.message.clone_from(&old.message);
    }
    status
}

/// The status of one container.
fn container(worker: &Worker, container: &Container, epoch: i64) -> ContainerStatus {
    let (spec, seen) = (&worker.pod.spec, &worker.seen);
    let latest = seen.latest(&container.name);
    let waiting = if spec.init_containers.is_empty() { "ContainerCreating" } else { "PodInitializing" };
    let mut status = ContainerStatus {
        name: container.name.clone(),
        image: latest.map_or(container.image.clone(), |v| v.image.to_string()),
        image_id: latest.map_or(String::new(), |v| v.image_id.to_string()),
        container_id: latest.map_or(String::new(), |v| v.id.url()),
        restart_count: latest.map_or(0, |v| i32::try_from(v.attempt).unwrap_or(i32::MAX)),
        started: Some(false),
        ..ContainerStatus::default()
    };
    match latest {
        Some(view) => {
            status.state = state(view, epoch);
            status.resources = Some(worker.actual(&view.id, container).clone());
            status.allocated_resources.clone_from(&container.resources.requests);
            if let Some(before) = seen.previous(&container.name) {
                status.last_state = state(before, epoch);
            }
            readiness(worker, container, view, &mut status);
        }
        None => status.state = waiting_state(waiting, ""),
    }
    if let Some((reason, message)) =
        worker.reasons.get(&container.name).filter(|_| to_be_started(spec, container, latest))
    {
        if status.state.terminated.is_some() {
            status.last_state = std::mem::take(&mut status.state);
        }
        status.state = waiting_state(reason, message);
    }
    volume_mounts(container, &mut status);
    status
}

/// The status of one that was added: nothing probes it.
fn ephemeral(worker: &Worker, one: &Container, epoch: i64) -> ContainerStatus {
    ContainerStatus { started: None, ready: false, ..container(worker, one, epoch) }
}

fn volume_mounts(container: &Container, status: &mut ContainerStatus) {
    if container.volume_mounts.is_empty() {
        return;
    }
    let mounts: Vec<_> = (container.volume_mounts.iter())
        .map(|m| match m.read_only {
            true => {
                json!({"name": m.name, "mountPath": m.mount_path, "readOnly": true, "recursiveReadOnly": "Disabled"})
            }
            false => json!({"name": m.name, "mountPath": m.mount_path}),
        })
        .collect();
    status.rest.insert("volumeMounts".into(), json!(mounts));
}

/// Whether the kubelet would start the container if it could (`ShouldContainerBeRestarted`).
fn to_be_started(spec: &PodSpec, container: &Container, latest: Option<&ContainerView>) -> bool {
    match latest.map(|v| (&v.phase, exit_code(v))) {
        None => true,
        Some((ContainerPhase::Running { .. }, _)) => false,
        Some((_, Some(code))) => {
            let init = spec.init_containers.iter().any(|c| c.name == container.name) && !is_sidecar(container);
            container.restarts(spec, code.into()) && (!init || code != 0)
        }
        Some(_) => true,
    }
}

fn readiness(worker: &Worker, container: &Container, view: &ContainerView, status: &mut ContainerStatus) {
    let running = view.phase.is_running();
    let init = worker.is_init(&container.name);
    if init && !is_sidecar(container) {
        status.ready = exit_code(view) == Some(0);
        status.started = Some(running);
        return;
    }
    let unprobed = worker.is_unprobed(container);
    let started = running && (unprobed || container.startup_probe.is_none() || worker.started.contains(&view.id));
    status.started = Some(started);
    status.ready = started
        && (unprobed || container.readiness_probe.is_none() || worker.ready.contains(&view.id))
        && matches!(worker.life, Life::Syncing | Life::Terminating(_));
}

fn waiting_state(reason: &str, message: &str) -> ContainerState {
    let waiting =
        ContainerStateWaiting { reason: reason.into(), message: message.into(), ..ContainerStateWaiting::default() };
    ContainerState { waiting: Some(waiting), ..ContainerState::default() }
}

fn state(view: &ContainerView, epoch: i64) -> ContainerState {
    let stamp = |at: crate::sim::Time| Timestamp(epoch + i64::try_from(at.as_secs()).unwrap_or(i64::MAX));
    match &view.phase {
        ContainerPhase::Created => waiting_state("ContainerCreating", ""),
        ContainerPhase::Running { started } => {
            let running =
                ContainerStateRunning { started_at: Some(stamp(*started)), ..ContainerStateRunning::default() };
            ContainerState { running: Some(running), ..ContainerState::default() }
        }
        ContainerPhase::Exited { started, finished, code, reason, message } => {
            let terminated = ContainerStateTerminated {
                exit_code: i32::from(*code),
                started_at: Some(started.map_or(Timestamp(0), stamp)),
                finished_at: Some(stamp(*finished)),
                reason: (*reason).into(),
                message: message.clone(),
                container_id: view.id.url(),
                ..ContainerStateTerminated::default()
            };
            ContainerState { terminated: Some(terminated), ..ContainerState::default() }
        }
    }
}

const PENDING: &str = "PodResizePending";
const IN_PROGRESS: &str = "PodResizeInProgress";

/// The conditions that tell of a resize: only while they hold.
fn resizing(worker: &Worker) -> impl Iterator<Item = (&'static str, Verdict)> {
    let holds = |reason: &str, message: &str| Verdict { holds: true, reason: reason.into(), message: message.into() };
    let pending = worker.resize.pending.as_ref().map(|(reason, message)| (PENDING, holds(reason, message)));
    let progress = worker.resize.progress.as_ref().map(|error| match error {
        Some(error) => (IN_PROGRESS, holds("Error", error)),
        None => (IN_PROGRESS, holds("", "")),
    });
    pending.into_iter().chain(progress)
}

/// The conditions that the kubelet owns, then those of others, with the times of their last change.
fn conditions(worker: &Worker, status: &mut PodStatus, now: Timestamp) {
    let spec = &worker.pod.spec;
    let sandbox = worker.seen.sandbox.as_ref().is_some_and(|s| s.ready);
    let all: Vec<&ContainerStatus> = status.init_container_statuses.iter().chain(&status.container_statuses).collect();
    let containers = phase::containers_ready(spec, &all, &status.phase);
    let mine = [
        ("PodReadyToStartContainers", Verdict { holds: sandbox, ..Verdict::default() }),
        ("Initialized", phase::initialized(spec, &all, &status.phase)),
        ("Ready", phase::ready(spec, &worker.object().status.conditions, &containers)),
        ("ContainersReady", containers),
        ("PodScheduled", Verdict { holds: true, ..Verdict::default() }),
    ];
    let disrupted = worker.disrupted.as_ref().map(|message| {
        let reason = "TerminationByKubelet".to_owned();
        ("DisruptionTarget", Verdict { holds: true, reason, message: message.clone() })
    });
    let before: Vec<PodCondition> =
        worker.status.conditions.iter().chain(&worker.object().status.conditions).cloned().collect();
    let resize = resizing(worker);
    for (kind, Verdict { holds, reason, message }) in disrupted.into_iter().chain(resize).chain(mine) {
        let word = if holds { "True" } else { "False" };
        let old = before.iter().find(|c| c.r#type == kind);
        let since = old.filter(|c| c.status == word).and_then(|c| c.last_transition_time).unwrap_or(now);
        status.conditions.push(PodCondition {
            r#type: kind.into(),
            status: word.into(),
            last_transition_time: Some(since),
            observed_generation: worker.pod.metadata.generation,
            reason,
            message,
            ..PodCondition::default()
        });
    }
    for other in &worker.object().status.conditions {
        let over = matches!(other.r#type.as_str(), PENDING | IN_PROGRESS);
        if !over && status.conditions.iter().all(|c| c.r#type != other.r#type) {
            status.conditions.push(other.clone());
        }
    }
}
