//! Streams that come from kubelets: `log` and `exec`. Models `pkg/registry/core/pod/rest/{log,subresources}.go` and
//! `pkg/registry/core/pod/strategy.go` (`LogLocation`).

use std::sync::Arc;

use crate::api::http::StreamInput;
use crate::api::{Body, CallId, KubeletRequest, ObjectRef, Pod, Request, Since, Status, Subresource};
use crate::api::{Kind, Object};
use crate::control::apiserver::call::{CallNo, ClientId, State};
use crate::control::apiserver::{ApiServer, Effect};
use crate::sim::Out;

impl ApiServer {
    /// Asks the kubelet of the pod's node.
    pub(super) fn ask_kubelet(&mut self, no: CallNo, request: &Request, out: &mut Out<Effect>) -> Result<(), Status> {
        let Some(Object::Pod(pod)) = self.cached(Kind::Pod, &request.namespace, &request.name) else {
            return Err(Status::not_found(Kind::Pod, &request.name));
        };
        let pod = Arc::clone(pod);
        let body = match &request.body {
            Body::Value(value) => (**value).clone(),
            _ => serde_json::Value::Null,
        };
        let forwards = request.subresource == Some(Subresource::PortForward);
        let container =
            if forwards { String::new() } else { container(&pod, body["container"].as_str().unwrap_or(""))? };
        if pod.spec.node_name.is_empty() {
            return Err(Status::bad_request(format!("pod {} does not have a host assigned", request.name)));
        }
        let about =
            ObjectRef { kind: Kind::Pod, namespace: Arc::clone(&request.namespace), name: Arc::clone(&request.name) };
        let truth = |name: &str| body[name].as_bool().unwrap_or(false);
        let ask = match request.subresource {
            Some(Subresource::Exec) => KubeletRequest::Exec {
                pod: about,
                container,
                command: body["command"]
                    .as_array()
                    .map(|words| words.iter().filter_map(|w| w.as_str().map(str::to_owned)).collect())
                    .unwrap_or_default(),
                stdin: truth("stdin"),
                tty: truth("tty"),
            },
            Some(Subresource::PortForward) => {
                let port = body["ports"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
                let Some(port) = port else {
                    return Err(Status::bad_request("ports: must be one port between 1 and 65535"));
                };
                KubeletRequest::PortForward { pod: about, port }
            }
            Some(Subresource::Attach) => {
                KubeletRequest::Attach { pod: about, container, stdin: truth("stdin"), tty: truth("tty") }
            }
            _ => KubeletRequest::Logs {
                pod: about,
                container,
                follow: truth("follow"),
                previous: truth("previous"),
                tail: body["tailLines"].as_u64(),
                timestamps: truth("timestamps"),
                since: match (body["sinceSeconds"].as_u64(), body["sinceTime"].as_str()) {
                    (Some(seconds), _) => Some(Since::Ago(seconds)),
                    (None, time) => time.map(|time| Since::At(time.to_owned())),
                },
                limit: body["limitBytes"].as_u64(),
            },
        };
        let node: Arc<str> = pod.spec.node_name.as_str().into();
        self.streams.insert(no, Arc::clone(&node));
        if matches!(ask, KubeletRequest::Logs { follow: false, .. }) {
            self.logs.insert(no, Vec::new());
        }
        self.set_state(no, State::Kubelet { begun: false });
        out.push(Effect::Kubelet { node, id: CallId(no.0), request: ask });
        Ok(())
    }

    /// Passes what a client sends on a stream on to the kubelet.
    pub(super) fn on_stream_input(&self, client: ClientId, id: CallId, input: StreamInput, out: &mut Out<Effect>) {
        let Some(no) = self.by_client.get(&(client, id)) else { return };
        if let Some(node) = self.streams.get(no) {
            out.push(Effect::KubeletInput { node: Arc::clone(node), id: CallId(no.0), input });
        }
    }
}

/// The container that is meant.
fn container(pod: &Pod, asked: &str) -> Result<String, Status> {
    let name = &pod.metadata.name;
    let names = |of: &[crate::api::Container]| of.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
    let (usual, init) = (names(&pod.spec.containers), names(&pod.spec.init_containers));
    let added = names(&pod.spec.ephemeral_containers);
    if !asked.is_empty() {
        return if usual.iter().chain(&init).chain(&added).any(|c| c == asked) {
            Ok(asked.to_owned())
        } else {
            Err(Status::bad_request(format!("container {asked} is not valid for pod {name}")))
        };
    }
    match usual.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(Status::bad_request(format!("no containers found in pod {name}"))),
        many => {
            let mut words =
                format!("a container name must be specified for pod {name}, choose one of: [{}]", many.join(" "));
            if !init.is_empty() {
                words.push_str(&format!(" or one of the init containers: [{}]", init.join(" ")));
            }
            if !added.is_empty() {
                words.push_str(&format!(" or one of the ephemeral containers: [{}]", added.join(" ")));
            }
            Err(Status::bad_request(words))
        }
    }
}
