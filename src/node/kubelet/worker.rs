//! One pod and what the kubelet is doing about it. Models `pkg/kubelet/pod_workers.go`.
//!
//! `Syncing -> Terminating -> Terminated -> (gone)`. A pod that is deleted, has run to its end or passed its deadline
//! terminates; once terminated it is written one last time, and removed if it was deleted.

use crate::sim::{VecMap, VecSet};
use std::sync::Arc;

use crate::api::{CallId, Container, ObjectRef, Pod, PodStatus, ResourceVersion, Uid};
use crate::node::kubelet::atomic::Payload;
use crate::node::kubelet::kill::Kill;
use crate::node::kubelet::objects::Told;
use crate::node::kubelet::resize::Resize;
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::{ContainerId, ContainerView, OpId, PodMeta, SandboxView};
use crate::sim::{EventId, Out, Time, Wake};
use crate::workload::{Family, image};

/// What the runtime says of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RuntimePod {
    /// The newest sandbox.
    pub sandbox: Option<SandboxView>,
    /// Every container, dead ones too.
    pub containers: VecMap<ContainerId, ContainerView>,
}

impl RuntimePod {
    /// The newest instance of a container.
    pub fn latest(&self, name: &str) -> Option<&ContainerView> {
        self.containers.values().filter(|c| &*c.name == name).max_by_key(|c| (c.attempt, c.created))
    }

    /// The instance before the newest.
    pub fn previous(&self, name: &str) -> Option<&ContainerView> {
        let newest = self.latest(name)?.attempt;
        self.containers.values().filter(|c| &*c.name == name && c.attempt < newest).max_by_key(|c| c.attempt)
    }
}

/// Where in its life a worker is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// The pod is made to run.
    Syncing,
    /// The pod is ended.
    Terminating(Kill),
    /// Nothing of it runs.
    Terminated,
}

/// What a sync waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The objects that volumes are made of.
    Volumes,
    /// The sandbox.
    Sandbox(OpId),
    /// The container at the front of the list.
    Container(ContainerStep),
}

/// Which step of the start of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ContainerStep {
    /// Is the image there?
    Inspect(OpId),
    /// Another pod's image is being pulled; since when.
    PullQueue(Time),
    /// The image is being pulled; since when it waits, since when it is pulled.
    Pull(OpId, Time, Time),
    /// The objects that variables are taken from.
    Config,
    /// It is being made.
    Create(OpId),
    /// It is being started.
    Start(OpId, ContainerId),
    /// The hook after the start runs.
    PostStart(ContainerId),
}

/// A sync under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sync {
    /// What it waits for.
    pub step: Step,
    /// The containers to start, in order.
    pub todo: Vec<StartItem>,
    /// The first thing that went wrong: when it may be tried again at the earliest, if that is known.
    pub failed: Option<Option<Time>>,
    /// The event that began it.
    pub cause: Option<EventId>,
}

/// A container to be started.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StartItem {
    /// Its name.
    pub name: String,
    /// Whether it is an init container.
    pub init: bool,
}

/// One pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Worker {
    /// The pod as the API server last told it, or as its file has it, but with the resources that are allocated to it.
    pub pod: Arc<Pod>,
    /// Whether it is of a file of the node.
    pub is_static: bool,
    /// What stands for it at the API server, if it is of a file.
    pub mirror: Option<Arc<Pod>>,
    /// Where in its life it is.
    pub life: Life,
    /// The sync under way.
    pub sync: Option<Sync>,
    /// Something came up meanwhile: sync again at once.
    pub dirty: bool,
    /// When it is synced next.
    pub next_sync: Option<Time>,
    /// What the runtime says now.
    pub live: RuntimePod,
    /// What the last relist saw.
    pub seen: RuntimePod,
    /// When the runtime changed something that the relist has not seen.
    pub changed: Option<Time>,
    /// Why containers wait, by name: what the last sync said (`reasonCache`).
    pub reasons: VecMap<String, (String, String)>,
    /// The status as the kubelet sees it.
    pub status: PodStatus,
    /// The status that the API server has.
    pub written: Option<Arc<PodStatus>>,
    /// The version of the object that the last write made.
    pub written_version: Option<ResourceVersion>,
    /// The call that writes it.
    pub writing: Option<CallId>,
    /// When the write is tried again after a failure.
    pub write_at: Option<Time>,
    /// When the last sync ended: the end of the pod goes on with what a later relist sees.
    pub synced: Option<Time>,
    /// When the volumes of a terminated pod are unmounted.
    pub unmounted: Option<Time>,
    /// When the kubelet first saw the pod.
    pub since: Time,
    /// ConfigMaps, Secrets, claims and their volumes, as of this sync.
    pub fetched: VecMap<ObjectRef, Told>,
    /// Those that are waited for.
    pub fetching: VecSet<ObjectRef>,
    /// What is in its volumes that are made of objects: those that are mounted.
    pub mounted: VecMap<String, Payload>,
    /// How often mounting the volumes failed.
    pub mount_failures: u32,
    /// The containers that passed their start-up probe.
    pub started: VecSet<ContainerId>,
    /// The containers whose readiness probe says yes.
    pub ready: VecSet<ContainerId>,
    /// The containers that a probe or a change of the spec condemned, with the event's words.
    pub condemned: VecMap<ContainerId, String>,
    /// The containers that were killed for that and whose end no relist has seen yet.
    pub killed: VecSet<ContainerId>,
    /// How far it is being resized.
    pub resize: Resize,
    /// The pod has failed for good: the reason and the message.
    pub failed: Option<(String, String)>,
    /// It was never let in.
    pub rejected: bool,
    /// It was evicted to relieve its node: the message.
    pub disrupted: Option<String>,
    /// The last sync found that the pod has run to its end, or failed.
    pub over: bool,
    /// Whether the object is gone from the API server.
    pub removed: bool,
    /// The call that removes it.
    pub deleting: bool,
}

impl Worker {
    fn new(pod: Arc<Pod>, now: Time) -> Worker {
        Worker {
            status: pod.status.clone(),
            pod,
            is_static: false,
            mirror: None,
            life: Life::Syncing,
            sync: None,
            dirty: false,
            next_sync: None,
            live: RuntimePod::default(),
            seen: RuntimePod::default(),
            changed: None,
            reasons: VecMap::new(),
            written: None,
            written_version: None,
            writing: None,
            write_at: None,
            synced: None,
            unmounted: None,
            since: now,
            fetched: VecMap::new(),
            fetching: VecSet::new(),
            mounted: VecMap::new(),
            mount_failures: 0,
            started: VecSet::new(),
            ready: VecSet::new(),
            condemned: VecMap::new(),
            killed: VecSet::new(),
            resize: Resize::default(),
            failed: None,
            rejected: false,
            disrupted: None,
            over: false,
            removed: false,
            deleting: false,
        }
    }

    /// A pod of a file of the node, and what stands for it at the API server.
    pub(super) fn of_file(pod: Arc<Pod>, mirror: Option<Arc<Pod>>, now: Time) -> Worker {
        let mut worker = Worker { is_static: true, ..Worker::new(pod, now) };
        if let Some(mirror) = &mirror {
            worker.status.clone_from(&mirror.status);
        }
        worker.mirror = mirror;
        worker
    }

    /// The pod as the API server has it, if it does.
    pub fn object(&self) -> &Arc<Pod> {
        self.mirror.as_ref().unwrap_or(&self.pod)
    }

    /// Whether a container is a process of the control plane. Those are probed by nobody here: one that runs is ready.
    pub fn is_unprobed(&self, container: &Container) -> bool {
        let family = || image::parse(&container.image).is_ok_and(|name| name.info().family == Family::ControlPlane);
        self.is_static && family()
    }

    /// The container of that name in the pod's spec.
    pub fn container(&self, name: &str) -> Option<&Container> {
        let spec = &self.pod.spec;
        let usual = spec.init_containers.iter().chain(&spec.containers);
        usual.chain(&spec.ephemeral_containers).find(|c| c.name == name)
    }

    /// Whether it was added to the running pod.
    pub fn is_ephemeral(&self, name: &str) -> bool {
        self.pod.spec.ephemeral_containers.iter().any(|c| c.name == name)
    }

    /// Whether it is an init container.
    pub fn is_init(&self, name: &str) -> bool {
        self.pod.spec.init_containers.iter().any(|c| c.name == name)
    }

    /// How often a container has restarted, as the API server knows it, when the runtime knows nothing (after a reboot).
    pub fn known_restarts(&self, name: &str) -> u32 {
        let statuses = self.status.init_container_statuses.iter().chain(&self.status.container_statuses);
        let known = statuses.into_iter().find(|s| s.name == name && !s.container_id.is_empty());
        known.map_or(0, |s| u32::try_from(s.restart_count).unwrap_or(0) + 1)
    }

    /// What it is doing, in words.
    pub fn doing(&self) -> &'static str {
        match (&self.life, &self.sync) {
            (Life::Terminating(_), _) => "terminating",
            (Life::Terminated, _) => "terminated",
            (Life::Syncing, None) => "settled",
            (Life::Syncing, Some(sync)) => match &sync.step {
                Step::Volumes => "mounting volumes",
                Step::Sandbox(_) => "creating the sandbox",
                Step::Container(ContainerStep::Inspect(_)) => "looking for the image",
                Step::Container(ContainerStep::PullQueue(_)) => "waiting for another pull",
                Step::Container(ContainerStep::Pull(..)) => "pulling the image",
                Step::Container(ContainerStep::Config | ContainerStep::Create(_)) => "creating the container",
                Step::Container(ContainerStep::Start(..)) => "starting the container",
                Step::Container(ContainerStep::PostStart(..)) => "running the hook after the start",
            },
        }
    }

    /// Which pod.
    pub fn meta(&self) -> PodMeta {
        let meta = &self.pod.metadata;
        PodMeta { namespace: meta.namespace.as_str().into(), name: meta.name.as_str().into(), uid: meta.uid.clone() }
    }

    /// Whether its node gave it up.
    pub fn is_evicted(&self) -> bool {
        self.failed.as_ref().is_some_and(|(reason, _)| reason == super::eviction::EVICTED)
    }

    /// A reference to it.
    pub fn reference(&self) -> ObjectRef {
        let meta = &self.pod.metadata;
        ObjectRef {
            kind: crate::api::Kind::Pod,
            namespace: meta.namespace.as_str().into(),
            name: meta.name.as_str().into(),
        }
    }

    /// `name_namespace(uid)`, as messages call it (`format.Pod`).
    pub fn long_name(&self) -> String {
        let meta = &self.pod.metadata;
        format!("{}_{}({})", meta.name, meta.namespace, meta.uid)
    }

    /// When and why it wants to be woken; `tick` gives the relist after a time.
    fn wake_at(&self, tick: impl Fn(Time) -> Time) -> Option<Wake<Reason>> {
        let sync = self.next_sync.map(|at| Wake { at, why: Reason::PodSync });
        let relist = self.changed.map(|at| Wake { at: tick(at), why: Reason::Relist });
        let write = self.write_at.map(|at| Wake { at, why: Reason::Retry });
        let hook = match &self.life {
            Life::Terminating(kill) => kill.wake_at(),
            Life::Terminated => self.unmounted,
            Life::Syncing => None,
        }
        .map(|at| Wake { at, why: Reason::Termination });
        let deadline = match (&self.life, self.pod.spec.active_deadline_seconds) {
            (Life::Syncing, Some(s)) if self.failed.is_none() => {
                let at = self.since + crate::sim::Span::secs(u64::try_from(s).unwrap_or(0));
                Some(Wake { at, why: Reason::PodSync })
            }
            _ => None,
        };
        [sync, relist, write, hook, deadline].into_iter().flatten().min()
    }
}

impl Kubelet {
    pub(super) fn pod_updated(&mut self, pod: Arc<Pod>, now: Time, out: &mut Out<Effect>) {
        let uid = pod.metadata.uid.clone();
        match self.workers.get_mut(&uid) {
            Some(worker) => {
                // A status that we wrote ourselves is no reason to sync.
                let news = worker.pod.metadata.deletion_timestamp != pod.metadata.deletion_timestamp
                    || worker.pod.metadata.deletion_grace_period_seconds != pod.metadata.deletion_grace_period_seconds
                    || worker.pod.metadata.labels != pod.metadata.labels
                    || worker.pod.metadata.annotations != pod.metadata.annotations;
                let respecified = worker.take_in(&pod);
                worker.reassert(&pod, now);
                if !news && !respecified {
                    return;
                }
                self.allocate(&uid, now, out);
            }
            None => {
                let mut worker = Worker::new(pod, now);
                if let Some(left) = self.restored(&uid) {
                    worker.restore(left);
                }
                if let Some(start) = worker.pod.status.start_time {
                    // Known from before a restart of the kubelet.
                    let past = u64::try_from(self.timestamp(now).0.saturating_sub(start.0)).unwrap_or(0);
                    worker.since = now - crate::sim::Span::secs(past);
                    worker.written = Some(Arc::new(worker.pod.status.clone()));
                }
                self.workers.insert(uid.clone(), worker);
                self.turn_away(&uid, now, out);
                self.watch_storage(&uid, now);
            }
        }
        self.register_objects(&uid, out);
        self.wake_worker(&uid, now, out);
    }

    /// The object is gone: whatever still runs is ended.
    pub(super) fn pod_removed(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        worker.removed = true;
        self.wake_worker(uid, now, out);
    }

    /// Syncs a pod now, or once the sync under way is done.
    pub(super) fn wake_worker(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let is_static = self.workers.get(uid).is_some_and(|worker| worker.is_static);
        // A static pod waits for nothing that the API server has.
        let may = if is_static { self.statics.known } else { self.runtime_known && self.services_known };
        if !may {
            return;
        }
        self.sync_pod(uid, now, out);
    }

    pub(super) fn wake_all_workers(&mut self, now: Time, out: &mut Out<Effect>) {
        let all: Vec<Uid> = self.workers.keys().cloned().collect();
        for uid in all {
            self.wake_worker(&uid, now, out);
        }
    }

    pub(super) fn container_changed(&mut self, view: ContainerView, now: Time) {
        if let Some(worker) = self.workers.get_mut(&view.pod.uid) {
            worker.live.containers.insert(view.id.clone(), view);
            worker.changed = Some(worker.changed.unwrap_or(now));
        }
    }

    pub(super) fn sandbox_changed(&mut self, view: SandboxView, now: Time) {
        if let Some(worker) = self.workers.get_mut(&view.pod.uid)
            && worker.live.sandbox.as_ref().is_none_or(|s| s.attempt <= view.attempt)
        {
            worker.live.sandbox = Some(view);
            worker.changed = Some(worker.changed.unwrap_or(now));
        }
    }

    pub(super) fn workers_due(&mut self, now: Time, out: &mut Out<Effect>) {
        let tick = |at: Time| self.tick_after(at);
        let due: Vec<Uid> = self
            .workers
            .iter()
            .filter(|(_, w)| w.wake_at(tick).is_some_and(|wake| wake.at <= now))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in due {
            let Some(worker) = self.workers.get_mut(&uid) else { continue };
            worker.next_sync = worker.next_sync.filter(|at| *at > now);
            worker.unmounted = worker.unmounted.filter(|at| *at > now);
            if worker.write_at.is_some_and(|at| at <= now) {
                worker.write_at = None;
                self.write_status(&uid, now, out);
            }
            self.relist(&uid);
            self.ensure_probes(&uid, now);
            self.wake_worker(&uid, now, out);
        }
    }

    /// The relist sees what the runtime says now; ended containers are no longer ready.
    pub(super) fn relist(&mut self, uid: &Uid) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        worker.seen = worker.live.clone();
        worker.changed = None;
        let running: VecSet<ContainerId> =
            worker.live.containers.values().filter(|c| c.phase.is_running()).map(|c| c.id.clone()).collect();
        worker.ready.retain(|id| running.contains(id));
        worker.started.retain(|id| running.contains(id));
        worker.condemned.retain(|id, _| running.contains(id));
        worker.killed.retain(|id| running.contains(id));
    }

    pub(super) fn workers_wake(&self) -> Option<Wake<Reason>> {
        self.workers.values().filter_map(|w| w.wake_at(|at| self.tick_after(at))).min()
    }

    /// The time of the sync loop's tick at or after `at`.
    pub(super) fn loop_tick(&self, at: Time) -> Time {
        self.tick_after(at - crate::sim::Span(1))
    }
}
