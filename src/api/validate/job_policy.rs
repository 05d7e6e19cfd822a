//! What failures, successes and replacements of a Job's pods mean. Models `validatePodFailurePolicy`, `validateSuccessPolicy`
//! and `validatePodReplacementPolicy` of `pkg/apis/batch/validation/validation.go`.

use serde_json::json;

use super::error::{duplicate, each, invalid, invalid_rule, not_negative, required, too_long, too_many, unsupported};
use super::{job_index, names};
use crate::api::{FieldError, JobSpec, PodFailurePolicyOnExitCodes, PodFailurePolicyRule, SuccessPolicyRule};
use crate::sim::VecSet;

const MOST_RULES: usize = 20;
const MOST_PATTERNS: usize = 20;
const MOST_EXIT_CODES: usize = 255;
const LONGEST_INDEXES: usize = 64 << 10;
const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];

/// `valid values: ["In" "NotIn"]`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("valid values: [{}]", quoted.join(" "))
}

fn word(text: &str, field: &str, words: &[&str], errors: &mut Vec<FieldError>) {
    if text.is_empty() {
        errors.push(required(field, &one_of(words)));
    } else if !words.contains(&text) {
        errors.push(unsupported(field, text, words));
    }
}

/// What failures mean, at `field`.
pub fn failure(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(policy) = &spec.pod_failure_policy else { return };
    let rules = format!("{field}.rules");
    if policy.rules.len() > MOST_RULES {
        errors.push(too_many(&rules, policy.rules.len(), MOST_RULES));
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        failure_rule(spec, rule, &format!("{rules}[{at}]"), errors);
    }
}

fn failure_rule(spec: &JobSpec, rule: &PodFailurePolicyRule, field: &str, errors: &mut Vec<FieldError>) {
    let action = format!("{field}.action");
    if rule.action == "FailIndex" {
        if spec.backoff_limit_per_index.is_none() {
            let why = "requires the backoffLimitPerIndex to be set";
            errors.push(invalid(&action, &json!(rule.action), why));
        }
    } else {
        word(&rule.action, &action, &ACTIONS, errors);
    }
    if let Some(codes) = &rule.on_exit_codes {
        let pod = &spec.template.spec;
        let names = pod.containers.iter().chain(&pod.init_containers).map(|c| c.name.as_str()).collect();
        exit_codes(codes, &names, &format!("{field}.onExitCodes"), errors);
    }
    let patterns = format!("{field}.onPodConditions");
    if rule.on_pod_conditions.len() > MOST_PATTERNS {
        errors.push(too_many(&patterns, rule.on_pod_conditions.len(), MOST_PATTERNS));
    }
    for (at, pattern) in rule.on_pod_conditions.iter().enumerate() {
        let (kind, status) = (format!("{patterns}[{at}].type"), format!("{patterns}[{at}].status"));
        each(&kind, &pattern.r#type, names::qualified_name(&pattern.r#type), errors);
        word(&pattern.status, &status, &STATUSES, errors);
    }
    match (rule.on_exit_codes.is_some(), !rule.on_pod_conditions.is_empty()) {
        (true, true) => {
            errors.push(invalid_rule(field, "specifying both OnExitCodes and OnPodConditions is not supported"));
        }
        (false, false) => {
            errors.push(invalid_rule(field, "specifying one of OnExitCodes and OnPodConditions is required"));
        }
        _ => {}
    }
}

fn exit_codes(codes: &PodFailurePolicyOnExitCodes, names: &VecSet<&str>, field: &str, errors: &mut Vec<FieldError>) {
    word(&codes.operator, &format!("{field}.operator"), &OPERATORS, errors);
    if let Some(name) = codes.container_name.as_deref().filter(|name| !names.contains(name)) {
        let why = "must be one of the container or initContainer names in the pod template";
        errors.push(invalid(&format!("{field}.containerName"), &json!(name), why));
    }
    let values = format!("{field}.values");
    if codes.values.is_empty() {
        errors.push(invalid(&values, &json!(codes.values), "at least one value is required"));
    } else if codes.values.len() > MOST_EXIT_CODES {
        errors.push(too_many(&values, codes.values.len(), MOST_EXIT_CODES));
    }
    let mut seen = VecSet::new();
    for (at, code) in codes.values.iter().enumerate() {
        let field = format!("{values}[{at}]");
        if codes.operator == "In" && *code == 0 {
            errors.push(invalid(&field, &json!(code), "must not be 0 for the In operator"));
        }
        if !seen.insert(code) {
            errors.push(duplicate(&field, &json!(code)));
        }
    }
    if !codes.values.is_sorted() {
        errors.push(invalid(&values, &json!(codes.values), "must be ordered"));
    }
}

/// When some indexes are enough, at `field`, of an indexed Job.
pub fn success(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(policy) = &spec.success_policy else { return };
    let rules = format!("{field}.rules");
    if policy.rules.is_empty() {
        errors.push(required(&rules, "at least one rules must be specified when the successPolicy is specified"));
    }
    if policy.rules.len() > MOST_RULES {
        errors.push(too_many(&rules, policy.rules.len(), MOST_RULES));
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        success_rule(rule, spec.completions.unwrap_or(0), &format!("{rules}[{at}]"), errors);
    }
}

fn success_rule(rule: &SuccessPolicyRule, completions: i32, field: &str, errors: &mut Vec<FieldError>) {
    if rule.succeeded_count.is_none() && rule.succeeded_indexes.is_none() {
        errors.push(required(field, "at least one of succeededCount or succeededIndexes must be specified"));
    }
    let mut total = 0;
    if let Some(indexes) = &rule.succeeded_indexes {
        let field = format!("{field}.succeededIndexes");
        if indexes.len() > LONGEST_INDEXES {
            errors.push(too_long(&field, LONGEST_INDEXES));
        }
        match job_index::count(indexes, completions) {
            Ok(count) => total = count,
            Err(why) => {
                let why = format!("error parsing succeededIndexes: {why}");
                errors.push(invalid(&field, &json!(indexes), &why));
            }
        }
    }
    if let Some(count) = rule.succeeded_count {
        let field = format!("{field}.succeededCount");
        not_negative(&field, i64::from(count), errors);
        if count > completions {
            let why = format!("must be less than or equal to {completions} (the number of specified completions)");
            errors.push(invalid(&field, &json!(count), &why));
        }
        if rule.succeeded_indexes.is_some() && i64::from(count) > total {
            let why = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            errors.push(invalid(&field, &json!(count), &why));
        }
    }
}

/// When a pod is replaced, at `field`.
pub fn replacement(spec: &JobSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(policy) = &spec.pod_replacement_policy else { return };
    let supported: &[&str] = match spec.pod_failure_policy {
        Some(_) => &["Failed"],
        None => &["Failed", "TerminatingOrFailed"],
    };
    if !supported.contains(&policy.as_str()) {
        errors.push(unsupported(field, policy, supported));
    }
}
