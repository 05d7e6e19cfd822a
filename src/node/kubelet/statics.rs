//! Static pods: what the files of `/etc/kubernetes/manifests` ask for, and what the API server is shown of it.
//!
//! Models `pkg/kubelet/config/file.go`, `pkg/kubelet/config/common.go`, `pkg/kubelet/pod/mirror_client.go` and the part of
//! `SyncPod` that keeps a mirror pod. A static pod is told apart by a hash of its manifest, which is its uid; its mirror at the
//! API server has a uid of its own, and the status of the one is written to the other. Differs: a file is seen as soon as it is
//! written (there with inotify, or every 20 s), and one that is no valid pod is passed over without a line in the log.

use std::sync::Arc;

use crate::api::{
    Kind, Object, ObjectMeta, OwnerReference, Pod, Request, Response, TaintEffect, Timestamp, Toleration, Uid, decode,
    defaults, manifest, validate,
};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::worker::Worker;
use crate::node::kubelet::{Effect, Kubelet, Reason};
use crate::node::runtime::ManifestFile;
use crate::sim::{Out, Span, Time, VecMap, Wake, digest_of};

/// The annotation of a mirror pod with the hash of what it mirrors.
pub const MIRROR: &str = "kubernetes.io/config.mirror";
const HASH: &str = "kubernetes.io/config.hash";
const SEEN: &str = "kubernetes.io/config.seen";
const SOURCE: &str = "kubernetes.io/config.source";
/// After how long a mirror pod that could not be made is tried again.
const RETRY: Span = Span::secs(1);

/// What a kubelet knows of static pods beside their workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Statics {
    /// Whether the runtime has told what runs of them.
    pub(super) known: bool,
    /// Those that wait until an older pod of their name is gone.
    held: VecMap<Uid, Arc<Pod>>,
    /// The mirror pods at the API server, by namespace and name.
    mirrors: VecMap<(String, String), Arc<Pod>>,
    /// The uid of the node's object.
    pub(super) node: Option<Uid>,
    /// When mirror pods are looked after once more.
    retry_at: Option<Time>,
}

impl Kubelet {
    /// The files of the directory are these now.
    pub(super) fn manifests_changed(&mut self, files: &[ManifestFile], now: Time, out: &mut Out<Effect>) {
        let wanted: VecMap<Uid, Arc<Pod>> = files
            .iter()
            .filter_map(|file| pod_of(file, &self.config.node, self.timestamp(now), now))
            .map(|pod| (pod.metadata.uid.clone(), Arc::new(pod)))
            .collect();
        self.statics.held.retain(|uid, _| wanted.contains_key(uid));
        let gone: Vec<Uid> = (self.workers.iter())
            .filter(|(uid, worker)| worker.is_static && !wanted.contains_key(*uid))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in gone {
            self.pod_removed(&uid, now, out);
        }
        for (uid, pod) in wanted {
            if !self.workers.contains_key(&uid) {
                self.statics.held.entry(uid).or_insert(pod);
            }
        }
        self.start_statics(now, out);
        self.keep_mirrors(out);
    }

    /// Begins with the static pods whose names are free.
    pub(super) fn start_statics(&mut self, now: Time, out: &mut Out<Effect>) {
        let is_free = |pod: &Pod| {
            self.workers.values().filter(|worker| worker.is_static).all(|worker| name_of(&worker.pod) != name_of(pod))
        };
        let free: Vec<Uid> =
            self.statics.held.iter().filter(|(_, pod)| is_free(pod)).map(|(uid, _)| uid.clone()).collect();
        for uid in free {
            let Some(pod) = self.statics.held.remove(&uid) else { continue };
            let mirror = self.statics.mirrors.get(&name_of(&pod)).cloned();
            self.workers.insert(uid.clone(), Worker::of_file(pod, mirror, now));
            self.wake_worker(&uid, now, out);
        }
    }

    /// The node's object is known.
    pub(super) fn node_is(&mut self, response: &Response, out: &mut Out<Effect>) {
        let Response::Object(Object::Node(node)) = response else { return };
        if self.statics.node.as_ref() != Some(&node.metadata.uid) {
            self.statics.node = Some(node.metadata.uid.clone());
            self.keep_mirrors(out);
        }
    }

    /// The mirror pods at the API server are these now.
    pub(super) fn mirrors_listed(&mut self, pods: Vec<Arc<Pod>>, now: Time, out: &mut Out<Effect>) {
        let gone: Vec<Arc<Pod>> = (self.statics.mirrors.values())
            .filter(|known| !pods.iter().any(|pod| pod.metadata.uid == known.metadata.uid))
            .cloned()
            .collect();
        for pod in gone {
            self.mirror_removed(&pod, out);
        }
        for pod in pods {
            self.mirror_updated(&pod, now, out);
        }
        self.keep_mirrors(out);
    }

    /// A mirror pod is there, or has changed.
    pub(super) fn mirror_updated(&mut self, pod: &Arc<Pod>, now: Time, out: &mut Out<Effect>) {
        let name = name_of(pod);
        self.statics.mirrors.insert(name.clone(), Arc::clone(pod));
        let Some(uid) = self.static_named(&name) else { return self.keep_mirror(&name, out) };
        let Some(worker) = self.workers.get_mut(&uid) else { return };
        let is_new = worker.mirror.replace(Arc::clone(pod)).is_none_or(|old| old.metadata.uid != pod.metadata.uid);
        if is_new {
            (worker.written, worker.written_version, worker.writing) = (None, None, None);
            self.write_status(&uid, now, out);
        } else {
            worker.reassert(pod, now);
        }
        self.keep_mirror(&name, out);
    }

    /// A mirror pod is gone.
    pub(super) fn mirror_removed(&mut self, pod: &Pod, out: &mut Out<Effect>) {
        let name = name_of(pod);
        if self.statics.mirrors.get(&name).is_none_or(|known| known.metadata.uid != pod.metadata.uid) {
            return;
        }
        self.statics.mirrors.remove(&name);
        if let Some(worker) = self.static_named(&name).and_then(|uid| self.workers.get_mut(&uid)) {
            worker.mirror = None;
        }
        self.keep_mirror(&name, out);
    }

    /// Every static pod has its mirror, and there are no others.
    pub(super) fn keep_mirrors(&mut self, out: &mut Out<Effect>) {
        let statics = self.workers.values().filter(|worker| worker.is_static).map(|worker| name_of(&worker.pod));
        let names: Vec<(String, String)> = statics.chain(self.statics.mirrors.keys().cloned()).collect();
        for name in names {
            self.keep_mirror(&name, out);
        }
    }

    /// Makes a mirror pod that is missing, and deletes one that is not wanted as it is.
    fn keep_mirror(&mut self, name: &(String, String), out: &mut Out<Effect>) {
        if !self.pods_known || !self.statics.known || self.is_mirroring(name) {
            return;
        }
        let worker = self.static_named(name).and_then(|uid| self.workers.get(&uid));
        if worker.is_some_and(|worker| worker.removed) {
            // It stays until nothing of the pod runs any more.
            return;
        }
        let hash = worker.map(|worker| worker.pod.metadata.uid.clone());
        if let Some(mirror) = self.statics.mirrors.get(name) {
            let mirrors = mirror.metadata.annotations.get(MIRROR);
            let fits = hash.as_ref().zip(mirrors).is_some_and(|(hash, mirrors)| *hash.0 == **mirrors);
            if !fits || mirror.metadata.deletion_timestamp.is_some() {
                let mut request = Request::delete(Kind::Pod, &name.0, &name.1);
                request.options.grace_period_seconds = Some(0);
                request.options.precondition_uid = Some(mirror.metadata.uid.clone());
                let purpose = Purpose::Mirror(name.clone(), Some(mirror.metadata.uid.clone()));
                self.call(purpose, request, None, out);
            }
        } else if let (Some(worker), Some(node)) = (worker, &self.statics.node) {
            let (about, request) =
                (worker.reference(), Request::create(mirror_of(&worker.pod, &self.config.node, node)));
            self.call(Purpose::Mirror(name.clone(), None), request, Some(about), out);
        }
    }

    /// A mirror pod was made, or was not.
    pub(super) fn mirror_made(&mut self, response: &Response, now: Time, out: &mut Out<Effect>) {
        match response {
            Response::Object(Object::Pod(pod)) => self.mirror_updated(pod, now, out),
            _ => self.statics.retry_at = Some(now + RETRY),
        }
    }

    /// A mirror pod was deleted, or was not.
    pub(super) fn mirror_deleted(
        &mut self,
        name: &(String, String),
        uid: &Uid,
        response: &Response,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        match response {
            Response::Failure(status) if status.code != 404 => self.statics.retry_at = Some(now + RETRY),
            _ => match self.statics.mirrors.get(name).filter(|mirror| mirror.metadata.uid == *uid).cloned() {
                Some(mirror) => self.mirror_removed(&mirror, out),
                None => self.keep_mirror(name, out),
            },
        }
    }

    /// Looks once more for mirror pods that are missing, if it is time.
    pub(super) fn mirrors_due(&mut self, now: Time, out: &mut Out<Effect>) {
        if self.statics.retry_at.is_some_and(|at| at <= now) {
            self.statics.retry_at = None;
            self.keep_mirrors(out);
        }
    }

    pub(super) fn mirrors_wake(&self) -> Option<Wake<Reason>> {
        self.statics.retry_at.map(|at| Wake { at, why: Reason::Retry })
    }

    /// A container of a static pod may run (again).
    pub(super) fn unblocked(&mut self, container: &str, now: Time, out: &mut Out<Effect>) {
        let has = |worker: &Worker| worker.is_static && worker.container(container).is_some();
        let uids: Vec<Uid> = self.workers.iter().filter(|(_, w)| has(w)).map(|(uid, _)| uid.clone()).collect();
        for uid in uids {
            self.restart_backoff.forget(&format!("{uid}_{container}"));
            self.relist(&uid);
            self.wake_worker(&uid, now, out);
        }
    }

    fn static_named(&self, name: &(String, String)) -> Option<Uid> {
        let is = |worker: &Worker| worker.is_static && name_of(&worker.pod) == *name;
        self.workers.iter().find(|(_, worker)| is(worker)).map(|(uid, _)| uid.clone())
    }
}

fn name_of(pod: &Pod) -> (String, String) {
    (pod.metadata.namespace.clone(), pod.metadata.name.clone())
}

/// Whether a pod of the API server stands for a static one.
pub fn is_mirror(pod: &Pod) -> bool {
    pod.metadata.annotations.contains_key(MIRROR)
}

/// The pod that a manifest asks for on a node, if it is a valid one.
fn pod_of(file: &ManifestFile, node: &str, seen: Timestamp, now: Time) -> Option<Pod> {
    let value = manifest::to_value(std::str::from_utf8(&file.data).ok()?).ok()?;
    if value.get("kind").and_then(|kind| kind.as_str()) != Some("Pod") {
        return None;
    }
    let mut object = decode::object(Kind::Pod, value).ok()?;
    let hash = format!("{}{}", digest_of(&(node, &file.path, &object)), digest_of(&(&object, &file.path)));
    defaults::apply(&mut object);
    let Object::Pod(pod) = &mut object else { return None };
    let pod = Arc::make_mut(pod);
    pod.metadata.uid = Uid(hash.as_str().into());
    pod.metadata.name = format!("{}-{}", pod.metadata.name, node.to_lowercase());
    if pod.metadata.namespace.is_empty() {
        pod.metadata.namespace = "default".into();
    }
    let nanos = now.0 % 1_000_000_000;
    let fraction = if nanos == 0 { String::new() } else { format!(".{nanos:09}").trim_end_matches('0').to_owned() };
    let seen = format!("{}{fraction}Z", seen.to_string().trim_end_matches('Z'));
    let marks = [(HASH, hash), (SEEN, seen), (SOURCE, "file".to_owned())];
    pod.metadata.annotations.extend(marks.map(|(key, value)| (key.to_owned(), value)));
    let spec = Arc::make_mut(&mut pod.spec);
    spec.node_name = node.to_owned();
    spec.tolerations.push(Toleration {
        operator: "Exists".into(),
        effect: Some(TaintEffect::NoExecute),
        ..Toleration::default()
    });
    pod.status.phase = "Pending".into();
    if !validate::create(&object).is_empty() {
        return None;
    }
    object.get::<Pod>().map(|pod| (**pod).clone())
}

/// What the API server is shown of a static pod.
fn mirror_of(pod: &Pod, node: &str, uid: &Uid) -> Pod {
    let mut metadata = ObjectMeta {
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        labels: pod.metadata.labels.clone(),
        annotations: pod.metadata.annotations.clone(),
        ..ObjectMeta::default()
    };
    metadata.annotations.insert(MIRROR.to_owned(), pod.metadata.uid.to_string());
    metadata.owner_references = vec![OwnerReference {
        api_version: "v1".into(),
        kind: "Node".into(),
        name: node.to_owned(),
        uid: uid.clone(),
        controller: true,
        ..OwnerReference::default()
    }];
    Pod { metadata, spec: Arc::clone(&pod.spec), ..Pod::default() }
}
