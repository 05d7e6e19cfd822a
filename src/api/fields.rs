//! Field selectors: `spec.nodeName=worker1,status.phase!=Running`. Models `k8s.io/apimachinery/pkg/fields/selector.go` and
//! the selectable fields of each kind (`pkg/registry/*/strategy.go`).

use std::borrow::Cow;
use std::fmt;

use crate::api::{Kind, Object};

/// What fields must be like: all of the terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldSelectors(Vec<Term>);

/// A field and the value that it must or must not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// `spec.nodeName`.
    pub field: String,
    /// Whether the field must have the value (`=`) or must not (`!=`).
    pub equal: bool,
    /// The value.
    pub value: String,
}

impl FieldSelectors {
    /// Reads a field selector for a kind.
    ///
    /// # Errors
    /// Upstream's words about what does not parse or a field that cannot be selected by.
    pub fn parse(kind: Kind, text: &str) -> Result<FieldSelectors, String> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|p| !p.is_empty()) {
            let (field, equal, value) =
                split(part).ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{part}'"))?;
            if !supported(kind, field) {
                return Err(match kind {
                    Kind::Pod | Kind::Node | Kind::Secret | Kind::Namespace | Kind::Event => {
                        format!("field label not supported: {field}")
                    }
                    Kind::Custom(kind) if kind.selectable().next().is_some() => {
                        format!("field label not supported: {field}")
                    }
                    _ => format!(
                        "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    ),
                });
            }
            terms.push(Term { field: field.to_owned(), equal, value: value.to_owned() });
        }
        Ok(FieldSelectors(terms))
    }

    /// Whether it chooses everything.
    pub fn is_everything(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that `field` must have, if the selector says so.
    pub fn required(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|t| t.equal && t.field == field).map(|t| t.value.as_str())
    }

    /// Whether it chooses an object that has nothing but a name to select by.
    pub fn chooses(&self, name: &str) -> bool {
        let value = |field: &str| if field == "metadata.name" { name } else { "" };
        self.0.iter().all(|t| (value(&t.field) == t.value) == t.equal)
    }

    /// Whether it chooses the object.
    pub fn matches(&self, object: &Object) -> bool {
        self.0.iter().all(|t| (value_of(object, &t.field) == t.value.as_str()) == t.equal)
    }
}

impl fmt::Display for FieldSelectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> =
            self.0.iter().map(|t| format!("{}{}{}", t.field, if t.equal { "=" } else { "!=" }, t.value)).collect();
        f.write_str(&words.join(","))
    }
}

fn split(part: &str) -> Option<(&str, bool, &str)> {
    if let Some((field, value)) = part.split_once("!=") {
        return Some((field, false, value));
    }
    part.split_once("==").or_else(|| part.split_once('=')).map(|(field, value)| (field, true, value))
}

fn supported(kind: Kind, field: &str) -> bool {
    if field == "metadata.name" || (field == "metadata.namespace" && kind.info().namespaced) {
        return true;
    }
    if let Kind::Custom(kind) = kind {
        return kind.selectable().any(|path| path == field);
    }
    let more: &[&str] = match kind {
        Kind::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.nominatedNodeName",
        ],
        Kind::Node => &["spec.unschedulable"],
        Kind::Namespace => &["status.phase"],
        Kind::Secret => &["type"],
        Kind::ReplicaSet => &["status.replicas"],
        Kind::Service => &["spec.clusterIP", "spec.type"],
        Kind::Event => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        _ => &[],
    };
    more.contains(&field)
}

/// The value of a field that can be selected by; empty if the object does not have it.
fn value_of<'a>(object: &'a Object, field: &str) -> Cow<'a, str> {
    let text: &str = match (object, field) {
        (_, "metadata.name") => &object.meta().name,
        (_, "metadata.namespace") => &object.meta().namespace,
        (Object::Pod(p), "spec.nodeName") => &p.spec.node_name,
        (Object::Pod(p), "spec.restartPolicy") => p.spec.restart_policy.as_str(),
        (Object::Pod(p), "spec.schedulerName") => &p.spec.scheduler_name,
        (Object::Pod(p), "spec.serviceAccountName") => &p.spec.service_account_name,
        (Object::Pod(p), "spec.hostNetwork") => truth(p.spec.host_network),
        (Object::Pod(p), "status.phase") => &p.status.phase,
        (Object::Pod(p), "status.podIP" | "status.podIPs") => &p.status.pod_ip,
        (Object::Pod(p), "status.nominatedNodeName") => &p.status.nominated_node_name,
        (Object::Node(n), "spec.unschedulable") => truth(n.spec.unschedulable),
        (Object::Namespace(n), "status.phase") => &n.status.phase,
        (Object::Secret(s), "type") => &s.r#type,
        (Object::ReplicaSet(r), "status.replicas") => return Cow::Owned(r.status.replicas.to_string()),
        (Object::Service(s), "spec.clusterIP") => &s.spec.cluster_ip,
        (Object::Service(s), "spec.type") => s.spec.r#type.as_str(),
        (Object::Custom(c), _) => match c.at(field) {
            Some(serde_json::Value::String(text)) => text,
            Some(other) => return Cow::Owned(other.to_string()),
            None => "",
        },
        (Object::Event(e), _) => return event_value(e, field),
        _ => "",
    };
    Cow::Borrowed(text)
}

fn event_value<'a>(event: &'a crate::api::Event, field: &str) -> Cow<'a, str> {
    let about = &event.involved_object;
    Cow::Borrowed(match field {
        "involvedObject.kind" => &about.kind,
        "involvedObject.namespace" => &about.namespace,
        "involvedObject.name" => &about.name,
        "involvedObject.uid" => &about.uid.0,
        "involvedObject.apiVersion" => &about.api_version,
        "involvedObject.resourceVersion" => {
            return Cow::Owned(about.resource_version.map(|v| v.to_string()).unwrap_or_default());
        }
        "involvedObject.fieldPath" => &about.field_path,
        "reason" => &event.reason,
        "reportingComponent" => &event.reporting_component,
        "source" if event.source.component.is_empty() => &event.reporting_component,
        "source" => &event.source.component,
        "type" => &event.r#type,
        _ => "",
    })
}

fn truth(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Pod;

    #[test]
    fn a_field_selector_chooses_by_the_fields_of_the_kind() {
        let mut pod = Pod::default();
        pod.metadata.name = "web".into();
        pod.status.phase = "Running".into();
        let pod = Object::from(pod);
        for (text, chosen) in [
            ("", true),
            ("metadata.name=web", true),
            ("metadata.name!=web", false),
            ("status.phase==Running,spec.nodeName=", true),
            ("spec.nodeName=n1", false),
        ] {
            assert_eq!(FieldSelectors::parse(Kind::Pod, text).map(|s| s.matches(&pod)), Ok(chosen), "{text}");
        }
        assert_eq!(
            FieldSelectors::parse(Kind::Pod, "spec.foo=1"),
            Err("field label not supported: spec.foo".to_owned())
        );
    }
}
