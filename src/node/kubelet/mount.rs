//! The volumes of a pod and the ConfigMaps and Secrets that a container needs. Models `pkg/kubelet/volumemanager` and the
//! ConfigMap and Secret managers.
//!
//! Differs: objects are fetched at each sync that starts something; a change of one reaches a running container only when it
//! restarts.

use crate::api::{Kind, Object, ObjectRef, Request, Status, Uid};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::worker::{ContainerStep, Step};
use crate::node::kubelet::{Effect, Kubelet, actions, volume};
use crate::sim::{Out, Span, Time};

use std::sync::Arc;

impl Kubelet {
    /// Fetches what the volumes are made of, unless nothing is to be started.
    pub(super) fn mount(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let starts = actions::compute(worker);
        let needs: Vec<ObjectRef> = match starts.start.is_empty() && !starts.sandbox {
            true => Vec::new(),
            false => volume::needs(worker).into_iter().map(|need| need.object).collect(),
        };
        if self.fetch(uid, needs, out) {
            self.mounted(uid, now, out);
        }
    }

    /// Asks for objects; whether all are there already.
    pub(super) fn fetch(&mut self, uid: &Uid, needs: Vec<ObjectRef>, out: &mut Out<Effect>) -> bool {
        let Some(worker) = self.workers.get_mut(uid) else { return false };
        let about = worker.reference();
        let missing: Vec<ObjectRef> = needs.into_iter().filter(|key| !worker.fetched.contains_key(key)).collect();
        worker.fetching.extend(missing.iter().cloned());
        for key in &missing {
            let request = Request::get(key.kind, &key.namespace, &key.name);
            self.call(Purpose::Fetch(uid.clone(), key.clone()), request, Some(about.clone()), out);
        }
        missing.is_empty()
    }

    pub(super) fn fetched(
        &mut self,
        uid: &Uid,
        key: &ObjectRef,
        result: Result<Object, Arc<Status>>,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if !worker.fetching.remove(key) {
            return;
        }
        worker.fetched.insert(key.clone(), result);
        if !worker.fetching.is_empty() {
            return;
        }
        match worker.sync.as_ref().map(|s| &s.step) {
            // A claim names the volume that is fetched next.
            Some(Step::Volumes) => self.mount(uid, now, out),
            Some(Step::Container(ContainerStep::Config)) => self.config_ready(uid, now, out),
            _ => {}
        }
    }

    /// All that could be fetched is there: the volumes are mounted, or it is tried again, 0.5 s doubling to 2 min 2 s.
    fn mounted(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let starts = actions::compute(worker);
        let failure = if starts.start.is_empty() && !starts.sandbox { None } else { volume::trouble(worker) };
        let Some(message) = failure else {
            if let Some(worker) = self.workers.get_mut(uid) {
                worker.mount_failures = 0;
            }
            return self.volumes_ready(uid, now, out);
        };
        self.pod_event(uid, None, "Warning", "FailedMount", &message, now, out);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let wait = Span::millis(500) * (1_u64 << worker.mount_failures.min(8));
        worker.mount_failures += 1;
        worker.sync = None;
        worker.next_sync = Some(now + wait.min(Span::secs(122)));
    }
}

/// `configmap "nope" not found`, as the kubelet words it.
pub fn not_found(key: &ObjectRef) -> String {
    let kind = if key.kind == Kind::Secret { "secret" } else { "configmap" };
    format!("{kind} {:?} not found", &*key.name)
}
