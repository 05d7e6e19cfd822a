//! Logs and exec sessions for the API server. Models `pkg/kubelet/server/server.go`.

use std::sync::Arc;

use crate::api::http::{Chunk, StreamInput};
use crate::api::{KubeletAnswer, KubeletRequest, ObjectRef, Status};
use crate::node::kubelet::ops::For;
use crate::node::kubelet::worker::Worker;
use crate::node::kubelet::{Effect, Kubelet};
use crate::node::runtime::{CriAnswer, CriRequest, LogQuery, OpId};
use crate::sim::{Out, VecMap};

/// The sessions under way and the calls that serve them.
pub type Streams = VecMap<u64, OpId>;

impl Kubelet {
    pub(super) fn serve(&mut self, id: u64, request: KubeletRequest, out: &mut Out<Effect>) {
        match self.cri_request(request) {
            Ok(request) => {
                let op = self.ask(For::Stream(id), request, out);
                self.streams.insert(id, op);
            }
            Err(status) => out.push(Effect::Served { id, answer: KubeletAnswer::Failure(Arc::new(status)) }),
        }
    }

    fn find(&self, pod: &ObjectRef) -> Result<&Worker, Status> {
        let found = self.workers.values().find(|w| {
            let meta = &w.pod.metadata;
            *meta.namespace == *pod.namespace && *meta.name == *pod.name && !w.removed
        });
        found.ok_or_else(|| Status::not_found(crate::api::Kind::Pod, &pod.name))
    }

    fn cri_request(&self, request: KubeletRequest) -> Result<CriRequest, Status> {
        match request {
            KubeletRequest::Logs { pod, container, follow, previous, tail, timestamps, since, limit } => {
                let worker = self.find(&pod)?;
                // While it waits for its restart, the one that ended is both the current and the previous one.
                let latest = worker.live.latest(&container);
                let over = latest.filter(|v| v.phase.is_exited() && worker.reasons.contains_key(&container));
                let view = if previous { over.or_else(|| worker.live.previous(&container)) } else { latest };
                let Some(view) = view else {
                    return Err(match (previous, worker.live.latest(&container)) {
                        (true, _) => Status::bad_request(format!(
                            "previous terminated container {container:?} in pod {:?} not found",
                            worker.pod.metadata.name
                        )),
                        (false, _) => waiting(worker, &container),
                    });
                };
                Ok(CriRequest::Logs(view.id.clone(), LogQuery { tail, timestamps, follow, since, limit }))
            }
            KubeletRequest::PortForward { pod, port } => match &self.find(&pod)?.live.sandbox {
                Some(sandbox) => Ok(CriRequest::PortForward(sandbox.id.clone(), port)),
                None => Err(internal("unable to upgrade connection: pod does not exist".into())),
            },
            KubeletRequest::Attach { pod, container, stdin, .. } => self.attach(&pod, &container, stdin),
            KubeletRequest::Exec { pod, container, command, stdin, tty } => {
                let worker = self.find(&pod)?;
                let running = worker.live.latest(&container).filter(|c| c.phase.is_running());
                let Some(view) = running else {
                    return Err(internal(format!(
                        "unable to upgrade connection: container not found (\"{container}\")"
                    )));
                };
                Ok(CriRequest::Exec { container: view.id.clone(), command, stdin, tty })
            }
        }
    }

    fn attach(&self, pod: &ObjectRef, container: &str, stdin: bool) -> Result<CriRequest, Status> {
        let running = self.find(pod)?.live.latest(container).filter(|c| c.phase.is_running());
        let Some(view) = running else {
            let place = format!("pod {}_{}", pod.name, pod.namespace);
            return Err(internal(format!("unable to upgrade connection: container {container} not found in {place}")));
        };
        Ok(CriRequest::Attach { container: view.id.clone(), stdin })
    }

    pub(super) fn serve_input(&mut self, id: u64, input: StreamInput, out: &mut Out<Effect>) {
        if let Some(op) = self.streams.get(&id).copied() {
            self.ask(For::Nothing, CriRequest::Input(op, input), out);
        }
    }

    pub(super) fn serve_cancel(&mut self, id: u64, out: &mut Out<Effect>) {
        if let Some(op) = self.streams.remove(&id) {
            self.ask(For::Nothing, CriRequest::Cancel(op), out);
        }
    }

    pub(super) fn stream_answered(&mut self, id: u64, op: OpId, answer: CriAnswer, out: &mut Out<Effect>) {
        if self.streams.get(&id) != Some(&op) {
            return;
        }
        let mut send = |answer| out.push(Effect::Served { id, answer });
        match answer {
            CriAnswer::Began => return send(KubeletAnswer::Began),
            CriAnswer::Stdout(bytes) => return send(KubeletAnswer::Chunk(Chunk::Stdout(bytes))),
            CriAnswer::Stderr(bytes) => return send(KubeletAnswer::Chunk(Chunk::Stderr(bytes))),
            CriAnswer::StreamEnd(code) => {
                if let Some(code) = code {
                    send(KubeletAnswer::Chunk(Chunk::Exit(code)));
                }
                send(KubeletAnswer::Chunk(Chunk::End));
            }
            CriAnswer::Failed(words) => {
                // The runtime's words, and the API server's around them.
                let words = match words.starts_with("rpc error: ") {
                    true => format!("unable to upgrade connection: {words}"),
                    false => format!("Internal error occurred: error executing command in container: {words}"),
                };
                send(KubeletAnswer::Failure(Arc::new(internal(words))));
            }
            _ => send(KubeletAnswer::Chunk(Chunk::End)),
        }
        self.streams.remove(&id);
    }
}

/// `Internal error occurred: …`.
fn internal(words: String) -> Status {
    Status {
        code: 500,
        reason: "InternalError".into(),
        message: format!("Internal error occurred: {words}"),
        details: None,
    }
}

/// Why there is no log yet, in upstream's words.
fn waiting(worker: &Worker, container: &str) -> Status {
    let meta = &worker.pod.metadata;
    let reason = (worker.status.init_container_statuses.iter().chain(&worker.status.container_statuses))
        .find(|s| s.name == container)
        .and_then(|s| s.state.waiting.as_ref())
        .map_or("ContainerCreating", |w| w.reason.as_str());
    let words = match reason {
        "ContainerCreating" | "PodInitializing" => reason.to_owned(),
        "ErrImagePull" => "image can't be pulled".into(),
        "ImagePullBackOff" => "trying and failing to pull image".into(),
        other => other.to_owned(),
    };
    Status::bad_request(format!("container {container:?} in pod {:?} is waiting to start: {words}", meta.name))
}
