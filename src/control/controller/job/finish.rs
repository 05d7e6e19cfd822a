//! How a Job ends: its conditions, and what decides them.
//!
//! Models `newFailedConditionForFailureTarget`, `enactJobFinished` and `success_policy.go` of `pkg/controller/job`.

use crate::api::{Job, JobCondition, JobStatus, Timestamp};
use crate::control::controller::job::indexes;
use crate::sim::VecSet;

/// How a Job ends, with the reason and the words of its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Finish {
    /// Well.
    Complete(String, String),
    /// Not so.
    Failed(String, String),
}

impl Finish {
    /// It has failed.
    pub fn failed(reason: &str, message: impl Into<String>) -> Finish {
        Finish::Failed(reason.to_owned(), message.into())
    }

    /// Enough pods have succeeded.
    pub fn reached() -> Finish {
        Finish::Complete("CompletionsReached".into(), "Reached expected number of succeeded pods".into())
    }

    /// What was decided before.
    pub fn decided(job: &Job) -> Option<Finish> {
        let find = |kind: &str| find(&job.status, kind).filter(|c| c.status == "True");
        if let Some(target) = find("FailureTarget") {
            return Some(Finish::Failed(target.reason.clone(), target.message.clone()));
        }
        let met = find("SuccessCriteriaMet")?;
        Some(Finish::Complete(met.reason.clone(), met.message.clone()))
    }

    /// The condition that tells what will be, and the one that tells that it is.
    fn conditions(&self) -> (&'static str, &'static str, &str, &str) {
        match self {
            Finish::Complete(reason, words) => ("SuccessCriteriaMet", "Complete", reason, words),
            Finish::Failed(reason, words) => ("FailureTarget", "Failed", reason, words),
        }
    }

    /// Writes the conditions; the second only when no pod is left (`done`).
    pub fn write(&self, status: &mut JobStatus, done: bool, now: Timestamp) {
        let (before, after, reason, words) = self.conditions();
        set(status, before, "True", reason, words, now);
        if done {
            set(status, after, "True", reason, words, now);
            if matches!(self, Finish::Complete(..)) {
                status.completion_time = Some(now);
            }
        }
    }
}

/// A condition.
pub fn find<'a>(status: &'a JobStatus, kind: &str) -> Option<&'a JobCondition> {
    status.conditions.iter().find(|condition| condition.r#type == kind)
}

/// Sets a condition; one that is so already keeps its times.
pub fn set(status: &mut JobStatus, kind: &str, value: &str, reason: &str, words: &str, now: Timestamp) {
    if find(status, kind).is_some_and(|c| c.status == value && c.reason == reason && c.message == words) {
        return;
    }
    status.conditions.retain(|condition| condition.r#type != kind);
    status.conditions.push(JobCondition {
        r#type: kind.into(),
        status: value.into(),
        last_probe_time: Some(now),
        last_transition_time: Some(now),
        reason: reason.into(),
        message: words.into(),
        ..JobCondition::default()
    });
}

/// Whether a Job is over.
pub fn is_finished(job: &Job) -> bool {
    finished(job).is_some()
}

/// The condition by which a Job is over: Complete or Failed.
pub fn finished(job: &Job) -> Option<&JobCondition> {
    job.status.conditions.iter().find(|c| matches!(c.r#type.as_str(), "Complete" | "Failed") && c.status == "True")
}

/// Whether some indexes are enough, and by which rule.
pub fn success_policy(job: &Job, succeeded: &VecSet<i32>) -> Option<Finish> {
    let completions = job.spec.completions.unwrap_or(0);
    let meets = |rule: &crate::api::SuccessPolicyRule| {
        let counted: VecSet<i32> = match &rule.succeeded_indexes {
            Some(text) => {
                let wanted = indexes::parse(text, completions);
                // What names no index is met by none.
                if wanted.is_empty() || succeeded.is_empty() {
                    return false;
                }
                if rule.succeeded_count.is_none() {
                    return wanted.is_subset(succeeded);
                }
                wanted.intersection(succeeded).copied().collect()
            }
            None => succeeded.clone(),
        };
        rule.succeeded_count.is_some_and(|count| counted.len() as i64 >= i64::from(count))
    };
    let policy = job.spec.success_policy.as_ref()?;
    let index = policy.rules.iter().position(meets)?;
    Some(Finish::Complete("SuccessPolicy".into(), format!("Matched rules at index {index}")))
}
