//! What the server makes again if it goes: the namespaces of the system, each minute, and the service `kubernetes` with its
//! namespace and endpoints, every ten seconds.
//!
//! Models `Run` of `pkg/controlplane/controller/{systemnamespaces,kubernetesservice}`. There, the times are those of tickers that
//! always run; here the server wakes at such a time only if something was found missing. What else it makes at its start
//! (roles, priority classes) comes back with its next start, as upstream.

use crate::api::{CallId, Kind, Object, Request};
use crate::control::apiserver::boot::{Boot, own_service, system_namespaces};
use crate::control::apiserver::call::{ClientId, Door};
use crate::control::apiserver::{ApiServer, Effect};
use crate::sim::{Out, Span, Time};

/// From one look at the namespaces to the next.
const NAMESPACES: Span = Span::mins(1);
/// From one look at the service to the next (`--endpoint-reconciler-type` says how, not how often).
const SERVICE: Span = Span::secs(10);

/// The server's tickers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Upkeep {
    since: Time,
    due: Option<Time>,
}

impl ApiServer {
    /// The tickers begin.
    pub(super) fn begin_upkeep(&mut self, now: Time) {
        self.upkeep = Upkeep { since: now, due: None };
        self.look_for_missing(now);
    }

    /// When something that is missing is made.
    pub(super) fn next_upkeep(&self) -> Option<Time> {
        self.upkeep.due.filter(|_| self.boot == Boot::Done)
    }

    /// A cache of this kind has changed: something may be missing.
    pub(super) fn kind_changed(&mut self, kind: Kind, now: Time) {
        if matches!(kind, Kind::Namespace | Kind::Service | Kind::Endpoints | Kind::EndpointSlice) {
            self.look_for_missing(now);
        }
    }

    fn look_for_missing(&mut self, now: Time) {
        if self.boot != Boot::Done || !self.cache(Kind::Namespace).is_ready() {
            return;
        }
        let tick = |every: Span| {
            let past = now.since(self.upkeep.since).0 / every.0;
            self.upkeep.since + every * (past + 1)
        };
        let namespaces = self.is_missing(&system_namespaces()).then(|| tick(NAMESPACES));
        let service = self.is_missing(&self.service_objects()).then(|| tick(SERVICE));
        self.upkeep.due = [namespaces, service].into_iter().flatten().min();
    }

    /// The service with what it needs; of several servers, each makes the endpoints of all in rounds of its own.
    fn service_objects(&self) -> Vec<Object> {
        let mut objects = own_service(&self.config);
        objects.extend(system_namespaces().into_iter().filter(|namespace| namespace.meta().name == "default"));
        objects
    }

    fn is_missing(&self, objects: &[Object]) -> bool {
        objects.iter().any(|object| {
            let (kind, meta) = (object.kind(), object.meta());
            self.cache(kind).is_ready() && self.cached(kind, &meta.namespace, &meta.name).is_none()
        })
    }

    /// Makes what is missing, if the time has come.
    pub(super) fn keep_up(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.next_upkeep().is_none_or(|at| at > now) {
            return;
        }
        let elapsed = now.since(self.upkeep.since).0;
        let mut wanted = Vec::new();
        if elapsed.is_multiple_of(NAMESPACES.0) {
            wanted.extend(system_namespaces());
        }
        wanted.extend(self.service_objects());
        wanted.sort_by_key(|object| object.kind() != Kind::Namespace);
        let mut made: Vec<(Kind, String)> = Vec::new();
        for object in wanted {
            let name = (object.kind(), object.meta().name.clone());
            if made.contains(&name) || !self.is_missing(std::slice::from_ref(&object)) {
                continue;
            }
            made.push(name);
            let request = Request::create(object);
            self.begin(ClientId(u32::MAX), CallId(0), "kube-apiserver".into(), Door::Internal, request, now, out);
        }
        // What is not there by the next time is tried again.
        self.look_for_missing(now);
    }
}
