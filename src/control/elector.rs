//! Leader election: of several processes of one kind, the one that holds a Lease works, the others stand by.
//!
//! Models `client-go/tools/leaderelection` with the timings of `k8s.io/component-base/config` (15 s, 10 s, 2 s). Nobody trusts
//! the clock of another: a lease is over when its record has not changed for 15 s as seen from here. Who cannot renew for 10 s
//! stops, before the others may take over.
//!
//! ```text
//! StandsBy --took the lease--> Leads --10 s without a renewal--> Ended
//! ```

use std::sync::Arc;

use crate::api::{
    Answer, Call, CallId, Kind, Lease, LeaseSpec, Object, ObjectMeta, ObjectReference, Request, Response,
};
use crate::control::{Calendar, Recorder, scheduler};
use crate::sim::{Component, Out, Rng, Span, Time, Wake};

/// For so long a lease is good after its record was last seen to change (`--leader-elect-lease-duration`).
pub const LEASE_DURATION: Span = Span::secs(15);
/// A leader that could not renew for so long stops (`--leader-elect-renew-deadline`).
pub const RENEW_DEADLINE: Span = Span::secs(10);
/// From one attempt to the next (`--leader-elect-retry-period`).
pub const RETRY_PERIOD: Span = Span::secs(2);
/// By how much more than the period a candidate may wait, in per cent of it (`JitterFactor`).
const JITTER: u64 = 120;
/// A request that is not answered for so long has failed: half the deadline.
const PATIENCE: Span = Span::secs(5);
/// The calls of an elector have numbers from here on, so that they and those of its process are told apart.
const CALLS: u64 = 1 << 63;
/// Where the leases are.
const NAMESPACE: &str = "kube-system";

/// What an elector's process may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Another one leads, or nobody.
    StandsBy,
    /// It leads.
    Leads,
    /// It has lost the lease: the process ends.
    Ended,
}

/// Why an elector wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// To try to take or to renew the lease.
    Attempt,
    /// To stop waiting for an answer.
    GiveUp,
    /// To stop leading.
    Deadline,
}

/// The request that an elector waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Asked {
    call: CallId,
    since: Time,
    step: Step,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// The lease is read.
    Get,
    /// The lease is made, or written on what was read.
    Write,
    /// The lease is written on what was written last, without being read.
    Renew,
}

/// The record as it was last seen to change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Observed {
    lease: Lease,
    at: Time,
}

/// The part of a process that takes part in elections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Elector {
    lease: &'static str,
    identity: Arc<str>,
    calendar: Calendar,
    rng: Rng,
    recorder: Recorder,
    last_call: u64,
    role: Role,
    /// When the role was taken.
    since: Time,
    observed: Option<Observed>,
    asked: Option<Asked>,
    next: Time,
    /// Until when the attempts to renew that are under way must succeed.
    deadline: Option<Time>,
}

impl Elector {
    /// It goes by another clock from now on.
    pub fn set_calendar(&mut self, calendar: Calendar) {
        self.calendar = calendar;
    }

    /// A candidate for the lease of a component (`kube-scheduler`) on a host.
    pub fn new(lease: &'static str, host: &str, calendar: Calendar, mut rng: Rng) -> Elector {
        let identity = format!("{host}_{}", uuid(&mut rng)).into();
        // The scheduler reports under the name that pods ask for.
        let component = if lease == "kube-scheduler" { scheduler::NAME } else { lease };
        let recorder = Recorder::new(calendar, component, "");
        Elector {
            lease,
            identity,
            calendar,
            rng,
            recorder,
            last_call: CALLS,
            role: Role::StandsBy,
            since: Time::ZERO,
            observed: None,
            asked: None,
            next: Time::ZERO,
            deadline: None,
        }
    }

    /// `host_uuid`: whom the lease names as its holder.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// What the process may do, and since when.
    pub fn role(&self) -> (Role, Time) {
        (self.role, self.since)
    }

    /// When the record was last seen to change, and who held the lease by it.
    pub fn observed(&self) -> Option<(Time, &str)> {
        let observed = self.observed.as_ref()?;
        Some((observed.at, observed.lease.spec.holder_identity.as_deref().unwrap_or_default()))
    }

    /// Whether an answer is for an elector, and not for its process.
    pub fn is_for(answer: &Answer) -> bool {
        let (Answer::Response { id, .. } | Answer::Events { id, .. } | Answer::WatchClosed { id, .. }) = answer;
        id.0 >= CALLS
    }

    fn send(&mut self, request: Request, out: &mut Out<Call>) -> CallId {
        self.last_call += 1;
        let id = CallId(self.last_call);
        out.push(Call { id, request, origin: None });
        id
    }

    fn ask(&mut self, step: Step, request: Request, now: Time, out: &mut Out<Call>) {
        let call = self.send(request, out);
        self.asked = Some(Asked { call, since: now, step });
    }

    /// Whether the lease is held by this process, by what it has seen.
    fn is_holder(&self) -> bool {
        self.observed.as_ref().is_some_and(|seen| seen.lease.spec.holder_identity.as_deref() == Some(&*self.identity))
    }

    fn is_valid(&self, now: Time) -> bool {
        self.observed.as_ref().is_some_and(|seen| seen.at + LEASE_DURATION > now)
    }

    /// One attempt: a holder writes on what it wrote last; anybody else reads first.
    fn attempt(&mut self, now: Time, out: &mut Out<Call>) {
        if self.role == Role::Leads && self.deadline.is_none() {
            self.deadline = Some(now + RENEW_DEADLINE);
        }
        match &self.observed {
            Some(seen) if self.is_holder() && self.is_valid(now) => {
                let lease = self.renewed(&seen.lease, now);
                self.ask(Step::Renew, Request::update(lease), now, out);
            }
            _ => self.read(now, out),
        }
    }

    fn read(&mut self, now: Time, out: &mut Out<Call>) {
        self.ask(Step::Get, Request::get(Kind::Lease, NAMESPACE, self.lease), now, out);
    }

    /// A record that this process holds the lease from now on.
    fn record(&self, metadata: ObjectMeta, transitions: i32, now: Time) -> Lease {
        let at = Some(self.calendar.micros(now));
        let seconds = i32::try_from(LEASE_DURATION.as_secs()).expect("15 fits");
        let spec = LeaseSpec {
            holder_identity: Some(self.identity.to_string()),
            lease_duration_seconds: Some(seconds),
            acquire_time: at,
            renew_time: at,
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        };
        Lease { metadata, spec, ..Lease::default() }
    }

    fn renewed(&self, lease: &Lease, now: Time) -> Lease {
        let transitions = lease.spec.lease_transitions.unwrap_or(0);
        let mut next = self.record(lease.metadata.clone(), transitions, now);
        next.spec.acquire_time = lease.spec.acquire_time;
        next
    }

    fn read_was_answered(&mut self, response: &Response, now: Time, out: &mut Out<Call>) {
        let lease = match response {
            Response::Object(object) => object.get::<Lease>().map(|lease| lease.as_ref().clone()),
            Response::Failure(status) if status.code == 404 => {
                let metadata =
                    ObjectMeta { name: self.lease.into(), namespace: NAMESPACE.into(), ..ObjectMeta::default() };
                let lease = self.record(metadata, 0, now);
                return self.ask(Step::Write, Request::create(lease), now, out);
            }
            _ => None,
        };
        let Some(lease) = lease else { return self.failed(now) };
        if self.observed.as_ref().is_none_or(|seen| seen.lease.spec != lease.spec) {
            self.observed = Some(Observed { lease: lease.clone(), at: now });
        }
        let is_held = lease.spec.holder_identity.as_deref().is_some_and(|holder| !holder.is_empty());
        if is_held && self.is_valid(now) && !self.is_holder() {
            return self.failed(now);
        }
        let next = if self.is_holder() {
            self.renewed(&lease, now)
        } else {
            let transitions = lease.spec.lease_transitions.unwrap_or(0) + 1;
            self.record(lease.metadata.clone(), transitions, now)
        };
        self.ask(Step::Write, Request::update(next), now, out);
    }

    fn written(&mut self, lease: &Lease, now: Time, out: &mut Out<Call>) {
        self.observed = Some(Observed { lease: lease.clone(), at: now });
        self.deadline = None;
        self.next = now + RETRY_PERIOD;
        if self.role == Role::StandsBy {
            (self.role, self.since) = (Role::Leads, now);
            self.tell("became leader", now, out);
        }
    }

    /// An attempt was in vain.
    fn failed(&mut self, now: Time) {
        let jitter = match self.role {
            Role::StandsBy => Span(self.rng.below(RETRY_PERIOD.0 * JITTER / 100)),
            _ => Span::ZERO,
        };
        self.next = now + RETRY_PERIOD + jitter;
    }

    /// An Event about the lease.
    fn tell(&mut self, words: &str, now: Time, out: &mut Out<Call>) {
        let info = Kind::Lease.info();
        let involved = ObjectReference {
            kind: info.kind.into(),
            api_version: info.api_version(),
            namespace: NAMESPACE.into(),
            name: self.lease.into(),
            uid: self.observed.as_ref().map(|seen| seen.lease.metadata.uid.clone()).unwrap_or_default(),
            resource_version: self.observed.as_ref().and_then(|seen| seen.lease.metadata.resource_version),
            ..ObjectReference::default()
        };
        let message = format!("{} {words}", self.identity);
        for request in self.recorder.event(now, involved, "Normal", "LeaderElection", &message) {
            self.send(request, out);
        }
    }
}

impl Component for Elector {
    type Input = Answer;
    type Effect = Call;
    type Reason = Reason;

    fn handle(&mut self, answer: Answer, now: Time, out: &mut Out<Call>) {
        let Answer::Response { id, response } = answer else { return };
        let Some(asked) = self.asked.take_if(|asked| asked.call == id) else { return };
        match (asked.step, &response) {
            (Step::Get, response) => self.read_was_answered(response, now, out),
            (Step::Write | Step::Renew, Response::Object(Object::Lease(lease))) => self.written(lease, now, out),
            // The record is not what it was: it is read.
            (Step::Renew, _) => self.read(now, out),
            (Step::Write, _) => self.failed(now),
        }
    }

    fn wake(&mut self, now: Time, out: &mut Out<Call>) {
        if self.role == Role::Ended {
            return;
        }
        if self.deadline.is_some_and(|at| at <= now) {
            (self.role, self.since) = (Role::Ended, now);
            self.tell("stopped leading", now, out);
            return;
        }
        if self.asked.as_ref().is_some_and(|asked| asked.since + PATIENCE <= now) {
            self.asked = None;
            self.failed(now);
        }
        if self.asked.is_none() && self.next <= now {
            self.attempt(now, out);
        }
    }

    fn wake_at(&self) -> Option<Wake<Reason>> {
        if self.role == Role::Ended {
            return None;
        }
        let next = match &self.asked {
            Some(asked) => Wake { at: asked.since + PATIENCE, why: Reason::GiveUp },
            None => Wake { at: self.next, why: Reason::Attempt },
        };
        let deadline = self.deadline.map(|at| Wake { at, why: Reason::Deadline });
        deadline.into_iter().chain([next]).min()
    }
}

/// A random UUID (version 4).
fn uuid(rng: &mut Rng) -> String {
    let (a, b) = (rng.next_u64(), rng.next_u64());
    let (high, low) = (a & !0xf000 | 0x4000, b & !(0b11 << 62) | 1 << 63);
    let hex = format!("{high:016x}{low:016x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
