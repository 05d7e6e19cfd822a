//! A request step by step, from its arrival to its answer. Models `k8s.io/apiserver/pkg/endpoints/handlers` and
//! `pkg/registry/generic/registry/store.go`.

use std::sync::Arc;

use crate::api::fields::FieldSelectors;
use crate::api::http::{Chunk, HttpResponse};
use crate::api::labels::Selector;
use crate::api::{
    Answer, Body, CallId, Kind, KubeletAnswer, Object, Request, ResourceVersion, Status, Subresource, Verb,
};
use crate::control::apiserver::call::{Call, CallNo, ClientId, Door, Reply, State, Step};
use crate::control::apiserver::change::Plan;
use crate::control::apiserver::watchers::Filter;
use crate::control::apiserver::{ApiServer, Effect, StoredValue, registry, storage};
use crate::etcd::{self, EtcdError, KeyRange, Op, RangeOp, Revision};
use crate::sim::{Out, Time};

/// How often a generated name that is taken is drawn again.
const NAME_ATTEMPTS: u32 = 8;

impl ApiServer {
    /// Takes a request in.
    #[allow(clippy::too_many_arguments)] // A call is made of these.
    pub(super) fn begin(
        &mut self,
        client: ClientId,
        id: CallId,
        agent: Arc<str>,
        door: Door,
        request: Request,
        now: Time,
        out: &mut Out<Effect>,
    ) -> CallNo {
        let no = CallNo(self.number());
        if matches!(door, Door::Typed | Door::Http(_)) {
            self.by_client.insert((client, id), no);
        }
        let call = Call {
            client,
            id,
            agent,
            door,
            request: Arc::new(request),
            state: State::New,
            began: now,
            attempts: 0,
            charges: 0,
        };
        self.calls.insert(no, call);
        if let Err(status) = self.route(no, now, out) {
            self.answer(no, status.into(), now, out);
        }
        no
    }

    pub(super) fn call(&self, no: CallNo) -> &Call {
        self.calls.get(&no).expect("a call under way is known")
    }

    pub(super) fn set_state(&mut self, no: CallNo, state: State) {
        if let Some(call) = self.calls.get_mut(&no) {
            call.state = state;
        }
    }

    fn ask(&mut self, no: CallNo, state: State, op: Op<StoredValue>, out: &mut Out<Effect>) {
        self.set_state(no, state);
        out.push(Effect::Etcd { id: no.0, op });
    }

    /// The first step.
    fn route(&mut self, no: CallNo, now: Time, out: &mut Out<Effect>) -> Result<(), Status> {
        let request = self.call(no).request.clone();
        let kind = request.kind;
        if !self.caches.contains_key(&kind) {
            return Err(Status::no_such_resource());
        }
        match (request.verb, request.subresource) {
            (_, Some(Subresource::Log | Subresource::Exec | Subresource::Attach | Subresource::PortForward)) => {
                self.ask_kubelet(no, &request, out)
            }
            (Verb::Get, _) => {
                self.load(no, out);
                Ok(())
            }
            (Verb::List, _) => {
                filter_of(&request)?;
                match request.options.resource_version {
                    Some(ResourceVersion(version)) => self.wait_for(no, Revision(version), now, out),
                    None => self.ask_revision(no, out),
                }
                Ok(())
            }
            (Verb::Watch, _) => {
                let from = Revision(request.options.resource_version.map_or(0, |v| v.0));
                if self.has_heard(kind, from) {
                    return self.begin_watch(no, &request, now, out);
                }
                filter_of(&request)?;
                self.wait_for(no, from, now, out);
                Ok(())
            }
            (Verb::Create, None) => self.begin_create(no, &request, now, out),
            (Verb::DeleteCollection, _) => {
                filter_of(&request)?;
                self.ask_revision(no, out);
                Ok(())
            }
            _ => {
                let cached = self.cache(kind).get(&self.call(no).key()).cloned();
                match cached {
                    Some(object) => self.try_write(no, Some(object), true, now, out),
                    None => self.load(no, out),
                }
                Ok(())
            }
        }
    }

    /// Asks etcd whether the namespace exists.
    pub(super) fn ask_namespace(&mut self, no: CallNo, out: &mut Out<Effect>) {
        let key = Kind::Namespace.etcd_key("", &self.call(no).request.namespace);
        self.ask(no, State::Namespace, Op::Range(RangeOp::new(KeyRange::one(&key))), out);
    }

    /// Asks etcd for its revision.
    pub(super) fn ask_revision(&mut self, no: CallNo, out: &mut Out<Effect>) {
        let prefix = self.call(no).request.kind.etcd_prefix();
        self.ask(no, State::Revision, Op::Range(RangeOp::new(KeyRange::one(&prefix)).count_only()), out);
    }

    /// Reads the object from etcd.
    pub(super) fn load(&mut self, no: CallNo, out: &mut Out<Effect>) {
        let op = Op::Range(RangeOp::new(KeyRange::one(&self.call(no).key())));
        self.ask(no, State::Load, op, out);
    }

    fn begin_create(&mut self, no: CallNo, request: &Request, now: Time, out: &mut Out<Effect>) -> Result<(), Status> {
        let info = request.kind.info();
        if info.namespaced {
            if let Body::Object(object) = &request.body {
                let inside = &object.meta().namespace;
                if !inside.is_empty() && **inside != *request.namespace {
                    return Err(Status::bad_request(
                        "the namespace of the provided object does not match the namespace sent on the request",
                    ));
                }
            }
            if self.cached(Kind::Namespace, "", &request.namespace).is_none() {
                self.ask_namespace(no, out);
                return Ok(());
            }
        }
        self.try_write(no, None, false, now, out);
        Ok(())
    }

    /// Works out what a write does to `current` and commits it. What was worked out on a cached object and fails is worked
    /// out again on what etcd has.
    pub(super) fn try_write(
        &mut self,
        no: CallNo,
        current: Option<Object>,
        cached: bool,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        match self.plan(no, current.as_ref(), now) {
            Err(_) if cached => self.load(no, out),
            Err(status) => {
                self.alloc.release(no);
                self.answer(no, status.into(), now, out);
            }
            Ok(Plan::Answer(reply)) => {
                self.alloc.release(no);
                self.answer(no, reply, now, out);
            }
            Ok(Plan::First(charge)) => {
                self.alloc.release(no);
                self.charge(no, *charge, now, out);
            }
            Ok(Plan::Commit(step)) if self.call(no).request.options.dry_run => {
                self.alloc.release(no);
                let request = &self.call(no).request;
                let reply = match step {
                    Step::Create(object) => Reply::Created(object),
                    Step::Delete(object) if request.subresource.is_none() => Reply::Gone(object),
                    Step::Replace { object, .. } | Step::Delete(object) => registry::written(request, object),
                };
                self.answer(no, reply, now, out);
            }
            Ok(Plan::Commit(step)) => self.commit(no, step, now, out),
        }
    }

    /// Sends the transaction of a step.
    fn commit(&mut self, no: CallNo, step: Step, now: Time, out: &mut Out<Effect>) {
        let step = self.definitions().step_as_stored(step);
        self.tell_address(&step, now, out);
        let event = self.call(no).request.kind == Kind::Event && !matches!(step, Step::Delete(_));
        let lease = if event { self.event_lease(now) } else { None };
        if event && lease.is_none() {
            self.ask(no, State::Lease(step), ApiServer::event_lease_request(), out);
            return;
        }
        let op = Op::Txn(registry::transaction(&step, lease));
        self.ask(no, State::Commit(step), op, out);
    }

    /// Goes on with a call whose answer from etcd is here.
    pub(super) fn on_reply(
        &mut self,
        no: CallNo,
        result: Result<etcd::Reply<StoredValue>, EtcdError>,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(call) = self.calls.get_mut(&no) else { return };
        let state = std::mem::replace(&mut call.state, State::New);
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => return self.etcd_failed(no, state, error, now, out),
        };
        match (state, reply.body) {
            (State::Namespace, etcd::Body::Range(range)) => {
                if range.count == 0 {
                    let namespace = Arc::clone(&self.call(no).request.namespace);
                    self.answer(no, Status::not_found(Kind::Namespace, &namespace).into(), now, out);
                } else {
                    self.try_write(no, None, false, now, out);
                }
            }
            (State::Load, etcd::Body::Range(range)) => {
                let found = range.kvs().first().and_then(storage::decode);
                self.loaded(no, found, now, out);
            }
            (State::Lease(step), etcd::Body::LeaseGrant { id, .. }) => {
                self.new_event_lease(id, now);
                self.commit(no, step, now, out);
            }
            (State::Commit(step), etcd::Body::Txn(txn)) => {
                self.committed(no, step, txn, reply.header.revision, now, out)
            }
            (State::Revision, _) => self.wait_for(no, reply.header.revision, now, out),
            _ => {}
        }
    }

    /// The object was read.
    fn loaded(&mut self, no: CallNo, found: Option<Object>, now: Time, out: &mut Out<Effect>) {
        let request = &self.call(no).request;
        if request.verb == Verb::Get {
            let reply = match found {
                Some(object) => registry::read(request, object),
                None => Status::not_found(request.kind, &request.name).into(),
            };
            self.answer(no, reply, now, out);
        } else {
            self.try_write(no, found, false, now, out);
        }
    }

    /// The transaction is done: it wrote, or something had changed meanwhile.
    fn committed(
        &mut self,
        no: CallNo,
        step: Step,
        txn: etcd::TxnReply<StoredValue>,
        revision: Revision,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        if txn.succeeded {
            return self.written(no, step, revision, now, out);
        }
        self.take_back_address(&step, now, out);
        let found = txn.responses.iter().find_map(|body| match body {
            etcd::Body::Range(range) => range.kvs().first().and_then(storage::decode),
            _ => None,
        });
        let call = self.calls.get_mut(&no).expect("a call under way is known");
        call.attempts += 1;
        let retry = match &step {
            Step::Create(object) => {
                let generated = matches!(&call.request.body, Body::Object(o) if o.meta().name.is_empty());
                let again = generated && call.attempts < NAME_ATTEMPTS;
                let name = object.meta().name.clone();
                let kind = call.request.kind;
                if !again && call.request.verb == Verb::Create {
                    self.alloc.release(no);
                    return self.answer(no, Status::already_exists(kind, &name).into(), now, out);
                }
                if again { None } else { found }
            }
            Step::Replace { .. } | Step::Delete(_) => found,
        };
        self.alloc.release(no);
        self.try_write(no, retry, false, now, out);
    }

    /// The step was written.
    fn written(&mut self, no: CallNo, step: Step, revision: Revision, now: Time, out: &mut Out<Effect>) {
        match step {
            Step::Create(object) => {
                let object = self.as_written(object, revision);
                self.alloc.commit(no, &object);
                self.answer(no, Reply::Created(object), now, out);
            }
            Step::Replace { object, then_delete } => {
                let object = self.as_written(object, revision);
                self.alloc.commit(no, &object);
                if then_delete {
                    self.commit(no, Step::Delete(object), now, out);
                } else {
                    let reply = registry::written(&self.call(no).request, object);
                    self.answer(no, reply, now, out);
                }
            }
            Step::Delete(object) => {
                let object = self.as_written(object, revision);
                let reply = match self.call(no).request.verb {
                    Verb::Delete => Reply::Gone(object),
                    _ => registry::written(&self.call(no).request, object),
                };
                self.answer(no, reply, now, out);
            }
        }
    }

    /// An object as it was written: what a watch has told of it already, or the same made here.
    fn as_written(&self, object: Object, revision: Revision) -> Object {
        let meta = object.meta();
        match self.cached(object.kind(), &meta.namespace, &meta.name) {
            Some(told) if storage::revision_of(told) == revision => told.clone(),
            _ => storage::at_revision(object, revision),
        }
    }

    /// Waits until the cache has heard of everything up to `revision`.
    fn wait_for(&mut self, no: CallNo, revision: Revision, now: Time, out: &mut Out<Effect>) {
        self.set_state(no, State::Cache(revision));
        if self.has_heard(self.call(no).request.kind, revision) {
            self.serve_from_cache(no, now, out);
        } else {
            self.behind.insert(no);
            self.ask_progress(out);
        }
    }

    /// A cache has heard something: calls that waited for it go on.
    pub(super) fn catch_up(&mut self, now: Time, out: &mut Out<Effect>) {
        let waiting: Vec<CallNo> = self.behind.iter().copied().collect();
        for no in waiting {
            let Some(call) = self.calls.get(&no) else {
                self.behind.remove(&no);
                continue;
            };
            if let State::Cache(revision) = call.state
                && self.has_heard(call.request.kind, revision)
            {
                self.behind.remove(&no);
                self.serve_from_cache(no, now, out);
            }
        }
        if !self.behind.is_empty() {
            self.ask_progress(out);
        }
    }

    /// Answers a list, begins a watch or deletes a collection, from the cache.
    fn serve_from_cache(&mut self, no: CallNo, now: Time, out: &mut Out<Effect>) {
        let request = self.call(no).request.clone();
        if request.verb == Verb::Watch {
            if let Err(status) = self.begin_watch(no, &request, now, out) {
                self.answer(no, status.into(), now, out);
            }
            return;
        }
        let filter = match filter_of(&request) {
            Ok(filter) => filter,
            Err(status) => return self.answer(no, status.into(), now, out),
        };
        let cache = self.cache(request.kind);
        let prefix = match (&*request.namespace, request.kind.info().namespaced) {
            ("", _) | (_, false) => request.kind.etcd_prefix(),
            (namespace, true) => format!("{}{namespace}/", request.kind.etcd_prefix()),
        };
        let revision = cache.revision();
        let mut chosen: Vec<(Arc<str>, Object)> = cache
            .under(&prefix)
            .filter(|(key, object)| ***key > *request.options.continue_after && filter.matches(object))
            .map(|(key, object)| (Arc::clone(key), object.clone()))
            .collect();
        if request.verb == Verb::DeleteCollection {
            let items = chosen.into_iter().map(|(_, object)| object).collect();
            return self.delete_all(no, &request, items, now, out);
        }
        let (mut next, mut remaining) = (None, None);
        if let Some(limit) = request.options.limit.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0)
            && chosen.len() > limit
        {
            remaining = Some((chosen.len() - limit) as u64);
            chosen.truncate(limit);
            next = chosen.last().map(|(key, _)| Arc::clone(key));
        }
        let items = chosen.into_iter().map(|(_, object)| object).collect();
        self.answer(no, Reply::List { items, revision, next, remaining }, now, out);
    }

    /// Deletes every object of a collection; the collection's call is answered when all are.
    fn delete_all(&mut self, no: CallNo, request: &Request, items: Vec<Object>, now: Time, out: &mut Out<Effect>) {
        self.set_state(no, State::Parts { left: items.len() as u64, items: items.clone() });
        let call = self.call(no);
        let (client, id, agent) = (call.client, call.id, Arc::clone(&call.agent));
        if items.is_empty() {
            return self.finish_parts(no, now, out);
        }
        for object in items {
            let meta = object.meta();
            let mut part = Request::delete(request.kind, &meta.namespace, &meta.name);
            part.options = request.options.clone();
            self.begin(client, id, Arc::clone(&agent), Door::Part(no), part, now, out);
        }
    }

    /// One deletion of a collection is answered.
    pub(super) fn part_done(&mut self, parent: CallNo, reply: Reply, now: Time, out: &mut Out<Effect>) {
        let Some(call) = self.calls.get_mut(&parent) else { return };
        if call.state == State::Charge {
            return self.charged(parent, reply, now, out);
        }
        if let Reply::Failure(status) = &reply
            && status.code != 404
        {
            return self.answer(parent, reply, now, out);
        }
        if let State::Parts { left, .. } = &mut call.state {
            *left -= 1;
            if *left == 0 {
                self.finish_parts(parent, now, out);
            }
        }
    }

    fn finish_parts(&mut self, no: CallNo, now: Time, out: &mut Out<Effect>) {
        let State::Parts { items, .. } = self.call(no).state.clone() else { return };
        let revision = self.cache(self.call(no).request.kind).revision();
        self.answer(no, Reply::List { items, revision, next: None, remaining: None }, now, out);
    }

    /// A client gives a call up. What is under way in etcd goes on, but nobody is told.
    pub(super) fn cancel(&mut self, client: ClientId, id: CallId, out: &mut Out<Effect>) {
        self.forwarded.retain(|_, forwarded| !forwarded.is_of(client, id));
        self.asking.retain(|_, asking| !asking.is_of(client, id));
        let Some(no) = self.by_client.get(&(client, id)).copied() else { return };
        self.logs.remove(&no);
        if let Some(node) = self.streams.remove(&no) {
            out.push(Effect::KubeletCancel { node, id: CallId(no.0) });
        }
        if self.call(no).waits_for_etcd() {
            // What is under way in etcd is seen to its end, so that nothing that it reserved is lost.
            self.by_client.remove(&(client, id));
            self.calls.get_mut(&no).expect("a call under way is known").door = Door::Nobody;
            return;
        }
        self.forget(no);
    }

    /// A client is gone.
    pub(super) fn disconnect(&mut self, client: ClientId, out: &mut Out<Effect>) {
        let all = (client, CallId(0))..=(client, CallId(u64::MAX));
        let ids: Vec<CallId> = self.by_client.range(all).map(|((_, id), _)| *id).collect();
        for id in ids {
            self.cancel(client, id, out);
        }
        self.forwarded.retain(|_, forwarded| !forwarded.is_from(client));
        self.asking.retain(|_, asking| !asking.is_from(client));
    }

    pub(super) fn forget(&mut self, no: CallNo) {
        let Some(call) = self.calls.remove(&no) else { return };
        if call.state == State::Watching {
            self.watchers_mut(call.request.kind).remove(no);
        }
        if self.by_client.get(&(call.client, call.id)) == Some(&no) {
            self.by_client.remove(&(call.client, call.id));
        }
    }

    /// Answers a call and forgets it.
    pub(super) fn answer(&mut self, no: CallNo, reply: Reply, now: Time, out: &mut Out<Effect>) {
        self.behind.remove(&no);
        let Some(call) = self.calls.get(&no) else { return };
        if let Door::Part(parent) = call.door {
            self.forget(no);
            return self.part_done(parent, reply, now, out);
        }
        if call.door == Door::Nobody {
            return self.forget(no);
        }
        if call.door == Door::Internal {
            self.forget(no);
            return self.own_object_made(reply, now, out);
        }
        self.reply_keeping(no, reply, now, out);
        self.forget(no);
    }

    /// Answers a call that goes on.
    pub(super) fn reply_keeping(&mut self, no: CallNo, reply: Reply, now: Time, out: &mut Out<Effect>) {
        let call = self.call(no);
        let (client, id) = (call.client, call.id);
        match &call.door {
            Door::Http(form) => {
                let response = self.present(&form.clone(), &call.request.clone(), reply, now);
                out.push(Effect::Http { client, id, response });
            }
            _ => {
                let answer = Answer::Response { id, response: reply.into_response() };
                out.push(Effect::Answer { client, answer });
            }
        }
    }

    /// Passes a piece of a kubelet's answer on.
    pub(super) fn on_kubelet(&mut self, id: CallId, answer: KubeletAnswer, now: Time, out: &mut Out<Effect>) {
        let no = CallNo(id.0);
        let Some(call) = self.calls.get(&no) else { return };
        let (client, id) = (call.client, call.id);
        let begun = matches!(call.state, State::Kubelet { begun: true });
        match answer {
            KubeletAnswer::Failure(status) => {
                self.streams.remove(&no);
                self.logs.remove(&no);
                if begun {
                    out.push(Effect::Chunk { client, id, chunk: Chunk::End });
                    self.forget(no);
                } else {
                    self.answer(no, Reply::Failure(status), now, out);
                }
            }
            KubeletAnswer::Chunk(chunk) if matches!(call.door, Door::Http(_)) && self.logs.contains_key(&no) => {
                self.on_log(no, chunk, out);
            }
            KubeletAnswer::Began => self.begin_stream(no, now, out),
            KubeletAnswer::Chunk(chunk) => {
                self.begin_stream(no, now, out);
                let end = chunk == Chunk::End;
                out.push(Effect::Chunk { client, id, chunk });
                if end {
                    self.streams.remove(&no);
                    self.forget(no);
                }
            }
        }
    }
}

impl ApiServer {
    /// The first sign of a kubelet's stream answers the call.
    fn begin_stream(&mut self, no: CallNo, now: Time, out: &mut Out<Effect>) {
        if !matches!(self.call(no).state, State::Kubelet { begun: true }) {
            self.set_state(no, State::Kubelet { begun: true });
            self.reply_keeping(no, Reply::Watching, now, out);
        }
    }

    /// A piece of a log that is not followed: it is answered whole.
    fn on_log(&mut self, no: CallNo, chunk: Chunk, out: &mut Out<Effect>) {
        match chunk {
            Chunk::Stdout(bytes) => self.logs.entry(no).or_default().extend(bytes),
            Chunk::End => {
                let (client, id) = (self.call(no).client, self.call(no).id);
                let body = self.logs.remove(&no).unwrap_or_default();
                let response = HttpResponse::text(200, body);
                out.push(Effect::Http { client, id, response });
                self.streams.remove(&no);
                self.forget(no);
            }
            _ => {}
        }
    }
}

/// What a list, watch or deletion of a collection chooses.
///
/// # Errors
/// A selector that cannot be understood.
pub fn filter_of(request: &Request) -> Result<Filter, Status> {
    let options = &request.options;
    let labels = Selector::parse(&options.label_selector).map_err(Status::bad_request)?;
    let fields = FieldSelectors::parse(request.kind, &options.field_selector).map_err(Status::bad_request)?;
    let namespaced = request.kind.info().namespaced;
    let namespace = if namespaced { Arc::clone(&request.namespace) } else { "".into() };
    Ok(Filter { namespace, name: Arc::clone(&request.name), labels, fields })
}
