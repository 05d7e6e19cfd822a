//! What a namespace lets its pods do. Models `k8s.io/pod-security-admission` (its policies `baseline` and `restricted`, always
//! those of this version): a namespace's labels say which policy is enforced, and which one is only warned of.
//!
//! Audit annotations are not there, and neither is a look at the pods of a namespace whose labels change. Versions of policies
//! are taken for `latest`. Windows pods are judged like others.

mod checks;

use crate::api::{FieldError, Kind, Namespace, Object, Pod, PodSpec, Status, validate};

const PREFIX: &str = "pod-security.kubernetes.io/";
const LEVELS: [&str; 3] = ["privileged", "baseline", "restricted"];

/// How much pods may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Privileged,
    Baseline,
    Restricted,
}

impl Level {
    fn of(word: &str) -> Option<Level> {
        match word {
            "privileged" => Some(Level::Privileged),
            "baseline" => Some(Level::Baseline),
            "restricted" => Some(Level::Restricted),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        LEVELS[self as usize]
    }
}

/// What of a policy a spec breaks, in words: `hostPort (container "c" uses hostPort 80), …`.
fn broken(level: Level, spec: &PodSpec) -> Option<String> {
    let mut found = Vec::new();
    if level >= Level::Baseline {
        checks::baseline(spec, level == Level::Restricted, &mut found);
    }
    if level == Level::Restricted {
        checks::restricted(spec, &mut found);
    }
    let words: Vec<String> = found.into_iter().map(|(what, why)| format!("{what} ({why})")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The level that a namespace's label gives; one that is no level is the strictest where it is enforced, and none otherwise.
fn level(namespace: &Namespace, mode: &str) -> Option<Level> {
    let word = namespace.metadata.labels.get(&format!("{PREFIX}{mode}"))?;
    let wrong = if mode == "enforce" { Level::Restricted } else { Level::Privileged };
    Some(Level::of(word).unwrap_or(wrong))
}

fn version(namespace: &Namespace, mode: &str) -> String {
    namespace.metadata.labels.get(&format!("{PREFIX}{mode}-version")).cloned().unwrap_or_else(|| "latest".into())
}

/// A new pod.
///
/// # Errors
/// It does what its namespace does not allow.
pub fn pod(pod: &Pod, namespace: Option<&Namespace>) -> Result<(), Status> {
    let Some((namespace, level)) = namespace.and_then(|n| Some((n, level(n, "enforce")?))) else { return Ok(()) };
    let Some(words) = broken(level, &pod.spec) else { return Ok(()) };
    let policy = format!("{}:{}", level.word(), version(namespace, "enforce"));
    let why = format!("violates PodSecurity {policy:?}: {words}");
    Err(Status::forbidden(Kind::Pod, super::name_of(&pod.metadata), &why))
}

/// What is said about a new pod or a new template of pods.
pub fn warnings(object: &Object, namespace: &Namespace) -> Vec<String> {
    let spec = match object {
        // What is refused is not warned of.
        Object::Pod(of) if pod(of, Some(namespace)).is_err() => return Vec::new(),
        Object::Pod(of) => &of.spec,
        Object::Deployment(of) => &of.spec.template.spec,
        Object::ReplicaSet(of) => &of.spec.template.spec,
        Object::ReplicationController(of) => &of.spec.template.spec,
        Object::StatefulSet(of) => &of.spec.template.spec,
        Object::DaemonSet(of) => &of.spec.template.spec,
        Object::Job(of) => &of.spec.template.spec,
        Object::CronJob(of) => &of.spec.job_template.spec.template.spec,
        Object::PodTemplate(of) => &of.template.spec,
        _ => return Vec::new(),
    };
    // What is enforced is warned of, too, unless the namespace says what to warn of.
    let mode = if level(namespace, "warn").is_some() { "warn" } else { "enforce" };
    let Some(level) = level(namespace, mode) else { return Vec::new() };
    let policy = format!("{}:{}", level.word(), version(namespace, mode));
    broken(level, spec).map(|words| format!("would violate PodSecurity {policy:?}: {words}")).into_iter().collect()
}

/// The labels of a namespace.
///
/// # Errors
/// One of them is no level.
pub fn namespace(namespace: &Namespace) -> Result<(), Status> {
    let errors: Vec<FieldError> = ["enforce", "audit", "warn"]
        .iter()
        .map(|mode| format!("{PREFIX}{mode}"))
        .filter_map(|key| {
            let word = namespace.metadata.labels.get(&key).filter(|word| Level::of(word).is_none())?;
            let why = format!("must be one of {}", LEVELS.join(", "));
            Some(validate::invalid(&format!("metadata.labels[{key}]"), &word.as_str().into(), &why))
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid(Kind::Namespace, &namespace.metadata.name, &errors)) }
}
