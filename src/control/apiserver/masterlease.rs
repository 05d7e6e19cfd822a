//! The endpoints of the service `kubernetes` where there are several servers: each says that it lives under a key of its own
//! that expires, and makes the endpoints what it finds there.
//!
//! Models `pkg/controlplane/reconcilers/lease.go`: every 10 s, a lease of 15 s.
//!
//! ```text
//! Idle --10 s are over--> grant a lease --> write the own key under it --> read all keys --> write the endpoints, if they differ
//! ```

use std::collections::BTreeSet;

use crate::api::{CallId, EndpointSlice, Endpoints, Kind, Object, Request};
use crate::control::apiserver::StoredValue;
use crate::control::apiserver::boot::{Boot, kubernetes_endpoints, kubernetes_slice};
use crate::control::apiserver::call::{ClientId, Door};
use crate::control::apiserver::sync::Errand;
use crate::control::apiserver::{ApiServer, Effect};
use crate::etcd::{Body, EtcdError, KeyRange, LeaseId, Op, PutOp, RangeOp, Reply};
use crate::sim::{Out, Span, Time};

/// From one look at the keys to the next.
const INTERVAL: Span = Span::secs(10);
/// How long a key lives that is not written again.
const TTL: Span = Span::secs(15);
/// Where the keys are.
const PREFIX: &str = "/registry/masterleases/";

/// How far a round is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Round {
    /// A lease is asked for.
    Grant,
    /// The own key is written.
    Write,
    /// All keys are read.
    Read,
}

impl ApiServer {
    /// When the endpoints are looked at next; `None` for a server that is alone or not ready.
    pub(super) fn next_round(&self) -> Option<Time> {
        let several = self.config.servers > 1 && self.config.reconciles_endpoints;
        (several && self.boot == Boot::Done).then_some(self.next_round)
    }

    /// Begins a round that is due.
    pub(super) fn begin_round(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.next_round().is_none_or(|at| at > now) {
            return;
        }
        self.next_round = now + INTERVAL;
        self.errand(Errand::Endpoints(Round::Grant), Op::LeaseGrant { id: None, ttl: TTL }, out);
    }

    /// Etcd answers in a round. One that fails is over: the next begins when it is due.
    pub(super) fn round_goes_on(
        &mut self,
        round: Round,
        result: Result<Reply<StoredValue>, EtcdError>,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Ok(reply) = result else { return };
        match (round, reply.body) {
            (Round::Grant, Body::LeaseGrant { id, .. }) => self.write_key(id, out),
            (Round::Write, _) => {
                let read = Op::Range(RangeOp::new(KeyRange::prefix(PREFIX)));
                self.errand(Errand::Endpoints(Round::Read), read, out);
            }
            (Round::Read, Body::Range(range)) => {
                let keys = range.into_kvs();
                let living = keys.iter().filter_map(|kv| kv.key.strip_prefix(PREFIX)).map(str::to_owned).collect();
                self.write_endpoints(&living, now, out);
            }
            _ => {}
        }
    }

    fn write_key(&mut self, lease: LeaseId, out: &mut Out<Effect>) {
        let ip = self.config.advertise.to_string();
        let value = StoredValue::Object(kubernetes_endpoints([&ip]).into());
        let put = PutOp::new(format!("{PREFIX}{ip}"), value).lease(lease);
        self.errand(Errand::Endpoints(Round::Write), Op::Put(put), out);
    }

    fn write_endpoints(&mut self, living: &BTreeSet<String>, now: Time, out: &mut Out<Effect>) {
        let mut wanted: Vec<Object> = Vec::new();
        if let Some(Object::Endpoints(known)) = self.cached(Kind::Endpoints, "default", "kubernetes") {
            let told: BTreeSet<String> =
                known.subsets.iter().flat_map(|subset| &subset.addresses).map(|address| address.ip.clone()).collect();
            if told != *living {
                let subsets = kubernetes_endpoints(living).subsets;
                wanted.push(Endpoints { subsets, ..known.as_ref().clone() }.into());
            }
        }
        if let Some(Object::EndpointSlice(known)) = self.cached(Kind::EndpointSlice, "default", "kubernetes") {
            let told: BTreeSet<String> = known.endpoints.iter().flat_map(|e| &e.addresses).cloned().collect();
            if told != *living {
                let endpoints = kubernetes_slice(living).endpoints;
                wanted.push(EndpointSlice { endpoints, ..known.as_ref().clone() }.into());
            }
        }
        for object in wanted {
            let request = Request::update(object);
            self.begin(ClientId(u32::MAX), CallId(0), "kube-apiserver".into(), Door::Internal, request, now, out);
        }
    }
}
