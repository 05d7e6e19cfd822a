//! Events. Models `legacyValidateEvent` of `pkg/apis/core/validation/events.go`. An event with `eventTime` is one of the newer
//! sort and says more about who reports it.

use serde_json::json;

use super::error::{each, invalid, required};
use super::names;
use crate::api::{Event, FieldError};

const LONGEST_WORD: usize = 128;
const LONGEST_MESSAGE: usize = 1_024;

/// An event, new or changed.
pub fn event(event: &Event, errors: &mut Vec<FieldError>) {
    let (of, namespace) = (event.involved_object.namespace.as_str(), event.metadata.namespace.as_str());
    let agrees = match (event.event_time.is_some(), of.is_empty()) {
        (false, true) => matches!(namespace, "" | "default"),
        (false, false) => of == namespace,
        (true, true) => matches!(namespace, "default" | "kube-system"),
        (true, false) => true,
    };
    if !agrees {
        errors.push(invalid("involvedObject.namespace", &json!(of), "does not match event.namespace"));
    }
    if event.event_time.is_some() {
        reporter(event, errors);
    }
}

fn reporter(event: &Event, errors: &mut Vec<FieldError>) {
    let controller = &event.reporting_component;
    if controller.is_empty() {
        errors.push(required("reportingComponent", ""));
    }
    each("reportingComponent", controller, names::qualified_name(controller), errors);
    for (name, word) in
        [("reportingInstance", &event.reporting_instance), ("action", &event.action), ("reason", &event.reason)]
    {
        if word.is_empty() {
            errors.push(required(name, ""));
        }
        if word.len() > LONGEST_WORD {
            let why = format!("can have at most {LONGEST_WORD} characters");
            errors.push(invalid(name, &json!(""), &why));
        }
    }
    if event.message.len() > LONGEST_MESSAGE {
        let why = format!("can have at most {LONGEST_MESSAGE} characters");
        errors.push(invalid("message", &json!(""), &why));
    }
}
