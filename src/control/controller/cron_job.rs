//! The CronJob controller: makes Jobs when they are due.
//!
//! Models `pkg/controller/cronjob/cronjob_controllerv2.go`. A Job that was made is taken into the status when the cache shows
//! it, which upstream does as soon as the API server has answered.

pub mod due;

use std::sync::Arc;

use crate::api::cron::Schedule;
use crate::api::zone::Zone;
use crate::api::{
    CronJob, CronJobStatus, Job, Kind, Object, ObjectMeta, ObjectRef, ObjectReference, Request, Timestamp,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, job::finish, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::recorder::involved;
use crate::sim::Span;

use due::{Missed, Times};

/// The time for which a Job was made.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// So long after a time is due it is looked at.
const DELTA: Span = Span::millis(100);

/// The CronJob controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CronJobController;

impl CronJobController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        CronJobController
    }
}

impl Reconciler for CronJobController {
    const NAME: &'static str = "cronjob-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::CronJob, Kind::Job];

    fn affected(&self, change: &Change, cache: &Cache) -> Vec<ObjectRef> {
        match &change.new {
            Object::Job(job) => {
                let owner = owner::controller_of::<CronJob>(&job.metadata, cache);
                owner.map(|cron| owner::reference(&**cron)).into_iter().collect()
            }
            _ => vec![change.new.reference()],
        }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(cron) = cx.cache.get_ref::<CronJob>(key) else { return Ok(Plan::nothing()) };
        let jobs = cx.cache.controlled_by::<Job>(&cron.metadata.uid).collect();
        let round = Round {
            cron,
            jobs,
            cx,
            about: about(Object::CronJob(Arc::clone(cron))),
            status: cron.status.clone(),
            plan: Plan::nothing(),
        };
        Ok(round.plan())
    }
}

/// One look at a CronJob.
struct Round<'a> {
    cron: &'a Arc<CronJob>,
    jobs: Vec<&'a Arc<Job>>,
    cx: &'a Context<'a>,
    about: ObjectReference,
    status: CronJobStatus,
    plan: Plan,
}

impl Round<'_> {
    fn plan(mut self) -> Plan {
        self.clean_up();
        self.look_at_jobs();
        if self.cron.metadata.deletion_timestamp.is_none() {
            self.schedule();
        }
        if self.status != self.cron.status {
            let new = CronJob { status: self.status, ..self.cron.as_ref().clone() };
            self.plan.then(ApiCall::unless_gone(Request::update_status(new)));
        }
        self.plan
    }

    fn warn(&mut self, reason: &'static str, words: String) {
        self.plan.notes.push(Note::warning(self.about.clone(), reason, words));
    }

    /// Deletes the oldest Jobs beyond the limits of the history (`cleanupFinishedJobs`).
    fn clean_up(&mut self) {
        let spec = &self.cron.spec;
        for (kind, limit) in
            [("Complete", spec.successful_jobs_history_limit), ("Failed", spec.failed_jobs_history_limit)]
        {
            let over = |job: &&Arc<Job>| finish::finished(job).is_some_and(|c| c.r#type == kind);
            let mut jobs: Vec<Arc<Job>> = self.jobs.iter().copied().filter(over).cloned().collect();
            let surplus = jobs.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
            jobs.sort_by_key(|job| (job.status.start_time, job.metadata.name.clone()));
            for job in jobs.iter().take(surplus).filter(|job| job.metadata.deletion_timestamp.is_none()) {
                self.delete(&job.metadata);
            }
        }
    }

    fn delete(&mut self, job: &ObjectMeta) {
        let mut request = Request::delete(Kind::Job, &job.namespace, &job.name);
        request.options.propagation_policy = "Background".into();
        let done = format!("Deleted job {}", job.name);
        let call = ApiCall::unless_gone(request)
            .on_done(Note::normal(self.about.clone(), "SuccessfulDelete", done))
            .on_failed(Note::warning(self.about.clone(), "FailedDelete", "Deleted job: {error}"));
        self.plan.then(call);
        self.status.active.retain(|active| active.uid != job.uid);
    }

    /// Takes new Jobs in, and those that are over or gone out.
    fn look_at_jobs(&mut self) {
        for job in self.jobs.clone() {
            let found = self.status.active.iter().any(|active| active.uid == job.metadata.uid);
            match finish::finished(job) {
                None if !found => self.new_job(job),
                None => {}
                Some(condition) => {
                    if found {
                        self.status.active.retain(|active| active.uid != job.metadata.uid);
                        let words =
                            format!("Saw completed job: {}, condition: {}", job.metadata.name, condition.r#type);
                        self.plan.notes.push(Note::normal(self.about.clone(), "SawCompletedJob", words));
                    }
                    if condition.r#type == "Complete" {
                        self.status.last_successful_time =
                            self.status.last_successful_time.max(job.status.completion_time);
                    }
                }
            }
        }
        for active in self.status.active.clone() {
            if self.jobs.iter().all(|job| job.metadata.uid != active.uid) {
                let words = format!("Active job went missing: {}", active.name);
                self.plan.notes.push(Note::normal(self.about.clone(), "MissingJob", words));
                self.status.active.retain(|known| known.uid != active.uid);
            }
        }
    }

    fn new_job(&mut self, job: &Arc<Job>) {
        let scheduled = job.metadata.annotations.get(SCHEDULED).and_then(|text| text.parse::<Timestamp>().ok());
        match scheduled.filter(|at| job.metadata.name == self.job_name(*at)) {
            Some(at) => {
                self.status.active.push(involved(&Object::Job(Arc::clone(job))));
                self.status.last_schedule_time = self.status.last_schedule_time.max(Some(at));
            }
            None => {
                let name = &job.metadata.name;
                let words = format!("Saw a job that the controller did not create or forgot: {name}");
                self.warn("UnexpectedJob", words);
            }
        }
    }

    fn job_name(&self, at: Timestamp) -> String {
        format!("{}-{}", self.cron.metadata.name, at.0 / 60)
    }

    /// Makes a Job if one is due (`syncCronJob`).
    fn schedule(&mut self) {
        let Some(schedule) = self.parsed() else { return };
        let times = Times {
            created: self.cron.metadata.creation_timestamp.unwrap_or_default(),
            last: self.status.last_schedule_time,
            deadline: self.cron.spec.starting_deadline_seconds,
        };
        let now = self.cx.timestamp();
        if let Some(next) = due::next(&times, now, &schedule) {
            self.plan.look_again(self.cx.calendar.time(next) + DELTA);
        }
        match due::unmet(&times, now, &schedule) {
            Err(words) => {
                self.plan.requeue = None;
                let words = format!("invalid schedule: {} : {words}", self.cron.spec.schedule);
                self.warn("InvalidSchedule", words);
            }
            Ok(None) => {}
            Ok(Some((at, missed))) => {
                if missed == Missed::Many {
                    let words = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check \
                                 clock skew";
                    self.warn("TooManyMissedTimes", words.into());
                }
                self.due(at, now);
            }
        }
    }

    /// The schedule; `None`, with an event, if it is not to be followed.
    fn parsed(&mut self) -> Option<Schedule> {
        let spec = &self.cron.spec;
        let mut text = spec.schedule.clone();
        if let Some(zone) = spec.time_zone.clone() {
            if Zone::named(&zone).is_none() {
                let words = format!("invalid timeZone: {zone:?}: unknown time zone {zone}");
                self.warn("UnknownTimeZone", words);
                return None;
            }
            if !text.contains("TZ") {
                text = format!("TZ={zone} {text}");
            }
        }
        if self.cron.spec.suspend {
            return None;
        }
        match Schedule::parse(&text) {
            Ok(schedule) => Some(schedule),
            Err(why) => {
                let words = format!("unparseable schedule: {:?} : {why}", self.cron.spec.schedule);
                self.warn("UnparseableSchedule", words);
                None
            }
        }
    }

    fn due(&mut self, at: Timestamp, now: Timestamp) {
        let spec = &self.cron.spec;
        if spec.starting_deadline_seconds.is_some_and(|deadline| at.0 + deadline < now.0) {
            self.warn("MissSchedule", format!("Missed scheduled time to start a job: {}", rfc1123(at)));
            return;
        }
        let name = self.job_name(at);
        let started = self.status.active.iter().any(|active| active.name == name);
        if started || self.status.last_schedule_time == Some(at) {
            return;
        }
        match spec.concurrency_policy.as_str() {
            "Forbid" if !self.status.active.is_empty() => {
                let words = "Not starting job because prior execution is running and concurrency policy is Forbid";
                self.plan.notes.push(Note::normal(self.about.clone(), "JobAlreadyActive", words));
                return;
            }
            "Replace" => {
                let active: Vec<Arc<Job>> = self
                    .jobs
                    .iter()
                    .filter(|job| self.status.active.iter().any(|active| active.uid == job.metadata.uid))
                    .map(|job| Arc::clone(job))
                    .collect();
                active.iter().for_each(|job| self.delete(&job.metadata));
            }
            _ => {}
        }
        let call = ApiCall::new(Request::create(self.job(name, at)))
            .on_done(Note::normal(self.about.clone(), "SuccessfulCreate", "Created job {name}"))
            .on_failed(Note::warning(self.about.clone(), "FailedCreate", "Error creating job: {error}"));
        self.plan.then(call);
    }

    /// The Job for a time (`getJobFromTemplate2`).
    fn job(&self, name: String, at: Timestamp) -> Job {
        let template = &self.cron.spec.job_template;
        let mut annotations = template.metadata.annotations.clone();
        annotations.insert(SCHEDULED.into(), at.to_string());
        Job {
            metadata: ObjectMeta {
                name,
                namespace: self.cron.metadata.namespace.clone(),
                labels: template.metadata.labels.clone(),
                annotations,
                owner_references: vec![owner::controller_ref(self.cron.as_ref())],
                ..ObjectMeta::default()
            },
            spec: template.spec.clone(),
            ..Job::default()
        }
    }
}

/// `Mon, 02 Jan 2006 15:04:05 +0000`.
fn rfc1123(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = at.date();
    let weekday = DAYS[usize::try_from(at.0.div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    let month = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    let s = at.0.rem_euclid(86_400);
    format!("{weekday}, {day:02} {month} {year} {:02}:{:02}:{:02} +0000", s / 3_600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_time_is_told_as_mail_tells_it() {
        let at: Timestamp = "2026-11-21T00:05:09Z".parse().expect("a time");
        assert_eq!(rfc1123(at), "Sat, 21 Nov 2026 00:05:09 +0000");
    }
}
