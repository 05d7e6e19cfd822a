//! What metrics-server answers: `/apis/metrics.k8s.io/v1beta1`.
//!
//! Models `sigs.k8s.io/metrics-server/pkg/api`. Differs: no tables, no watches (upstream has none either).

use serde_json::{Value, json};

use crate::api::fields::FieldSelectors;
use crate::api::http::{HttpRequest, HttpResponse, Method};
use crate::api::labels::Selector;
use crate::api::{Kind, Node, Object, ObjectMeta, Pod, Quantity, Status};
use crate::control::metrics_server::MetricsServer;
use crate::control::metrics_server::store::Usage;
use crate::sim::{Span, Time};

/// The group and version that it answers for.
pub const VERSION: &str = "metrics.k8s.io/v1beta1";

impl MetricsServer {
    /// The answer to a request.
    pub fn answer(&self, request: &HttpRequest, now: Time) -> HttpResponse {
        match self.found(request, now) {
            Ok(value) => HttpResponse::json(200, &value),
            Err(status) => HttpResponse::json(status.code, &status.to_value()),
        }
    }

    fn found(&self, request: &HttpRequest, now: Time) -> Result<Value, Status> {
        let parts: Vec<&str> = request.path.trim_matches('/').split('/').skip(2).collect();
        if request.method != Method::Get {
            return Err(Status::method_not_allowed());
        }
        match parts.as_slice() {
            ["v1beta1"] => Ok(resources()),
            ["v1beta1", "nodes"] => self.nodes(request, now),
            ["v1beta1", "nodes", name] => {
                let node = self.cache().get::<Node>("", name).ok_or_else(|| Status::not_found(Kind::Node, name))?;
                self.node(node, now)
                    .map(|value| typed(value, "NodeMetrics"))
                    .ok_or_else(|| unknown("nodemetrics", name))
            }
            ["v1beta1", "pods"] => self.pods("", request, now),
            ["v1beta1", "namespaces", namespace, "pods"] => self.pods(namespace, request, now),
            ["v1beta1", "namespaces", namespace, "pods", name] => {
                let pod = self.cache().get::<Pod>(namespace, name).ok_or_else(|| Status::not_found(Kind::Pod, name))?;
                let value = self.pod(pod, now).ok_or_else(|| unknown("podmetrics", &format!("{namespace}/{name}")))?;
                Ok(typed(value, "PodMetrics"))
            }
            _ => Err(Status::no_such_resource()),
        }
    }

    fn nodes(&self, request: &HttpRequest, now: Time) -> Result<Value, Status> {
        let chosen = chosen(request, Kind::Node)?;
        let nodes = self.cache().all::<Node>().filter(|node| chosen(&Object::Node((*node).clone())));
        Ok(list("NodeMetricsList", nodes.filter_map(|node| self.node(node, now)).collect()))
    }

    fn pods(&self, namespace: &str, request: &HttpRequest, now: Time) -> Result<Value, Status> {
        let chosen = chosen(request, Kind::Pod)?;
        let inside = |pod: &Pod| namespace.is_empty() || pod.metadata.namespace == namespace;
        let pods = self.cache().all::<Pod>().filter(|pod| inside(pod) && chosen(&Object::Pod((*pod).clone())));
        Ok(list("PodMetricsList", pods.filter_map(|pod| self.pod(pod, now)).collect()))
    }

    fn node(&self, node: &Node, now: Time) -> Option<Value> {
        let used = self.store().node(&node.metadata.name)?;
        let mut value = self.frame(&node.metadata, &used, now);
        value["usage"] = amounts(&used);
        Some(value)
    }

    fn pod(&self, pod: &Pod, now: Time) -> Option<Value> {
        let meta = &pod.metadata;
        let containers = self.store().pod(&(meta.namespace.as_str().into(), meta.name.as_str().into()))?;
        let earliest = containers.iter().map(|(_, used)| used).min_by_key(|used| used.at)?;
        let mut value = self.frame(meta, earliest, now);
        let each = containers.iter().map(|(name, used)| json!({"name": **name, "usage": amounts(used)}));
        value["containers"] = each.collect();
        Some(value)
    }

    /// What nodes and pods have in common.
    fn frame(&self, of: &ObjectMeta, used: &Usage, now: Time) -> Value {
        let mut meta = json!({"name": of.name, "creationTimestamp": self.calendar().timestamp(now)});
        if !of.namespace.is_empty() {
            meta["namespace"] = json!(of.namespace);
        }
        if !of.labels.is_empty() {
            meta["labels"] = json!(of.labels);
        }
        json!({
            "metadata": meta, "timestamp": self.calendar().timestamp(used.at), "window": duration(used.window),
        })
    }
}

/// What the selectors of a list choose.
fn chosen(request: &HttpRequest, kind: Kind) -> Result<impl Fn(&Object) -> bool, Status> {
    let text = |name: &str| request.query_value(name).unwrap_or("");
    let labels = Selector::parse(text("labelSelector")).map_err(Status::bad_request)?;
    let fields = FieldSelectors::parse(kind, text("fieldSelector")).map_err(Status::bad_request)?;
    Ok(move |object: &Object| labels.matches(&object.meta().labels) && fields.matches(object))
}

fn amounts(used: &Usage) -> Value {
    json!({"cpu": Quantity::from_billionths(used.cpu), "memory": Quantity::from_bytes(used.memory)})
}

fn list(kind: &str, items: Vec<Value>) -> Value {
    json!({"kind": kind, "apiVersion": VERSION, "metadata": {}, "items": items})
}

fn typed(mut value: Value, kind: &str) -> Value {
    value["kind"] = json!(kind);
    value["apiVersion"] = json!(VERSION);
    value
}

/// Nothing was measured of it yet.
fn unknown(resource: &str, name: &str) -> Status {
    Status {
        code: 404,
        reason: "NotFound".into(),
        message: format!("{resource}.metrics.k8s.io {name:?} not found"),
        details: Some(json!({"name": name, "group": "metrics.k8s.io", "kind": resource})),
    }
}

/// The resources of the group.
pub fn resources() -> Value {
    let one = |name: &str, namespaced: bool, kind: &str| json!({"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]});
    json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION,
        "resources": [one("nodes", false, "NodeMetrics"), one("pods", true, "PodMetrics")],
    })
}

/// As Go writes a time of seconds: `15.1s`, `1m0s`.
fn duration(span: Span) -> String {
    let (minutes, nanos) = (span.0 / 60_000_000_000, span.0 % 60_000_000_000);
    let fraction = format!("{:09}", nanos % 1_000_000_000);
    let seconds = format!("{}.{}", nanos / 1_000_000_000, fraction.trim_end_matches('0'));
    let seconds = seconds.trim_end_matches('.');
    if minutes > 0 { format!("{minutes}m{seconds}s") } else { format!("{seconds}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_written_as_go_does() {
        for (span, want) in [
            (Span::secs(15), "15s"),
            (Span::millis(15_100), "15.1s"),
            (Span::mins(1), "1m0s"),
            (Span::millis(5), "0.005s"),
        ] {
            assert_eq!(duration(span), want);
        }
    }
}
