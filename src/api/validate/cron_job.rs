//! CronJobs. Models `ValidateCronJobCreate` and `ValidateCronJobUpdate` of `pkg/apis/batch/validation/validation.go`.

use serde_json::json;

use super::error::{invalid, not_negative, required, unsupported};
use super::job;
use crate::api::cron::Schedule;
use crate::api::zone::Zone;
use crate::api::{CronJob, CronJobSpec, FieldError};

/// What the controller appends to the name of a CronJob must fit into the name of a Job.
const LONGEST_NAME: usize = 52;

/// A new CronJob.
pub fn create(cron_job: &CronJob, errors: &mut Vec<FieldError>) {
    spec(&cron_job.spec, None, errors);
    if cron_job.metadata.name.len() > LONGEST_NAME {
        let why = "must be no more than 52 characters";
        errors.push(invalid("metadata.name", &json!(cron_job.metadata.name), why));
    }
}

/// A changed CronJob.
pub fn update(new: &CronJob, old: &CronJob, errors: &mut Vec<FieldError>) {
    spec(&new.spec, Some(&old.spec), errors);
}

fn spec(spec: &CronJobSpec, old: Option<&CronJobSpec>, errors: &mut Vec<FieldError>) {
    schedule(spec, old, errors);
    not_negative("spec.startingDeadlineSeconds", spec.starting_deadline_seconds.unwrap_or(0), errors);
    if let Some(zone) = &spec.time_zone
        && old.is_none_or(|old| old.time_zone != spec.time_zone)
    {
        time_zone(zone, errors);
    }
    match spec.concurrency_policy.as_str() {
        "Allow" | "Forbid" | "Replace" => {}
        "" => errors.push(required("spec.concurrencyPolicy", "")),
        other => {
            errors.push(unsupported("spec.concurrencyPolicy", other, &["Allow", "Forbid", "Replace"]));
        }
    }
    job::template(&spec.job_template.spec, "spec.jobTemplate.spec", errors);
    not_negative("spec.successfulJobsHistoryLimit", i64::from(spec.successful_jobs_history_limit), errors);
    not_negative("spec.failedJobsHistoryLimit", i64::from(spec.failed_jobs_history_limit), errors);
}

/// The zone belongs into its own field; a schedule that already names one may go on doing so.
fn schedule(spec: &CronJobSpec, old: Option<&CronJobSpec>, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.schedule";
    if spec.schedule.is_empty() {
        return errors.push(required(FIELD, ""));
    }
    let value = json!(spec.schedule);
    if let Err(words) = Schedule::parse(&spec.schedule) {
        errors.push(invalid(FIELD, &value, &words));
    }
    if !spec.schedule.contains("TZ") {
        return;
    }
    if !old.is_some_and(|old| old.schedule.contains("TZ")) {
        let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        errors.push(invalid(FIELD, &value, why));
    } else if spec.time_zone.is_some() {
        errors.push(invalid(FIELD, &value, "cannot use both timeZone field and TZ or CRON_TZ in schedule"));
    }
}

fn time_zone(zone: &str, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "spec.timeZone";
    let mut wrong = |why: &str| errors.push(invalid(FIELD, &json!(zone), why));
    let unknown = format!("unknown time zone {zone}");
    let part_is_good = |part: &str| {
        let known = |b: u8| b.is_ascii_alphanumeric() || b".-_+".contains(&b);
        !matches!(part, "." | "..")
            && !part.starts_with('-')
            && (1..=14).contains(&part.len())
            && part.bytes().all(known)
    };
    if zone.is_empty() {
        return wrong("timeZone must be nil or non-empty string");
    }
    if !zone.split('/').all(part_is_good) {
        return wrong(&unknown);
    }
    if zone.eq_ignore_ascii_case("Local") {
        wrong("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
    }
    // "Local" itself is known to Go.
    if zone != "Local" && Zone::named(zone).is_none() {
        wrong(&unknown);
    }
}
