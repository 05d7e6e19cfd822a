//! Errors of the API. Models `k8s.io/apimachinery/pkg/api/errors/errors.go`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{Kind, KindInfo};

/// A failure as the API answers it (`metav1.Status`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Status {
    /// The HTTP code.
    pub code: u16,
    /// The machine-readable reason: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, …
    pub reason: String,
    /// The words.
    pub message: String,
    /// `details`: name, group, kind, uid, causes.
    pub details: Option<Value>,
}

/// One thing that is wrong with an object (`field.Error`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldError {
    /// `FieldValueRequired`, `FieldValueInvalid`, …
    pub reason: &'static str,
    /// `spec.template.spec.containers[0].image`.
    pub field: String,
    /// The words after the field: `Required value: …`.
    pub message: String,
}

impl Status {
    fn about(code: u16, reason: &str, info: &KindInfo, name: &str, message: String) -> Status {
        let details = json!({"name": name, "group": info.group, "kind": info.plural});
        Status { code, reason: reason.into(), message, details: Some(details) }
    }

    /// `pods "web-0" not found`.
    pub fn not_found(kind: Kind, name: &str) -> Status {
        let info = kind.info();
        let message = format!("{} {name:?} not found", info.group_resource());
        Status::about(404, "NotFound", info, name, message)
    }

    /// `pods "web-0" already exists`.
    pub fn already_exists(kind: Kind, name: &str) -> Status {
        let info = kind.info();
        let message = format!("{} {name:?} already exists", info.group_resource());
        Status::about(409, "AlreadyExists", info, name, message)
    }

    /// `Operation cannot be fulfilled on pods "web-0": the object has been modified; …`.
    pub fn conflict(kind: Kind, name: &str, why: &str) -> Status {
        let info = kind.info();
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", info.group_resource());
        Status::about(409, "Conflict", info, name, message)
    }

    /// A conflict of a sub-resource: `Operation cannot be fulfilled on pods/binding "web-0": …`.
    pub fn conflict_of(resource: &str, name: &str, why: &str) -> Status {
        Status {
            code: 409,
            reason: "Conflict".into(),
            message: format!("Operation cannot be fulfilled on {resource} {name:?}: {why}"),
            details: Some(json!({"name": name, "kind": resource})),
        }
    }

    /// Something that is nobody's fault (`NewInternalError`).
    pub fn internal(why: &str) -> Status {
        Status {
            code: 500,
            reason: "InternalError".into(),
            message: format!("Internal error occurred: {why}"),
            details: Some(json!({"causes": [{"message": why}]})),
        }
    }

    /// `pods "web-0" is forbidden: …`.
    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Status {
        let info = kind.info();
        let message = format!("{} {name:?} is forbidden: {why}", info.group_resource());
        Status::about(403, "Forbidden", info, name, message)
    }

    /// A request that cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Status {
        Status { code: 400, reason: "BadRequest".into(), message: message.into(), details: None }
    }

    /// `the server could not find the requested resource`.
    pub fn no_such_resource() -> Status {
        Status {
            code: 404,
            reason: "NotFound".into(),
            message: "the server could not find the requested resource".into(),
            details: Some(json!({})),
        }
    }

    /// The resource does not support the verb.
    pub fn method_not_allowed() -> Status {
        Status {
            code: 405,
            reason: "MethodNotAllowed".into(),
            message: "the server does not allow this method on the requested resource".into(),
            details: Some(json!({})),
        }
    }

    /// Everything that is wrong with an object, at once (`NewInvalid`).
    pub fn invalid(kind: Kind, name: &str, errors: &[FieldError]) -> Status {
        let info = kind.info();
        Status::invalid_of(info.group, info.kind, name, errors)
    }

    /// The same of what is no object of a kind: the options of a request, or a patch, which have no kind or no name.
    pub fn invalid_of(group: &str, kind: &str, name: &str, errors: &[FieldError]) -> Status {
        let group_kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut words: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        words.dedup();
        let list = if words.len() == 1 { words.concat() } else { format!("[{}]", words.join(", ")) };
        let causes: Vec<Value> =
            errors.iter().map(|e| json!({"reason": e.reason, "message": e.message, "field": e.field})).collect();
        Status {
            code: 422,
            reason: "Invalid".into(),
            message: format!("{group_kind} {name:?} is invalid: {list}"),
            details: Some(json!({"name": name, "group": group, "kind": kind, "causes": causes})),
        }
    }

    /// The watch's or list's revision has been compacted away (410 Gone).
    pub fn expired(message: impl Into<String>) -> Status {
        Status { code: 410, reason: "Expired".into(), message: message.into(), details: None }
    }

    /// Its JSON form, a `Status` object.
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            value["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            let mut details = details.clone();
            if let Value::Object(fields) = &mut details {
                fields.retain(|_, value| value != "");
            }
            value["details"] = details;
        }
        value
    }
}
