//! The volumes of a pod and what its containers are made from. Models `pkg/kubelet/volumemanager`.
//!
//! What a volume is made of is looked at again at every sync, so that a container sees a changed ConfigMap or Secret within the
//! period of the sync (a minute and up to half of it more), without a restart.

use crate::api::{ObjectRef, Request, Uid, Volume};
use crate::node::kubelet::api::Purpose;
use crate::node::kubelet::atomic::Payload;
use crate::node::kubelet::objects::Told;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::volume::Trouble;
use crate::node::kubelet::worker::{ContainerStep, Step};
use crate::node::kubelet::{Effect, Kubelet, actions, volume};
use crate::node::runtime::{CriAnswer, CriRequest};
use crate::sim::{Out, Span, Time};

impl Kubelet {
    /// Gets what the volumes are made of: claims only if something is to be started.
    pub(super) fn mount(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let claims = if actions::compute(worker).nothing_starts() { Vec::new() } else { volume::claims(worker) };
        let needs = volume::objects(&worker.pod).chain(claims).map(|need| need.object).collect();
        if self.fetch(uid, needs, out) {
            self.mounted(uid, now, out);
        }
    }

    /// Takes what is known of objects and asks for the others; whether all are there already.
    pub(super) fn fetch(&mut self, uid: &Uid, needs: Vec<ObjectRef>, out: &mut Out<Effect>) -> bool {
        let Some(worker) = self.workers.get_mut(uid) else { return false };
        let about = worker.reference();
        let mut asked = Vec::new();
        for key in needs {
            if worker.fetched.contains_key(&key) {
                continue;
            }
            if let Some(told) = self.objects.get(&key) {
                worker.fetched.insert(key, told.clone());
                continue;
            }
            if !self.objects.is_used(&key) {
                asked.push(key.clone());
            }
            worker.fetching.insert(key);
        }
        let complete = worker.fetching.is_empty();
        for key in asked {
            let request = Request::get(key.kind, &key.namespace, &key.name);
            self.call(Purpose::Fetch(uid.clone(), key), request, Some(about.clone()), out);
        }
        complete
    }

    /// An object that the pod may wait for.
    pub(super) fn fetched(&mut self, uid: &Uid, key: &ObjectRef, result: Told, now: Time, out: &mut Out<Effect>) {
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

    /// All that could be fetched is there. Whether paths of the node are of the kind that the pod wants is looked at before
    /// something is started.
    fn mounted(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let paths = volume::host_paths(&worker.pod);
        if paths.is_empty() || actions::compute(worker).nothing_starts() {
            return self.set_up(uid, Vec::new(), now, out);
        }
        self.ask(For::HostPaths(uid.clone()), CriRequest::HostPaths(paths), out);
    }

    /// What the node says of paths.
    pub(super) fn host_paths_known(&mut self, uid: &Uid, answer: CriAnswer, now: Time, out: &mut Out<Effect>) {
        let waits =
            self.workers.get(uid).and_then(|w| w.sync.as_ref()).is_some_and(|s| matches!(s.step, Step::Volumes));
        if let CriAnswer::HostPaths(wrong) = answer
            && waits
        {
            let wrong = wrong.iter().map(|(volume, why)| Trouble::set_up(volume, why)).collect();
            self.set_up(uid, wrong, now, out);
        }
    }

    /// The volumes are mounted, or it is tried again, 0.5 s doubling to 2 min 2 s. What is mounted already stays so, and what runs
    /// goes on with what it has.
    fn set_up(&mut self, uid: &Uid, mut troubles: Vec<Trouble>, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        troubles.extend(volume::troubles(worker));
        for trouble in &troubles {
            self.pod_event(uid, None, "Warning", "FailedMount", &trouble.message, now, out);
        }
        self.write_volumes(uid, &troubles, now, out);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        if troubles.iter().all(|trouble| worker.mounted.contains_key(&trouble.volume)) {
            worker.mount_failures = 0;
        } else if !actions::compute(worker).nothing_starts() {
            let wait = Span::millis(500) * (1_u64 << worker.mount_failures.min(8));
            worker.mount_failures += 1;
            worker.sync = None;
            worker.next_sync = Some(now + wait.min(Span::secs(122)));
            return;
        }
        self.volumes_ready(uid, now, out);
    }

    /// The volumes that are made of objects are written anew if these have changed.
    fn write_volumes(&mut self, uid: &Uid, troubles: &[Trouble], now: Time, out: &mut Out<Effect>) {
        let at = self.timestamp(now);
        let Some(worker) = self.workers.get_mut(uid) else { return };
        let fine = |volume: &&Volume| !troubles.iter().any(|trouble| trouble.volume == volume.name);
        let new: Vec<_> = (worker.pod.spec.volumes.iter().filter(fine))
            .filter_map(|volume| Some((volume.name.clone(), volume::payload(worker, volume, &self.config)?)))
            .filter(|(name, parts)| worker.mounted.get(name).is_none_or(|before| before.parts() != parts))
            .collect();
        if new.is_empty() {
            return;
        }
        for (name, parts) in new {
            let payload = Payload::new(&worker.pod, &name, parts, at);
            worker.mounted.insert(name, payload);
        }
        let running: Vec<_> = (worker.live.containers.values())
            .filter(|view| view.phase.is_running())
            .filter_map(|view| {
                let container = worker.container(&view.name)?;
                Some((view.id.clone(), volume::following(worker, container)))
            })
            .collect();
        for (id, files) in running {
            self.ask(For::Nothing, CriRequest::UpdateVolumes(id, files), out);
        }
    }
}
