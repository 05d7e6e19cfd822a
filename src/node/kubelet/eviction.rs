//! Pods that take too much of their node, or more than they said, are ended. Models `pkg/kubelet/eviction`.
//!
//! While memory is short, and while a pod here has a limit on what it may store, what the pods take is looked at every 10 s, and
//! after an eviction as soon as its pod is gone. The thresholds are upstream's for memory (`memory.available<100Mi`).
//! Differs: the disk of a node is never short, nor are process numbers.

use std::sync::Arc;

use crate::api::{Pod, PodSpec, Quantity, TaintEffect, Uid, Volume, qos};
use crate::node::kubelet::actions::is_sidecar;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::worker::{Life, Worker};
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::{ContainerUsage, CriAnswer, CriRequest, NodeUsage};
use crate::sim::{Out, Span, Time, Wake};

/// The reason in the status of an evicted pod.
pub const EVICTED: &str = "Evicted";

/// The grace of an evicted pod, in seconds.
pub const GRACE: i64 = 1;

/// The period of the loop (`monitoringInterval`).
const PERIOD: Span = Span::secs(10);

/// How often it is looked whether an evicted pod is gone, and for how long (`podCleanupPollFreq`, `podCleanupTimeout`).
const CLEANUP: (Span, Span) = (Span::secs(1), Span::secs(30));

/// How long a condition holds after it was last seen (`evictionPressureTransitionPeriod`).
const TRANSITION: Span = Span::mins(5);

/// The least priority of pods that are never evicted.
const CRITICAL: i32 = 2_000_000_000;

/// The eviction manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Eviction {
    /// When the pods are looked at next; `None` while there is nothing to look for.
    next: Option<Time>,
    /// When memory was last seen short, for as long as the node says so.
    short: Option<Time>,
    /// The pods that were evicted and are not gone yet, and until when they are waited for.
    leaving: Option<(Vec<Uid>, Time)>,
}

impl Eviction {
    /// Whether the node says that its memory is short.
    pub fn has_pressure(&self) -> bool {
        self.short.is_some()
    }
}

impl Kubelet {
    /// The pods are looked at with the next turn of the loop.
    pub(super) fn watch_usage(&mut self, now: Time) {
        let turn = Time(now.0 / PERIOD.0 * PERIOD.0) + PERIOD;
        self.eviction.next.get_or_insert(turn);
    }

    /// A pod is new here: what it stores may have a limit.
    pub(super) fn watch_storage(&mut self, uid: &Uid, now: Time) {
        if self.workers.get(uid).is_some_and(|worker| has_storage_limits(&worker.pod.spec)) {
            self.watch_usage(now);
        }
    }

    pub(super) fn eviction_wake(&self) -> Option<Wake<Reason>> {
        self.eviction.next.map(|at| Wake { at, why: Reason::Usage })
    }

    pub(super) fn eviction_due(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.eviction.next.is_none_or(|at| at > now) {
            return;
        }
        if let Some((leaving, until)) = &self.eviction.leaving
            && *until > now
            && leaving.iter().any(|uid| self.workers.get(uid).is_some_and(|worker| worker.life != Life::Terminated))
        {
            self.eviction.next = Some(now + CLEANUP.0);
            return;
        }
        self.eviction.leaving = None;
        self.eviction.next = None;
        self.ask(For::Usage, CriRequest::Stats, out);
    }

    /// One turn of the loop (`synchronize`).
    pub(super) fn usage_known(&mut self, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        let CriAnswer::Stats(usage) = answer else { return self.watch_usage(now) };
        let threshold = u64::try_from(self.config.info.memory_reserved).unwrap_or(0);
        let is_short = usage.available < threshold;
        if is_short {
            self.eviction.short = Some(now);
        }
        self.eviction.short = self.eviction.short.filter(|seen| now.since(*seen) < TRANSITION);
        let mut evicted = self.evict_for_storage(&usage, now, out);
        if evicted.is_empty() && is_short {
            evicted = self.evict_for_memory(&usage, now, out).into_iter().collect();
        }
        let goes_on = is_short
            || self.eviction.has_pressure()
            || self.workers.values().any(|worker| worker.life == Life::Syncing && has_storage_limits(&worker.pod.spec));
        self.eviction.next = match evicted.is_empty() {
            false => Some(now + CLEANUP.0),
            true => goes_on.then_some(now + PERIOD),
        };
        self.eviction.leaving = (!evicted.is_empty()).then_some((evicted, now + CLEANUP.1));
    }

    /// The pods that store more than they may (`localStorageEviction`).
    fn evict_for_storage(&mut self, usage: &NodeUsage, now: Time, out: &mut Out<Effect>) -> Vec<Uid> {
        let over: Vec<(Uid, String)> = (self.workers.iter())
            .filter(|(_, worker)| worker.life == Life::Syncing)
            .filter_map(|(uid, worker)| Some((uid.clone(), over_storage(&worker.pod, usage)?)))
            .collect();
        over.into_iter().filter(|(uid, words)| self.evict(uid, words, false, now, out)).map(|(uid, _)| uid).collect()
    }

    /// The pod that is ended so that the node has memory again.
    fn evict_for_memory(&mut self, usage: &NodeUsage, now: Time, out: &mut Out<Effect>) -> Option<Uid> {
        self.node_event("Warning", "EvictionThresholdMet", "Attempting to reclaim memory", now, out);
        let mut ranked: Vec<(bool, i32, i64, Uid)> = (self.workers.iter())
            .filter(|(_, worker)| worker.life == Life::Syncing)
            .map(|(uid, worker)| {
                let used: u64 = usage.of(uid).map(|container| container.memory).sum();
                let beyond = i64::try_from(used).unwrap_or(i64::MAX) - request_of(&worker.pod.spec);
                (beyond <= 0, worker.pod.spec.priority.unwrap_or(0), -beyond, uid.clone())
            })
            .collect();
        ranked.sort();
        let threshold = Quantity::from_bytes(self.config.info.memory_reserved);
        let available = Quantity::from_bytes(i64::try_from(usage.available).unwrap_or(i64::MAX));
        let start =
            format!("The node was low on resource: memory. Threshold quantity: {threshold}, available: {available}. ");
        ranked.into_iter().map(|(.., uid)| uid).find(|uid| {
            let blamed: String = (self.workers.get(uid).into_iter())
                .flat_map(|worker| usage.of(uid).filter_map(|used| blame(&worker.pod.spec, used)))
                .collect();
            self.evict(uid, &format!("{start}{blamed}"), true, now, out)
        })
    }

    /// Ends a pod for good; whether it may be.
    fn evict(&mut self, uid: &Uid, words: &str, is_disrupted: bool, now: Time, out: &mut Out<Effect>) -> bool {
        let Some(worker) = self.workers.get_mut(uid) else { return false };
        if is_critical(worker) {
            return false;
        }
        worker.failed = Some((EVICTED.into(), words.into()));
        worker.disrupted = is_disrupted.then(|| words.into());
        self.pod_event(uid, None, "Warning", EVICTED, words, now, out);
        self.terminate(uid, now, out);
        true
    }

    /// A new pod that would be the first to go again is not let in (`Admit`).
    pub(super) fn turn_away(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let tolerates = || {
            let tolerations = &worker.pod.spec.tolerations;
            let key = "node.kubernetes.io/memory-pressure";
            let tolerates =
                |effect: &Option<TaintEffect>| effect.as_ref().is_none_or(|e| *e == TaintEffect::NoSchedule);
            tolerations.iter().any(|t| (t.key.is_empty() || t.key == key) && tolerates(&t.effect))
        };
        let is_new = worker.pod.status.start_time.is_none() && worker.status.start_time.is_none();
        if !self.eviction.has_pressure() || !is_new || is_critical(worker) || qos(&worker.pod.spec) != "BestEffort" {
            return;
        }
        if tolerates() {
            return;
        }
        let words = "The node had condition: [MemoryPressure]. ";
        worker.failed = Some((EVICTED.into(), format!("Pod was rejected: {words}")));
        worker.rejected = true;
        worker.life = Life::Terminated;
        self.pod_event(uid, None, "Warning", EVICTED, words, now, out);
        self.refresh_status(uid, now, out);
    }

    /// The kernel killed a process for want of memory. Models `pkg/kubelet/oom`.
    pub(super) fn tell_system_oom(&mut self, process: &str, pid: u32, now: Time, out: &mut Out<Effect>) {
        let words = format!("System OOM encountered, victim process: {process}, pid: {pid}");
        self.node_event("Warning", "SystemOOM", &words, now, out);
    }
}

/// Whether a pod is never evicted: of a file of the node, or of the system's priorities (`IsCriticalPod`).
pub fn is_critical(worker: &Worker) -> bool {
    worker.is_static || worker.pod.spec.priority.is_some_and(|priority| priority >= CRITICAL)
}

/// What a pod asked for of the memory, in bytes.
fn request_of(spec: &PodSpec) -> i64 {
    let beside = spec.init_containers.iter().filter(|container| is_sidecar(container));
    let requests = spec.containers.iter().chain(beside).filter_map(|c| c.resources.requests.get("memory"));
    requests.map(|amount| amount.units()).sum()
}

/// What is said of a container that takes more than it asked for.
fn blame(spec: &PodSpec, used: &ContainerUsage) -> Option<String> {
    let container = spec.containers.iter().chain(&spec.init_containers).find(|c| c.name == *used.name)?;
    let request = container.resources.requests.get("memory").copied();
    let memory = i64::try_from(used.memory).unwrap_or(i64::MAX);
    let (name, usage) = (&used.name, Quantity::from_bytes(memory));
    let request_words = request.map_or_else(|| "0".to_owned(), |amount| amount.to_string());
    (memory > request.map_or(0, |amount| amount.units())).then(|| {
        format!("Container {name} was using {usage}, request is {request_words}, has larger consumption of memory. ")
    })
}

/// The limit of a directory that lives with its pod.
fn size_limit(volume: &Volume) -> Option<Quantity> {
    let text = volume.rest.get("emptyDir")?.get("sizeLimit")?.as_str()?;
    text.parse::<Quantity>().ok().filter(|limit| limit.units() > 0)
}

fn has_storage_limits(spec: &PodSpec) -> bool {
    spec.volumes.iter().any(|volume| size_limit(volume).is_some())
        || spec.containers.iter().any(|container| container.resources.limits.contains_key("ephemeral-storage"))
}

/// Why a pod that stores too much is evicted.
fn over_storage(pod: &Arc<Pod>, usage: &NodeUsage) -> Option<String> {
    let spec = &pod.spec;
    let bytes = |amount: u64| i64::try_from(amount).unwrap_or(i64::MAX);
    let volumes: Vec<_> = usage.volumes.iter().filter(|volume| volume.pod == pod.metadata.uid).collect();
    let containers: Vec<_> = usage.of(&pod.metadata.uid).collect();
    for volume in &spec.volumes {
        let Some(limit) = size_limit(volume) else { continue };
        let used = volumes.iter().filter(|used| used.name == volume.name).map(|used| used.disk).sum();
        if bytes(used) > limit.units() {
            return Some(format!(
                "Usage of EmptyDir volume {:?} exceeds the limit {:?}. ",
                volume.name,
                limit.to_string()
            ));
        }
    }
    let limits: Vec<(&str, Quantity)> = (spec.containers.iter())
        .filter_map(|c| Some((c.name.as_str(), *c.resources.limits.get("ephemeral-storage")?)))
        .collect();
    let whole: i64 = limits.iter().map(|(_, limit)| limit.units()).sum();
    let used = containers.iter().map(|used| used.disk).sum::<u64>() + volumes.iter().map(|used| used.disk).sum::<u64>();
    if !limits.is_empty() && bytes(used) > whole {
        let limit = Quantity::from_bytes(whole);
        return Some(format!("Pod ephemeral local storage usage exceeds the total limit of containers {limit}. "));
    }
    containers.iter().find_map(|used| {
        let (name, limit) = limits.iter().find(|(name, _)| **name == *used.name)?;
        (bytes(used.disk) > limit.units())
            .then(|| format!("Container {name} exceeded its local ephemeral storage limit {:?}. ", limit.to_string()))
    })
}
