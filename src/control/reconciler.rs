//! What a controller is: from one key and the cache to a plan, decided purely. The driver ([`crate::control::Manager`])
//! exists once and does what plans say.
//!
//! Models the shape of "Writing Controllers": one key at a time, level-driven, from the cache alone.

use std::fmt;

use crate::api::{Kind, ObjectRef, ObjectReference, Request, ResourceVersion, Response, Status, Uid};
use crate::control::cache::{Cache, Change};
use crate::control::{Calendar, recorder};
use crate::sim::{Span, Time};

/// What a controller may look at.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Everything that has been seen.
    pub cache: &'a Cache,
    /// Now.
    pub now: Time,
    /// The calendar.
    pub calendar: Calendar,
}

/// A controller. Its state is what it was configured with and what it has observed, never a memory of what it did.
pub trait Reconciler {
    /// The name in events and traces: `replicaset-controller`.
    const NAME: &'static str;
    /// The component in events, where it is another one: `node-controller`.
    const SOURCE: &'static str = Self::NAME;
    /// How many keys are in work at a time.
    const WORKERS: u32;
    /// The kinds that it watches.
    const WATCHES: &'static [Kind];

    /// Notes a change, for an index of its own; answers events to be recorded. Called for every change of a watched kind,
    /// before `affected`.
    fn observe(&mut self, _change: &Change, _cache: &Cache, _now: Time) -> Vec<Note> {
        Vec::new()
    }

    /// The keys to be reconciled because of a change.
    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef>;

    /// How long a change waits for others before its keys are reconciled.
    fn delay(&self, _change: &Change) -> Span {
        Span::ZERO
    }

    /// Keys to be reconciled when the controller starts, beside what the first lists affect.
    fn seeds(&self) -> Vec<ObjectRef> {
        Vec::new()
    }

    /// What is to be done about a key.
    ///
    /// # Errors
    /// The object is not what the controller can act on; the key is tried again later and later.
    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError>;

    /// What is to be done once a plan with [`Plan::follows`] is through: `answers` are those to the calls that asked for them
    /// ([`Expect::Answer`]), in the order of the calls. What they say may be remembered as observed.
    fn follow(&mut self, _key: &ObjectRef, _answers: &[Response], _cx: &Context<'_>) -> Plan {
        Plan::default()
    }

    /// What is to be done after the plan (its calls answered, `failure` being the first that went wrong), usually the
    /// status of the object.
    fn conclude(&self, _key: &ObjectRef, _failure: Option<&Failed>, _cx: &Context<'_>) -> Plan {
        Plan::default()
    }
}

/// Why a key cannot be reconciled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReconcileError(pub String);

impl fmt::Display for ReconcileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A call of a plan that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failed {
    /// The tag of the call.
    pub tag: &'static str,
    /// The answer.
    pub status: std::sync::Arc<Status>,
}

/// What is to be done, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Steps, one after the other; the first failure ends the plan.
    pub steps: Vec<Step>,
    /// Events to record before anything else.
    pub notes: Vec<Note>,
    /// When to look at the key again.
    pub requeue: Option<Time>,
    /// Whether the controller goes on from the answers ([`Reconciler::follow`]).
    pub follows: bool,
    /// Not a failure, but the key must wait as if it were: later and later.
    pub retry: bool,
}

/// Calls of a plan that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The calls.
    pub calls: Vec<ApiCall>,
    /// How many at a time.
    pub pace: Pace,
}

/// How many calls of a step are made at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pace {
    /// All.
    Together,
    /// One, and twice as many after each success (`slowStartBatch`).
    SlowStart,
}

/// One call of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiCall {
    /// The request.
    pub request: Request,
    /// What the answer must be.
    pub expect: Expect,
    /// Names the call to [`Reconciler::conclude`].
    pub tag: &'static str,
    /// Events to record when it succeeds; `{name}` is the name of the object in the answer.
    pub done: Vec<Note>,
    /// Event to record when it fails; `{error}` is the words of the failure.
    pub failed: Option<Note>,
}

/// What the answer to a call must be for the plan to go on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// A success.
    Success,
    /// A success, or the object is gone already.
    SuccessOrGone,
    /// The object with that uid is there and not being deleted; else the plan is dropped.
    Alive(Uid),
    /// Whatever it is, it goes to [`Reconciler::follow`].
    Answer,
    /// No object with that uid is there; else the plan is dropped.
    Absent(Uid),
}

/// An event to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Note {
    /// The object.
    pub about: ObjectReference,
    /// Normal or Warning.
    pub r#type: &'static str,
    /// The reason.
    pub reason: &'static str,
    /// The words, with `{name}` and `{error}` to be filled in.
    pub message: String,
}

impl Note {
    /// A Normal event about an object.
    pub fn normal(about: ObjectReference, reason: &'static str, message: impl Into<String>) -> Note {
        Note { about, r#type: "Normal", reason, message: message.into() }
    }

    /// A Warning event about an object.
    pub fn warning(about: ObjectReference, reason: &'static str, message: impl Into<String>) -> Note {
        Note { about, r#type: "Warning", reason, message: message.into() }
    }
}

impl ApiCall {
    /// A call that must succeed.
    pub fn new(request: Request) -> ApiCall {
        ApiCall { request, expect: Expect::Success, tag: "", done: Vec::new(), failed: None }
    }

    /// A call that must succeed unless the object is gone.
    pub fn unless_gone(request: Request) -> ApiCall {
        ApiCall { expect: Expect::SuccessOrGone, ..ApiCall::new(request) }
    }

    /// A call whose answer is what the controller goes on from.
    pub fn asking(request: Request) -> ApiCall {
        ApiCall { expect: Expect::Answer, ..ApiCall::new(request) }
    }

    /// The plan goes on only if this object is there and not being deleted (asked of the API server, not of the cache).
    pub fn only_if_alive(of: &ObjectRef, uid: &Uid) -> ApiCall {
        let request = Request::get(of.kind, &of.namespace, &of.name);
        ApiCall { expect: Expect::Alive(uid.clone()), ..ApiCall::new(request) }
    }

    /// The plan goes on only if no such object is there (asked of the API server, not of the cache).
    pub fn only_if_absent(of: &ObjectRef, uid: &Uid) -> ApiCall {
        let request = Request::get(of.kind, &of.namespace, &of.name);
        ApiCall { expect: Expect::Absent(uid.clone()), ..ApiCall::new(request) }
    }

    /// Records an event when it succeeds.
    #[must_use]
    pub fn on_done(mut self, note: Note) -> ApiCall {
        self.done.push(note);
        self
    }

    /// Records an event when it fails.
    #[must_use]
    pub fn on_failed(mut self, note: Note) -> ApiCall {
        self.failed = Some(note);
        self
    }

    /// Names it.
    #[must_use]
    pub fn tagged(mut self, tag: &'static str) -> ApiCall {
        self.tag = tag;
        self
    }
}

impl Plan {
    /// Nothing to do.
    pub fn nothing() -> Plan {
        Plan::default()
    }

    /// Adds calls to be made together.
    pub fn together(&mut self, calls: Vec<ApiCall>) {
        if !calls.is_empty() {
            self.steps.push(Step { calls, pace: Pace::Together });
        }
    }

    /// Adds calls to be made one, two, four, … at a time.
    pub fn slow_start(&mut self, calls: Vec<ApiCall>) {
        if !calls.is_empty() {
            self.steps.push(Step { calls, pace: Pace::SlowStart });
        }
    }

    /// Adds one call.
    pub fn then(&mut self, call: ApiCall) {
        self.together(vec![call]);
    }

    /// Looks at the key again at `at` at the latest.
    pub fn look_again(&mut self, at: Time) {
        self.requeue = Some(self.requeue.map_or(at, |known| known.min(at)));
    }

    /// Whether there is nothing to do now.
    pub fn is_idle(&self) -> bool {
        self.steps.is_empty() && self.notes.is_empty()
    }
}

impl Context<'_> {
    /// Now, on the calendar.
    pub fn timestamp(&self) -> crate::api::Timestamp {
        self.calendar.timestamp(self.now)
    }
}

/// Every kind but Event: Events own nothing, nothing owns them, and there are too many to be kept in a cache.
pub const ALL_BUT_EVENTS: &[Kind] = &{
    let mut kinds = [Kind::Pod; Kind::ALL.len() - 1];
    let (mut from, mut to) = (0, 0);
    while from < Kind::ALL.len() {
        if !matches!(Kind::ALL[from], Kind::Event) {
            kinds[to] = Kind::ALL[from];
            to += 1;
        }
        from += 1;
    }
    kinds
};

/// A reference to an object, as events carry it.
pub fn about(object: impl Into<crate::api::Object>) -> ObjectReference {
    recorder::involved(&object.into())
}

/// What a worker's writes produced: the cache must have seen it before the key is looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Written {
    /// The highest revision written, per kind.
    pub revisions: crate::sim::VecMap<Kind, ResourceVersion>,
    /// Objects whose deletion was asked for.
    pub going: Vec<(ObjectRef, Option<Uid>)>,
}

impl Written {
    /// Whether the cache has seen all of it. Kinds that are not watched count as seen; an object that goes is seen as
    /// gone, or as being deleted.
    pub fn seen_by(&self, cache: &Cache) -> bool {
        let told = |(kind, revision): (&Kind, &ResourceVersion)| cache.revision(*kind).is_none_or(|r| r >= *revision);
        let gone = |(of, uid): &(ObjectRef, Option<Uid>)| {
            cache.object(of).is_none_or(|object| {
                object.meta().deletion_timestamp.is_some() || uid.as_ref().is_some_and(|uid| object.uid() != uid)
            })
        };
        self.revisions.iter().all(told) && self.going.iter().all(gone)
    }
}
