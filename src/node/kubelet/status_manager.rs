//! Writing pod statuses, and removing pods that have ended. Models `pkg/kubelet/status/status_manager.go`.

use std::sync::Arc;

use crate::api::patch::PodStatusPatch;
use crate::api::{Body, CallId, Kind, PatchType, Pod, PodStatus, Request, Response, Subresource, Uid, Verb};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::worker::{Life, Worker};
use crate::node::kubelet::{Effect, Kubelet, status};
use crate::sim::{Out, Span, Time};

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
        let about = worker.reference();
        let from = worker.written.take().unwrap_or_else(|| Arc::new(worker.pod.status.clone()));
        let to = Arc::new(worker.status.clone());
        worker.written = Some(Arc::clone(&to));
        let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Pod, &about.namespace, &about.name);
        request.subresource = Some(Subresource::Status);
        request.body = Body::PodStatus(PodStatusPatch { uid: uid.clone(), from, to });
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
            Response::Object(pod) => worker.written_version = pod.meta().resource_version,
            _ => {}
        }
        self.write_status(uid, now, out);
        self.finish(uid, now, out);
    }

    /// Somebody else wrote the pod's readiness (the node controller, while this node was not heard of): it is written again
    /// (`needsReconcile`). What is older than the own last write says nothing.
    pub(super) fn reconcile_status(&mut self, pod: &Pod, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(&pod.metadata.uid) else { return };
        let ready = |status: &PodStatus| {
            status.conditions.iter().find(|c| c.r#type == "Ready").map(|condition| condition.status.clone())
        };
        let older = pod.metadata.resource_version <= worker.written_version;
        if older
            || worker.writing.is_some()
            || worker.written.as_ref().is_none_or(|own| ready(own) == ready(&pod.status))
        {
            return;
        }
        worker.written = None;
        let uid = pod.metadata.uid.clone();
        self.write_status(&uid, now, out);
    }

    /// A terminated pod whose last status is written is removed, if it was deleted.
    pub(super) fn finish(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if worker.life != Life::Terminated {
            return;
        }
        if worker.removed {
            return self.forget(uid, out);
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
        _ = now;
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
    /// Somebody else wrote whether the pod is ready (the node controller does when a node is silent): the status manager
    /// writes its own again with its next batch (`needsReconcile`, every 10 s).
    pub(super) fn reassert(&mut self, now: Time) {
        let ready = |status: &PodStatus| {
            status.conditions.iter().find(|c| c.r#type == "Ready").map(|condition| condition.status.clone())
        };
        let settled = self.writing.is_none() && self.written.as_deref() == Some(&self.status);
        if settled && ready(&self.pod.status) != ready(&self.status) {
            self.written = None;
            self.write_at = Some(now + Span::secs(10));
        }
    }
}
