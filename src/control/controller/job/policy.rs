//! What a pod's failure means to its Job. Models `pkg/controller/job/pod_failure_policy.go`.

use crate::api::{Job, Pod, PodFailurePolicyOnExitCodes, PodFailurePolicyRule};

/// What is to be done about a failed pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It counts.
    Count,
    /// It does not.
    Ignore,
    /// Its index has failed.
    FailIndex,
    /// The Job has failed; the words.
    FailJob(String),
}

/// What the first rule that matches says; without one, the failure counts.
pub fn action(job: &Job, pod: &Pod) -> Action {
    let Some(policy) = &job.spec.pod_failure_policy else { return Action::Count };
    if pod.status.phase != "Failed" {
        return Action::Count;
    }
    let known =
        |rule: &PodFailurePolicyRule| matches!(rule.action.as_str(), "Ignore" | "FailIndex" | "FailJob" | "Count");
    let rules = policy.rules.iter().enumerate().filter(|(_, rule)| known(rule));
    let found = rules.into_iter().find_map(|(index, rule)| Some((index, rule, matched(rule, pod)?)));
    match found {
        None => Action::Count,
        Some((index, rule, why)) => match rule.action.as_str() {
            "Ignore" => Action::Ignore,
            "FailIndex" => Action::FailIndex,
            "FailJob" => Action::FailJob(format!("{why} matching FailJob rule at index {index}")),
            _ => Action::Count,
        },
    }
}

fn matched(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let of = format!("{}/{}", pod.metadata.namespace, pod.metadata.name);
    if let Some(codes) = &rule.on_exit_codes {
        let (container, code) = exit_code(codes, pod)?;
        return Some(format!("Container {container} for pod {of} failed with exit code {code}"));
    }
    let has = |wanted: &crate::api::PodFailurePolicyOnPodCondition| {
        pod.status.conditions.iter().any(|c| c.r#type == wanted.r#type && c.status == wanted.status)
    };
    let condition = rule.on_pod_conditions.iter().find(|wanted| has(wanted))?;
    Some(format!("Pod {of} has condition {}", condition.r#type))
}

/// The first container that failed with a code that the rule means.
fn exit_code<'a>(codes: &PodFailurePolicyOnExitCodes, pod: &'a Pod) -> Option<(&'a str, i32)> {
    let statuses = pod.status.container_statuses.iter().chain(&pod.status.init_container_statuses);
    let meant = |code: i32| {
        let listed = codes.values.contains(&code);
        code != 0 && if codes.operator == "In" { listed } else { !listed }
    };
    let mut ended = statuses
        .filter(|status| codes.container_name.as_ref().is_none_or(|name| *name == status.name))
        .filter_map(|status| Some((status.name.as_str(), status.state.terminated.as_ref()?.exit_code)));
    ended.find(|(_, code)| meant(*code))
}
