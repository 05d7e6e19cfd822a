//! What the trace says of messages.

use std::sync::Arc;

use crate::api::http::{HttpRequest, Method};
use crate::api::{Answer, KubeletRequest, ObjectRef, Response};
use crate::cluster::event::Said;
use crate::cluster::{MailKind, Message, host};
use crate::control::apiserver::{self, StoredValue};
use crate::etcd::{self, Op};
use crate::node::{flannel, runtime};

/// What the trace says of a message; `None` for what it does not list.
pub(crate) fn said(message: &Message) -> Option<Said> {
    Some(match message {
        Message::ToApi(apiserver::Input::Request { request, .. }) => Said::Call {
            verb: request.verb,
            object: ObjectRef { kind: request.kind, namespace: request.namespace.clone(), name: request.name.clone() },
            subresource: request.subresource,
        },
        Message::ToApi(apiserver::Input::Http { request, .. }) => Said::Http {
            method: request.method,
            path: path_of(request),
            size: u32::try_from(request.body.len()).unwrap_or(u32::MAX),
        },
        Message::ToApi(apiserver::Input::Etcd(effect)) | Message::Mail(MailKind::Etcd(effect)) => etcd_said(effect)?,
        Message::ToApi(apiserver::Input::Kubelet { .. }) => Said::Local("stream".into()),
        Message::ToApi(apiserver::Input::Forwarded { response, .. }) => {
            Said::Response { code: response.code, object: None, wrote: false }
        }
        Message::Forward(_, request) => Said::Http { method: request.method, path: path_of(request), size: 0 },
        Message::Scrape(_) => Said::Http { method: Method::Get, path: "/metrics/resource".into(), size: 0 },
        Message::Scraped(_) => Said::Response { code: 200, object: None, wrote: false },
        Message::ToApi(_) => return None,
        Message::ToEtcd(etcd::Input::Request { op, .. }) => op_said(op)?,
        // Heartbeats are left out, as frames are.
        Message::ToEtcd(etcd::Input::Peer(message)) if !message.is_heartbeat() => match &message.body {
            etcd::PeerBody::Raft(raft) => Said::Raft { kind: raft.body.name(), term: raft.term.map(|term| term.0) },
            other => Said::Local(other.path().into()),
        },
        Message::ToEtcd(_) => return None,
        Message::Answer(Answer::Response { response, .. }) => response_said(response),
        Message::Answer(Answer::Events { events, .. }) => Said::Watch {
            first: events.first().map(|event| (event.event, event.object.reference())),
            count: u32::try_from(events.len()).unwrap_or(u32::MAX),
        },
        Message::Answer(Answer::WatchClosed { status, .. }) => {
            Said::Response { code: status.code, object: None, wrote: false }
        }
        Message::Serve(_, request) => kubelet_said(request),
        Message::Mail(MailKind::Http { response, .. }) => {
            Said::Response { code: response.code, object: None, wrote: false }
        }
        Message::Mail(MailKind::Chunk { chunk: crate::api::http::Chunk::Event(_), .. }) => {
            Said::Watch { first: None, count: 1 }
        }
        Message::Flannel(flannel::Input::Changes(events)) => Said::EtcdEvents {
            key: events.first().map_or_else(|| "".into(), |event| event.key().clone()),
            count: u32::try_from(events.len()).unwrap_or(u32::MAX),
            revision: events.last().map_or(0, |event| event.revision().0),
        },
        Message::Flannel(_) => Said::EtcdReply { wrote: false, revision: 0 },
        Message::ToRuntime(runtime::Input::Cri(_, request)) => Said::Local(host::cri_name(request).into()),
        Message::Cri(runtime::CriEvent::Container(view)) => {
            Said::Local(format!("ContainerStatus {}/{}", view.pod.name, view.name).into())
        }
        _ => return None,
    })
}

/// A request in the form of the kubelet's own server.
fn kubelet_said(request: &KubeletRequest) -> Said {
    let (method, path) = match request {
        KubeletRequest::Logs { pod, container, .. } => (Method::Get, format!("/containerLogs/{}/{container}", of(pod))),
        KubeletRequest::Attach { pod, container, .. } => (Method::Post, format!("/attach/{}/{container}", of(pod))),
        KubeletRequest::Exec { pod, container, .. } => (Method::Post, format!("/exec/{}/{container}", of(pod))),
        KubeletRequest::PortForward { pod, .. } => (Method::Post, format!("/portForward/{}", of(pod))),
    };
    Said::Http { method, path: path.into(), size: 0 }
}

fn of(pod: &ObjectRef) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

fn path_of(request: &HttpRequest) -> Arc<str> {
    let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if query.is_empty() { request.path.as_str().into() } else { format!("{}?{}", request.path, query.join("&")).into() }
}

fn response_said(response: &Response) -> Said {
    match response {
        Response::Object(object) => Said::Response { code: 200, object: Some(object.reference()), wrote: false },
        Response::Failure(status) => Said::Response { code: status.code, object: None, wrote: false },
        _ => Said::Response { code: 200, object: None, wrote: false },
    }
}

fn op_said(op: &Op<StoredValue>) -> Option<Said> {
    Some(match op {
        Op::Range(range) => Said::EtcdRead(range.range.start().into()),
        Op::Put(put) => Said::EtcdWrite(put.key.clone()),
        Op::Delete(delete) => Said::EtcdDelete(delete.range.start().into()),
        Op::Txn(txn) => txn.success.iter().find_map(|step| match step {
            etcd::TxnStep::Put(put) => Some(Said::EtcdWrite(put.key.clone())),
            etcd::TxnStep::Delete(delete) => Some(Said::EtcdDelete(delete.range.start().into())),
            etcd::TxnStep::Range(range) => Some(Said::EtcdRead(range.range.start().into())),
            etcd::TxnStep::Txn(_) => None,
        })?,
        Op::WatchCreate(watch) => Said::EtcdRead(watch.range.start().into()),
        _ => return None,
    })
}

/// Whether an answer is to a write that was done.
fn wrote(body: &etcd::Body<StoredValue>) -> bool {
    match body {
        etcd::Body::Put { .. } => true,
        etcd::Body::Delete { deleted, .. } => *deleted > 0,
        etcd::Body::Txn(txn) => txn.responses.iter().any(wrote),
        _ => false,
    }
}

fn etcd_said(effect: &etcd::Effect<StoredValue>) -> Option<Said> {
    Some(match effect {
        etcd::Effect::Response { result: Ok(reply), .. } => {
            Said::EtcdReply { wrote: wrote(&reply.body), revision: reply.header.revision.0 }
        }
        etcd::Effect::Response { result: Err(_), .. } => Said::EtcdReply { wrote: false, revision: 0 },
        etcd::Effect::WatchEvents { events, revision, .. } => Said::EtcdEvents {
            key: events.first()?.key().clone(),
            count: u32::try_from(events.len()).unwrap_or(u32::MAX),
            revision: revision.0,
        },
        _ => return None,
    })
}
