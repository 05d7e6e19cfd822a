//! Writing pod statuses, and removing pods that have ended. Models `pkg/kubelet/status/status_manager.go`.

use std::sync::Arc;

use crate::api::patch::PodStatusPatch;
use crate::api::{
    Body, CallId, ContainerStatus, Kind, PatchType, Pod, PodStatus, Request, Response, Subresource, Uid, Verb,
};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::worker::{Life, Worker};
use crate::node::kubelet::{Effect, Kubelet, status};
use crate::sim::{Out, Span, Time, VecMap};

/// The conditions that the kubelet owns (`PodConditionsByKubelet`).
const OWN_CONDITIONS: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

impl Kubelet {
    /// Computes a pod's status from what is seen and writes it if it changed.
    pub(super) fn refresh_status(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let stamp = self.timestamp(now);
        let Some(worker) = self.workers.get(uid) else { return };
        let new = status::generate(worker, self.config.ip, stamp, self.config.epoch);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        worker.status = new;
        self.write_status(uid, now, out);
    }

    pub(super) fn write_status(&mut self, uid: &Uid, _now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if worker.writing.is_some() || worker.removed || worker.written.as_deref() == Some(&worker.status) {
            return;
        }
        // A static pod is told of once something stands for it.
        if worker.is_static && worker.mirror.is_none() {
            return;
        }
        let about = worker.reference();
        let object = worker.object().metadata.uid.clone();
        let from = worker.written.take().unwrap_or_else(|| Arc::new(worker.object().status.clone()));
        let to = Arc::new(worker.status.clone());
        worker.written = Some(Arc::clone(&to));
        let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Pod, &about.namespace, &about.name);
        request.subresource = Some(Subresource::Status);
        request.body = Body::PodStatus(PodStatusPatch { uid: object, from, to });
        let id = self.call(Purpose::PodStatus(uid.clone()), request, Some(about), out);
        if let Some(worker) = self.workers.get_mut(uid) {
            worker.writing = Some(id);
        }
    }

    pub(super) fn pod_status_written(
        &mut self,
        uid: &Uid,
        id: CallId,
        response: &Response,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if worker.writing == Some(id) {
            worker.writing = None;
        }
        match response {
            // The watch will tell that it is gone.
            Response::Failure(status) if status.code == 404 => return,
            Response::Failure(_) => {
                worker.written = None;
                worker.write_at = Some(now + Span::secs(10));
                return;
            }
            Response::Object(pod) => {
                worker.written_version = pod.meta().resource_version;
                if let Some(pod) = pod.get::<Pod>() {
                    worker.reassert(pod, now);
                }
            }
            _ => {}
        }
        self.write_status(uid, now, out);
        self.finish(uid, now, out);
    }

    /// A terminated pod whose last status is written is removed, if it was deleted.
    pub(super) fn finish(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if worker.life != Life::Terminated {
            return;
        }
        if worker.removed {
            return self.forget(uid, now, out);
        }
        if worker.unmounted.is_some() {
            return;
        }
        let settled = worker.writing.is_none() && worker.written.as_deref() == Some(&worker.status);
        if worker.pod.metadata.deletion_timestamp.is_none() || !settled || worker.deleting {
            return;
        }
        worker.deleting = true;
        let about = worker.reference();
        let mut request = Request::delete(Kind::Pod, &about.namespace, &about.name);
        request.options.grace_period_seconds = Some(0);
        request.options.precondition_uid = Some(uid.clone());
        self.call(Purpose::PodDelete(uid.clone()), request, Some(about), out);
    }

    pub(super) fn pod_deleted(&mut self, uid: &Uid, response: &Response, now: Time, _out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if let Response::Failure(status) = response
            && status.code != 404
            && status.reason != "Conflict"
        {
            worker.deleting = false;
            worker.next_sync = Some(now + Span::secs(10));
        }
    }
}

impl Worker {
    /// Somebody else wrote what the kubelet says of the pod (the node controller while the node is silent; an API server that did
    /// late what it was asked long ago): the status manager writes its own again with its next batch (`needsReconcile`, every
    /// 10 s). What is older than the own last write says nothing.
    pub(super) fn reassert(&mut self, pod: &Pod, now: Time) {
        let settled = self.writing.is_none() && self.written.as_deref() == Some(&self.status);
        let older = pod.metadata.resource_version < self.written_version;
        if settled && !older && !says_the_same(&pod.status, &self.status) {
            self.written = None;
            self.write_at = Some(now + Span::secs(10));
        }
    }
}

/// Whether two statuses agree in what is the kubelet's own (`isPodStatusByKubeletEqual`).
fn says_the_same(a: &PodStatus, b: &PodStatus) -> bool {
    let conditions = |status: &PodStatus| -> VecMap<String, String> {
        let own = status.conditions.iter().filter(|c| OWN_CONDITIONS.contains(&&*c.r#type));
        own.map(|c| (c.r#type.clone(), c.status.clone())).collect()
    };
    let same = |a: &ContainerStatus, b: &ContainerStatus| {
        (&a.name, &a.container_id, &a.state, a.ready, a.restart_count)
            == (&b.name, &b.container_id, &b.state, b.ready, b.restart_count)
    };
    let all_same =
        |a: &[ContainerStatus], b: &[ContainerStatus]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    (&a.phase, &a.reason, &a.message, &a.pod_ip) == (&b.phase, &b.reason, &b.message, &b.pod_ip)
        && all_same(&a.container_statuses, &b.container_statuses)
        && all_same(&a.init_container_statuses, &b.init_container_statuses)
        && all_same(&a.ephemeral_container_statuses, &b.ephemeral_container_statuses)
        && conditions(a) == conditions(b)
}
