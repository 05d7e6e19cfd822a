//! Jobs. Models `ValidateJob`, `ValidateJobUpdate` and `ValidateJobTemplateSpec` of `pkg/apis/batch/validation/validation.go`,
//! with the options that `pkg/registry/batch/job/strategy.go` chooses.

use std::sync::Arc;

use serde_json::{Value, json};

use super::error::{
    each, immutable, immutable_form, invalid, invalid_form, not_negative, required, too_long, unsupported,
};
use super::{go_form, job_policy, names, pod, selector};
use crate::api::labels::Selector;
use crate::api::meta::Labels;
use crate::api::{Affinity, FieldError, Job, JobSpec, LabelSelector, PodTemplateSpec, RestartPolicy};

/// Indexed Jobs have no more than so many pods at a time, and no more failed indexes.
const MOST_INDEXED: i32 = 100_000;
/// The same for Jobs with more completions than that and a limit of failures per index.
const MOST_WHEN_MANY: i32 = 10_000;
const LONGEST_MANAGER: usize = 63;

/// A new Job.
pub fn create(job: &Job, errors: &mut Vec<FieldError>) {
    generated_selector(job, true, errors);
    with_selector(&job.spec, errors);
    let indexed = job.spec.completion_mode.as_deref() == Some("Indexed");
    if let Some(completions) = job.spec.completions.filter(|count| indexed && *count > 0) {
        let host = format!("{}-{}", job.metadata.name, completions - 1);
        if !names::dns_label(&host).is_empty() {
            let why = format!("will not able to create pod with invalid DNS label: {host}");
            errors.push(invalid("metadata.name", &json!(job.metadata.name), &why));
        }
    }
}

/// A changed Job.
pub fn update(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    let (spec, had) = (&new.spec, &old.spec);
    with_selector(spec, errors);
    completions(spec, had, errors);
    immutable_form("spec.selector", "LabelSelector", spec.selector.as_ref(), had.selector.as_ref(), errors);
    template_update(new, old, errors);
    immutable("spec.completionMode", &spec.completion_mode, &had.completion_mode, errors);
    let policies = (spec.pod_failure_policy.as_ref(), had.pod_failure_policy.as_ref());
    immutable_form("spec.podFailurePolicy", "PodFailurePolicy", policies.0, policies.1, errors);
    immutable("spec.backoffLimitPerIndex", &spec.backoff_limit_per_index, &had.backoff_limit_per_index, errors);
    immutable("spec.managedBy", &spec.managed_by, &had.managed_by, errors);
    let policies = (spec.success_policy.as_ref(), had.success_policy.as_ref());
    immutable_form("spec.successPolicy", "SuccessPolicy", policies.0, policies.1, errors);
}

/// A template of Jobs, at `field`.
pub fn template(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    self::spec(spec, field, errors);
    if let Some(selector) = &spec.selector {
        let why = "`selector` will be auto-generated";
        errors.push(invalid_form(&format!("{field}.selector"), &go_form::of("LabelSelector", selector), why));
    }
    if spec.manual_selector == Some(true) {
        let value = go_form::plain(&Value::Bool(true));
        let supported = ["nil", "false"];
        errors.push(super::error::unsupported_form(&format!("{field}.manualSelector"), &value, &supported));
    }
}

/// The selector and the labels that the API server makes are there and are its own.
fn generated_selector(job: &Job, prefixed: bool, errors: &mut Vec<FieldError>) {
    let (spec, meta) = (&job.spec, &job.metadata);
    let Some(selector) = spec.selector.as_ref().filter(|_| spec.manual_selector != Some(true)) else { return };
    if meta.uid.0.is_empty() {
        errors.push(required("metadata.uid", ""));
    }
    let labels = &spec.template.metadata.labels;
    let mut expected = Labels::new();
    for (key, value) in [("controller-uid", meta.uid.to_string()), ("job-name", meta.name.clone())] {
        has_label(labels, key, &value, errors);
        expected.insert(key.into(), value);
    }
    if prefixed {
        for (key, plain) in [("batch.kubernetes.io/controller-uid", "controller-uid"), (JOB_NAME, "job-name")] {
            let value = expected[plain].clone();
            has_label(labels, key, &value, errors);
            expected.insert(key.into(), value);
        }
    }
    if selector::is_usable(selector) && !Selector::from(selector).matches(&expected) {
        let value = go_form::of("LabelSelector", selector);
        errors.push(invalid_form("spec.selector", &value, "`selector` not auto-generated"));
    }
}

const JOB_NAME: &str = "batch.kubernetes.io/job-name";

fn has_label(labels: &Labels, key: &str, value: &str, errors: &mut Vec<FieldError>) {
    let field = format!("spec.template.metadata.labels[{key}]");
    let why = format!("must be '{value}'");
    match labels.get(key) {
        None => errors.push(required(&field, &why)),
        Some(have) if have != value => errors.push(invalid(&field, &json!(labels), &why)),
        Some(_) => {}
    }
}

/// A spec whose selector must be there.
fn with_selector(spec: &JobSpec, errors: &mut Vec<FieldError>) {
    self::spec(spec, "spec", errors);
    match &spec.selector {
        None => errors.push(required("spec.selector", "")),
        Some(selector) => selector::label_selector(selector, "spec.selector", errors),
    }
    // No selector at all matches nothing.
    let matches = spec.selector.as_ref().is_some_and(|selector: &LabelSelector| {
        !selector::is_usable(selector) || Selector::from(selector).matches(&spec.template.metadata.labels)
    });
    if !matches {
        errors.push(selector::mismatch(&spec.template, "spec.template"));
    }
}

/// What both Jobs and templates of Jobs must be like.
fn spec(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    for (name, value) in [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        ("ttlSecondsAfterFinished", spec.ttl_seconds_after_finished.map(i64::from)),
        ("backoffLimitPerIndex", spec.backoff_limit_per_index.map(i64::from)),
        ("maxFailedIndexes", spec.max_failed_indexes.map(i64::from)),
    ] {
        not_negative(&at(name), value.unwrap_or(0), errors);
    }
    if spec.max_failed_indexes.is_some() && spec.backoff_limit_per_index.is_none() {
        errors.push(required(&at("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
    }
    if let Some(manager) = &spec.managed_by {
        domain_prefixed_path(manager, &at("managedBy"), errors);
        if manager.len() > LONGEST_MANAGER {
            errors.push(too_long(&at("managedBy"), LONGEST_MANAGER));
        }
    }
    completion_mode(spec, field, errors);
    job_policy::failure(spec, &at("podFailurePolicy"), errors);
    if let Some(policy) = &spec.success_policy {
        if spec.completion_mode.as_deref() == Some("Indexed") {
            job_policy::success(spec, &at("successPolicy"), errors);
        } else {
            let shown = match policy.rules.is_empty() {
                true => go_form::Form::Struct(vec![("Rules".into(), go_form::plain(&json!([])))]),
                false => go_form::of("SuccessPolicy", policy),
            };
            errors.push(invalid_form(&at("successPolicy"), &shown, "requires indexed completion mode"));
        }
    }
    job_policy::replacement(spec, &at("podReplacementPolicy"), errors);
    pod::template(&spec.template, &at("template"), errors);
    restart_policy(spec, &at("template.spec.restartPolicy"), errors);
}

fn restart_policy(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    match &spec.template.spec.restart_policy {
        RestartPolicy::Never => {}
        RestartPolicy::OnFailure if spec.pod_failure_policy.is_none() => {}
        RestartPolicy::OnFailure => {
            let why = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(invalid(field, &json!("OnFailure"), why));
        }
        RestartPolicy::Unknown(word) if !word.is_empty() => {
            errors.push(unsupported(field, word, &["OnFailure", "Never"]));
        }
        _ => errors.push(required(field, "valid values: \"OnFailure\", \"Never\"")),
    }
}

fn completion_mode(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    match spec.completion_mode.as_deref() {
        Some("Indexed") => indexed(spec, field, errors),
        None | Some("NonIndexed") => {
            for (name, value) in
                [("backoffLimitPerIndex", spec.backoff_limit_per_index), ("maxFailedIndexes", spec.max_failed_indexes)]
            {
                if let Some(value) = value {
                    errors.push(invalid(&at(name), &json!(value), "requires indexed completion mode"));
                }
            }
        }
        Some(other) => errors.push(unsupported(&at("completionMode"), other, &["NonIndexed", "Indexed"])),
    }
}

fn indexed(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    let most = |name: &str, value: Option<i32>, most: i32, when: &str, errors: &mut Vec<FieldError>| {
        if let Some(value) = value.filter(|value| *value > most) {
            errors.push(invalid(&at(name), &json!(value), &format!("must be less than or equal to {most}{when}")));
        }
    };
    if spec.completions.is_none() {
        errors.push(required(&at("completions"), "when completion mode is Indexed"));
    }
    most("parallelism", spec.parallelism, MOST_INDEXED, " when completion mode is Indexed", errors);
    if let (Some(completions), Some(failed)) = (spec.completions, spec.max_failed_indexes)
        && failed > completions
    {
        errors.push(invalid(&at("maxFailedIndexes"), &json!(failed), "must be less than or equal to completions"));
    }
    most("maxFailedIndexes", spec.max_failed_indexes, MOST_INDEXED, "", errors);
    if spec.completions.is_some_and(|count| count > MOST_INDEXED) && spec.backoff_limit_per_index.is_some() {
        if spec.max_failed_indexes.is_none() {
            let why = format!("must be specified when completions is above {MOST_INDEXED}");
            errors.push(required(&at("maxFailedIndexes"), &why));
        }
        let when = format!(" when completions are above {MOST_INDEXED} and used with backoff limit per index");
        most("parallelism", spec.parallelism, MOST_WHEN_MANY, &when, errors);
        most("maxFailedIndexes", spec.max_failed_indexes, MOST_WHEN_MANY, &when, errors);
    }
}

/// `acme.io/foo` (`IsDomainPrefixedPath`).
fn domain_prefixed_path(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    if text.is_empty() {
        return errors.push(required(field, ""));
    }
    let Some((host, path)) = text.split_once('/').filter(|(host, path)| !host.is_empty() && !path.is_empty()) else {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return errors.push(invalid(field, &json!(text), why));
    };
    each(field, host, names::dns_subdomain(host), errors);
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b)) {
        let why = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        errors.push(invalid(field, &json!(path), why));
    }
}

/// The completions of an indexed Job may change together with its parallelism.
fn completions(new: &JobSpec, old: &JobSpec, errors: &mut Vec<FieldError>) {
    if new.completion_mode.as_deref() != Some("Indexed") {
        return immutable("spec.completions", &new.completions, &old.completions, errors);
    }
    if new.completions != old.completions && new.completions.is_some() && new.completions != new.parallelism {
        let why = "can only be modified in tandem with spec.parallelism";
        errors.push(invalid("spec.completions", &json!(new.completions), why));
    }
}

/// Where a suspended Job's pods may go can change until they are there, and what they use while none runs.
fn template_update(new: &Job, old: &Job, errors: &mut Vec<FieldError>) {
    let (template, had) = (&new.spec.template, &old.spec.template);
    let suspended = old.spec.suspend == Some(true);
    let stopped = old.status.conditions.iter().any(|c| c.r#type == "Suspended" && c.status == "True");
    if !suspended || !(old.status.start_time.is_none() || (stopped && old.status.active == 0)) {
        immutable_form("spec.template", "PodTemplateSpec", Some(&**template), Some(&**had), errors);
        return;
    }
    let mut allowed = PodTemplateSpec::clone(had);
    allowed.metadata.annotations.clone_from(&template.metadata.annotations);
    allowed.metadata.labels.clone_from(&template.metadata.labels);
    let spec = Arc::make_mut(&mut allowed.spec);
    spec.affinity = affinity(template.spec.affinity.as_ref(), spec.affinity.take());
    spec.node_selector.clone_from(&template.spec.node_selector);
    spec.tolerations.clone_from(&template.spec.tolerations);
    match template.spec.rest.get("schedulingGates") {
        Some(gates) => _ = spec.rest.insert("schedulingGates".into(), gates.clone()),
        None => _ = spec.rest.remove("schedulingGates"),
    }
    for (mine, theirs) in
        [(&mut spec.containers, &template.spec.containers), (&mut spec.init_containers, &template.spec.init_containers)]
    {
        for (mine, theirs) in mine.iter_mut().zip(theirs) {
            if mine.name == theirs.name {
                mine.resources = theirs.resources.clone();
            }
        }
    }
    immutable_form("spec.template.spec", "PodSpec", Some(&*template.spec), Some(&*allowed.spec), errors);
}

/// The old affinity with the new one's rules about nodes.
fn affinity(new: Option<&Affinity>, old: Option<Affinity>) -> Option<Affinity> {
    let nodes = new.and_then(|affinity| affinity.node_affinity.clone());
    match (new, old) {
        (None, None) => None,
        (None, Some(old)) => {
            let old = Affinity { node_affinity: None, ..old };
            (old != Affinity::default()).then_some(old)
        }
        (Some(_), old) => Some(Affinity { node_affinity: nodes, ..old.unwrap_or_default() }),
    }
}
