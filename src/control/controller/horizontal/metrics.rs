//! From the answers of the metrics APIs to proposals. Resources come from `metrics.k8s.io`, if somebody has installed a
//! metrics-server; metrics of pods, of objects and from outside need adapters that are not simulated, so they fail with the
//! words of the client that finds no such API.
//!
//! Models `computeStatusFor…Metric` in `pkg/controller/podautoscaler/horizontal.go`, `calculatePodRequests` in
//! `replica_calculator.go` and `metrics/client.go`.

use serde_json::Value;

use crate::api::{
    ContainerResourceMetricStatus, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus, Pod, Quantity,
    ResourceMetricStatus, Response, RestartPolicy, Timestamp,
};
use crate::control::controller::horizontal::calculator::{Case, Measured, Measurements};
use crate::sim::VecMap;

/// The window of a measurement that names none, in seconds (`metricServerDefaultMetricWindow`).
const WINDOW: i64 = 60;

/// A metric that could not be had.
pub struct Unmeasured {
    /// The reason of the event and of the condition.
    pub reason: &'static str,
    /// Why.
    pub why: String,
    /// Why, in the words of the whole computation.
    pub whole: String,
}

/// How many replicas a metric asks for.
pub struct Proposal {
    /// How many.
    pub replicas: i32,
    /// What it is called in reasons.
    pub name: String,
    /// What it is.
    pub status: MetricStatus,
}

/// What a metric is measured on.
pub struct Scene<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The pods, and how they are judged.
    pub case: Case<'a>,
    /// The answer of `metrics.k8s.io`, if it was asked.
    pub answer: Option<&'a Response>,
}

const NO_CUSTOM: &str =
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered";

/// Asks for one metric.
///
/// # Errors
/// Why it cannot be had.
pub fn measure(spec: &MetricSpec, scene: &Scene<'_>) -> Result<Proposal, Unmeasured> {
    let namespace = scene.namespace;
    let failed =
        |reason, what: &str, why: String| Unmeasured { reason, whole: format!("failed to get {what}: {why}"), why };
    if let Some(source) = &spec.resource {
        let (replicas, name, current) = scene
            .resource(&source.name, "", &source.target)
            .map_err(|why| failed("FailedGetResourceMetric", &format!("{} resource metric value", source.name), why))?;
        let status = ResourceMetricStatus { name: source.name.clone(), current, ..Default::default() };
        let status = MetricStatus { r#type: "Resource".into(), resource: Some(status), ..MetricStatus::default() };
        return Ok(Proposal { replicas, name, status });
    }
    if let Some(source) = &spec.container_resource {
        let found = scene.resource(&source.name, &source.container, &source.target);
        let (replicas, name, current) = found.map_err(|why| {
            failed("FailedGetContainerResourceMetric", &format!("{} container metric value", source.name), why)
        })?;
        let (name_of, container) = (source.name.clone(), source.container.clone());
        let status = ContainerResourceMetricStatus { name: name_of, container, current, ..Default::default() };
        let status = MetricStatus {
            r#type: "ContainerResource".into(),
            container_resource: Some(status),
            ..MetricStatus::default()
        };
        return Ok(Proposal { replicas, name, status });
    }
    if let Some(source) = &spec.pods {
        let why = format!("unable to get metric {}: {NO_CUSTOM}", source.metric.name);
        return Err(failed("FailedGetPodsMetric", "pods metric value", why));
    }
    if let Some(source) = &spec.object {
        let of = &source.described_object;
        let why =
            format!("unable to get metric {}: {} on {namespace} {}/{NO_CUSTOM}", source.metric.name, of.kind, of.name);
        return Err(failed("FailedGetObjectMetric", "object metric value", why));
    }
    if let Some(source) = &spec.external {
        let name = &source.metric.name;
        let why = format!(
            "unable to get external metric {namespace}/{name}/nil: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered"
        );
        return Err(failed("FailedGetExternalMetric", "external metric value", why));
    }
    let why = format!("unknown metric source type {:?}", spec.r#type);
    Err(Unmeasured { reason: "InvalidMetricSourceType", whole: why.clone(), why })
}

/// Whether a metric is one of `metrics.k8s.io`.
pub fn is_resource(spec: &MetricSpec) -> bool {
    spec.resource.is_some() || spec.container_resource.is_some()
}

impl Scene<'_> {
    /// A resource of the pods, or of one container in them: replicas, what it is called, what it is
    /// (`computeStatusForResourceMetricGeneric`).
    fn resource(
        &self,
        name: &str,
        container: &str,
        target: &MetricTarget,
    ) -> Result<(i32, String, MetricValueStatus), String> {
        let cpu = name == "cpu";
        if let Some(mean) = target.average_value {
            let failed = |why: String| format!("failed to get {name} usage: {why}");
            let measured = self.measured(name, container).map_err(failed)?;
            let wanted = self.case.mean(measured, cpu, mean.millis()).map_err(failed)?;
            let current =
                MetricValueStatus { average_value: Some(Quantity::from_millis(wanted.usage)), ..Default::default() };
            return Ok((wanted.replicas, format!("{name} resource"), current));
        }
        let Some(percent) = target.average_utilization else {
            return Err("invalid resource metric source: neither an average utilization target nor an average value (usage) target was set".into());
        };
        let failed = |why: String| format!("failed to get {name} utilization: {why}");
        let measured = self.measured(name, container).map_err(failed)?;
        let requests = || self.requests(name, container);
        let wanted = self.case.resource_of(measured, &requests, cpu, percent).map_err(failed)?;
        let current = MetricValueStatus {
            average_utilization: Some(wanted.utilization),
            average_value: Some(Quantity::from_millis(wanted.usage)),
            ..Default::default()
        };
        let kind = if container.is_empty() { "resource" } else { "container resource" };
        Ok((wanted.replicas, format!("{name} {kind} utilization (percentage of request)"), current))
    }

    /// What was measured of each pod (`GetResourceMetric`).
    fn measured(&self, name: &str, container: &str) -> Result<Measurements, String> {
        let failed = |why: &str| format!("unable to get metrics for resource {name}: {why}");
        let unreachable = |why: &str| failed(&format!("unable to fetch metrics from resource metrics API: {why}"));
        let list = match self.answer {
            Some(Response::Value(list)) => list,
            Some(Response::Failure(status)) if matches!(status.code, 404 | 503) => {
                return Err(unreachable(&format!("{} (get pods.metrics.k8s.io)", status.message)));
            }
            Some(Response::Failure(status)) => return Err(unreachable(&status.message)),
            _ => return Err(unreachable("the server could not find the requested resource (get pods.metrics.k8s.io)")),
        };
        let pods = list["items"].as_array().map_or(&[][..], Vec::as_slice);
        if pods.is_empty() {
            return Err(failed("no metrics returned from resource metrics API"));
        }
        let measured = measurements(pods, name, container).map_err(|why| failed(&why))?;
        if self.case.pods.is_empty() {
            return Err("no pods returned by selector while calculating replica count".into());
        }
        Ok(measured)
    }

    /// What each pod, or one container of each, requests of a resource, in thousandths.
    fn requests(&self, name: &str, container: &str) -> Result<VecMap<String, i64>, String> {
        let of = |pod: &&Pod| Ok((pod.metadata.name.clone(), request(pod, name, container)?));
        self.case.pods.iter().map(of).collect()
    }
}

/// What the containers of each pod use, or one of them.
fn measurements(pods: &[Value], name: &str, container: &str) -> Result<Measurements, String> {
    let mut all = Measurements::new();
    for pod in pods {
        let (namespace, pod_name) = (&pod["metadata"]["namespace"], &pod["metadata"]["name"]);
        let containers = pod["containers"].as_array().map_or(&[][..], Vec::as_slice);
        let used = |c: &Value| c["usage"][name].as_str().and_then(|text| text.parse::<Quantity>().ok());
        let value = if container.is_empty() {
            containers.iter().map(used).try_fold(0_i64, |sum, one| Some(sum + one?.millis()))
        } else {
            let found = containers.iter().find(|c| c["name"] == *container).ok_or_else(|| {
                let pod = format!("{}/{}", namespace.as_str().unwrap_or(""), pod_name.as_str().unwrap_or(""));
                format!("container {container} not present in metrics for pod {pod}")
            })?;
            used(found).map(Quantity::millis)
        };
        let at = pod["timestamp"].as_str().and_then(|text| text.parse::<Timestamp>().ok()).unwrap_or_default();
        let window = pod["window"].as_str().and_then(seconds).unwrap_or(WINDOW);
        if let (Some(value), Some(pod_name)) = (value, pod_name.as_str()) {
            all.insert(pod_name.to_owned(), Measured { value, at, window });
        }
    }
    Ok(all)
}

/// What a pod, or one of its containers, requests of a resource, in thousandths (`calculatePodRequestsFromContainers`).
fn request(pod: &Pod, name: &str, container: &str) -> Result<i64, String> {
    let pod_name = &pod.metadata.name;
    let sidecars = pod.spec.init_containers.iter().filter(|c| c.restart_policy == Some(RestartPolicy::Always));
    let mut sum = 0_i64;
    for one in pod.spec.containers.iter().chain(sidecars).filter(|c| container.is_empty() || c.name == container) {
        let Some(amount) = one.resources.requests.get(name) else {
            return Err(format!("missing request for {name} in container {} of Pod {pod_name}", one.name));
        };
        sum = sum.saturating_add(amount.millis());
        if one.name == container {
            return Ok(sum);
        }
    }
    if container.is_empty() { Ok(sum) } else { Err(format!("container {container} not found in Pod {pod_name}")) }
}

/// Whole seconds, rounded up, of a time as Go writes it: `15.1s`, `1m0s`.
fn seconds(text: &str) -> Option<i64> {
    let (minutes, rest) = match text.split_once('m') {
        Some((minutes, rest)) if !rest.starts_with('s') => (minutes.parse::<i64>().ok()?, rest),
        _ => (0, text),
    };
    let (whole, fraction) = rest.strip_suffix('s')?.split_once('.').unwrap_or((rest.strip_suffix('s')?, ""));
    let more = i64::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(minutes * 60 + whole.parse::<i64>().ok()? + more)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn windows_are_whole_seconds_rounded_up() {
        for (text, want) in
            [("15s", Some(15)), ("15.1s", Some(16)), ("1m0s", Some(60)), ("1m2.5s", Some(63)), ("x", None)]
        {
            assert_eq!(seconds(text), want, "{text}");
        }
    }

    #[test]
    fn a_pod_uses_what_its_containers_use_together() {
        let pods = json!([{
            "metadata": {"namespace": "n", "name": "p"}, "timestamp": "2026-01-01T00:00:45Z", "window": "15s",
            "containers": [
                {"name": "a", "usage": {"cpu": "100500u"}},
                {"name": "b", "usage": {"cpu": "20m", "memory": "1Mi"}},
            ],
        }]);
        let pods = pods.as_array().expect("a list");
        let value = |name, container| {
            measurements(pods, name, container).map(|all| all.get("p").map(|measured| measured.value))
        };
        assert_eq!(value("cpu", ""), Ok(Some(121)));
        assert_eq!(value("cpu", "b"), Ok(Some(20)));
        assert_eq!(value("memory", ""), Ok(None));
        assert_eq!(value("cpu", "z"), Err("container z not present in metrics for pod n/p".into()));
    }

    #[test]
    fn every_container_must_request_what_is_measured() {
        let pod = |containers: Value| {
            let value = json!({"metadata": {"name": "p"}, "spec": {"containers": containers}});
            let object = crate::api::Object::from_value(crate::api::Kind::Pod, value).expect("a pod");
            object.get::<Pod>().expect("a pod").as_ref().clone()
        };
        let both = pod(json!([
            {"name": "a", "resources": {"requests": {"cpu": "200m"}}}, {"name": "b", "resources": {}},
        ]));
        assert_eq!(request(&both, "cpu", ""), Err("missing request for cpu in container b of Pod p".into()));
        assert_eq!(request(&both, "cpu", "a"), Ok(200));
        assert_eq!(request(&both, "cpu", "c"), Err("container c not found in Pod p".into()));
    }
}
