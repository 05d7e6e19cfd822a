//! What the server does when etcd does not answer as it should.
//!
//! Models the retries of `client/v3/retry_interceptor.go` (etcd) and the time limit of
//! `k8s.io/apiserver/pkg/server/filters/timeout.go`. What only reads is asked again as long as nobody answers for now; a write is
//! not, for it may have been done. A request has 60 s; here only one that etcd once could not answer is looked at when they are
//! over. A watch is looked at when it is to be told how far it is, or to end (`watching`).

use std::sync::Arc;

use crate::api::http::HttpResponse;
use crate::api::{Answer, Response, Status, Verb};
use crate::control::apiserver::call::{Call, CallNo, State};
use crate::control::apiserver::{ApiServer, Effect, Input};
use crate::etcd::{Code, EtcdError};
use crate::sim::{Out, Span, Time};

/// How long a request may take (`--request-timeout`).
const REQUEST_TIMEOUT: Span = Span::secs(60);
/// How long a client waits for a server that does not listen yet.
const CONNECT_TIMEOUT: Span = Span::secs(5);

impl ApiServer {
    /// Etcd answers a call's question with an error.
    pub(super) fn etcd_failed(&mut self, no: CallNo, state: State, error: EtcdError, now: Time, out: &mut Out<Effect>) {
        let is_read = matches!(state, State::Load | State::Namespace | State::Revision);
        if !is_read || error.code() != Code::Unavailable {
            self.alloc.release(no);
            return self.answer(no, failure(error).into(), now, out);
        }
        self.patient.insert((self.call(no).began + REQUEST_TIMEOUT, no));
        match state {
            State::Namespace => self.ask_namespace(no, out),
            State::Revision => self.ask_revision(no, out),
            _ => self.load(no, out),
        }
    }

    /// The calls whose time is over are answered, unless they have been or go on for as long as their clients like.
    pub(super) fn lose_patience(&mut self, now: Time, out: &mut Out<Effect>) {
        while let Some((_, no)) = self.patient.first().copied().filter(|(at, _)| *at <= now) {
            self.patient.pop_first();
            let Some(call) = self.calls.get(&no) else { continue };
            if call.state == State::Watching {
                self.watch_is_due(no, now, out);
                continue;
            }
            let status = too_late(call);
            self.alloc.release(no);
            self.answer(no, status.into(), now, out);
        }
    }
}

impl ApiServer {
    /// When somebody has waited long enough for the server to be ready.
    pub(super) fn next_refusal(&self) -> Option<Time> {
        self.backlog.front().map(|(came, _)| *came + CONNECT_TIMEOUT)
    }

    /// A server that does not come up does not listen.
    pub(super) fn refuse_backlog(&mut self, now: Time, out: &mut Out<Effect>) {
        while self.next_refusal().is_some_and(|at| at <= now) {
            match self.backlog.pop_front() {
                Some((_, Input::Http { client, id, .. })) => {
                    let words = format!("dial tcp {}:6443: connect: connection refused", self.config.advertise);
                    out.push(Effect::Http { client, id, response: HttpResponse::text(0, words) });
                }
                Some((_, Input::Request { client, id, .. })) => {
                    let (reason, message) = ("Unreachable".into(), "connect: connection refused".into());
                    let status = Status { code: 0, reason, message, details: None };
                    let answer = Answer::Response { id, response: Response::Failure(Arc::new(status)) };
                    out.push(Effect::Answer { client, answer });
                }
                _ => {}
            }
        }
    }
}

/// How a client sees an error of etcd.
fn failure(error: EtcdError) -> Status {
    let message = match error {
        // What etcd's own library knows by name goes without the words of gRPC.
        EtcdError::Refused | EtcdError::ConnectionLost | EtcdError::ProposalDropped => {
            format!("rpc error: code = {} desc = {error}", error.code().name())
        }
        error => error.to_string(),
    };
    Status { code: 500, reason: String::new(), message, details: None }
}

/// The time is over. kubectl puts these words in the place of the server's own, which it cannot read.
fn too_late(call: &Call) -> Status {
    let request = &call.request;
    let verb = match request.verb {
        Verb::Get | Verb::List | Verb::Watch => "get",
        Verb::Create => "post",
        Verb::Update => "put",
        Verb::Patch(_) => "patch",
        Verb::Delete | Verb::DeleteCollection => "delete",
    };
    let info = request.kind.info();
    let group = if info.group.is_empty() { String::new() } else { format!(".{}", info.group) };
    let name = if request.name.is_empty() { String::new() } else { format!(" {}", request.name) };
    let message = format!(
        "the server was unable to return a response in the time allotted, but may still be processing requests \
         ({verb} {}{group}{name})",
        info.plural
    );
    Status { code: 504, reason: "Timeout".into(), message, details: None }
}
