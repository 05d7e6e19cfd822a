//! Informers: list, then watch, for ever, per kind, over [`Call`](crate::api::Call) and [`Answer`], into one [`Cache`].
//!
//! Models `client-go/tools/cache/reflector.go`. After a watch ends the objects are listed again (upstream first tries to
//! watch again from where it was; who could tell: one more list in the log of the API server). Back-off after a failure
//! is 800 ms doubling to 30 s, without upstream's jitter.

use crate::api::{Answer, CallId, Kind, Request, Response, Verb};
use crate::control::cache::{Cache, Change};
use crate::sim::{Span, Time, VecMap};

/// A list that is not answered for so long is given up.
const PATIENCE: Span = Span::secs(60);

/// Gives calls their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallIds(u64);

impl CallIds {
    /// The next number.
    #[allow(clippy::should_implement_trait)] // Numbers without end, handed out one by one, are no iteration.
    pub fn next(&mut self) -> CallId {
        self.0 += 1;
        CallId(self.0)
    }
}

/// What an informer is doing: Idle → Listing → Starting → Watching, and back to Idle when anything fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle { until: Time },
    Listing { call: CallId, since: Time },
    Starting { call: CallId, since: Time },
    Watching { call: CallId },
}

/// The list and watch of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Informer {
    field_selector: String,
    phase: Phase,
    failures: u32,
    synced: bool,
}

/// The informers of one client with the cache that they fill.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Informers {
    informers: VecMap<Kind, Informer>,
    /// What has been seen.
    pub cache: Cache,
}

/// What came of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Changes, in order.
    pub changes: Vec<Change>,
    /// Calls to make.
    pub calls: Vec<(CallId, Request)>,
}

impl Informers {
    /// Informers of these kinds, nothing seen yet.
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Informers {
        Informers::selected(kinds.into_iter().map(|kind| (kind, String::new())))
    }

    /// Informers of these kinds, each with a field selector (`spec.nodeName=worker1`; empty for everything).
    pub fn selected(kinds: impl IntoIterator<Item = (Kind, String)>) -> Informers {
        let idle = |field_selector| Informer {
            field_selector,
            phase: Phase::Idle { until: Time::ZERO },
            failures: 0,
            synced: false,
        };
        let informers = kinds.into_iter().map(|(kind, selector)| (kind, idle(selector))).collect();
        Informers { informers, cache: Cache::default() }
    }

    /// The same with a cache in which objects can be found by more than their names.
    #[must_use]
    pub fn indexed(self) -> Informers {
        Informers { cache: Cache::indexed(), ..self }
    }

    /// Follows custom kinds: those that come are listed, those that are gone are forgotten. The calls to make.
    pub fn follow(&mut self, kinds: Vec<Kind>, now: Time, ids: &mut CallIds) -> Vec<(CallId, Request)> {
        let gone: Vec<Kind> = self
            .informers
            .keys()
            .filter(|kind| matches!(kind, Kind::Custom(_)) && !kinds.contains(kind))
            .copied()
            .collect();
        for kind in gone {
            self.informers.remove(&kind);
            self.cache.forget(kind, now);
        }
        let mut calls = Vec::new();
        for kind in kinds {
            if !self.informers.contains_key(&kind) {
                let phase = Phase::Idle { until: now };
                let mut informer = Informer { field_selector: String::new(), phase, failures: 0, synced: false };
                calls.push(informer.list(kind, now, ids));
                self.informers.insert(kind, informer);
            }
        }
        calls
    }

    /// Whether everything has been listed once.
    pub fn synced(&self) -> bool {
        self.informers.values().all(|informer| informer.synced)
    }

    /// Takes an answer in; `None` if it is not for an informer.
    pub fn handle(&mut self, answer: &Answer, now: Time, ids: &mut CallIds) -> Option<Told> {
        let id = match answer {
            Answer::Response { id, .. } | Answer::Events { id, .. } | Answer::WatchClosed { id, .. } => *id,
        };
        let (kind, informer) = self.informers.iter_mut().find(|(_, informer)| informer.phase.call() == Some(id))?;
        let kind = *kind;
        let mut told = Told::default();
        match (answer, &informer.phase) {
            (Answer::Response { response: Response::List(objects, revision), .. }, Phase::Listing { .. }) => {
                informer.synced = true;
                informer.failures = 0;
                let call = ids.next();
                informer.phase = Phase::Starting { call, since: now };
                let mut watch = informer.request(Verb::Watch, kind);
                watch.options.resource_version = Some(*revision);
                told.calls.push((call, watch));
                told.changes = self.cache.replace(kind, objects.clone(), *revision, now);
            }
            (Answer::Response { response: Response::Watching, .. }, Phase::Starting { call, .. }) => {
                informer.phase = Phase::Watching { call: *call };
            }
            (Answer::Events { events, revision, .. }, Phase::Starting { call, .. } | Phase::Watching { call }) => {
                informer.phase = Phase::Watching { call: *call };
                let applied = events.iter().filter_map(|e| self.cache.apply(e.event, e.object.clone(), now));
                told.changes = applied.collect();
                self.cache.told_up_to(kind, *revision);
            }
            (Answer::WatchClosed { status, .. }, _) if status.code == 410 => {
                told.calls.push(informer.list(kind, now, ids));
            }
            _ => informer.back_off(now),
        }
        Some(told)
    }

    /// Makes the calls that are due.
    pub fn wake(&mut self, now: Time, ids: &mut CallIds) -> Vec<(CallId, Request)> {
        let mut calls = Vec::new();
        for (kind, informer) in &mut self.informers {
            match informer.phase {
                Phase::Idle { until } if until <= now => calls.push(informer.list(*kind, now, ids)),
                Phase::Listing { since, .. } | Phase::Starting { since, .. } if since + PATIENCE <= now => {
                    informer.back_off(now);
                }
                _ => {}
            }
        }
        calls
    }

    /// When [`Informers::wake`] has something to do, and for which kind.
    pub fn wake_at(&self) -> Option<(Time, Kind)> {
        let due = |(kind, informer): (&Kind, &Informer)| match informer.phase {
            Phase::Idle { until } => Some((until, *kind)),
            Phase::Listing { since, .. } | Phase::Starting { since, .. } => Some((since + PATIENCE, *kind)),
            Phase::Watching { .. } => None,
        };
        self.informers.iter().filter_map(due).min()
    }
}

impl Phase {
    fn call(&self) -> Option<CallId> {
        match self {
            Phase::Idle { .. } => None,
            Phase::Listing { call, .. } | Phase::Starting { call, .. } | Phase::Watching { call } => Some(*call),
        }
    }
}

impl Informer {
    fn request(&self, verb: Verb, kind: Kind) -> Request {
        let mut request = Request::new(verb, kind, "", "");
        request.options.field_selector.clone_from(&self.field_selector);
        request
    }

    fn list(&mut self, kind: Kind, now: Time, ids: &mut CallIds) -> (CallId, Request) {
        let call = ids.next();
        self.phase = Phase::Listing { call, since: now };
        (call, self.request(Verb::List, kind))
    }

    fn back_off(&mut self, now: Time) {
        let wait = Span::millis(800 << self.failures.min(6)).min(Span::secs(30));
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Idle { until: now + wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ResourceVersion, Status};
    use std::sync::Arc;

    #[test]
    fn an_informer_lists_then_watches_from_there() {
        let (mut informers, mut ids) = (Informers::new([Kind::Pod]), CallIds::default());
        let calls = informers.wake(Time(0), &mut ids);
        assert_eq!(calls[0].1.verb, Verb::List);
        let answer = Answer::Response { id: calls[0].0, response: Response::List(Vec::new(), ResourceVersion(7)) };
        let told = informers.handle(&answer, Time(1), &mut ids).expect("it is the informer's");
        assert_eq!(told.calls[0].1.verb, Verb::Watch);
        assert_eq!(told.calls[0].1.options.resource_version, Some(ResourceVersion(7)));
        assert!(informers.synced());
    }

    #[test]
    fn a_failure_is_tried_again_later_and_later() {
        let (mut informers, mut ids) = (Informers::new([Kind::Pod]), CallIds::default());
        let mut now = Time(0);
        for wait in [800, 1_600, 3_200] {
            let calls = informers.wake(now, &mut ids);
            let status =
                Arc::new(Status { code: 0, reason: "Unreachable".into(), message: String::new(), details: None });
            let answer = Answer::Response { id: calls[0].0, response: Response::Failure(status) };
            informers.handle(&answer, now, &mut ids);
            assert_eq!(informers.wake_at(), Some((now + Span::millis(wait), Kind::Pod)));
            now += Span::millis(wait);
        }
    }

    #[test]
    fn an_expired_watch_lists_again_at_once() {
        let (mut informers, mut ids) = (Informers::new([Kind::Pod]), CallIds::default());
        let calls = informers.wake(Time(0), &mut ids);
        let list = Answer::Response { id: calls[0].0, response: Response::List(Vec::new(), ResourceVersion(7)) };
        let told = informers.handle(&list, Time(1), &mut ids).expect("it is the informer's");
        let closed = Answer::WatchClosed { id: told.calls[0].0, status: Arc::new(Status::expired("too old")) };
        let told = informers.handle(&closed, Time(2), &mut ids).expect("it is the informer's");
        assert_eq!(told.calls[0].1.verb, Verb::List);
    }
}
