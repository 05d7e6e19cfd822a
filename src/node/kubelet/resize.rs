//! Pods that are resized while they run. Models `pkg/kubelet/allocation/allocation_manager.go`, `pkg/kubelet/events` and
//! `doPodResizeAction` of `pkg/kubelet/kuberuntime`.
//!
//! ```text
//! desired --(it fits the node)--> allocated --(the runtime has done it, or the container started again)--> actuated
//! ```
//!
//! A worker's pod has what is allocated; what is desired waits beside it until there is room. Differs: what waits is looked at
//! when a pod changes or goes, not every three minutes besides, since nothing else makes room; the cgroup of a pod keeps the limit
//! that the pod began with.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Container, Pod, PodSpec, ResourceRequirements, Uid, usage};
use crate::node::kubelet::ops::For;
use crate::node::kubelet::worker::{Life, Worker};
use crate::node::kubelet::{Effect, Kubelet};
use crate::node::runtime::{ContainerId, CriAnswer, CriRequest};
use crate::sim::{Out, Time, VecMap};

/// How far the resizing of a pod is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resize {
    /// The spec that is wanted, where it is not allocated.
    desired: Option<Arc<PodSpec>>,
    /// Why not: the reason and the message.
    pub pending: Option<(&'static str, String)>,
    /// What is allocated is not actuated yet; the error of the last try, if there was one.
    pub progress: Option<Option<String>>,
    /// What the instance of each container has.
    actuated: VecMap<ContainerId, ResourceRequirements>,
}

/// What a kubelet keeps on its node's disk: what is allocated to each pod (`allocated_pods_state`), and what its containers have
/// (`actuated_pods_state`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Checkpoint(VecMap<Uid, (Arc<PodSpec>, VecMap<ContainerId, ResourceRequirements>)>);

impl Worker {
    /// A kubelet that ran before has allocated this.
    pub(super) fn restore(&mut self, (spec, actuated): (Arc<PodSpec>, VecMap<ContainerId, ResourceRequirements>)) {
        let wanted = Arc::clone(&self.pod);
        self.pod = Arc::new(Pod { spec, ..Pod::clone(&wanted) });
        self.resize.actuated = actuated;
        self.take_in(&wanted);
    }

    /// The pod is this now, with the resources that are allocated; whether its spec is news.
    pub(super) fn take_in(&mut self, pod: &Arc<Pod>) -> bool {
        let news = **self.resize.desired.as_ref().unwrap_or(&self.pod.spec) != *pod.spec;
        let allocated = allocated(&pod.spec, &self.pod.spec);
        let resized = allocated != *pod.spec;
        self.resize.desired = resized.then(|| Arc::clone(&pod.spec));
        self.pod = match resized {
            true => Arc::new(Pod { spec: Arc::new(allocated), ..Pod::clone(pod) }),
            false => Arc::clone(pod),
        };
        news
    }

    /// What an instance of a container has.
    pub fn actual<'a>(&'a self, id: &ContainerId, container: &'a Container) -> &'a ResourceRequirements {
        self.resize.actuated.get(id).unwrap_or(&container.resources)
    }

    /// The running containers that have not what is allocated to them.
    fn behind(&self) -> Vec<(ContainerId, Container)> {
        let spec = &self.pod.spec;
        let all = spec.init_containers.iter().chain(&spec.containers);
        let behind = all.filter_map(|container| {
            let view = self.live.latest(&container.name).filter(|view| view.phase.is_running())?;
            let is_behind = *self.actual(&view.id, container) != container.resources;
            is_behind.then(|| (view.id.clone(), container.clone()))
        });
        behind.collect()
    }
}

/// A spec with the resources of another one of the same containers.
fn allocated(spec: &PodSpec, before: &PodSpec) -> PodSpec {
    let with = |list: &[Container], had: &[Container]| -> Vec<Container> {
        let of = |one: &Container| had.iter().find(|had| had.name == one.name).map(|had| had.resources.clone());
        list.iter().map(|one| Container { resources: of(one).unwrap_or_default(), ..one.clone() }).collect()
    };
    PodSpec {
        containers: with(&spec.containers, &before.containers),
        init_containers: with(&spec.init_containers, &before.init_containers),
        resources: before.resources.clone(),
        ..spec.clone()
    }
}

/// What an event says of the resources of a pod (`makeResourceSummaryFromSpec`).
fn summary(what: &str, spec: &PodSpec, generation: i64, error: &str) -> String {
    let of = |containers: &[Container]| -> Vec<String> {
        containers.iter().map(|one| json!({"name": one.name, "resources": one.resources}).to_string()).collect()
    };
    let mut fields = Vec::new();
    for (name, all) in [("initContainers", of(&spec.init_containers)), ("containers", of(&spec.containers))] {
        if !all.is_empty() {
            fields.push(format!("{name:?}:[{}]", all.join(",")));
        }
    }
    fields.push(format!("\"generation\":{generation}"));
    if !error.is_empty() {
        fields.push(format!("\"error\":{}", json!(error)));
    }
    format!("Pod resize {what}: {{{}}}", fields.join(","))
}

/// Whether a container is started again when these change (`resizePolicy`).
fn restarts(container: &Container, had: &ResourceRequirements) -> bool {
    let policies = container.rest.get("resizePolicy").and_then(Value::as_array);
    policies.into_iter().flatten().filter(|policy| policy["restartPolicy"] == "RestartContainer").any(|policy| {
        let name = policy["resourceName"].as_str().unwrap_or("");
        let now = &container.resources;
        now.limits.get(name) != had.limits.get(name) || now.requests.get(name) != had.requests.get(name)
    })
}

impl Kubelet {
    /// What stays on the disk when it stops.
    pub fn checkpoint(&self) -> Checkpoint {
        let of = |worker: &Worker| (Arc::clone(&worker.pod.spec), worker.resize.actuated.clone());
        Checkpoint(self.workers.iter().map(|(uid, worker)| (uid.clone(), of(worker))).collect())
    }

    /// It begins with what another one has left on the disk.
    #[must_use]
    pub fn with_checkpoint(mut self, checkpoint: Checkpoint) -> Kubelet {
        self.checkpoint = checkpoint;
        self
    }

    /// What another one has left of a pod, once.
    pub(super) fn restored(&mut self, uid: &Uid) -> Option<(Arc<PodSpec>, VecMap<ContainerId, ResourceRequirements>)> {
        self.checkpoint.0.remove(uid)
    }

    /// All pods are known: what is left of others is of no use, and there may be room for those that wait.
    pub(super) fn all_restored(&mut self, now: Time, out: &mut Out<Effect>) {
        self.checkpoint = Checkpoint::default();
        self.allocate_waiting(now, out);
    }

    /// Gives a pod what it wants, if there is room for it (`handlePodResourcesResize`); whether it got it.
    pub(super) fn allocate(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) -> bool {
        let Some(worker) = self.workers.get(uid) else { return false };
        let Some(desired) = worker.resize.desired.clone() else {
            return self.workers.get_mut(uid).is_some_and(|worker| worker.resize.pending.take().is_some());
        };
        let generation = worker.pod.metadata.generation;
        let room = self.room_for(uid, &desired);
        let Some(worker) = self.workers.get_mut(uid) else { return false };
        match room {
            Ok(()) => {
                worker.pod = Arc::new(Pod { spec: Arc::clone(&desired), ..Pod::clone(&worker.pod) });
                worker.resize.desired = None;
                worker.resize.pending = None;
                worker.resize.progress = Some(None);
                let words = summary("started", &desired, generation, "");
                self.pod_event(uid, None, "Normal", "ResizeStarted", &words, now, out);
                true
            }
            Err(why) if worker.resize.pending.as_ref() == Some(&why) => false,
            Err((reason, message)) => {
                worker.resize.pending = Some((reason, message.clone()));
                let words = summary(reason, &desired, generation, &message);
                self.pod_event(uid, None, "Warning", &format!("Resize{reason}"), &words, now, out);
                true
            }
        }
    }

    /// Whether the node has room for what a pod wants; else the reason and the message (`canResizePod`).
    fn room_for(&self, uid: &Uid, desired: &PodSpec) -> Result<(), (&'static str, String)> {
        let wanted = amounts(desired);
        let capacity = [self.config.info.cpu_millis, self.config.info.memory - self.config.info.memory_reserved];
        let others = self.workers.iter().filter(|(other, worker)| *other != uid && worker.life != Life::Terminated);
        let used = others.fold([0, 0], |[cpu, memory], (_, worker)| {
            let [more_cpu, more_memory] = amounts(&worker.pod.spec);
            [cpu + more_cpu, memory + more_memory]
        });
        // Memory is told of first where a pod could never have it.
        for (name, at) in [("memory", 1), ("cpu", 0)] {
            if wanted[at] > capacity[at] {
                let amounts = format!("{name}, requested: {}, capacity: {}", wanted[at], capacity[at]);
                return Err(("Infeasible", format!("Node didn't have enough capacity: {amounts}")));
            }
        }
        for (name, at) in [("cpu", 0), ("memory", 1)] {
            if wanted[at] > capacity[at] - used[at] {
                let amounts =
                    format!("{name}, requested: {}, used: {}, capacity: {}", wanted[at], used[at], capacity[at]);
                return Err(("Deferred", format!("Node didn't have enough resource: {amounts}")));
            }
        }
        Ok(())
    }

    /// There may be room now for those that wait for it.
    pub(super) fn allocate_waiting(&mut self, now: Time, out: &mut Out<Effect>) {
        let waiting = self.workers.iter().filter(|(_, worker)| worker.resize.desired.is_some());
        for uid in waiting.map(|(uid, _)| uid.clone()).collect::<Vec<_>>() {
            if self.allocate(&uid, now, out) {
                self.wake_worker(&uid, now, out);
            }
        }
    }

    /// A resize is over once every running container has what is allocated to it.
    pub(super) fn check_resize(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if worker.resize.progress.is_none() || !worker.behind().is_empty() || !worker.killed.is_empty() {
            return;
        }
        worker.resize.progress = None;
        let words = summary("completed", &worker.pod.spec, worker.pod.metadata.generation, "");
        self.pod_event(uid, None, "Normal", "ResizeCompleted", &words, now, out);
        self.allocate_waiting(now, out);
    }

    /// Has the runtime give the containers what is allocated to them, or starts those again that cannot have it otherwise.
    pub(super) fn actuate(&mut self, uid: &Uid, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        for (id, container) in worker.behind() {
            let Some(worker) = self.workers.get_mut(uid) else { return };
            if restarts(&container, worker.actual(&id, &container)) {
                let words = format!("Container {} resize requires restart", container.name);
                worker.condemned.entry(id).or_insert(words);
                continue;
            }
            let (cpu_limit, memory_limit) = limits(&container);
            let request = CriRequest::UpdateContainerResources { container: id.clone(), cpu_limit, memory_limit };
            self.ask(For::Resize(uid.clone(), id, Box::new(container.resources)), request, out);
        }
    }

    /// The runtime has given a container what was asked for, or has not.
    pub(super) fn actuated(
        &mut self,
        uid: &Uid,
        (id, resources): (ContainerId, ResourceRequirements),
        answer: CriAnswer,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let CriAnswer::Failed(error) = answer else {
            worker.resize.actuated.insert(id, resources);
            // The next relist sees it.
            worker.changed = Some(worker.changed.unwrap_or(now));
            return;
        };
        if worker.resize.progress == Some(Some(error.clone())) {
            return;
        }
        worker.resize.progress = Some(Some(error.clone()));
        let words = summary("error", &worker.pod.spec, worker.pod.metadata.generation, &error);
        self.pod_event(uid, None, "Warning", "ResizeError", &words, now, out);
        self.refresh_status(uid, now, out);
    }

    /// A new instance of a container has what is allocated; those that are gone have nothing.
    pub(super) fn note_resources(&mut self, uid: &Uid, id: &ContainerId, name: &str) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let Some(resources) = worker.container(name).map(|container| container.resources.clone()) else { return };
        let known = &worker.live.containers;
        worker.resize.actuated.retain(|id, _| known.contains_key(id));
        worker.resize.actuated.insert(id.clone(), resources);
    }
}

/// The limits of a container for the runtime: thousandths of a core (0 for none) and bytes.
pub(super) fn limits(container: &Container) -> (u64, Option<u64>) {
    let limits = &container.resources.limits;
    let memory = limits.get("memory").map(|amount| u64::try_from(amount.units()).unwrap_or(0));
    let cpu = limits.get("cpu").map_or(0, |amount| u64::try_from(amount.millis()).unwrap_or(0));
    (cpu, memory.filter(|bytes| *bytes > 0))
}

/// The bytes that a pod may take as a whole, if it says so.
pub(super) fn memory_limit(spec: &PodSpec) -> Option<u64> {
    let limit = spec.resources.as_ref()?.limits.get("memory")?;
    u64::try_from(limit.units()).ok().filter(|bytes| *bytes > 0)
}

/// What a pod asks for: thousandths of a core and bytes.
fn amounts(spec: &PodSpec) -> [i64; 2] {
    let requests = usage::requests(spec);
    let of = |name: &str| requests.get(name).copied();
    [of("cpu").map_or(0, |amount| amount.millis()), of("memory").map_or(0, |amount| amount.units())]
}
