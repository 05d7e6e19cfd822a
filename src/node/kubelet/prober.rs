//! The probes of all containers: when they run and what follows. Models `pkg/kubelet/prober/prober_manager.go` and
//! `worker.go`, and the kill of `pkg/kubelet/kuberuntime` that a failed probe leads to.
//!
//! A probe ticks from the first sync of its pod on, whichever instance of the container runs, and each tick looks whether
//! there is something to probe. A sync that finds a container not ready makes its readiness probe tick at once.

use crate::api::{Probe, Uid};
use crate::net::{SocketEvent, SocketId};
use crate::node::kubelet::actions::is_sidecar;
use crate::node::kubelet::hook::Stage;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::probe::{self, NetRun, Outcome, ProbeKind};
use crate::node::kubelet::start::go_duration;
use crate::node::kubelet::worker::Life;
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::{ContainerId, ContainerPhase, CriAnswer, CriRequest};
use crate::node::socket_table::of_token;
use crate::sim::{Out, Span, Time, VecMap, Wake};

/// The probes of all containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Prober {
    states: VecMap<Key, State>,
    next: u32,
}

type Key = (Uid, String, ProbeKind);

/// One probe of a container.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    /// The instance that it has probed last.
    container: Option<ContainerId>,
    /// The next tick.
    next: Time,
    successes: i32,
    failures: i32,
    run: Run,
    /// The container is condemned: the probe waits for the next instance.
    on_hold: bool,
}

/// What a probe is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Run {
    Idle,
    Exec,
    Net(Box<NetRun>),
}

/// The first 10 KiB: no more is kept of what a probe says.
fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(10_240));
    text
}

/// How often a probe ticks.
fn period(probe: &Probe) -> Span {
    Span::secs(u64::try_from(probe.period_seconds.max(1)).unwrap_or(1))
}

impl Kubelet {
    /// Makes sure that each container of a pod has its probes (`AddPod`).
    pub(super) fn ensure_probes(&mut self, uid: &Uid, now: Time) {
        let Some(worker) = self.workers.get(uid).filter(|w| w.life == Life::Syncing) else { return };
        for container in worker.pod.spec.init_containers.iter().chain(&worker.pod.spec.containers) {
            if worker.is_init(&container.name) && !is_sidecar(container) || worker.is_unprobed(container) {
                continue;
            }
            for kind in ProbeKind::ALL {
                let Some(probe) = kind.of(container) else { continue };
                // The first tick is at once, and finds nothing unless the container runs already.
                let first = if worker.seen.latest(&container.name).is_some() { now } else { now + period(probe) };
                self.probes.states.entry((uid.clone(), container.name.clone(), kind)).or_insert(State {
                    container: None,
                    next: first,
                    successes: 0,
                    failures: 0,
                    run: Run::Idle,
                    on_hold: false,
                });
            }
        }
    }

    /// Readiness probes of containers that are not ready tick at once (`UpdatePodStatus`).
    pub(super) fn trigger_probes(&mut self, uid: &Uid, now: Time) {
        let Some(worker) = self.workers.get(uid).filter(|w| w.life == Life::Syncing) else { return };
        let statuses = worker.status.init_container_statuses.iter().chain(&worker.status.container_statuses);
        for status in statuses.filter(|s| s.started == Some(true) && !s.ready && s.state.running.is_some()) {
            let key = (uid.clone(), status.name.clone(), ProbeKind::Readiness);
            if let Some(state) = self.probes.states.get_mut(&key) {
                state.next = state.next.min(now);
            }
        }
    }

    pub(super) fn stop_probes(&mut self, uid: &Uid) {
        self.probes.states.retain(|(u, ..), _| u != uid);
    }

    /// Whether a probe waits for the start-up probe, or has no more to do after it.
    fn gated(&self, key: &Key, id: &ContainerId) -> bool {
        let (uid, name, kind) = key;
        let Some(worker) = self.workers.get(uid) else { return true };
        let has_startup = worker.container(name).is_some_and(|c| c.startup_probe.is_some());
        let started = !has_startup || worker.started.contains(id);
        match kind {
            ProbeKind::Startup => started,
            _ => !started,
        }
    }

    fn due_at(&self, key: &Key, state: &State) -> Option<Time> {
        match (&state.run, &state.container) {
            (Run::Exec, _) => None,
            (Run::Net(run), _) => Some(run.until),
            (Run::Idle, Some(id)) if key.2 == ProbeKind::Startup && self.gated(key, id) => None,
            (Run::Idle, _) => Some(state.next),
        }
    }

    pub(super) fn probes_wake(&self) -> Option<Wake<Reason>> {
        let times = self.probes.states.iter().filter_map(|(key, state)| self.due_at(key, state));
        times.min().map(|at| Wake { at, why: Reason::Probe })
    }

    pub(super) fn probes_due(&mut self, now: Time, out: &mut Out<Effect>) {
        let due: Vec<Key> = (self.probes.states.iter())
            .filter(|(key, state)| self.due_at(key, state).is_some_and(|at| at <= now))
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            let Some(state) = self.probes.states.get_mut(&key) else { continue };
            if let Run::Net(run) = &mut state.run {
                let (outcome, ops) = run.give_up();
                state.run = Run::Idle;
                ops.into_iter().for_each(|op| out.push(Effect::Socket(op)));
                self.probed(&key, outcome, now, out);
            } else {
                self.tick_probe(&key, now, out);
            }
        }
    }

    /// Looks whether there is something to probe, and probes it (`doProbe`).
    fn tick_probe(&mut self, key: &Key, now: Time, out: &mut Out<Effect>) {
        let (uid, name, kind) = key;
        let Some(worker) = self.workers.get(uid) else { return };
        let Some(probe) = worker.container(name).and_then(|c| kind.of(c)).cloned() else { return };
        let view = worker.seen.latest(name).map(|v| (v.id.clone(), v.phase.clone()));
        let Some(state) = self.probes.states.get_mut(key) else { return };
        state.next = now + period(&probe);
        let Some((id, phase)) = view else { return };
        if state.container.as_ref() != Some(&id) {
            state.container = Some(id.clone());
            state.on_hold = false;
        }
        let ContainerPhase::Running { started } = phase else { return };
        // The start is known to the second.
        let age = now.since(Time::ZERO + Span::secs(started.as_secs())).as_secs();
        let early = age < u64::try_from(probe.initial_delay_seconds).unwrap_or(0);
        if !state.on_hold && !early && !self.gated(key, &id) {
            self.run_probe(key, &id, &probe, now, out);
        }
    }

    /// A number for a probe or a hook.
    pub(super) fn next_run(&mut self) -> u32 {
        self.probes.next += 1;
        self.probes.next
    }

    fn run_probe(&mut self, key: &Key, id: &ContainerId, probe: &Probe, now: Time, out: &mut Out<Effect>) {
        let (uid, name, kind) = key;
        let Some(worker) = self.workers.get(uid) else { return };
        let Some(container) = worker.container(name).cloned() else { return };
        let ip = worker.live.sandbox.as_ref().and_then(|s| s.ip).unwrap_or(self.config.ip);
        let number = self.next_run();
        let Some(state) = self.probes.states.get_mut(key) else { return };
        if let Some(exec) = &probe.exec {
            state.run = Run::Exec;
            let timeout = Some(Span::secs(u64::try_from(probe.timeout_seconds.max(1)).unwrap_or(1)));
            let request = CriRequest::ExecSync { container: id.clone(), command: exec.command.clone(), timeout };
            self.ask(For::Probe(uid.clone(), name.clone(), *kind), request, out);
            return;
        }
        match probe::begin(number, probe, &container, ip, now) {
            None => self.probed(key, Outcome::Success, now, out),
            Some(Err(words)) => self.probed(key, Outcome::Error(words), now, out),
            Some(Ok((run, ops))) => {
                state.run = Run::Net(Box::new(run));
                ops.into_iter().for_each(|op| out.push(Effect::Socket(op)));
            }
        }
    }

    pub(super) fn probe_socket(
        &mut self,
        token: u64,
        socket: SocketId,
        event: SocketEvent,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let (number, fd) = of_token(token);
        if self.hook_socket((number, fd), socket, &event, now, out) {
            return;
        }
        let found = self.probes.states.iter_mut().find_map(|(key, state)| match &mut state.run {
            Run::Net(run) if run.number() == number => Some((key.clone(), run)),
            _ => None,
        });
        let Some((key, run)) = found else {
            // The probe was given up before its socket was open.
            if matches!(event, SocketEvent::Opened) {
                out.push(Effect::Socket(crate::net::SocketOp::Close { socket }));
            }
            return;
        };
        let (outcome, ops) = run.event(fd, socket, event, now);
        ops.into_iter().for_each(|op| out.push(Effect::Socket(op)));
        if let Some(outcome) = outcome {
            if let Some(state) = self.probes.states.get_mut(&key) {
                state.run = Run::Idle;
            }
            self.probed(&key, outcome, now, out);
        }
    }

    pub(super) fn probe_executed(
        &mut self,
        uid: &Uid,
        container: &str,
        kind: ProbeKind,
        answer: CriAnswer,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let key = (uid.clone(), container.to_owned(), kind);
        let timeout = self
            .workers
            .get(uid)
            .and_then(|w| kind.of(w.container(container)?))
            .map_or(1, |p| p.timeout_seconds.max(1));
        let Some(state) = self.probes.states.get_mut(&key).filter(|s| s.run == Run::Exec) else { return };
        state.run = Run::Idle;
        let outcome = match answer {
            CriAnswer::Executed(0, _) => Outcome::Success,
            CriAnswer::Executed(_, output) => Outcome::Failure(shortened(output.text())),
            CriAnswer::ExecTimedOut => {
                let span = go_duration(Span::secs(u64::try_from(timeout).unwrap_or(1)));
                Outcome::Failure(format!(
                    "command timed out: \"{}\" timed out after {span}",
                    self.exec_command(&key).join(" ")
                ))
            }
            CriAnswer::Failed(words) => Outcome::Error(words),
            _ => return,
        };
        self.probed(&key, outcome, now, out);
    }

    fn exec_command(&self, key: &Key) -> Vec<String> {
        let container = self.workers.get(&key.0).and_then(|w| w.container(&key.1));
        container.and_then(|c| key.2.of(c)?.exec.clone()).map(|e| e.command).unwrap_or_default()
    }

    /// What follows from the outcome of a probe.
    fn probed(&mut self, key: &Key, outcome: Outcome, now: Time, out: &mut Out<Effect>) {
        let (uid, name, kind) = key;
        let event = match &outcome {
            Outcome::Success => None,
            Outcome::Failure(words) => Some(format!("{} probe failed: {words}", kind.word())),
            Outcome::Error(words) => {
                Some(format!("{} probe errored and resulted in unknown state: {words}", kind.word()))
            }
        };
        if let Some(message) = event {
            self.pod_event(uid, Some(name), "Warning", "Unhealthy", &message, now, out);
        }
        let thresholds = self
            .workers
            .get(uid)
            .and_then(|w| kind.of(w.container(name)?))
            .map(|p| (p.success_threshold, p.failure_threshold));
        let (Some((successes, failures)), Some(state)) = (thresholds, self.probes.states.get_mut(key)) else { return };
        match outcome {
            Outcome::Error(_) => return,
            Outcome::Success => (state.successes, state.failures) = (state.successes + 1, 0),
            Outcome::Failure(_) => (state.successes, state.failures) = (0, state.failures + 1),
        }
        let Some(id) = state.container.clone() else { return };
        let verdict = match (state.successes >= successes.max(1), state.failures >= failures.max(1)) {
            (true, _) => true,
            (_, true) => false,
            _ => return,
        };
        // A container that is to be restarted is probed no more, nor one that has started for its start.
        if *kind == ProbeKind::Startup || *kind == ProbeKind::Liveness && !verdict {
            (state.on_hold, state.successes, state.failures) = (true, 0, 0);
        }
        self.judged(uid, name, *kind, &id, verdict, now, out);
    }

    #[expect(clippy::too_many_arguments, reason = "a verdict has that many parts")]
    fn judged(
        &mut self,
        uid: &Uid,
        name: &str,
        kind: ProbeKind,
        id: &ContainerId,
        verdict: bool,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let changed = match (kind, verdict) {
            (ProbeKind::Readiness, true) => worker.ready.insert(id.clone()),
            (ProbeKind::Readiness, false) => worker.ready.remove(id),
            (ProbeKind::Startup, true) => worker.started.insert(id.clone()),
            (ProbeKind::Liveness, true) => false,
            (_, false) => {
                let words = format!("Container {name} failed {} probe, will be restarted", kind.word().to_lowercase());
                worker.condemned.insert(id.clone(), words).is_none()
            }
        };
        if !changed {
            return;
        }
        if kind == ProbeKind::Readiness && self.workers.get(uid).is_some_and(|w| w.sync.is_some()) {
            // The status manager hears of readiness at once, whatever the worker is doing.
            self.refresh_status(uid, now, out);
        }
        self.wake_worker(uid, now, out);
    }

    /// Containers whose image in the spec is another one now.
    fn condemn_changed(&mut self, uid: &Uid) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        for container in &worker.pod.spec.containers {
            let Some(view) = worker.live.latest(&container.name).filter(|v| v.phase.is_running()) else { continue };
            if *view.image != *crate::workload::image::with_tag(&container.image) && !view.image_id.is_empty() {
                let words = format!("Container {} definition changed, will be restarted", container.name);
                worker.condemned.entry(view.id.clone()).or_insert(words);
            }
        }
    }

    /// Stops the containers that a probe or a change of the spec condemned.
    pub(super) fn kill_condemned(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        self.condemn_changed(uid);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let condemned: Vec<(ContainerId, String)> = (worker.condemned.iter_mut())
            .filter(|(_, words)| !words.is_empty())
            .map(|(id, words)| (id.clone(), std::mem::take(words)))
            .collect();
        for (id, words) in condemned {
            let Some(worker) = self.workers.get_mut(uid) else { return };
            worker.killed.insert(id.clone());
            let name = worker.live.containers.get(&id).map(|c| c.name.to_string()).unwrap_or_default();
            let own = worker.container(&name).and_then(|c| {
                let probe = if words.contains("startup") { &c.startup_probe } else { &c.liveness_probe };
                probe.as_ref()?.termination_grace_period_seconds
            });
            let grace = own.unwrap_or(worker.pod.spec.termination_grace_period_seconds).max(2);
            let grace = Span::secs(u64::try_from(grace).unwrap_or(30));
            self.pod_event(uid, Some(&name), "Normal", "Killing", &words, now, out);
            if !self.pre_stop(uid, (&id, &name), Stage::Restart, grace, now, out) {
                self.stop_for_restart(uid, id, grace, out);
            }
        }
    }

    pub(super) fn stop_for_restart(&mut self, uid: &Uid, id: ContainerId, left: Span, out: &mut Out<Effect>) {
        let request = CriRequest::StopContainer(id.clone(), left.max(Span::secs(2)));
        self.ask(For::Restart(uid.clone(), id), request, out);
    }
}
