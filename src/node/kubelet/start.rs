//! The start of one container: back-off, image, creation, start, hook. Models `startContainer` and `doBackOff` of
//! `pkg/kubelet/kuberuntime` and `EnsureImageExists` of `pkg/kubelet/images/image_manager.go`.

use std::sync::Arc;

use crate::api::Uid;
use crate::node::kubelet::ops::For;
use crate::node::kubelet::worker::{ContainerStep, Step};
use crate::node::kubelet::{Effect, Kubelet};
use crate::node::runtime::{ContainerPhase, CriAnswer, CriRequest, ImageRef, OpId};
use crate::sim::{Out, Span, Time};
use crate::workload::image;

/// Why a container is not started: the reason as the status shows it, and the words.
pub struct Why {
    reason: &'static str,
    message: String,
    /// When it may be tried again.
    expiry: Option<Time>,
}

impl Why {
    pub(super) fn new(reason: &'static str, message: impl Into<String>) -> Why {
        Why { reason, message: message.into(), expiry: None }
    }
}

impl Kubelet {
    /// The container at the front of the list, or the end of the sync.
    pub(super) fn next_container(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let item = match self.workers.get(uid).and_then(|w| w.sync.as_ref()) {
            Some(sync) => sync.todo.first().cloned(),
            None => return,
        };
        let Some(item) = item else { return self.end_sync(uid, now, out) };
        match self.in_backoff(uid, &item.name, now) {
            None => self.ensure_image(uid, &item.name, now, out),
            Some(until) => {
                let Some(worker) = self.workers.get(uid) else { return };
                let (pod, name) = (worker.long_name(), &item.name);
                let event = format!("Back-off restarting failed container {name} in pod {pod}");
                let span = go_duration(self.restart_backoff.get(&key(uid, name)));
                let message = format!("back-off {span} restarting failed container={name} pod={pod}");
                self.pod_event(uid, Some(name), "Warning", "BackOff", &event, now, out);
                let why = Why { reason: "CrashLoopBackOff", message, expiry: Some(until) };
                self.not_started(uid, why, now, out);
            }
        }
    }

    /// Until when a container that has ended is not to be started again; counts the failure if it is now.
    fn in_backoff(&mut self, uid: &Uid, name: &str, now: Time) -> Option<Time> {
        let worker = self.workers.get(uid)?;
        // As upstream's sync that kills a container and starts it again in one go, which sees the death before only.
        let dead = worker.live.containers.values().filter(|c| &*c.name == name && !worker.killed.contains(&c.id));
        let ContainerPhase::Exited { finished, .. } = dead.max_by_key(|c| c.attempt)?.phase else { return None };
        let key = key(uid, name);
        let until = self.restart_backoff.until_since(&key, finished, now);
        if until.is_none() {
            self.restart_backoff.next(&key, finished);
        }
        until
    }

    /// The container at the front is given up for this sync; the next one is tried.
    pub(super) fn not_started(&mut self, uid: &Uid, why: Why, now: Time, out: &mut Out<Effect>) {
        self.fail_sync(uid, why.expiry);
        if let Some(worker) = self.workers.get_mut(uid)
            && let Some(sync) = worker.sync.as_mut()
        {
            let item = sync.todo.remove(0);
            worker.reasons.insert(item.name, (why.reason.to_owned(), why.message));
        }
        self.next_container(uid, now, out);
    }

    fn step(&mut self, uid: &Uid, step: ContainerStep) {
        if let Some(sync) = self.workers.get_mut(uid).and_then(|w| w.sync.as_mut()) {
            sync.step = Step::Container(step);
        }
    }

    fn image_of(&self, uid: &Uid, name: &str) -> (Arc<str>, String) {
        let container = self.workers.get(uid).and_then(|w| w.container(name));
        container.map_or_else(|| ("".into(), String::new()), |c| (c.image.as_str().into(), c.image_pull_policy.clone()))
    }

    fn ensure_image(&mut self, uid: &Uid, name: &str, now: Time, out: &mut Out<Effect>) {
        let (image, _) = self.image_of(uid, name);
        if let Err(words) = image::parse(&image) {
            let message =
                format!("Failed to apply default image tag {image:?}: couldn't parse image name {image:?}: {words}");
            self.pod_event(uid, Some(name), "Warning", "InspectFailed", &message, now, out);
            return self.image_failed(uid, name, Why::new("InvalidImageName", message), now, out);
        }
        let op = self.ask(For::Sync(uid.clone()), CriRequest::ImageStatus(image), out);
        self.step(uid, ContainerStep::Inspect(op));
    }

    fn image_failed(&mut self, uid: &Uid, name: &str, why: Why, now: Time, out: &mut Out<Effect>) {
        let words = format!("Error: {}", why.reason);
        self.pod_event(uid, Some(name), "Warning", "Failed", &words, now, out);
        self.not_started(uid, why, now, out);
    }

    /// Whether the image is there is known.
    fn inspected(&mut self, uid: &Uid, name: &str, present: bool, now: Time, out: &mut Out<Effect>) {
        let (image, policy) = self.image_of(uid, name);
        let pull = match policy.as_str() {
            "Always" => true,
            "Never" => false,
            _ => !present,
        };
        if !pull && present {
            let words = format!("Container image {image:?} already present on machine and can be accessed by the pod");
            self.pod_event(uid, Some(name), "Normal", "Pulled", &words, now, out);
            return self.make_config(uid, name, now, out);
        }
        if !pull {
            let words = format!("Container image {image:?} is not present with pull policy of Never");
            self.pod_event(uid, Some(name), "Warning", "ErrImageNeverPull", &words, now, out);
            return self.image_failed(uid, name, Why::new("ErrImageNeverPull", words), now, out);
        }
        let key = format!("{uid}_{image}");
        if let Some(until) = self.image_backoff.until_since_update(&key, now) {
            let words = format!("Back-off pulling image {image:?}");
            self.pod_event(uid, Some(name), "Normal", "BackOff", &words, now, out);
            let before = self.pull_errors.get(&key).cloned().unwrap_or_default();
            let message = if before.is_empty() { words } else { format!("{words}: {before}") };
            let why = Why { reason: "ImagePullBackOff", message, expiry: Some(until) };
            return self.image_failed(uid, name, why, now, out);
        }
        self.pod_event(uid, Some(name), "Normal", "Pulling", &format!("Pulling image {image:?}"), now, out);
        // One pull at a time (`serializeImagePulls`).
        self.step(uid, ContainerStep::PullQueue(now));
        self.pulls.push_back(uid.clone());
        self.next_pull(now, out);
    }

    /// Begins the pull that has waited longest, if none is under way.
    pub(super) fn next_pull(&mut self, now: Time, out: &mut Out<Effect>) {
        while let Some(uid) = self.pulls.front().cloned() {
            let step = self.workers.get(&uid).and_then(|w| w.sync.as_ref());
            let Some(sync) = step else {
                self.pulls.pop_front();
                continue;
            };
            match (&sync.step, sync.todo.first()) {
                (Step::Container(ContainerStep::Pull(..)), _) => return,
                (Step::Container(ContainerStep::PullQueue(since)), Some(item)) => {
                    let (since, name) = (*since, item.name.clone());
                    let (image, _) = self.image_of(&uid, &name);
                    let op = self.ask(For::Sync(uid.clone()), CriRequest::PullImage(image), out);
                    self.step(&uid, ContainerStep::Pull(op, since, now));
                    return;
                }
                _ => {
                    self.pulls.pop_front();
                }
            }
        }
    }

    fn pulled(
        &mut self,
        uid: &Uid,
        name: &str,
        result: Result<ImageRef, String>,
        since: (Time, Time),
        now: Time,
        out: &mut Out<Effect>,
    ) {
        self.pulls.pop_front();
        let (image, _) = self.image_of(uid, name);
        let key = format!("{uid}_{image}");
        match result {
            Ok(found) => {
                self.images.insert(found.name.clone(), found.clone());
                let (took, waited) = (go_duration(now.since(since.1)), go_duration(now.since(since.0)));
                let words = format!(
                    "Successfully pulled image {image:?} in {took} ({waited} including waiting). Image size: {} bytes.",
                    found.size
                );
                self.pull_errors.remove(&key);
                self.pod_event(uid, Some(name), "Normal", "Pulled", &words, now, out);
                self.make_config(uid, name, now, out);
            }
            Err(words) => {
                let message = format!("Failed to pull image {image:?}: {words}");
                self.pod_event(uid, Some(name), "Warning", "Failed", &message, now, out);
                self.image_backoff.next(&key, now);
                self.pull_errors.insert(key, format!("ErrImagePull: {words}"));
                self.image_failed(uid, name, Why::new("ErrImagePull", words), now, out);
            }
        }
        self.next_pull(now, out);
    }

    /// The environment and the files; what they are taken from is fetched first.
    fn make_config(&mut self, uid: &Uid, name: &str, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let needs = worker.container(name).map(|c| super::env::needs(&worker.pod, c)).unwrap_or_default();
        self.step(uid, ContainerStep::Config);
        if self.fetch(uid, needs, out) {
            self.config_ready(uid, now, out);
        }
    }

    /// Everything that the container's configuration needs is there.
    pub(super) fn config_ready(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        let Some(worker) = self.workers.get(uid) else { return };
        let Some(item) = worker.sync.as_ref().and_then(|s| s.todo.first()).cloned() else { return };
        let Some(sandbox) = worker.live.sandbox.clone() else { return };
        let attempt =
            worker.live.latest(&item.name).map_or_else(|| worker.known_restarts(&item.name), |c| c.attempt + 1);
        match super::env::container_config(worker, &item.name, attempt, &self.services, &self.config) {
            Ok(config) => {
                self.collect_dead(uid, &item.name, out);
                let op =
                    self.ask(For::Sync(uid.clone()), CriRequest::CreateContainer(sandbox.id, Box::new(config)), out);
                self.step(uid, ContainerStep::Create(op));
            }
            Err(words) => {
                self.pod_event(uid, Some(&item.name), "Warning", "Failed", &format!("Error: {words}"), now, out);
                self.not_started(uid, Why::new("CreateContainerConfigError", words), now, out);
            }
        }
    }

    pub(super) fn container_answered(
        &mut self,
        uid: &Uid,
        step: ContainerStep,
        op: OpId,
        answer: CriAnswer,
        now: Time,
        out: &mut Out<Effect>,
    ) {
        let Some(item) = self.workers.get(uid).and_then(|w| w.sync.as_ref()).and_then(|s| s.todo.first()).cloned()
        else {
            return;
        };
        let name = item.name.as_str();
        match (step, answer) {
            (ContainerStep::Inspect(w), answer) if w == op => {
                if let CriAnswer::Image(image) = &answer {
                    self.images.insert(image.name.clone(), image.clone());
                }
                self.inspected(uid, name, matches!(answer, CriAnswer::Image(_)), now, out);
            }
            (ContainerStep::Pull(w, waits, pulls), CriAnswer::Image(image)) if w == op => {
                self.pulled(uid, name, Ok(image), (waits, pulls), now, out);
            }
            (ContainerStep::Pull(w, waits, pulls), CriAnswer::Failed(words)) if w == op => {
                self.pulled(uid, name, Err(words), (waits, pulls), now, out);
            }
            (ContainerStep::Create(w), CriAnswer::Created(view)) if w == op => {
                self.pod_event(uid, Some(name), "Normal", "Created", "Container created", now, out);
                self.note_resources(uid, &view.id, name);
                let next = self.ask(For::Sync(uid.clone()), CriRequest::StartContainer(view.id.clone()), out);
                self.step(uid, ContainerStep::Start(next, view.id));
            }
            (ContainerStep::Create(w), CriAnswer::Failed(words)) if w == op => {
                self.pod_event(uid, Some(name), "Warning", "Failed", &format!("Error: {words}"), now, out);
                self.not_started(uid, Why::new("CreateContainerError", words), now, out);
            }
            (ContainerStep::Start(w, _), CriAnswer::Failed(words)) if w == op => {
                self.pod_event(uid, Some(name), "Warning", "Failed", &format!("Error: {words}"), now, out);
                self.not_started(uid, Why::new("RunContainerError", words), now, out);
            }
            (ContainerStep::Start(w, id), _) if w == op => {
                self.pod_event(uid, Some(name), "Normal", "Started", "Container started", now, out);
                self.post_start(uid, name, id, now, out);
            }
            _ => {}
        }
    }

    /// The container at the front runs.
    pub(super) fn container_started(&mut self, uid: &Uid, now: Time, out: &mut Out<Effect>) {
        if let Some(worker) = self.workers.get_mut(uid)
            && let Some(sync) = worker.sync.as_mut()
        {
            let item = sync.todo.remove(0);
            worker.reasons.remove(&item.name);
        }
        self.next_container(uid, now, out);
    }

    pub(super) fn set_post_start(&mut self, uid: &Uid, id: crate::node::runtime::ContainerId) {
        self.step(uid, ContainerStep::PostStart(id));
    }
}

/// The key of a container's back-off.
fn key(uid: &Uid, name: &str) -> String {
    format!("{uid}_{name}")
}

/// A span as Go prints it, in milliseconds: `2s`, `1.5s`, `6ms`, `2m40s`, `0s`.
pub fn go_duration(span: Span) -> String {
    let ms = span.as_millis();
    if ms == 0 {
        return "0s".into();
    }
    if ms < 1_000 {
        return format!("{ms}ms");
    }
    let fraction = format!(".{:03}", ms % 1_000);
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    match (h, m) {
        (0, 0) => format!("{s}{fraction}s"),
        (0, m) => format!("{m}m{s}{fraction}s"),
        (h, m) => format!("{h}h{m}m{s}{fraction}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_printed_as_go_does() {
        for (ms, text) in
            [(0, "0s"), (6, "6ms"), (2_000, "2s"), (1_250, "1.25s"), (160_000, "2m40s"), (300_000, "5m0s")]
        {
            assert_eq!(go_duration(Span::millis(ms)), text);
        }
    }
}
