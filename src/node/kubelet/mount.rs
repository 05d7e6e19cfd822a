//! The volumes of a pod and the ConfigMaps and Secrets that a container needs. Models `pkg/kubelet/volumemanager` and the
//! ConfigMap and Secret managers.
//!
//! Differs: objects are fetched at each sync that starts something; a change of one reaches a running container only when it
//! restarts.

use crate::api::{Kind, Object, ObjectRef, Request, Status, Uid};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::env;
use crate::node::kubelet::worker::{ContainerStep, Step};
use crate::node::kubelet::{Effect, Kubelet, actions};
use crate::sim::{Out, Span, Time};

use std::sync::Arc;

impl Kubelet {
    /// Fetches what the volumes are made of, unless nothing is to be started.
    pub(super) fn mount(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let starts = actions::compute(worker);
        let needs: Vec<ObjectRef> = match starts.start.is_empty() && !starts.sandbox {
            true => Vec::new(),
            false => env::volume_needs(&worker.pod).into_iter().map(|(key, _, _)| key).collect(),
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
            Some(Step::Volumes) => self.mounted(uid, now, out),
            Some(Step::Container(ContainerStep::Config)) => self.config_ready(uid, now, out),
            _ => {}
        }
    }

    /// All that could be fetched is there: the volumes are mounted, or it is tried again, 0.5 s doubling to 2 min 2 s.
    fn mounted(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let starts = actions::compute(worker);
        let failure = if starts.start.is_empty() && !starts.sandbox { None } else { first_missing(worker) };
        let Some((volume, words)) = failure else {
            if let Some(worker) = self.workers.get_mut(uid) {
                worker.mount_failures = 0;
            }
            return self.volumes_ready(uid, now, out);
        };
        let message = format!("MountVolume.SetUp failed for volume {volume:?} : {words}");
        self.pod_event(uid, None, "Warning", "FailedMount", &message, now, out);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let wait = Span::millis(500) * (1_u64 << worker.mount_failures.min(8));
        worker.mount_failures += 1;
        worker.sync = None;
        worker.next_sync = Some(now + wait.min(Span::secs(122)));
    }
}

/// The first volume whose object is not there, and the words.
fn first_missing(worker: &crate::node::kubelet::worker::Worker) -> Option<(String, String)> {
    env::volume_needs(&worker.pod).into_iter().find_map(|(key, volume, optional)| {
        let missing = matches!(worker.fetched.get(&key), Some(Err(_))) && !optional;
        missing.then(|| (volume, not_found(&key)))
    })
}

/// `configmap "nope" not found`, as the kubelet words it.
pub fn not_found(key: &ObjectRef) -> String {
    let kind = if key.kind == Kind::Secret { "secret" } else { "configmap" };
    format!("{kind} {:?} not found", &*key.name)
}
