//! Lifecycle hooks. Models `pkg/kubelet/lifecycle/handlers.go`.

use crate::api::Uid;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::start::Why;
use crate::node::kubelet::worker::Life;
use crate::node::kubelet::{Effect, Kubelet};
use crate::node::runtime::{ContainerId, CriAnswer, CriRequest};
use crate::sim::{Out, Span, Time};

impl Kubelet {
    /// The container runs: its hook, or the next container.
    pub(super) fn post_start(&mut self, uid: &Uid, name: &str, id: ContainerId, now: Time, out: &mut Out<Effect>) {
        let worker = self.workers.get(uid);
        let hook = worker.and_then(|w| w.container(name)).and_then(|c| c.lifecycle.as_ref()?.post_start.clone());
        match hook.and_then(|h| h.exec) {
            Some(exec) => {
                let request = CriRequest::ExecSync { container: id.clone(), command: exec.command, timeout: None };
                let op = self.ask(For::Sync(uid.clone()), request, out);
                self.set_post_start(uid, op, id);
            }
            None => self.container_started(uid, now, out),
        }
    }

    pub(super) fn post_started(
        &mut self,
        uid: &Uid,
        name: &str,
        id: &ContainerId,
        answer: CriAnswer,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        if matches!(answer, CriAnswer::Executed { code: 0, .. }) {
            return self.container_started(uid, now, out);
        }
        self.pod_event(uid, Some(name), "Warning", "FailedPostStartHook", "PostStartHook failed", now, out);
        self.pod_event(uid, Some(name), "Normal", "Killing", "FailedPostStartHook", now, out);
        let grace = self.workers.get(uid).map_or(30, |w| w.pod.spec.termination_grace_period_seconds);
        let grace = Span::secs(u64::try_from(grace).unwrap_or(0)).max(Span::secs(2));
        self.ask(For::Nothing, CriRequest::StopContainer(id.clone(), grace), out);
        self.not_started(uid, Why::new("PostStartHookError", "PostStartHook failed"), now, out);
    }

    /// Runs the hook before the stop; whether there is one.
    pub(super) fn pre_stop(
        &mut self,
        uid: &Uid,
        id: &ContainerId,
        name: &str,
        now: Time,
        out: &mut Out<Effect>,
    ) -> bool {
        let worker = self.workers.get(uid);
        let hook = worker.and_then(|w| w.container(name)).and_then(|c| c.lifecycle.as_ref()?.pre_stop.clone());
        let Some(hook) = hook else { return false };
        let Some(Life::Terminating(kill)) = self.workers.get_mut(uid).map(|w| &mut w.life) else { return false };
        let grace = kill.grace;
        if let Some(sleep) = hook.sleep {
            let span = Span::secs(u64::try_from(sleep.seconds).unwrap_or(0)).min(grace);
            kill.hooks.insert(id.clone());
            kill.sleeps.insert((now + span, id.clone()));
            return true;
        }
        let Some(exec) = hook.exec else { return false };
        kill.hooks.insert(id.clone());
        let request = CriRequest::ExecSync { container: id.clone(), command: exec.command, timeout: Some(grace) };
        self.ask(For::PreStop(uid.clone(), id.clone()), request, out);
        true
    }

    pub(super) fn pre_stop_done(
        &mut self,
        uid: &Uid,
        id: &ContainerId,
        answer: CriAnswer,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let name = worker.live.containers.get(id).map(|c| c.name.to_string()).unwrap_or_default();
        let Life::Terminating(kill) = &mut worker.life else { return };
        if !kill.hooks.remove(id) {
            return;
        }
        if !matches!(answer, CriAnswer::Executed { code: 0, .. }) {
            self.pod_event(uid, Some(&name), "Warning", "FailedPreStopHook", "PreStopHook failed", now, out);
        }
        self.send_stop(uid, id, now, out);
    }

    /// Hooks that have waited long enough, and hooks that take longer than the grace.
    pub(super) fn hooks_over(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(Life::Terminating(kill)) = self.workers.get_mut(uid).map(|w| &mut w.life) else { return };
        let late = now >= kill.since + kill.grace;
        let slept: Vec<ContainerId> =
            kill.sleeps.iter().filter(|(at, _)| *at <= now || late).map(|(_, id)| id.clone()).collect();
        let over = if late { kill.hooks.iter().cloned().collect() } else { slept };
        kill.sleeps.retain(|(_, id)| !over.contains(id));
        kill.hooks.retain(|id| !over.contains(id));
        for id in over {
            self.send_stop(uid, &id, now, out);
        }
    }
}
