//! One worker's work on one key: the steps of a plan, the calls under way, what they wrote and what went wrong.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::{CallId, Object, ObjectRef, Request, Response, Status, Verb};
use crate::control::reconciler::{ApiCall, Expect, Failed, Note, Pace, Plan, Step, Written};
use crate::sim::{EventId, Time, VecMap};

/// What an answer leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More answers of the same batch are to come.
    Waiting,
    /// The batch is complete: on with the next calls.
    Ready,
}

/// One worker's work on one key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    cause: Option<EventId>,
    since: Time,
    steps: VecDeque<Step>,
    /// How many calls the next batch of a slow start has.
    batch: u32,
    in_flight: VecMap<CallId, ApiCall>,
    unsent: VecMap<u32, ApiCall>,
    notes: Vec<Note>,
    requeue: Option<Time>,
    retry: bool,
    failure: Option<Failed>,
    follows: bool,
    answers: VecMap<CallId, Response>,
    /// The plan turned out to rest on something that is not so any more.
    dropped: bool,
    concluded: bool,
    written: Written,
}

impl Run {
    /// Begins with a plan.
    pub fn new(plan: Plan, cause: Option<EventId>, now: Time) -> Run {
        Run {
            cause,
            since: now,
            steps: plan.steps.into(),
            batch: 1,
            in_flight: VecMap::new(),
            unsent: VecMap::new(),
            notes: plan.notes,
            requeue: plan.requeue,
            retry: plan.retry,
            failure: None,
            follows: plan.follows,
            answers: VecMap::new(),
            dropped: false,
            concluded: false,
            written: Written::default(),
        }
    }

    /// The event that made the key dirty.
    pub fn cause(&self) -> Option<EventId> {
        self.cause
    }

    /// When the calls under way were made.
    pub fn since(&self) -> Time {
        self.since
    }

    /// The events to be recorded by now.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// The calls to be made now, each with a number to be given back to [`Run::sent`]; none when the run is over.
    pub fn next_calls(&mut self, now: Time) -> Vec<(u32, Request)> {
        self.since = now;
        if self.failure.is_some() || self.dropped {
            self.steps.clear();
        }
        while self.steps.front().is_some_and(|step| step.calls.is_empty()) {
            self.steps.pop_front();
            self.batch = 1;
        }
        let Some(step) = self.steps.front_mut() else { return Vec::new() };
        let most = match step.pace {
            Pace::Together => step.calls.len(),
            Pace::SlowStart => step.calls.len().min(self.batch as usize),
        };
        self.batch = self.batch.saturating_mul(2);
        let calls: Vec<ApiCall> = step.calls.drain(..most).collect();
        self.unsent = (0_u32..).zip(calls).collect();
        self.unsent.iter().map(|(slot, call)| (*slot, call.request.clone())).collect()
    }

    /// A call of [`Run::next_calls`] was given a number.
    pub fn sent(&mut self, id: CallId, slot: u32) {
        let call = self.unsent.remove(&slot).expect("a call is sent once");
        self.in_flight.insert(id, call);
    }

    /// Takes an answer in.
    pub fn answered(&mut self, id: CallId, response: &Response) -> Progress {
        let call = self.in_flight.remove(&id).expect("an answer belongs to a call under way");
        match response {
            _ if call.expect == Expect::Answer => _ = self.answers.insert(id, response.clone()),
            Response::Failure(status) => self.failed(call, status),
            _ => self.succeeded(call, response),
        }
        if self.in_flight.is_empty() { Progress::Ready } else { Progress::Waiting }
    }

    fn succeeded(&mut self, call: ApiCall, response: &Response) {
        let object = match response {
            Response::Object(object) => Some(object),
            _ => None,
        };
        let is = |object: Option<&Object>, uid| object.is_some_and(|object| object.uid() == uid);
        match &call.expect {
            Expect::Alive(uid) => {
                let dying = object.is_some_and(|object| object.meta().deletion_timestamp.is_some());
                self.dropped |= !is(object, uid) || dying;
            }
            Expect::Absent(uid) => self.dropped |= is(object, uid),
            Expect::Success | Expect::SuccessOrGone | Expect::Answer => self.wrote(&call.request, object),
        }
        let name = object.map_or("", |object| &object.meta().name);
        let filled = call.done.into_iter().map(|note| Note { message: note.message.replace("{name}", name), ..note });
        self.notes.extend(filled);
    }

    fn failed(&mut self, call: ApiCall, status: &Arc<Status>) {
        let gone = status.code == 404;
        match call.expect {
            Expect::Alive(_) if gone => self.dropped = true,
            Expect::Absent(_) if gone => {}
            Expect::SuccessOrGone if gone => {}
            _ => {
                let fill = |note: Note| Note { message: note.message.replace("{error}", &status.message), ..note };
                self.notes.extend(call.failed.map(fill));
                self.failure.get_or_insert_with(|| Failed { tag: call.tag, status: status.clone() });
            }
        }
    }

    /// Remembers what a write produced.
    fn wrote(&mut self, request: &Request, object: Option<&Object>) {
        let verb = request.verb;
        if matches!(verb, Verb::Get | Verb::List | Verb::Watch) {
            return;
        }
        if verb == Verb::Delete {
            let of = ObjectRef { kind: request.kind, namespace: request.namespace.clone(), name: request.name.clone() };
            let uid = request.options.precondition_uid.clone().or_else(|| object.map(|object| object.uid().clone()));
            self.written.going.push((of, uid));
        } else if let Some(revision) = object.and_then(|object| object.meta().resource_version) {
            let known = self.written.revisions.entry(request.kind).or_insert(revision);
            *known = (*known).max(revision);
        }
    }

    /// The answers did not come.
    pub fn time_out(&mut self) {
        self.in_flight.clear();
        let message = "context deadline exceeded".to_owned();
        let status = Status { code: 0, reason: "Timeout".into(), message, details: None };
        self.failure.get_or_insert(Failed { tag: "", status: Arc::new(status) });
    }

    /// Whether the controller has yet to go on from the answers.
    pub fn wants_following(&self) -> bool {
        self.follows && !self.dropped && self.failure.is_none()
    }

    /// The answers that were asked for, in the order of the calls.
    pub fn take_answers(&mut self) -> Vec<Response> {
        std::mem::take(&mut self.answers).into_values().collect()
    }

    /// Goes on with the plan that follows from the answers.
    pub fn follow_with(&mut self, plan: Plan) {
        self.follows = false;
        self.steps = plan.steps.into();
        self.batch = 1;
        self.notes.extend(plan.notes);
        self.retry |= plan.retry;
        self.requeue = self.requeue.into_iter().chain(plan.requeue).min();
    }

    /// Whether the controller has yet to conclude.
    pub fn wants_conclusion(&self) -> bool {
        !self.concluded && !self.dropped
    }

    /// Goes on with the plan that concludes.
    pub fn conclude_with(&mut self, plan: Plan) {
        self.concluded = true;
        self.retry |= plan.retry || self.failure.is_some();
        self.failure = None;
        self.steps = plan.steps.into();
        self.batch = 1;
        self.notes.extend(plan.notes);
        self.requeue = self.requeue.into_iter().chain(plan.requeue).min();
    }

    /// What went wrong first.
    pub fn failure(&self) -> Option<&Failed> {
        self.failure.as_ref()
    }

    /// Whether the key is to be tried again later and later.
    pub fn wants_retry(&self) -> bool {
        self.retry || self.failure.is_some()
    }

    /// When the key is to be looked at again.
    pub fn requeue(&self) -> Option<Time> {
        self.requeue
    }

    /// What the calls wrote.
    pub fn into_written(self) -> Written {
        self.written
    }
}
