//! The status of a Job, and which changes of it make sense. Models `ValidateJobUpdateStatus` of
//! `pkg/apis/batch/validation/validation.go` with the options of `getStatusValidationOptions` in
//! `pkg/registry/batch/job/strategy.go`: most rules are looked at only when what they are about changed.
//!
//! A number that is negative is not told a second time for having decreased.

use serde_json::json;

use super::error::{duplicate, invalid, invalid_rule, not_negative, required};
use super::job_index;
use crate::api::{FieldError, Job};
use crate::sim::VecSet;

const CONDITIONS: &str = "status.conditions";

fn is(job: &Job, condition: &str) -> bool {
    job.status.conditions.iter().any(|c| c.r#type == condition && c.status == "True")
}

fn is_finished(job: &Job) -> bool {
    is(job, "Complete") || is(job, "Failed")
}

/// A changed status.
pub fn update(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    numbers(new, errors);
    uncounted(new, errors);
    conditions(new, old, errors);
    times(new, old, errors);
    finished(new, old, errors);
    indexes(new, old, errors);
    success(new, errors);
    transition(new, old, errors);
}

fn numbers(job: &Job, errors: &mut Vec<FieldError>) {
    let status = &job.status;
    for (name, value) in [
        ("active", status.active),
        ("succeeded", status.succeeded),
        ("failed", status.failed),
        ("ready", status.ready.unwrap_or(0)),
        ("terminating", status.terminating.unwrap_or(0)),
    ] {
        not_negative(&format!("status.{name}"), i64::from(value), errors);
    }
}

fn uncounted(job: &Job, errors: &mut Vec<FieldError>) {
    let Some(pods) = &job.status.uncounted_terminated_pods else { return };
    let mut seen = VecSet::new();
    for (name, list) in [("succeeded", &pods.succeeded), ("failed", &pods.failed)] {
        for (at, uid) in list.iter().enumerate() {
            let field = format!("status.uncountedTerminatedPods.{name}[{at}]");
            if uid.is_empty() {
                errors.push(invalid(&field, &json!(""), "must not be empty"));
            } else if !seen.insert(uid) {
                errors.push(duplicate(&field, &json!(uid)));
            }
        }
    }
}

fn conditions(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    let changed = |condition: &str| is(new, condition) != is(old, condition);
    let mut both = |looked_at: bool, first: bool, second: bool, why: &str| {
        if looked_at && first && second {
            errors.push(invalid_rule(CONDITIONS, why));
        }
    };
    let (complete, failed) = (is(new, "Complete"), is(new, "Failed"));
    let (target, criteria) = (is(new, "FailureTarget"), is(new, "SuccessCriteriaMet"));
    let looked_at = changed("Complete") || changed("Failed");
    both(looked_at, complete, failed, "cannot set Complete=True and Failed=true conditions");
    let looked_at = changed("Complete") || changed("FailureTarget");
    both(looked_at, complete, target, "cannot set Complete=True and FailureTarget=true conditions");
    let why = "cannot set Failed=True condition without the FailureTarget=true condition";
    both(changed("Failed") || changed("FailureTarget"), failed, !target, why);
    let why = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
    both(changed("Complete") || changed("SuccessCriteriaMet"), complete, !criteria, why);
}

fn times(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    const FIELD: &str = "status.completionTime";
    let (status, had) = (&new.status, &old.status);
    let ended = status.completion_time != had.completion_time;
    let complete = is(new, "Complete");
    if ended || complete != is(old, "Complete") {
        match status.completion_time {
            Some(time) if !complete => {
                let why = "cannot set completionTime when there is no Complete=True condition";
                errors.push(invalid(FIELD, &json!(time), why));
            }
            None if complete => errors.push(required(FIELD, "completionTime is required for Complete jobs")),
            _ => {}
        }
    }
    if let (Some(start), Some(end)) = (status.start_time, status.completion_time)
        && end < start
        && (ended || status.start_time != had.start_time)
    {
        errors.push(invalid(FIELD, &json!(end), "completionTime cannot be set before startTime"));
    }
}

fn finished(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    let (status, had) = (&new.status, &old.status);
    let done = is_finished(new);
    let ended = done != is_finished(old);
    if done && status.active > 0 && (ended || status.active != had.active) {
        errors.push(invalid("status.active", &json!(status.active), "active>0 is invalid for finished job"));
    }
    if done && status.start_time.is_none() && (ended || had.start_time.is_some()) {
        errors.push(required("status.startTime", "startTime is required for finished job"));
    }
    let changed = status.uncounted_terminated_pods != had.uncounted_terminated_pods;
    if let Some(pods) = &status.uncounted_terminated_pods
        && done
        && (ended || changed)
        && !(pods.succeeded.is_empty() && pods.failed.is_empty())
    {
        let value = json!({"Succeeded": pods.succeeded, "Failed": pods.failed});
        let why = "uncountedTerminatedPods needs to be empty for finished job";
        errors.push(invalid("status.uncountedTerminatedPods", &value, why));
    }
    if let Some(count) = status.terminating.filter(|count| *count > 0)
        && done
        && (ended || status.terminating != had.terminating)
    {
        errors.push(invalid("status.terminating", &json!(count), "terminating>0 is invalid for finished job"));
    }
    if let Some(ready) = status.ready.filter(|ready| *ready > status.active)
        && (status.ready != had.ready || status.active != had.active)
    {
        errors.push(invalid("status.ready", &json!(ready), "cannot set more ready pods than active"));
    }
}

fn indexes(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    const COMPLETED: &str = "status.completedIndexes";
    const FAILED: &str = "status.failedIndexes";
    let (spec, status) = (&new.spec, &new.status);
    let completed_changed = status.completed_indexes != old.status.completed_indexes;
    let failed_changed = status.failed_indexes != old.status.failed_indexes;
    let (completed, failed) = (status.completed_indexes.as_str(), status.failed_indexes.as_deref());
    if let Some(completions) = spec.completions {
        if let Err(why) = job_index::count(completed, completions)
            && completed_changed
        {
            errors.push(invalid(COMPLETED, &json!(completed), &format!("error parsing completedIndexes: {why}")));
        }
        if let Some(failed) = failed
            && let Err(why) = job_index::count(failed, completions)
            && failed_changed
            && spec.backoff_limit_per_index.is_some()
        {
            errors.push(invalid(FAILED, &json!(failed), &format!("error parsing failedIndexes: {why}")));
        }
    }
    if completed_changed && !completed.is_empty() && spec.completion_mode.as_deref() != Some("Indexed") {
        let why = "cannot set non-empty completedIndexes when non-indexed completion mode";
        errors.push(invalid(COMPLETED, &json!(completed), why));
    }
    let Some(failed) = failed else { return };
    if failed_changed && spec.backoff_limit_per_index.is_none() {
        let why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        errors.push(invalid(FAILED, &json!(failed), why));
    }
    if let Some(completions) = spec.completions
        && (failed_changed || completed_changed)
        && let Some(index) = job_index::overlap(completed, failed, completions)
    {
        let why = format!("failedIndexes and completedIndexes overlap at index: {index}");
        errors.push(invalid(FAILED, &json!(failed), &why));
    }
}

fn success(job: &Job, errors: &mut Vec<FieldError>) {
    let criteria = is(job, "SuccessCriteriaMet");
    let mut rule = |broken: bool, why: &str| {
        if broken {
            errors.push(invalid_rule(CONDITIONS, why));
        }
    };
    rule(criteria && is(job, "Failed"), "cannot set SuccessCriteriaMet=True and Failed=true conditions");
    rule(criteria && is(job, "FailureTarget"), "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
    rule(
        job.spec.success_policy.is_some() && !criteria && is(job, "Complete"),
        "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
    );
}

fn transition(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    let (status, had) = (&new.status, &old.status);
    for condition in ["Failed", "Complete", "FailureTarget"] {
        if is(old, condition) && !is(new, condition) {
            let why = format!("cannot disable the terminal {condition}=True condition");
            errors.push(invalid_rule(CONDITIONS, &why));
        }
    }
    // An indexed Job that is scaled down forgets the indexes that are no more.
    let elastic =
        new.spec.completion_mode.as_deref() == Some("Indexed") && new.spec.completions == new.spec.parallelism;
    for (name, now, before) in [("failed", status.failed, had.failed), ("succeeded", status.succeeded, had.succeeded)] {
        if (0..before).contains(&now) && !(name == "succeeded" && elastic) {
            let why = format!("cannot decrease the {name} counter");
            errors.push(invalid(&format!("status.{name}"), &json!(now), &why));
        }
    }
    if let (Some(now), Some(before)) = (status.completion_time, had.completion_time)
        && now != before
    {
        errors.push(invalid("status.completionTime", &json!(now), "completionTime cannot be mutated"));
    }
    let suspended = new.spec.suspend == Some(true);
    if had.start_time.is_some() && status.start_time != had.start_time && !suspended {
        let why = "field is immutable for unsuspended job once set";
        errors.push(invalid("status.startTime", &json!(status.start_time), why));
    }
    if is(old, "SuccessCriteriaMet") && !is(new, "SuccessCriteriaMet") {
        errors.push(invalid_rule(CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition"));
    }
    if is(old, "Complete") && !is(old, "SuccessCriteriaMet") && is(new, "SuccessCriteriaMet") {
        let why = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        errors.push(invalid_rule(CONDITIONS, why));
    }
}
