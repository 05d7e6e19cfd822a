//! What has to be done about a pod, decided from what is seen. Models `computePodActions` and `computeInitContainerActions`
//! of `pkg/kubelet/kuberuntime/kuberuntime_manager.go`.

use crate::api::{Container, PodSpec, RestartPolicy};
use crate::node::kubelet::worker::{RuntimePod, StartItem, Worker};
use crate::node::runtime::{ContainerPhase, ContainerView};

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actions {
    /// A sandbox has to be made first.
    pub sandbox: bool,
    /// Everything is over: end the pod.
    pub finished: bool,
    /// The containers to start, in order.
    pub start: Vec<StartItem>,
}

impl Actions {
    /// Whether all that should run does.
    pub fn nothing_starts(&self) -> bool {
        self.start.is_empty() && !self.sandbox
    }
}

/// Whether an init container runs beside the others (a sidecar).
pub fn is_sidecar(container: &Container) -> bool {
    container.restart_policy == Some(RestartPolicy::Always)
}

/// The exit code of an instance that has ended.
pub fn exit_code(view: &ContainerView) -> Option<u8> {
    match view.phase {
        ContainerPhase::Exited { code, .. } => Some(code),
        _ => None,
    }
}

/// Whether all regular init containers have done their work.
pub fn initialized(spec: &PodSpec, pod: &RuntimePod, started: impl Fn(&ContainerView) -> bool) -> bool {
    if spec.containers.iter().any(|c| pod.latest(&c.name).is_some()) {
        return true;
    }
    spec.init_containers.iter().all(|c| match pod.latest(&c.name) {
        None => false,
        Some(view) if is_sidecar(c) => view.phase.is_running() && started(view),
        Some(view) => exit_code(view) == Some(0),
    })
}

/// Whether a regular init container has failed for good.
pub fn init_failed(spec: &PodSpec, pod: &RuntimePod) -> bool {
    let failed = |c: &Container, code: u8| code != 0 && !c.restarts(spec, code.into());
    (spec.init_containers.iter())
        .filter(|c| !is_sidecar(c))
        .any(|c| pod.latest(&c.name).and_then(exit_code).is_some_and(|code| failed(c, code)))
}

/// Whether every container has ended and none is started again.
pub fn finished(spec: &PodSpec, pod: &RuntimePod) -> bool {
    let over =
        |c: &Container| pod.latest(&c.name).and_then(exit_code).is_some_and(|code| !c.restarts(spec, code.into()));
    init_failed(spec, pod) || (!spec.containers.is_empty() && spec.containers.iter().all(over))
}

/// What to do about `worker`'s pod.
pub fn compute(worker: &Worker) -> Actions {
    let spec = &worker.pod.spec;
    let pod = &worker.live;
    let ready = pod.sandbox.as_ref().is_some_and(|s| s.ready);
    if worker.failed.is_some() || finished(spec, pod) {
        return Actions { finished: true, ..Actions::default() };
    }
    // They wait for no init container, and are never started again.
    let unseen = spec.ephemeral_containers.iter().filter(|c| pod.latest(&c.name).is_none());
    let mut start: Vec<StartItem> = unseen.map(|c| StartItem { name: c.name.clone(), init: false }).collect();
    let started = |view: &ContainerView| {
        worker.container(&view.name).is_none_or(|c| c.startup_probe.is_none()) || worker.started.contains(&view.id)
    };
    let done = ready && initialized(spec, pod, started);
    init_containers(worker, done, started, &mut start);
    if done || spec.init_containers.is_empty() {
        for container in &spec.containers {
            if wants_start(spec, pod, container, ready) {
                start.push(StartItem { name: container.name.clone(), init: false });
            }
        }
    }
    Actions { sandbox: !ready, finished: false, start }
}

/// Whether a container of the pod is to be started now.
fn wants_start(spec: &PodSpec, pod: &RuntimePod, container: &Container, sandbox_ready: bool) -> bool {
    match pod.latest(&container.name) {
        None => true,
        Some(view) => match view.phase {
            ContainerPhase::Running { .. } => !sandbox_ready,
            ContainerPhase::Exited { code, .. } => container.restarts(spec, code.into()),
            // Made, but its start was given up.
            ContainerPhase::Created => true,
        },
    }
}

fn init_containers(worker: &Worker, done: bool, started: impl Fn(&ContainerView) -> bool, start: &mut Vec<StartItem>) {
    let (spec, pod) = (&worker.pod.spec, &worker.live);
    for container in &spec.init_containers {
        let item = StartItem { name: container.name.clone(), init: true };
        let latest = pod.latest(&container.name);
        let running = latest.is_some_and(|v| v.phase.is_running());
        if is_sidecar(container) {
            if !running {
                start.push(item);
            }
            // The next one waits until this one has started.
            if !done && !latest.is_some_and(|v| running && started(v)) {
                return;
            }
        } else if !done {
            match latest.map(|v| (running, exit_code(v))) {
                Some((_, Some(0))) => {}
                Some((true, _)) => return,
                _ => return start.push(item),
            }
        }
    }
}
