//! One look at a Job: counts what ended, decides whether it is over, makes or deletes pods, writes the status.
//!
//! Models `syncJob`, `manageJob` and `trackJobStatusAndRemoveFinalizers` of `pkg/controller/job/job_controller.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Container, EnvVar, Job, JobStatus, Object, ObjectReference, Pod, Request, RestartPolicy, Timestamp,
    UncountedTerminatedPods,
};
use crate::control::controller::job::finish::{self, Finish};
use crate::control::controller::job::policy::{self, Action};
use crate::control::controller::job::{TRACKING, backoff, indexes, is_tracked, per_index, untrack};
use crate::control::controller::{owner, pods, replicas};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, about};
use crate::sim::{VecMap, VecSet};

/// At most so many pods are made or deleted in one go.
const BURST: usize = 500;

/// One look at a Job.
pub struct Round<'a> {
    job: &'a Arc<Job>,
    cx: &'a Context<'a>,
    about: ObjectReference,
    pods: Vec<Arc<Pod>>,
    active: Vec<Arc<Pod>>,
    terminating: i32,
    /// Pods that ended well and are not counted.
    succeeded: Vec<Arc<Pod>>,
    /// Pods that failed and are not counted.
    failed: Vec<Arc<Pod>>,
    /// Indexes that are done, counted or not.
    done: VecSet<i32>,
    /// Indexes that have failed for good.
    lost: VecSet<i32>,
    /// With back-off per index: the failed pods that wait for their replacement.
    waiting: VecMap<i32, Arc<Pod>>,
    plan: Plan,
}

/// How many pods a look leaves running.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    active: i32,
    ready: i32,
    deleted: i32,
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

impl<'a> Round<'a> {
    /// Sorts the pods of a Job.
    pub fn new(job: &'a Arc<Job>, pods: Vec<Arc<Pod>>, cx: &'a Context<'a>) -> Round<'a> {
        let tracked = |pod: &&Arc<Pod>| is_tracked(pod);
        let succeeded: Vec<Arc<Pod>> =
            pods.iter().filter(tracked).filter(|pod| pod.status.phase == "Succeeded").cloned().collect();
        let failed = pods.iter().filter(tracked).filter(|pod| has_failed(job, pod)).cloned().collect();
        let mut round = Round {
            job,
            cx,
            about: about(Object::Job(Arc::clone(job))),
            active: pods.iter().filter(|pod| pods::is_active(pod)).cloned().collect(),
            terminating: number(pods.iter().filter(|pod| pods::is_terminating(pod)).count()),
            pods,
            succeeded,
            failed,
            done: VecSet::new(),
            lost: VecSet::new(),
            waiting: VecMap::new(),
            plan: Plan::nothing(),
        };
        if round.indexed() {
            round.sort_indexes();
        }
        round
    }

    fn indexed(&self) -> bool {
        self.job.spec.completion_mode.as_deref() == Some("Indexed")
    }

    fn suspended(&self) -> bool {
        self.job.spec.suspend == Some(true)
    }

    fn sort_indexes(&mut self) {
        let completions = self.job.spec.completions.unwrap_or(0);
        self.done = indexes::parse(&self.job.status.completed_indexes, completions);
        self.done.extend(self.succeeded.iter().filter_map(|pod| indexes::of(pod)).filter(|i| *i < completions));
        let Some(limit) = self.job.spec.backoff_limit_per_index else { return };
        self.lost = indexes::parse(self.job.status.failed_indexes.as_deref().unwrap_or(""), completions);
        let lost = self.failed.iter().filter(|pod| per_index::is_lost(self.job, pod, limit));
        self.lost.extend(lost.filter_map(|pod| indexes::of(pod)).filter(|i| *i < completions));
        let busy: VecSet<i32> = self.active.iter().filter_map(|pod| indexes::of(pod)).collect();
        let is_open = |i| i < completions && !busy.contains(&i) && !self.done.contains(&i) && !self.lost.contains(&i);
        self.waiting = per_index::waiting(self.failed.iter(), is_open);
    }

    /// How many pods have succeeded, counted or not.
    fn successes(&self) -> i32 {
        if self.indexed() {
            return number(self.done.len());
        }
        let (status, uncounted) = (&self.job.status, self.uncounted());
        status.succeeded + number(uncounted.succeeded.len()) + number(self.fresh(&self.succeeded).count())
    }

    /// How many have failed, counted or not.
    fn failures(&self) -> i32 {
        let uncounted = self.uncounted();
        let counts = |pod: &&Arc<Pod>| policy::action(self.job, pod) != Action::Ignore;
        let fresh = self.fresh(&self.failed).filter(counts).count();
        self.job.status.failed + number(uncounted.failed.len()) + number(fresh)
    }

    fn uncounted(&self) -> UncountedTerminatedPods {
        self.job.status.uncounted_terminated_pods.clone().unwrap_or_default()
    }

    /// Those that are not written down as uncounted yet.
    fn fresh<'p>(&self, pods: &'p [Arc<Pod>]) -> impl Iterator<Item = &'p Arc<Pod>> {
        let known = self.uncounted();
        pods.iter().filter(move |pod| {
            let uid = pod.metadata.uid.to_string();
            !known.succeeded.contains(&uid) && !known.failed.contains(&uid)
        })
    }

    /// What is to be done.
    pub fn plan(mut self) -> Plan {
        let mut status = self.job.status.clone();
        if status.start_time.is_none() && !self.suspended() {
            status.start_time = Some(self.cx.timestamp());
        }
        let mut finish = self.decide(&status);
        let left = match finish {
            Some(_) => self.stop(),
            None if self.job.metadata.deletion_timestamp.is_some() => self.leave(),
            None => self.manage(),
        };
        if finish.is_none() && left.deleted == 0 && self.is_complete(left.active) {
            finish = Some(Finish::reached());
        }
        self.track(&mut status, finish.is_some() || self.job.metadata.deletion_timestamp.is_some());
        status.active = left.active;
        status.ready = Some(left.ready);
        status.terminating = Some(self.terminating + left.deleted);
        let over = left.active == 0 && self.terminating + left.deleted == 0;
        let mut notes = Vec::new();
        match &finish {
            Some(finish) => {
                finish.write(&mut status, over, self.cx.timestamp());
                if over {
                    notes.extend(self.told(finish));
                }
            }
            None => notes.extend(self.suspend(&mut status)),
        }
        if status != self.job.status {
            let mut call = self.status_call(status);
            call.done = notes;
            self.plan.then(call);
        }
        self.plan
    }

    /// Whether the Job has failed, or was decided on before (`syncJob`).
    fn decide(&mut self, status: &JobStatus) -> Option<Finish> {
        if let Some(decided) = Finish::decided(self.job) {
            return Some(decided);
        }
        let fails =
            self.pods.iter().filter(|pod| is_tracked(pod)).find_map(|pod| match policy::action(self.job, pod) {
                Action::FailJob(words) => Some(words),
                _ => None,
            });
        if let Some(words) = fails {
            return Some(Finish::failed("PodFailurePolicy", words));
        }
        let limit = self.job.spec.backoff_limit.unwrap_or(6);
        if self.failures() > limit || self.restarts_exceed(limit) {
            return Some(Finish::failed("BackoffLimitExceeded", "Job has reached the specified backoff limit"));
        }
        if let (Some(deadline), Some(start), false) =
            (self.job.spec.active_deadline_seconds, status.start_time, self.suspended())
        {
            let at = Timestamp(start.0 + deadline);
            if at <= self.cx.timestamp() {
                let words = "Job was active longer than specified deadline";
                return Some(Finish::failed("DeadlineExceeded", words));
            }
            self.plan.look_again(self.cx.calendar.time(at));
        }
        if !self.indexed() {
            return None;
        }
        let lost = number(self.lost.len());
        if self.job.spec.max_failed_indexes.is_some_and(|most| lost > most) {
            let words = "Job has exceeded the specified maximal number of failed indexes";
            return Some(Finish::failed("MaxFailedIndexesExceeded", words));
        }
        let all = self.done.len() + self.lost.len();
        if lost > 0 && number(all) >= self.job.spec.completions.unwrap_or(0) {
            return Some(Finish::failed("FailedIndexes", "Job has failed indexes"));
        }
        finish::success_policy(self.job, &self.done)
    }

    /// With containers that are restarted in their pods, it is the restarts that count (`pastBackoffLimitOnFailure`).
    fn restarts_exceed(&self, limit: i32) -> bool {
        if self.job.spec.template.spec.restart_policy != RestartPolicy::OnFailure {
            return false;
        }
        let alive = self.pods.iter().filter(|pod| matches!(pod.status.phase.as_str(), "Running" | "Pending"));
        let restarts: i32 = alive
            .flat_map(|pod| pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses))
            .map(|status| status.restart_count)
            .sum();
        if limit == 0 { restarts > 0 } else { restarts >= limit }
    }

    fn is_complete(&self, active: i32) -> bool {
        if self.suspended() || active > 0 {
            return false;
        }
        let succeeded = self.successes();
        match self.job.spec.completions {
            Some(completions) => succeeded >= completions,
            // Workers that agree among themselves: the first success ends it when all are done.
            None => succeeded > 0,
        }
    }

    fn ready(&self) -> i32 {
        number(self.active.iter().filter(|pod| pods::is_ready(pod)).count())
    }

    fn leave(&self) -> Left {
        Left { active: number(self.active.len()), ready: self.ready(), deleted: 0 }
    }

    /// The Job is over: its active pods go, and count as failed.
    fn stop(&mut self) -> Left {
        let calls = self.active.iter().map(|pod| replicas::delete_call(pod, &self.about)).collect();
        self.plan.together(calls);
        Left { active: 0, ready: 0, deleted: number(self.active.len()) }
    }

    /// Makes or deletes pods (`manageJob`).
    fn manage(&mut self) -> Left {
        let active = number(self.active.len());
        if self.suspended() {
            return self.remove(self.active.len());
        }
        let parallelism = self.job.spec.parallelism.unwrap_or(1);
        let succeeded = self.successes();
        let wanted = match self.job.spec.completions {
            None if succeeded > 0 => active,
            None => parallelism,
            Some(completions) => (completions - succeeded - number(self.lost.len())).clamp(0, parallelism.max(0)),
        };
        if active > wanted {
            return self.remove(usize::try_from(active - wanted).unwrap_or(0));
        }
        let only_failed = self.job.spec.pod_replacement_policy.as_deref() == Some("Failed");
        let missing = wanted - active - if only_failed { self.terminating } else { 0 };
        if missing <= 0 {
            return self.leave();
        }
        if self.job.spec.backoff_limit_per_index.is_none()
            && let Some(until) = self.backs_off()
        {
            self.plan.look_again(self.cx.calendar.time(until));
            return self.leave();
        }
        let calls = self.creations(usize::try_from(missing).unwrap_or(0).min(BURST));
        if let (true, Some(next)) = (calls.is_empty(), self.waiting.values().map(|pod| per_index::until(pod)).min()) {
            self.plan.look_again(self.cx.calendar.time(next));
        }
        let made = number(calls.len());
        self.plan.slow_start(calls);
        Left { active: active + made, ready: self.ready(), deleted: 0 }
    }

    fn backs_off(&self) -> Option<Timestamp> {
        let (succeeded, failed): (Vec<&Arc<Pod>>, Vec<&Arc<Pod>>) = (
            self.pods.iter().filter(|pod| pod.status.phase == "Succeeded").collect(),
            self.pods.iter().filter(|pod| pod.status.phase == "Failed").collect(),
        );
        backoff::until(&succeeded, &failed).filter(|until| *until > self.cx.timestamp())
    }

    /// Deletes pods that are too many; they do not count as failed.
    fn remove(&mut self, surplus: usize) -> Left {
        let surplus = surplus.min(BURST);
        let chosen = pods::to_delete(self.active.clone(), surplus, |_| 0, self.cx.calendar.nanos(self.cx.now));
        self.plan.together(chosen.iter().filter(|pod| is_tracked(pod)).map(|pod| untrack(pod)).collect());
        self.plan.together(chosen.iter().map(|pod| replicas::delete_call(pod, &self.about)).collect());
        let gone = |pod: &&Arc<Pod>| chosen.iter().any(|other| other.metadata.uid == pod.metadata.uid);
        let ready = self.active.iter().filter(|pod| !gone(pod) && pods::is_ready(pod)).count();
        Left {
            active: number(self.active.len().saturating_sub(chosen.len())),
            ready: number(ready),
            deleted: number(chosen.len()),
        }
    }

    fn creations(&self, missing: usize) -> Vec<ApiCall> {
        let meta = &self.job.metadata;
        let reference = owner::controller_ref(self.job.as_ref());
        let mut pod = pods::from_template(&self.job.spec.template, &meta.name, &meta.namespace, reference);
        if !is_tracked(&pod) {
            pod.metadata.finalizers.push(TRACKING.into());
        }
        if !self.indexed() {
            return vec![replicas::create_call(pod, &self.about); missing];
        }
        let busy: VecSet<i32> = self.active.iter().filter_map(|pod| indexes::of(pod)).collect();
        let all = 0..self.job.spec.completions.unwrap_or(0);
        let open = all.filter(|i| !busy.contains(i) && !self.done.contains(i) && !self.lost.contains(i));
        let due = |i: &i32| self.waiting.get(i).is_none_or(|failed| per_index::until(failed) <= self.cx.timestamp());
        let made = open.take(missing).filter(due).map(|i| {
            let mut pod = with_index(&pod, &meta.name, i);
            if self.job.spec.backoff_limit_per_index.is_some() {
                per_index::count(&mut pod, self.job, self.waiting.get(&i).map(|failed| failed.as_ref()));
            }
            replicas::create_call(pod, &self.about)
        });
        made.collect()
    }

    /// Writes down what ended, lets it go, and counts it; `ends` says that the Job is over or goes.
    fn track(&mut self, status: &mut JobStatus, ends: bool) {
        let mut uncounted = self.uncounted();
        let waits = |pod: &Arc<Pod>| {
            let held = indexes::of(pod).and_then(|index| self.waiting.get(&index));
            !ends && held.is_some_and(|held| held.metadata.uid == pod.metadata.uid)
        };
        let failed: Vec<Arc<Pod>> = self.failed.iter().filter(|pod| !waits(pod)).cloned().collect();
        let counts = |pod: &&Arc<Pod>| policy::action(self.job, pod) != Action::Ignore;
        let ended: Vec<Arc<Pod>> = self.succeeded.iter().chain(&failed).cloned().collect();
        let (succeeded, failed): (Vec<String>, Vec<String>) = (
            self.fresh(&self.succeeded).map(|pod| pod.metadata.uid.to_string()).collect(),
            self.fresh(&failed).filter(counts).map(|pod| pod.metadata.uid.to_string()).collect(),
        );
        if !self.indexed() {
            uncounted.succeeded.extend(succeeded);
        }
        uncounted.failed.extend(failed);
        if self.indexed() {
            status.completed_indexes = indexes::text(&self.done);
            if self.job.spec.backoff_limit_per_index.is_some() {
                status.failed_indexes = Some(indexes::text(&self.lost));
            }
        }
        if !ended.is_empty() {
            let before = JobStatus { uncounted_terminated_pods: Some(uncounted.clone()), ..status.clone() };
            if before != self.job.status {
                let call = self.status_call(before);
                self.plan.then(call);
            }
            self.plan.together(ended.iter().map(|pod| untrack(pod)).collect());
        }
        status.failed += number(uncounted.failed.len());
        status.succeeded =
            if self.indexed() { number(self.done.len()) } else { status.succeeded + number(uncounted.succeeded.len()) };
        status.uncounted_terminated_pods = Some(UncountedTerminatedPods::default());
    }

    /// A status is written whatever became of the object meanwhile: a plan may write it twice.
    fn status_call(&self, status: JobStatus) -> ApiCall {
        let mut job = Job { status, ..self.job.as_ref().clone() };
        job.metadata.resource_version = None;
        ApiCall::unless_gone(Request::update_status(job))
    }

    fn told(&self, finish: &Finish) -> Vec<Note> {
        match finish {
            Finish::Complete(..) => {
                let mut notes = Vec::new();
                if self.job.spec.completions.is_some_and(|wanted| self.successes() > wanted) {
                    let words = "Too many succeeded pods running after completion count reached";
                    notes.push(Note::warning(self.about.clone(), "TooManySucceededPods", words));
                }
                notes.push(Note::normal(self.about.clone(), "Completed", "Job completed"));
                notes
            }
            Finish::Failed(reason, words) => {
                vec![Note::warning(self.about.clone(), known_reason(reason), words.clone())]
            }
        }
    }

    /// The condition Suspended follows the field.
    fn suspend(&self, status: &mut JobStatus) -> Option<Note> {
        let now = self.cx.timestamp();
        let known = finish::find(status, "Suspended").map(|c| c.status.clone());
        if self.suspended() {
            if known.as_deref() == Some("True") {
                return None;
            }
            finish::set(status, "Suspended", "True", "JobSuspended", "Job suspended", now);
            status.start_time = None;
            return Some(Note::normal(self.about.clone(), "Suspended", "Job suspended"));
        }
        if known.as_deref() != Some("True") {
            return None;
        }
        finish::set(status, "Suspended", "False", "JobResumed", "Job resumed", now);
        status.start_time = Some(now);
        Some(Note::normal(self.about.clone(), "Resumed", "Job resumed"))
    }
}

/// Events carry their reasons as they stand here.
fn known_reason(reason: &str) -> &'static str {
    match reason {
        "PodFailurePolicy" => "PodFailurePolicy",
        "DeadlineExceeded" => "DeadlineExceeded",
        "MaxFailedIndexesExceeded" => "MaxFailedIndexesExceeded",
        "FailedIndexes" => "FailedIndexes",
        _ => "BackoffLimitExceeded",
    }
}

/// Whether a pod has failed: one that is being deleted has, unless only failed pods are replaced.
fn has_failed(job: &Job, pod: &Pod) -> bool {
    if pod.status.phase == "Failed" {
        return true;
    }
    let only_failed = job.spec.pod_replacement_policy.as_deref() == Some("Failed");
    !only_failed && pod.metadata.deletion_timestamp.is_some() && pod.status.phase != "Succeeded"
}

/// The pod of an index.
fn with_index(pod: &Pod, job: &str, index: i32) -> Pod {
    let mut pod = pod.clone();
    pod.metadata.generate_name = format!("{job}-{index}-");
    pod.metadata.annotations.insert(indexes::INDEX.into(), index.to_string());
    pod.metadata.labels.insert(indexes::INDEX.into(), index.to_string());
    let spec = Arc::make_mut(&mut pod.spec);
    spec.hostname = format!("{job}-{index}");
    let path = format!("metadata.labels['{}']", indexes::INDEX);
    let variable =
        json!({"name": "JOB_COMPLETION_INDEX", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}});
    let variable: EnvVar = serde_json::from_value(variable).expect("the variable is well-formed");
    let add = |container: &mut Container| {
        if container.env.iter().all(|known| known.name != variable.name) {
            container.env.push(variable.clone());
        }
    };
    spec.containers.iter_mut().chain(&mut spec.init_containers).for_each(add);
    pod
}
