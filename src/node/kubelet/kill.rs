//! The end of a pod: hooks, SIGTERM, grace, SIGKILL, the sandbox last. Models `SyncTerminatingPod` and `SyncTerminatedPod`
//! of `pkg/kubelet/kubelet.go` and `killPodWithSyncResult` of `pkg/kubelet/kuberuntime`.

use crate::api::Uid;
use crate::node::kubelet::actions::is_sidecar;
use crate::node::kubelet::hook::Stage;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::worker::Life;
use crate::node::kubelet::{Effect, Kubelet, eviction, volume};
use crate::node::runtime::{ContainerId, CriAnswer, CriRequest, OpId};
use crate::sim::{Out, Span, Time, VecSet};

/// The least grace that a container gets.
const LEAST: Span = Span::secs(2);

/// How often it is looked whether the volumes are unmounted.
const UNMOUNT: Span = Span::millis(300);

/// How far a termination is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kill {
    /// When it began.
    pub since: Time,
    /// How long the containers have.
    pub grace: Span,
    /// The containers that were told to stop.
    pub told: VecSet<ContainerId>,
    /// Those whose hook before the stop still runs, since when.
    pub hooks: VecSet<ContainerId>,
    /// The sandbox is being stopped.
    pub sandbox: Option<OpId>,
}

impl Kill {
    /// When a hook that runs is given up.
    pub fn wake_at(&self) -> Option<Time> {
        (!self.hooks.is_empty()).then_some(self.since + self.grace)
    }

    /// What is left of the grace.
    fn left(&self, now: Time) -> Span {
        (self.since + self.grace).since(now).max(LEAST)
    }
}

impl Kubelet {
    /// Begins to end a pod.
    pub(super) fn terminate(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let meta = &worker.pod.metadata;
        let own = meta.deletion_grace_period_seconds.unwrap_or(worker.pod.spec.termination_grace_period_seconds);
        let seconds = if worker.is_evicted() { own.min(eviction::GRACE) } else { own };
        let grace =
            Span::secs(u64::try_from(seconds).unwrap_or(0)).max(if seconds <= 0 { Span::secs(1) } else { Span::ZERO });
        let kill = Kill { since: now, grace, told: VecSet::new(), hooks: VecSet::new(), sandbox: None };
        worker.life = Life::Terminating(kill);
        worker.sync = None;
        worker.next_sync = None;
        self.stop_probes(uid);
        self.next_pull(now, out);
        self.relist(uid);
        self.tell_deadline(uid, now, out);
        self.refresh_status(uid, now, out);
        self.kill_again(uid, now, out);
    }

    /// Goes on with the end of a pod: containers that run are told to stop, sidecars after the others, the sandbox last.
    pub(super) fn kill_again(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        self.shorten(uid, now, out);
        self.hooks_over(uid, now, out);
        let Some(worker) = self.workers.get(uid) else { return };
        let Life::Terminating(kill) = &worker.life else { return };
        let running: Vec<(ContainerId, String)> = (worker.live.containers.values())
            .filter(|c| c.phase.is_running())
            .map(|c| (c.id.clone(), c.name.to_string()))
            .collect();
        let sidecar = |name: &str| worker.is_init(name) && worker.container(name).is_some_and(is_sidecar);
        let regular: Vec<_> = running.iter().filter(|(_, name)| !sidecar(name)).cloned().collect();
        let next: Vec<(ContainerId, String)> = if regular.is_empty() {
            // Sidecars go one by one, the last one first.
            let order = |name: &str| worker.pod.spec.init_containers.iter().position(|c| c.name == name);
            running.iter().max_by_key(|(_, name)| order(name)).cloned().into_iter().collect()
        } else {
            regular
        };
        let told = kill.told.clone();
        let stopping = kill.sandbox.is_some();
        for (id, name) in next.iter().filter(|(id, _)| !told.contains(id)) {
            self.stop_container(uid, id, name, now, out);
        }
        if running.is_empty() && !stopping {
            self.stop_sandbox(uid, now, out);
        }
    }

    /// A deletion with less grace than the one under way shortens it.
    fn shorten(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let given = worker.pod.metadata.deletion_grace_period_seconds;
        let removed = worker.removed;
        let Life::Terminating(kill) = &mut worker.life else { return };
        let wanted = given.map(|s| Span::secs(u64::try_from(s).unwrap_or(0)).max(Span::secs(1)));
        let wanted = if removed { wanted.or(Some(kill.grace)) } else { wanted };
        if let Some(grace) = wanted.filter(|g| *g < kill.grace) {
            kill.grace = grace;
            let left = kill.left(now);
            let told: Vec<ContainerId> = kill.told.iter().filter(|id| !kill.hooks.contains(*id)).cloned().collect();
            for id in told {
                self.ask(For::Kill(uid.clone()), CriRequest::StopContainer(id, left), out);
            }
        }
    }

    fn stop_container(&mut self, uid: &Uid, id: &ContainerId, name: &str, now: Time, out: &mut Out<Effect>) {
        let Some(Life::Terminating(kill)) = self.workers.get_mut(uid).map(|w| &mut w.life) else { return };
        kill.told.insert(id.clone());
        let left = (kill.since + kill.grace).since(now);
        self.pod_event(uid, Some(name), "Normal", "Killing", &format!("Stopping container {name}"), now, out);
        if !self.pre_stop(uid, (id, name), Stage::PreStop, left, now, out) {
            self.send_stop(uid, id, now, out);
        }
    }

    /// SIGTERM, and SIGKILL when the grace is over.
    pub(super) fn send_stop(&mut self, uid: &Uid, id: &ContainerId, now: Time, out: &mut Out<Effect>) {
        let Some(Life::Terminating(kill)) = self.workers.get(uid).map(|w| &w.life) else { return };
        let left = kill.left(now);
        self.ask(For::Kill(uid.clone()), CriRequest::StopContainer(id.clone(), left), out);
    }

    fn stop_sandbox(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let Some(sandbox) = worker.live.sandbox.clone().filter(|s| s.ready) else {
            return self.stopped(uid, now, out);
        };
        let op = self.ask(For::Kill(uid.clone()), CriRequest::StopPodSandbox(sandbox.id), out);
        if let Some(Life::Terminating(kill)) = self.workers.get_mut(uid).map(|w| &mut w.life) {
            kill.sandbox = Some(op);
        }
    }

    pub(super) fn kill_answered(&mut self, uid: &Uid, op: OpId, _answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let Life::Terminating(kill) = &worker.life else { return };
        if kill.sandbox == Some(op) {
            if let Some(sandbox) = worker.live.sandbox.as_mut() {
                sandbox.ready = false;
            }
            self.stopped(uid, now, out);
        } else {
            self.kill_again(uid, now, out);
        }
    }

    /// Nothing of the pod runs any more; its volumes are unmounted at the next look (`WaitForUnmount`).
    fn stopped(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        self.relist(uid);
        self.tell_deadline(uid, now, out);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        worker.life = Life::Terminated;
        worker.unmounted = (!worker.pod.spec.volumes.is_empty()).then(|| now + UNMOUNT);
        self.tell_deadline(uid, now, out);
        self.refresh_status(uid, now, out);
        self.allocate_waiting(now, out);
        self.finish(uid, now, out);
    }

    /// The object is gone and nothing runs: nothing of the pod is kept.
    pub(super) fn forget(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.remove(uid) else { return };
        if let Some(sandbox) = worker.live.sandbox {
            self.ask(For::Nothing, CriRequest::RemovePodSandbox(sandbox.id), out);
        }
        if volume::has_own(&worker.pod) {
            self.ask(For::Nothing, CriRequest::RemovePodDirectory(uid.clone()), out);
        }
        self.drop_ops_of(uid);
        self.drop_hooks_of(uid, out);
        self.unregister_objects(uid, out);
        self.image_backoff.forget(&format!("{uid}_"));
        self.restart_backoff.forget(&format!("{uid}_"));
        self.pull_errors.retain(|key, _| !key.starts_with(&format!("{uid}_")));
        self.pulls.retain(|u| u != uid);
        if worker.is_static {
            self.start_statics(now, out);
            self.keep_mirrors(out);
        }
    }
}
