//! Elections as they go, with one candidate cut off at a time.

use super::*;
use crate::api::{ResourceVersion, Status, Timestamp};

/// The API server, of which the lease is all that is kept.
pub(super) fn serve(stored: &mut Option<Lease>, request: Request) -> Response {
    let crate::api::Body::Object(object) = request.body else {
        let missing = Status::not_found(Kind::Lease, "kube-scheduler");
        return match stored {
            Some(lease) => Response::Object(lease.clone().into()),
            None => Response::Failure(Arc::new(missing)),
        };
    };
    let Some(lease) = object.get::<Lease>() else { return Response::Success };
    let version = stored.as_ref().and_then(|stored| stored.metadata.resource_version);
    if lease.metadata.resource_version != version {
        return Response::Failure(Arc::new(Status::conflict(Kind::Lease, "kube-scheduler", "changed")));
    }
    let mut lease = lease.as_ref().clone();
    lease.metadata.resource_version = Some(ResourceVersion(version.map_or(1, |version| version.0 + 1)));
    *stored = Some(lease.clone());
    Response::Object(lease.into())
}

/// Candidates with one lease that is always reached, unless a candidate is cut off.
struct Group {
    now: Time,
    stored: Option<Lease>,
    electors: Vec<Elector>,
    cut: Option<usize>,
}

impl Group {
    fn new(count: usize) -> Group {
        let calendar = Calendar::new(Timestamp(1_767_225_600));
        let elector = |n: usize| {
            Elector::new("kube-scheduler", &format!("master{n}"), calendar, Rng::stream(1, &format!("elector{n}")))
        };
        Group { now: Time::ZERO, stored: None, electors: (1..=count).map(elector).collect(), cut: None }
    }

    /// Lets time pass; every call is answered at once.
    fn run(&mut self, until: Time) {
        loop {
            let next = (0..self.electors.len()).filter_map(|at| Some((self.electors[at].wake_at()?.at, at))).min();
            let Some((at, who)) = next.filter(|(at, _)| *at <= until) else { break };
            self.now = self.now.max(at);
            let mut out = Out::default();
            self.electors[who].wake(self.now, &mut out);
            let mut calls: Vec<Call> = out.take();
            while let Some(call) = calls.pop().filter(|_| self.cut != Some(who)) {
                let response = serve(&mut self.stored, call.request);
                let mut out = Out::default();
                self.electors[who].handle(Answer::Response { id: call.id, response }, self.now, &mut out);
                calls.extend(out.take());
            }
            assert!(self.leaders().len() <= 1, "{:?} lead at {}", self.leaders(), self.now);
        }
        self.now = until;
    }

    fn leaders(&self) -> Vec<usize> {
        (0..self.electors.len()).filter(|at| self.electors[*at].role().0 == Role::Leads).collect()
    }
}

#[test]
fn one_leads_and_goes_on_leading() {
    let mut group = Group::new(3);
    group.run(Time::ZERO + Span::mins(10));
    assert_eq!(group.leaders(), [0]);
    let spec = &group.stored.as_ref().expect("there is a lease").spec;
    assert_eq!(spec.lease_transitions, Some(0));
    assert_eq!(spec.holder_identity.as_deref(), Some(group.electors[0].identity()));
}

#[test]
fn a_leader_that_is_cut_off_ends_before_another_takes_over() {
    let mut group = Group::new(3);
    group.run(Time::ZERO + Span::secs(60));
    group.cut = Some(0);
    let cut = group.now;
    group.run(cut + Span::secs(60));
    let ended = group.electors[0].role();
    let (leader, since) = group.leaders().first().map(|at| (*at, group.electors[*at].role().1)).expect("one leads");
    assert_eq!(ended.0, Role::Ended);
    assert_ne!(leader, 0);
    assert!(ended.1.since(cut) <= RENEW_DEADLINE + RETRY_PERIOD, "ended after {}", ended.1.since(cut));
    assert!(ended.1 < since, "took over at {since}, ended at {}", ended.1);
    assert_eq!(group.stored.as_ref().and_then(|lease| lease.spec.lease_transitions), Some(1));
}

#[test]
fn an_identity_is_a_host_and_a_uuid() {
    let group = Group::new(1);
    let (host, uuid) = group.electors[0].identity().split_once('_').expect("an underscore between them");
    assert_eq!((host, uuid.len()), ("master1", 36));
    assert_eq!(uuid.as_bytes()[14], b'4');
}
