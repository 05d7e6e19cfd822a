//! The controller-manager: one process, one shared cache, every controller with its queue and workers.
//!
//! Models `cmd/kube-controller-manager` and the worker loops of all controllers. A worker takes a key, asks the controller
//! for a plan, makes its calls step by step and waits for the answers; then the key is held until the cache has seen what
//! the calls wrote (upstream's expectations, for every controller alike, so no controller acts twice on what it did
//! itself). A failure makes the key wait 5 ms, 10 ms, …; a plan may ask for another look at a given time.

mod run;

use crate::api::{Answer, Call, CallId, Kind, ObjectRef, Origin, Request, Response};
use crate::control::controller::{Controller, Setup};
use crate::control::custom;
use crate::control::informer::{CallIds, Informers};
use crate::control::manager::run::{Progress, Run};
use crate::control::reconciler::{Context, Note, Plan, Written};
use crate::control::work_queue::WorkQueue;
use crate::control::{Calendar, Recorder};
use crate::sim::{Component, EventId, Out, Span, Time, VecMap, Wake};

/// A key is held for its own writes at most so long (`ExpectationsTimeout`).
const EXPECTATIONS: Span = Span::mins(5);
/// A call that is not answered for so long has failed.
const CALL_PATIENCE: Span = Span::secs(60);

/// Why the controller-manager wants to be woken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To begin.
    Start,
    /// To list a kind, again after a failure.
    List(Kind),
    /// To look at a key again.
    Requeue {
        /// The controller.
        controller: &'static str,
        /// The key.
        key: ObjectRef,
    },
    /// To stop waiting for what a controller wrote, or for an answer.
    GiveUp {
        /// The controller.
        controller: &'static str,
    },
}

/// A key whose writes the cache has not seen yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Held {
    written: Written,
    until: Time,
}

/// A controller with its queue and workers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slot {
    controller: Controller,
    queue: WorkQueue,
    running: VecMap<ObjectRef, Run>,
    held: VecMap<ObjectRef, Held>,
    recorder: Recorder,
}

/// The controller-manager.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Manager {
    calendar: Calendar,
    informers: Informers,
    ids: CallIds,
    slots: Vec<Slot>,
    /// Which controller's key waits for which call.
    waiting: VecMap<CallId, (u32, ObjectRef)>,
    synced: bool,
}

/// A controller as views show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// The controller.
    pub controller: &'static str,
    /// Keys in the line.
    pub waiting: u64,
    /// Keys in work.
    pub running: Vec<ObjectRef>,
    /// Keys held until the cache has seen what was written.
    pub held: Vec<ObjectRef>,
}

impl Component for Manager {
    type Input = Answer;
    type Effect = Call;
    type Reason = Reason;

    fn handle(&mut self, answer: Answer, now: Time, out: &mut Out<Call>) {
        if let Some(told) = self.informers.handle(&answer, now, &mut self.ids) {
            for (id, request) in told.calls {
                out.push(Call { id, request, origin: None });
            }
            for change in &told.changes {
                self.dispatch(change, now, out);
            }
            if told.changes.iter().any(|change| change.kind() == Kind::CustomResourceDefinition) {
                let kinds = custom::kinds(&self.informers.cache);
                for (id, request) in self.informers.follow(kinds, now, &mut self.ids) {
                    out.push(Call { id, request, origin: None });
                }
            }
            self.release(now);
        } else if let Answer::Response { id, response } = answer {
            self.answered(id, &response, now, out);
        }
        self.work(now, out);
    }

    fn wake(&mut self, now: Time, out: &mut Out<Call>) {
        for (id, request) in self.informers.wake(now, &mut self.ids) {
            out.push(Call { id, request, origin: None });
        }
        for index in 0..self.slots.len() {
            self.slots[index].queue.wake(now);
            self.give_up(index, now, out);
        }
        self.release(now);
        self.work(now, out);
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        let list = self.informers.wake_at().map(|(at, kind)| {
            let why = if at == Time::ZERO { Reason::Start } else { Reason::List(kind) };
            Wake { at, why }
        });
        self.slots.iter().filter_map(Slot::wake_at).chain(list).min()
    }
}

impl Slot {
    fn wake_at(&self) -> Option<Wake<Reason>> {
        let controller = self.controller.name();
        let requeue =
            self.queue.wake_at().map(|(at, key)| Wake { at, why: Reason::Requeue { controller, key: key.clone() } });
        let held = self.held.values().map(|held| held.until);
        let calls = self.running.values().map(|run| run.since() + CALL_PATIENCE);
        let give_up = held.chain(calls).min().map(|at| Wake { at, why: Reason::GiveUp { controller } });
        requeue.into_iter().chain(give_up).min()
    }
}

impl Manager {
    /// The controller-manager with every controller.
    pub fn new(setup: &Setup) -> Manager {
        Manager::with(setup, Controller::all(setup))
    }

    /// A controller-manager with these controllers only.
    pub fn with(setup: &Setup, controllers: Vec<Controller>) -> Manager {
        let kinds: crate::sim::VecSet<Kind> =
            controllers.iter().flat_map(|controller| controller.watches()).copied().collect();
        let slot = |controller: Controller| Slot {
            recorder: Recorder::new(setup.calendar, controller.event_source(), ""),
            controller,
            queue: WorkQueue::default(),
            running: VecMap::new(),
            held: VecMap::new(),
        };
        Manager {
            calendar: setup.calendar,
            informers: Informers::new(kinds).indexed(),
            ids: CallIds::default(),
            slots: controllers.into_iter().map(slot).collect(),
            waiting: VecMap::new(),
            synced: false,
        }
    }

    /// What the controllers have seen.
    pub fn cache(&self) -> &crate::control::Cache {
        &self.informers.cache
    }

    /// Every controller's queue.
    pub fn queues(&self) -> impl Iterator<Item = QueueView> {
        self.slots.iter().map(|slot| QueueView {
            controller: slot.controller.name(),
            waiting: slot.queue.len() as u64,
            running: slot.running.keys().cloned().collect(),
            held: slot.held.keys().cloned().collect(),
        })
    }

    /// Tells every controller that watches the kind, and puts what it affects into its queue.
    fn dispatch(&mut self, change: &crate::control::Change, now: Time, out: &mut Out<Call>) {
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            let kind = match change.kind() {
                Kind::Custom(_) => Kind::CustomResourceDefinition,
                kind => kind,
            };
            if !slot.controller.watches().contains(&kind) {
                continue;
            }
            let notes = slot.controller.observe(change, &self.informers.cache, now);
            for key in slot.controller.affected(change, &self.informers.cache) {
                match slot.controller.delay(change) {
                    Span::ZERO => slot.queue.add(key, now, out.cause()),
                    delay => slot.queue.add_at(key, now + delay, out.cause()),
                }
            }
            self.record(index, &change.new.reference(), notes, out.cause(), now, out);
        }
    }

    /// Lets the keys go whose writes the cache has seen, or that were held too long.
    fn release(&mut self, now: Time) {
        for slot in &mut self.slots {
            let cache = &self.informers.cache;
            let free = |held: &Held| held.until <= now || held.written.seen_by(cache);
            let freed: Vec<ObjectRef> =
                slot.held.iter().filter(|(_, held)| free(held)).map(|(key, _)| key.clone()).collect();
            for key in freed {
                slot.held.remove(&key);
                slot.queue.done(&key, now);
            }
        }
    }

    /// Keys that wait too long for an answer have failed.
    fn give_up(&mut self, index: usize, now: Time, out: &mut Out<Call>) {
        let late = |run: &Run| run.since() + CALL_PATIENCE <= now;
        let slot = &self.slots[index];
        let keys: Vec<ObjectRef> = slot.running.iter().filter(|(_, run)| late(run)).map(|(k, _)| k.clone()).collect();
        for key in keys {
            let Some(mut run) = self.slots[index].running.remove(&key) else { continue };
            self.waiting.retain(|_, waits| *waits != (index as u32, key.clone()));
            run.time_out();
            self.finish(index, key, run, now, out);
        }
    }

    /// Every controller's free workers take keys.
    fn work(&mut self, now: Time, out: &mut Out<Call>) {
        if !self.synced {
            if !self.informers.synced() {
                return;
            }
            self.synced = true;
            for slot in &mut self.slots {
                for key in slot.controller.seeds() {
                    slot.queue.add(key, now, out.cause());
                }
            }
        }
        for index in 0..self.slots.len() {
            while (self.slots[index].running.len() as u64) < u64::from(self.slots[index].controller.workers()) {
                let Some((key, cause)) = self.slots[index].queue.take() else { break };
                self.begin(index, key, cause, now, out);
            }
        }
    }

    /// A worker begins with a key.
    fn begin(&mut self, index: usize, key: ObjectRef, cause: Option<EventId>, now: Time, out: &mut Out<Call>) {
        let cx = Context { cache: &self.informers.cache, now, calendar: self.calendar };
        match self.slots[index].controller.reconcile(&key, &cx) {
            Ok(plan) => {
                let run = Run::new(plan, cause, now);
                self.proceed(index, key, run, now, out);
            }
            Err(_) => {
                let queue = &mut self.slots[index].queue;
                queue.add_rate_limited(key.clone(), now, cause);
                queue.done(&key, now);
            }
        }
    }

    /// Makes the next calls of a run, or finishes it.
    fn proceed(&mut self, index: usize, key: ObjectRef, mut run: Run, now: Time, out: &mut Out<Call>) {
        let cause = run.cause();
        self.record(index, &key, run.take_notes(), cause, now, out);
        let calls = run.next_calls(now);
        if calls.is_empty() {
            self.finish(index, key, run, now, out);
            return;
        }
        for (slot, request) in calls {
            let id = self.ids.next();
            run.sent(id, slot);
            self.waiting.insert(id, (index as u32, key.clone()));
            out.push_for(cause, self.call(index, &key, id, request));
        }
        self.slots[index].running.insert(key, run);
    }

    fn call(&self, index: usize, key: &ObjectRef, id: CallId, request: Request) -> Call {
        let origin = Origin { controller: self.slots[index].controller.name(), key: key.clone() };
        Call { id, request, origin: Some(origin) }
    }

    /// An answer to a call of a worker; answers to nothing (events) are ignored.
    fn answered(&mut self, id: CallId, response: &Response, now: Time, out: &mut Out<Call>) {
        let Some((index, key)) = self.waiting.remove(&id) else { return };
        let index = index as usize;
        let Some(mut run) = self.slots[index].running.remove(&key) else { return };
        match run.answered(id, response) {
            Progress::Waiting => {
                let cause = run.cause();
                self.record(index, &key, run.take_notes(), cause, now, out);
                self.slots[index].running.insert(key, run);
            }
            Progress::Ready => self.proceed(index, key, run, now, out),
        }
    }

    /// A run is over: concludes it if that is yet to be done, then holds the key until its writes are seen.
    fn finish(&mut self, index: usize, key: ObjectRef, mut run: Run, now: Time, out: &mut Out<Call>) {
        if run.wants_following() {
            let cx = Context { cache: &self.informers.cache, now, calendar: self.calendar };
            let plan = self.slots[index].controller.follow(&key, &run.take_answers(), &cx);
            run.follow_with(plan);
            self.proceed(index, key, run, now, out);
            return;
        }
        if run.wants_conclusion() {
            let cx = Context { cache: &self.informers.cache, now, calendar: self.calendar };
            let plan: Plan = self.slots[index].controller.conclude(&key, run.failure(), &cx);
            run.conclude_with(plan);
            self.proceed(index, key, run, now, out);
            return;
        }
        let cause = run.cause();
        self.record(index, &key, run.take_notes(), cause, now, out);
        let slot = &mut self.slots[index];
        if run.wants_retry() {
            slot.queue.add_rate_limited(key.clone(), now, cause);
        } else {
            slot.queue.forget(&key);
            if let Some(at) = run.requeue() {
                slot.queue.add_at(key.clone(), at, cause);
            }
        }
        let written = run.into_written();
        if written.seen_by(&self.informers.cache) {
            slot.queue.done(&key, now);
        } else {
            slot.held.insert(key, Held { written, until: now + EXPECTATIONS });
        }
    }

    /// Records events; nobody waits for the answers.
    fn record(
        &mut self,
        index: usize,
        key: &ObjectRef,
        notes: Vec<Note>,
        cause: Option<EventId>,
        now: Time,
        out: &mut Out<Call>,
    ) {
        for note in notes {
            let recorder = &mut self.slots[index].recorder;
            for request in recorder.event(now, note.about, note.r#type, note.reason, &note.message) {
                let id = self.ids.next();
                out.push_for(cause, self.call(index, key, id, request));
            }
        }
    }
}
