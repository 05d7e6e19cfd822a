//! The scheduling queue: pods that wait for a node.
//!
//! Models `pkg/scheduler/backend/queue/scheduling_queue.go`. A pod is active (to be tried), backing off (to be tried when
//! its time has come, or when nobody else is active) or unschedulable (to be tried when something happens that may help,
//! or after five minutes).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::api::{ObjectRef, Pod};
use crate::control::scheduler::framework::{ClusterEvent, PLUGINS};
use crate::control::scheduler::snapshot::PodInfo;
use crate::sim::{EventId, Span, Time, VecSet};

const INITIAL: Span = Span::secs(1);
const MOST: Span = Span::secs(10);
/// A pod is tried again after so long whatever happened.
const LONGEST: Span = Span::mins(5);
/// The plugin that keeps gated pods out.
pub const GATES: &str = "SchedulingGates";

/// A pod that waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Queued {
    /// The pod.
    pub pod: Arc<PodInfo>,
    /// How often it was tried.
    pub attempts: u32,
    /// The plugins that rejected it last.
    pub rejected_by: VecSet<&'static str>,
    /// What brought it into the queue.
    pub cause: Option<EventId>,
    /// When it was tried last.
    failed: Option<Time>,
    place: Place,
}

/// Where a pod waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// To be tried: by priority, then by time.
    Active(Reverse<i32>, Time, u64),
    /// To be tried at that time, or when nobody else is active.
    Backoff(Time, u64),
    /// To be tried at that time and not before: an error came between.
    Errored(Time, u64),
    /// To be tried when something helps; since when.
    Unschedulable(Time),
}

/// The scheduling queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SchedulingQueue {
    pods: BTreeMap<ObjectRef, Queued>,
    active: BTreeSet<(Reverse<i32>, Time, u64, ObjectRef)>,
    backoff: BTreeSet<(Time, u64, ObjectRef)>,
    errored: BTreeSet<(Time, u64, ObjectRef)>,
    unschedulable: BTreeSet<(Time, ObjectRef)>,
    next: u64,
}

impl Queued {
    /// Where it waits.
    pub fn place(&self) -> Place {
        self.place
    }

    fn priority(&self) -> Reverse<i32> {
        Reverse(self.pod.pod.spec.priority.unwrap_or(0))
    }

    /// When its back-off is over: 1 s after the first failure, 2 s, 4 s, 8 s, 10 s.
    fn backoff_until(&self) -> Time {
        let doublings = self.attempts.saturating_sub(1).min(10);
        self.failed.map_or(Time::ZERO, |at| at + (INITIAL * (1 << doublings)).min(MOST))
    }

    fn gated(&self) -> bool {
        is_gated(&self.pod.pod)
    }
}

/// Whether a pod has scheduling gates.
pub fn is_gated(pod: &Pod) -> bool {
    let gates = pod.spec.rest.get("schedulingGates").and_then(|gates| gates.as_array());
    gates.is_some_and(|gates| !gates.is_empty())
}

impl SchedulingQueue {
    /// A pod is new, or changed so that it may fit now.
    pub fn add(&mut self, pod: Arc<PodInfo>, now: Time, cause: Option<EventId>) {
        let key = pod.key();
        let known = self.take(&key);
        let place = Place::Unschedulable(now);
        let mut queued = known.unwrap_or_else(|| Queued {
            pod: Arc::clone(&pod),
            attempts: 0,
            rejected_by: VecSet::new(),
            cause,
            failed: None,
            place,
        });
        queued.pod = pod;
        if queued.gated() {
            queued.rejected_by = [GATES].into();
            self.put(key, queued, Place::Unschedulable(now));
        } else {
            self.activate(key, queued, now);
        }
    }

    /// A pod that waits changed in a way that does not matter.
    pub fn refresh(&mut self, pod: Arc<PodInfo>) {
        if let Some(queued) = self.pods.get_mut(&pod.key()) {
            queued.pod = pod;
        }
    }

    /// The pod as it waits.
    pub fn get(&self, key: &ObjectRef) -> Option<&Queued> {
        self.pods.get(key)
    }

    /// Every waiting pod.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectRef, &Queued)> {
        self.pods.iter()
    }

    /// A pod does not wait any more.
    pub fn remove(&mut self, key: &ObjectRef) {
        self.take(key);
    }

    /// Takes the next pod to be tried.
    pub fn pop(&mut self) -> Option<Queued> {
        let active = self.active.first().map(|(.., key)| key);
        let key = active.or_else(|| self.backoff.first().map(|(.., key)| key))?.clone();
        let mut queued = self.take(&key).expect("what is in line waits");
        queued.attempts += 1;
        Some(queued)
    }

    /// Whether a pod is to be tried.
    pub fn has_next(&self) -> bool {
        !self.active.is_empty() || !self.backoff.is_empty()
    }

    /// A pod was tried in vain.
    pub fn failed(&mut self, mut queued: Queued, rejected_by: VecSet<&'static str>, now: Time) {
        queued.rejected_by = rejected_by;
        queued.failed = Some(now);
        self.put(queued.pod.key(), queued, Place::Unschedulable(now));
    }

    /// A pod was tried and an error came between: it is tried again after its back-off.
    pub fn errored(&mut self, mut queued: Queued, now: Time) {
        queued.failed = Some(now);
        let until = queued.backoff_until();
        let number = self.number();
        self.put(queued.pod.key(), queued, Place::Errored(until, number));
    }

    /// Something happened: pods whose rejection it may lift are to be tried again.
    pub fn happened(&mut self, event: ClusterEvent<'_>, now: Time, cause: Option<EventId>) {
        let helped = |key: &ObjectRef| self.pods.get(key).is_some_and(|queued| helps(queued, event));
        let keys: Vec<ObjectRef> =
            self.unschedulable.iter().map(|(_, key)| key).filter(|key| helped(key)).cloned().collect();
        for key in keys {
            let mut queued = self.take(&key).expect("what is unschedulable waits");
            queued.cause = cause.or(queued.cause);
            self.requeue(key, queued, now);
        }
    }

    /// Puts pods whose time has come in line.
    pub fn wake(&mut self, now: Time) {
        while let Some((_, _, key)) = self.backoff.first().filter(|(at, ..)| *at <= now).cloned() {
            let queued = self.take(&key).expect("what backs off waits");
            self.activate(key, queued, now);
        }
        while let Some((_, _, key)) = self.errored.first().filter(|(at, ..)| *at <= now).cloned() {
            let queued = self.take(&key).expect("what an error came between waits");
            self.activate(key, queued, now);
        }
        while let Some((_, key)) = self.unschedulable.first().filter(|(since, _)| *since + LONGEST <= now).cloned() {
            let queued = self.take(&key).expect("what is unschedulable waits");
            if queued.gated() {
                self.put(key, queued, Place::Unschedulable(now));
            } else {
                self.requeue(key, queued, now);
            }
        }
    }

    /// When [`SchedulingQueue::wake`] has something to do.
    pub fn wake_at(&self) -> Option<Time> {
        let backoff = self.backoff.first().map(|(at, ..)| *at);
        let longest = self.unschedulable.first().map(|(since, _)| *since + LONGEST);
        let errored = self.errored.first().map(|(at, ..)| *at);
        backoff.into_iter().chain(errored).chain(longest).min()
    }

    fn requeue(&mut self, key: ObjectRef, queued: Queued, now: Time) {
        let until = queued.backoff_until();
        if until > now {
            let number = self.number();
            self.put(key, queued, Place::Backoff(until, number));
        } else {
            self.activate(key, queued, now);
        }
    }

    fn activate(&mut self, key: ObjectRef, queued: Queued, now: Time) {
        let place = Place::Active(queued.priority(), now, self.number());
        self.put(key, queued, place);
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn put(&mut self, key: ObjectRef, mut queued: Queued, place: Place) {
        queued.place = place;
        match place {
            Place::Active(priority, at, number) => {
                self.active.insert((priority, at, number, key.clone()));
            }
            Place::Backoff(at, number) => {
                self.backoff.insert((at, number, key.clone()));
            }
            Place::Errored(at, number) => {
                self.errored.insert((at, number, key.clone()));
            }
            Place::Unschedulable(since) => {
                self.unschedulable.insert((since, key.clone()));
            }
        }
        self.pods.insert(key, queued);
    }

    fn take(&mut self, key: &ObjectRef) -> Option<Queued> {
        let queued = self.pods.remove(key)?;
        match queued.place {
            Place::Active(priority, at, number) => self.active.remove(&(priority, at, number, key.clone())),
            Place::Backoff(at, number) => self.backoff.remove(&(at, number, key.clone())),
            Place::Errored(at, number) => self.errored.remove(&(at, number, key.clone())),
            Place::Unschedulable(since) => self.unschedulable.remove(&(since, key.clone())),
        };
        Some(queued)
    }
}

/// Whether an event may lift the rejection of any of the plugins that rejected a pod.
fn helps(queued: &Queued, event: ClusterEvent<'_>) -> bool {
    if queued.gated() {
        return false;
    }
    queued.rejected_by.is_empty()
        || PLUGINS
            .iter()
            .any(|(plugin, _)| queued.rejected_by.contains(plugin.name()) && plugin.may_help(&queued.pod, event))
}
