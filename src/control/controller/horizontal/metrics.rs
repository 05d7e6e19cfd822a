//! What the metrics APIs answer. None of them is served here (a cluster has them only once somebody installs a metrics-server
//! or an adapter), so each source fails with the words of the client that does not find it.
//!
//! Models the errors of `computeStatusFor…Metric` in `pkg/controller/podautoscaler/horizontal.go`, of `replica_calculator.go`
//! and of `metrics/client.go`.

use crate::api::{MetricSpec, MetricTarget};

/// A metric that could not be had.
pub struct Unmeasured {
    /// The reason of the event and of the condition.
    pub reason: &'static str,
    /// Why.
    pub why: String,
    /// Why, in the words of the whole computation.
    pub whole: String,
}

const NO_CUSTOM: &str =
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";

/// The failure of a resource of the pods, or of one container in them.
fn resource(name: &str, target: &MetricTarget) -> String {
    let what = if target.average_value.is_some() { "usage" } else { "utilization" };
    format!(
        "failed to get {name} {what}: unable to get metrics for resource {name}: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)"
    )
}

/// Asks for one metric.
pub fn measure(spec: &MetricSpec, namespace: &str) -> Unmeasured {
    let failed =
        |reason, what: &str, why: String| Unmeasured { reason, whole: format!("failed to get {what}: {why}"), why };
    if let Some(source) = &spec.resource {
        let why = resource(&source.name, &source.target);
        return failed("FailedGetResourceMetric", &format!("{} resource metric value", source.name), why);
    }
    if let Some(source) = &spec.container_resource {
        let why = resource(&source.name, &source.target);
        return failed("FailedGetContainerResourceMetric", &format!("{} container metric value", source.name), why);
    }
    if let Some(source) = &spec.pods {
        let why = format!("unable to get metric {}: {NO_CUSTOM}", source.metric.name);
        return failed("FailedGetPodsMetric", "pods metric value", why);
    }
    if let Some(source) = &spec.object {
        let of = &source.described_object;
        let why =
            format!("unable to get metric {}: {} on {namespace} {}/{NO_CUSTOM}", source.metric.name, of.kind, of.name);
        return failed("FailedGetObjectMetric", "object metric value", why);
    }
    if let Some(source) = &spec.external {
        let name = &source.metric.name;
        let why = format!(
            "unable to get external metric {namespace}/{name}/nil: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered"
        );
        return failed("FailedGetExternalMetric", "external metric value", why);
    }
    let why = format!("unknown metric source type {:?}", spec.r#type);
    Unmeasured { reason: "InvalidMetricSourceType", whole: why.clone(), why }
}
