//! PriorityClasses. Models `pkg/apis/scheduling/validation/validation.go` and `pkg/apis/scheduling/v1/helpers.go`.

use serde_json::json;

use super::error::{forbidden, invalid, required, unsupported};
use crate::api::{FieldError, PriorityClass};

/// The classes that always are: name, value, description.
pub const SYSTEM: [(&str, i32, &str); 2] = [
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
];

/// The highest priority that is not the system's.
const HIGHEST: i32 = 1_000_000_000;
const POLICIES: [&str; 2] = ["Never", "PreemptLowerPriority"];

/// A new class.
pub fn class(class: &PriorityClass, errors: &mut Vec<FieldError>) {
    let name = &class.metadata.name;
    if name.starts_with("system-") {
        if let Some(why) = unknown(class) {
            let why =
                format!("priority class names with 'system-' prefix are reserved for system use only. error: {why}");
            errors.push(forbidden("metadata.name", &why));
        }
    } else if class.value > HIGHEST {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST}");
        errors.push(forbidden("value", &why));
    }
    match class.preemption_policy.as_deref() {
        Some("") => errors.push(required("preemptionPolicy", "")),
        Some(word) if !POLICIES.contains(&word) => {
            errors.push(unsupported("preemptionPolicy", word, &["PreemptLowerPriority", "Never"]));
        }
        _ => {}
    }
}

/// Why a class is none of the system's.
fn unknown(class: &PriorityClass) -> Option<String> {
    let name = &class.metadata.name;
    let Some((_, value, _)) = SYSTEM.iter().find(|(known, _, _)| known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if class.value != *value {
        return Some(format!("value of {name} PriorityClass must be {value}"));
    }
    class.global_default.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}

/// A changed class.
pub fn class_update(new: &PriorityClass, old: &PriorityClass, errors: &mut Vec<FieldError>) {
    if new.value != old.value {
        errors.push(forbidden("value", "may not be changed in an update."));
    }
    if new.preemption_policy != old.preemption_policy {
        errors.push(invalid("preemptionPolicy", &json!(new.preemption_policy), "field is immutable"));
    }
}
