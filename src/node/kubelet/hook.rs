//! Lifecycle hooks: commands, requests over the network from the node, and waits. Models `pkg/kubelet/lifecycle/handlers.go`
//! and `executePreStopHook` of `pkg/kubelet/kuberuntime`.

use crate::api::{LifecycleHandler, Uid};
use crate::net::{SocketEvent, SocketId};
use crate::node::kubelet::ops::For;
use crate::node::kubelet::probe::{self, NetRun, Outcome};
use crate::node::kubelet::start::Why;
use crate::node::kubelet::worker::{ContainerStep, Life, Step};
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::{ContainerId, CriAnswer, CriRequest};
use crate::sim::{Out, Span, Time, VecMap, Wake};
use crate::workload::Fd;

/// The hooks that run, by their numbers.
pub type Hooks = VecMap<u32, Hook>;

/// A hook that runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hook {
    uid: Uid,
    container: ContainerId,
    name: String,
    stage: Stage,
    run: Run,
    /// When nobody waits for it any longer.
    limit: Option<Time>,
}

/// What waits for a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The start of the container.
    PostStart,
    /// The end of the pod.
    PreStop,
    /// The stop of a container that is started again.
    Restart,
}

/// What a hook is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Run {
    Exec,
    Wait(Time),
    Net(Box<NetRun>),
}

impl Hook {
    /// When it is over by itself or given up.
    fn due_at(&self) -> Option<Time> {
        let own = match &self.run {
            Run::Wait(at) => Some(*at),
            Run::Exec | Run::Net(_) => None,
        };
        own.into_iter().chain(self.limit).min()
    }
}

impl Kubelet {
    /// The container runs: its hook, or the next container.
    pub(super) fn post_start(&mut self, uid: &Uid, name: &str, id: ContainerId, now: Time, out: &mut Out<Effect>) {
        let container = self.workers.get(uid).and_then(|w| w.container(name));
        match container.and_then(|c| c.lifecycle.as_ref()?.post_start.clone()) {
            Some(handler) => {
                self.set_post_start(uid, id.clone());
                self.begin_hook(uid, (&id, name), &handler, (Stage::PostStart, None), now, out);
            }
            None => self.container_started(uid, now, out),
        }
    }

    /// Runs the hook before the stop; whether there is one.
    pub(super) fn pre_stop(
        &mut self,
        uid: &Uid,
        (id, name): (&ContainerId, &str),
        stage: Stage,
        grace: Span,
        now: Time,
        out: &mut Out<Effect>,
    ) -> bool {
        let container = self.workers.get(uid).and_then(|w| w.container(name));
        let Some(handler) = container.and_then(|c| c.lifecycle.as_ref()?.pre_stop.clone()) else { return false };
        if let Some(Life::Terminating(kill)) = self.workers.get_mut(uid).map(|w| &mut w.life) {
            kill.hooks.insert(id.clone());
        }
        self.begin_hook(uid, (id, name), &handler, (stage, Some(now + grace)), now, out);
        true
    }

    fn begin_hook(
        &mut self,
        uid: &Uid,
        (id, name): (&ContainerId, &str),
        handler: &LifecycleHandler,
        (stage, limit): (Stage, Option<Time>),
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let number = self.next_run();
        let begun = if let Some(exec) = &handler.exec {
            let request = CriRequest::ExecSync { container: id.clone(), command: exec.command.clone(), timeout: None };
            self.ask(For::Hook(number), request, out);
            Ok(Run::Exec)
        } else if let Some(get) = &handler.http_get {
            self.get_for_hook(uid, name, number, get, now, out)
        } else if let Some(sleep) = &handler.sleep {
            Ok(Run::Wait(now + Span::secs(u64::try_from(sleep.seconds).unwrap_or(0))))
        } else {
            Err("invalid handler".to_owned())
        };
        let (run, failed) = match begun {
            Ok(run) => (run, None),
            Err(words) => (Run::Exec, Some(format!("Cannot run handler: {words}"))),
        };
        let (uid, container, name) = (uid.clone(), id.clone(), name.to_owned());
        self.hooks.insert(number, Hook { uid, container, name, stage, run, limit });
        if let Some(words) = failed {
            self.hook_over(number, Err(words), now, out);
        }
    }

    fn get_for_hook(
        &self,
        uid: &Uid,
        name: &str,
        number: u32,
        get: &crate::api::HttpGetAction,
        now: Time,
        out: &mut Out<Effect>,
    ) -> Result<Run, String> {
        let Some(worker) = self.workers.get(uid) else { return Err("no such pod".into()) };
        let Some(container) = worker.container(name) else { return Err("no such container".into()) };
        let ip = worker.live.sandbox.as_ref().and_then(|s| s.ip).unwrap_or(self.config.ip);
        let (run, ops) = probe::begin_hook(number, get, container, ip, now)?;
        ops.into_iter().for_each(|op| out.push(Effect::Socket(op)));
        Ok(Run::Net(Box::new(run)))
    }

    /// The network answers a hook; whether it was one.
    pub(super) fn hook_socket(
        &mut self,
        (number, fd): (u32, Fd),
        socket: SocketId,
        event: &SocketEvent,
        now: Time,
        out: &mut Out<Effect>,
    ) -> bool {
        let Some(Hook { run: Run::Net(run), uid, .. }) = self.hooks.get_mut(&number) else { return false };
        let uid = uid.clone();
        let (outcome, ops) = run.event(fd, socket, event.clone(), now);
        let fallen_back = run.fell_back().map(str::to_owned);
        ops.into_iter().for_each(|op| out.push(Effect::Socket(op)));
        match outcome {
            None => {}
            Some(Outcome::Success) => {
                if let Some(host) = fallen_back {
                    let words =
                        format!("request to HTTPS lifecycle hook {host} got HTTP response, retry with HTTP succeeded");
                    self.pod_event(&uid, None, "Warning", "LifecycleHTTPFallback", &words, now, out);
                }
                self.hook_over(number, Ok(()), now, out);
            }
            Some(Outcome::Failure(words) | Outcome::Error(words)) => self.hook_over(number, Err(words), now, out),
        }
        true
    }

    /// The command of a hook has ended.
    pub(super) fn hook_executed(&mut self, number: u32, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        let result = match answer {
            CriAnswer::Executed(0, _) => Ok(()),
            CriAnswer::Executed(code, output) => {
                let command = self.hook_command(number).join(" ");
                let said = String::from_utf8_lossy(&output.stderr);
                Err(format!("command '{command}' exited with {code}: {said}, message: {:?}", output.text()))
            }
            CriAnswer::Failed(words) => Err(format!("{words}, message: \"\"")),
            _ => Err("no answer, message: \"\"".to_owned()),
        };
        self.hook_over(number, result, now, out);
    }

    fn handler_of(&self, number: u32) -> Option<&LifecycleHandler> {
        let hook = self.hooks.get(&number)?;
        let lifecycle = self.workers.get(&hook.uid)?.container(&hook.name)?.lifecycle.as_ref()?;
        if hook.stage == Stage::PostStart { lifecycle.post_start.as_ref() } else { lifecycle.pre_stop.as_ref() }
    }

    fn hook_command(&self, number: u32) -> Vec<String> {
        let exec = self.handler_of(number).and_then(|handler| handler.exec.as_ref());
        exec.map(|exec| exec.command.clone()).unwrap_or_default()
    }

    /// What the runner of hooks says of one that failed.
    fn failure(&self, number: u32, error: &str) -> String {
        let (Some(handler), Some(hook)) = (self.handler_of(number), self.hooks.get(&number)) else {
            return error.to_owned();
        };
        let what = match (&handler.exec, &handler.http_get) {
            (Some(exec), _) => format!("Exec lifecycle hook ([{}])", exec.command.join(" ")),
            (_, Some(get)) => format!("HTTP lifecycle hook ({})", get.path),
            _ => return error.to_owned(),
        };
        let meta = self.workers.get(&hook.uid).map(|worker| &worker.pod.metadata);
        let pod = meta.map(|meta| format!("{}_{}({})", meta.name, meta.namespace, meta.uid)).unwrap_or_default();
        format!("{what} for Container {:?} in Pod {pod:?} failed - error: {error}", hook.name)
    }

    /// A hook is over: whatever waited for it goes on.
    fn hook_over(&mut self, number: u32, result: Result<(), String>, now: Time, out: &mut Out<Effect>) {
        let failure = result.err().map(|error| self.failure(number, &error));
        let Some(hook) = self.hooks.remove(&number) else { return };
        let Hook { uid, container, name, stage, limit, .. } = hook;
        if stage == Stage::PostStart {
            return self.post_started(&uid, &name, &container, failure, now, out);
        }
        if failure.is_some() {
            self.pod_event(&uid, Some(&name), "Warning", "FailedPreStopHook", "PreStopHook failed", now, out);
        }
        if stage == Stage::Restart {
            return self.stop_for_restart(&uid, container, limit.unwrap_or(now).since(now), out);
        }
        if let Some(Life::Terminating(kill)) = self.workers.get_mut(&uid).map(|w| &mut w.life)
            && kill.hooks.remove(&container)
        {
            self.send_stop(&uid, &container, now, out);
        }
    }

    fn post_started(
        &mut self,
        uid: &Uid,
        name: &str,
        id: &ContainerId,
        failure: Option<String>,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get(uid) else { return };
        let waits = matches!(worker.sync.as_ref().map(|sync| &sync.step),
            Some(Step::Container(ContainerStep::PostStart(waiting))) if waiting == id);
        let grace = worker.pod.spec.termination_grace_period_seconds;
        let Some(message) = failure.filter(|_| waits) else {
            if waits {
                self.container_started(uid, now, out);
            }
            return;
        };
        self.pod_event(uid, Some(name), "Warning", "FailedPostStartHook", "PostStartHook failed", now, out);
        self.pod_event(uid, Some(name), "Normal", "Killing", "FailedPostStartHook", now, out);
        let grace = Span::secs(u64::try_from(grace).unwrap_or(0)).max(Span::secs(2));
        self.ask(For::Nothing, CriRequest::StopContainer(id.clone(), grace), out);
        self.not_started(uid, Why::new("PostStartHookError", message), now, out);
    }

    /// Hooks that have waited long enough, and those for which nobody waits any longer.
    pub(super) fn hooks_due(&mut self, now: Time, out: &mut Out<Effect>) {
        let due = self.hooks.iter().filter(|(_, hook)| hook.due_at().is_some_and(|at| at <= now));
        for number in due.map(|(number, _)| *number).collect::<Vec<_>>() {
            if let Some(Hook { run: Run::Net(run), .. }) = self.hooks.get_mut(&number) {
                run.give_up().1.into_iter().for_each(|op| out.push(Effect::Socket(op)));
            }
            self.hook_over(number, Ok(()), now, out);
        }
    }

    pub(super) fn hooks_wake(&self) -> Option<Wake<Reason>> {
        let at = self.hooks.values().filter_map(Hook::due_at).min()?;
        Some(Wake { at, why: Reason::Hook })
    }

    /// Hooks that take longer than a grace which became shorter.
    pub(super) fn hooks_over(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(Life::Terminating(kill)) = self.workers.get_mut(uid).map(|w| &mut w.life) else { return };
        if now < kill.since + kill.grace {
            return;
        }
        for id in std::mem::take(&mut kill.hooks) {
            self.send_stop(uid, &id, now, out);
        }
    }

    /// Nobody waits for the hooks of a pod.
    pub(super) fn drop_hooks_of(&mut self, uid: &Uid, out: &mut Out<Effect>) {
        for hook in self.hooks.values_mut().filter(|hook| hook.uid == *uid) {
            if let Run::Net(run) = &mut hook.run {
                run.give_up().1.into_iter().for_each(|op| out.push(Effect::Socket(op)));
            }
        }
        self.hooks.retain(|_, hook| hook.uid != *uid);
    }
}
