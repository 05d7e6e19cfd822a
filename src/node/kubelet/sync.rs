//! One sync of a pod: status, volumes, sandbox, containers. Models `Kubelet.SyncPod` (`pkg/kubelet/kubelet.go`) and
//! `kubeGenericRuntimeManager.SyncPod`.

use crate::api::{ObjectReference, Uid};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::node_status::NETWORK_NOT_READY;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::worker::{Life, RuntimePod, Step, Sync};
use crate::node::kubelet::{Effect, Kubelet, actions};
use crate::node::runtime::{ContainerView, CriAnswer, CriRequest, OpId, SandboxConfig};
use crate::sim::{Out, Span, Time};

const DEADLINE: &str = "Pod was active on the node longer than the specified deadline";
/// How often a pod is synced though nothing happened.
const RESYNC: Span = Span::secs(60);
/// After how long a failed sync is tried again.
const BACKOFF: Span = Span::secs(10);
/// The same while the network is not ready.
const TRANSIENT: Span = Span::secs(1);

impl Kubelet {
    /// The runtime's state at the start: what an earlier kubelet left behind.
    pub(super) fn runtime_listed(&mut self, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        if let CriAnswer::Listed(sandboxes, containers) = answer {
            // Static pods do not wait for what the API server says.
            let is_static = |uid: &Uid| self.workers.get(uid).is_some_and(|worker| worker.is_static);
            let (own, sandboxes): (Vec<_>, Vec<_>) = sandboxes.into_iter().partition(|s| is_static(&s.pod.uid));
            let (inside, containers): (Vec<_>, Vec<_>) = containers.into_iter().partition(|c| is_static(&c.pod.uid));
            self.statics.known = true;
            self.left_behind = Some((sandboxes, containers));
            for sandbox in own {
                self.sandbox_changed(sandbox, now);
            }
            self.take_over(inside);
            let all: Vec<Uid> = self.workers.iter().filter(|(_, w)| w.is_static).map(|(uid, _)| uid.clone()).collect();
            for uid in all {
                self.relist(&uid);
                self.wake_worker(&uid, now, out);
            }
            self.adopt(now, out);
            self.keep_mirrors(out);
        }
    }

    /// Containers that run already, or have ended.
    fn take_over(&mut self, containers: Vec<ContainerView>) {
        for container in containers {
            if let Some(worker) = self.workers.get_mut(&container.pod.uid) {
                let id = container.id.clone();
                if container.phase.is_running() {
                    worker.started.insert(id.clone());
                }
                worker.live.containers.insert(id, container);
            }
        }
    }

    /// Once both the runtime's state and the pods are known: what belongs to a pod is taken over, the rest is ended.
    pub(super) fn adopt(&mut self, now: Time, out: &mut Out<Effect>) {
        if !self.pods_known {
            return;
        }
        let Some((sandboxes, containers)) = self.left_behind.take() else { return };
        self.runtime_known = true;
        for sandbox in sandboxes {
            if self.workers.contains_key(&sandbox.pod.uid) {
                self.sandbox_changed(sandbox, now);
            } else {
                self.ask(For::Nothing, CriRequest::StopPodSandbox(sandbox.id.clone()), out);
                self.ask(For::Nothing, CriRequest::RemovePodSandbox(sandbox.id), out);
                self.ask(For::Nothing, CriRequest::RemovePodDirectory(sandbox.pod.uid), out);
            }
        }
        self.take_over(containers);
        let all: Vec<Uid> = self.workers.iter().filter(|(_, w)| !w.is_static).map(|(uid, _)| uid.clone()).collect();
        for uid in all {
            self.relist(&uid);
            self.wake_worker(&uid, now, out);
        }
    }

    pub(super) fn sync_pod(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        match &worker.life {
            Life::Terminating(_) => return self.kill_again(uid, now, out),
            Life::Terminated => return self.finish(uid, now, out),
            Life::Syncing => {}
        }
        if worker.removed || worker.pod.metadata.deletion_timestamp.is_some() {
            if worker.sync.take().is_some() {
                worker.synced = Some(now);
                self.next_pull(now, out);
            }
            return self.terminate_once_seen(uid, now, out);
        }
        if worker.sync.is_some() {
            worker.dirty = true;
            return;
        }
        worker.dirty = false;
        worker.next_sync = None;
        if worker.over {
            return self.terminate_once_seen(uid, now, out);
        }
        self.check_deadline(uid, now, out);
        self.ensure_probes(uid, now);
        self.check_resize(uid, now, out);
        self.refresh_status(uid, now, out);
        self.trigger_probes(uid, now);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if worker.failed.is_some() || actions::finished(&worker.pod.spec, &worker.seen) {
            // This sync tells that the pod is over; the next one ends it.
            worker.over = true;
            worker.synced = Some(now);
            return self.terminate_once_seen(uid, now, out);
        }
        self.actuate(uid, out);
        self.kill_condemned(uid, now, out);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if !self.network_ready && !worker.pod.spec.host_network {
            let message = format!("network is not ready: {NETWORK_NOT_READY}");
            self.pod_event(uid, None, "Warning", "NetworkNotReady", &message, now, out);
            let again = now + self.jitter(TRANSIENT);
            return self.sync_again(uid, again);
        }
        worker.fetched.clear();
        let cause = out.cause();
        worker.sync = Some(Sync { step: Step::Volumes, todo: Vec::new(), failed: None, cause });
        self.mount(uid, now, out);
    }

    /// Begins to end a pod, as soon as a relist is newer than its last sync (`GetNewerThan`).
    fn terminate_once_seen(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let seen = self.workers.get(uid).and_then(|w| w.synced).map(|at| self.tick_after(at));
        match (seen, self.workers.get_mut(uid)) {
            (Some(at), Some(worker)) if at > now => worker.next_sync = Some(at),
            _ => self.terminate(uid, now, out),
        }
    }

    /// A pod that ran for too long fails.
    fn check_deadline(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let Some(deadline) = worker.pod.spec.active_deadline_seconds else { return };
        let limit = Span::secs(u64::try_from(deadline).unwrap_or(0));
        if worker.failed.is_none() && now >= worker.since + limit {
            worker.failed = Some(("DeadlineExceeded".into(), DEADLINE.into()));
            self.tell_deadline(uid, now, out);
        }
    }

    /// Every status of a pod past its deadline says so in an event (`ShouldEvict`).
    pub(super) fn tell_deadline(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let failed = self.workers.get(uid).and_then(|w| w.failed.as_ref());
        if failed.is_some_and(|(reason, _)| reason == "DeadlineExceeded") {
            self.pod_event(uid, None, "Normal", "DeadlineExceeded", DEADLINE, now, out);
        }
    }

    /// The volumes are there: the sandbox, then the containers.
    pub(super) fn volumes_ready(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let actions = actions::compute(worker);
        let Some(sync) = worker.sync.as_mut() else { return };
        sync.todo = actions.start;
        if !actions.sandbox {
            return self.next_container(uid, now, out);
        }
        let old = worker.live.sandbox.clone();
        let attempt = old.as_ref().map_or(0, |s| s.attempt + 1);
        let config = SandboxConfig {
            pod: worker.meta(),
            attempt,
            hostname: crate::node::kubelet::env::hostname(&worker.pod, &self.config),
            host_network: worker.pod.spec.host_network,
            resolv_conf: crate::node::kubelet::env::resolv_conf(&worker.pod, &self.config),
            memory_limit: crate::node::kubelet::resize::memory_limit(&worker.pod.spec),
        };
        if let Some(old) = old {
            let words = "Pod sandbox changed, it will be killed and re-created.";
            self.pod_event(uid, None, "Normal", "SandboxChanged", words, now, out);
            self.ask(For::Nothing, CriRequest::RemovePodSandbox(old.id), out);
            if let Some(worker) = self.workers.get_mut(uid) {
                worker.live.containers.retain(|_, c| !c.phase.is_running());
            }
        }
        let op = self.ask(For::Sync(uid.clone()), CriRequest::RunPodSandbox(config), out);
        if let Some(sync) = self.workers.get_mut(uid).and_then(|w| w.sync.as_mut()) {
            sync.step = Step::Sandbox(op);
        }
    }

    pub(super) fn sync_answered(&mut self, uid: &Uid, op: OpId, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        if let CriAnswer::Sandbox(view) = &answer {
            let known = self.workers.get(uid).is_some_and(|w| w.life != Life::Terminated);
            self.sandbox_changed(view.clone(), now);
            if !known {
                // The pod ended before its sandbox was there.
                self.ask(For::Nothing, CriRequest::StopPodSandbox(view.id.clone()), out);
                self.ask(For::Nothing, CriRequest::RemovePodSandbox(view.id.clone()), out);
                return;
            }
        }
        if let CriAnswer::Created(view) = &answer {
            self.container_changed(view.clone(), now);
        }
        let Some(worker) = self.workers.get(uid) else { return };
        match worker.sync.as_ref().map(|s| &s.step) {
            Some(Step::Sandbox(waits)) if *waits == op => self.sandbox_answered(uid, answer, now, out),
            Some(Step::Container(step)) => {
                let step = step.clone();
                self.container_answered(uid, step, op, answer, now, out);
            }
            _ => {}
        }
    }

    fn sandbox_answered(&mut self, uid: &Uid, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        match answer {
            CriAnswer::Failed(words) => {
                let message = format!("Failed to create pod sandbox: {words}");
                self.pod_event(uid, None, "Warning", "FailedCreatePodSandBox", &message, now, out);
                self.fail_sync(uid, None);
                self.end_sync(uid, now, out);
            }
            _ => self.next_container(uid, now, out),
        }
    }

    /// Something went wrong; the rest of the sync goes on.
    pub(super) fn fail_sync(&mut self, uid: &Uid, expiry: Option<Time>) {
        let Some(sync) = self.workers.get_mut(uid).and_then(|w| w.sync.as_mut()) else { return };
        // The earliest known expiry counts, if every error has one.
        sync.failed = Some(match (sync.failed, expiry) {
            (None, expiry) => expiry,
            (Some(Some(a)), Some(b)) => Some(a.min(b)),
            (Some(a), b) => a.or(b),
        });
    }

    /// The sync is over; when the next one is.
    pub(super) fn end_sync(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let Some(sync) = worker.sync.take() else { return };
        worker.synced = Some(now);
        if worker.dirty {
            return self.sync_pod(uid, now, out);
        }
        let wait = match sync.failed {
            None => RESYNC,
            Some(None) => BACKOFF,
            // A back-off that ends later is looked at meanwhile, so that the status soon says why the container waits.
            Some(Some(at)) => at.since(now).min(BACKOFF),
        };
        let again = now + self.jitter(wait);
        self.sync_again(uid, again);
    }

    /// Syncs at the tick of the sync loop after `at`.
    pub(super) fn sync_again(&mut self, uid: &Uid, at: Time) {
        let tick = self.loop_tick(at);
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.next_sync = Some(tick);
        }
    }

    /// Records an event about a pod, or about one of its containers.
    #[expect(clippy::too_many_arguments, reason = "an event has that many parts")]
    pub(super) fn pod_event(
        &mut self,
        uid: &Uid,
        container: Option<&str>,
        kind: &str,
        reason: &str,
        message: &str,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get(uid) else { return };
        let meta = &worker.pod.metadata;
        let field_path = container.map_or(String::new(), |name| {
            let list = match name {
                _ if worker.is_init(name) => "initContainers",
                _ if worker.is_ephemeral(name) => "ephemeralContainers",
                _ => "containers",
            };
            format!("spec.{list}{{{name}}}")
        });
        let about = ObjectReference {
            kind: "Pod".into(),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: uid.clone(),
            api_version: "v1".into(),
            resource_version: meta.resource_version,
            field_path,
            ..ObjectReference::default()
        };
        let key = worker.reference();
        for request in self.recorder.event(now, about, kind, reason, message) {
            self.call(Purpose::Event, request, Some(key.clone()), out);
        }
    }

    /// Forgets the oldest dead instances of a container: one stays.
    pub(super) fn collect_dead(&mut self, uid: &Uid, name: &str, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let keep = |pod: &RuntimePod| pod.latest(name).map_or(0, |c| c.attempt.saturating_sub(1));
        let least = keep(&worker.live);
        let old: Vec<_> = (worker.live.containers.values())
            .filter(|c| &*c.name == name && c.attempt < least && !c.phase.is_running())
            .map(|c| c.id.clone())
            .collect();
        for id in old {
            if let Some(worker) = self.workers.get_mut(uid) {
                worker.live.containers.remove(&id);
                worker.seen.containers.remove(&id);
            }
            self.ask(For::Nothing, CriRequest::RemoveContainer(id), out);
        }
    }
}
