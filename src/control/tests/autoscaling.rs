//! The horizontal pod autoscaler with a made-up metrics-server behind a real APIService.

use serde_json::{Value, json};

use super::{EPOCH, World};
use crate::api::http::{HttpRequest, HttpResponse};
use crate::api::{
    APIService, Endpoints, HorizontalPodAutoscaler, Kind, KindOf as _, Pod, Request, Response, Subresource, Verb,
};
use crate::control::Calendar;
use crate::sim::Span;

/// What the metrics-server answers: every pod that the API server knows uses what the world says.
pub fn metrics(world: &World, request: &HttpRequest) -> HttpResponse {
    assert!(request.path.starts_with("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"), "{}", request.path);
    let now = Calendar::new(EPOCH).timestamp(world.now);
    let running = |pod: &&crate::api::Object| Pod::of(pod).is_some_and(|pod| pod.status.phase == "Running");
    let web = |pod: &&crate::api::Object| pod.meta().labels.get("app").is_some_and(|app| app == "web");
    let items: Vec<Value> = (world.server.all_cached(Kind::Pod).filter(running).filter(web))
        .map(|pod| {
            json!({
                "metadata": {"name": pod.meta().name, "namespace": "default"}, "timestamp": now, "window": "15s",
                "containers": [{"name": "nginx", "usage": {"cpu": format!("{}m", world.usage), "memory": "10Mi"}}],
            })
        })
        .collect();
    let body = json!({"kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "items": items});
    HttpResponse::json(200, &body)
}

/// The Deployment `web` with a request of 200m.
fn web(world: &mut World, replicas: i32) {
    let mut web = super::web(replicas);
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "200m"}});
    world.make(Kind::Deployment, web);
}

fn autoscaler(world: &mut World, more: Value) {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    let metric = json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": 50}}});
    let mut spec = json!({"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 10, "metrics": [metric]});
    for (name, value) in more.as_object().expect("fields") {
        spec[name] = value.clone();
    }
    world.make(
        Kind::HorizontalPodAutoscaler,
        json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec}),
    );
}

/// A pod, a Service and an APIService: a metrics-server.
fn install(world: &mut World) {
    let labels = json!({"app": "metrics"});
    let pod = json!({"metadata": {"name": "metrics", "namespace": "default", "labels": labels},
        "spec": {"containers": [{"name": "c", "image": "x"}]}});
    world.make(Kind::Pod, pod);
    let port = json!({"name": "https", "port": 443, "targetPort": 10250});
    let service = json!({"metadata": {"name": "metrics", "namespace": "default"},
        "spec": {"selector": labels, "ports": [port]}});
    world.make(Kind::Service, service);
    register(world);
    world.run(Span::secs(5));
}

fn register(world: &mut World) {
    let behind = json!({"namespace": "default", "name": "metrics"});
    let spec = json!({"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
        "versionPriority": 100, "service": behind});
    world.make(Kind::APIService, json!({"metadata": {"name": "v1beta1.metrics.k8s.io"}, "spec": spec}));
}

/// `status reason` of the condition Available.
fn available(world: &mut World) -> String {
    let services = world.list::<APIService>();
    let condition = services[0].availability().expect("it has been looked at");
    format!("{} {} {}", condition.status, condition.reason, condition.message)
}

fn hpa(world: &mut World) -> HorizontalPodAutoscaler {
    world.list::<HorizontalPodAutoscaler>()[0].as_ref().clone()
}

/// `status reason` of a condition.
fn condition(world: &mut World, name: &str) -> String {
    let hpa = hpa(world);
    let found = hpa.status.conditions.iter().find(|c| c.r#type == name);
    found.map_or_else(String::new, |c| format!("{} {}", c.status, c.reason))
}

fn replicas(world: &mut World) -> i32 {
    world.deployment("web").spec.replicas
}

#[test]
fn an_api_service_is_available_once_somebody_answers_behind_it() {
    let mut world = World::new(1);
    register(&mut world);
    world.run(Span::secs(1));
    assert_eq!(available(&mut world), "False ServiceNotFound service/metrics in \"default\" is not present");
    world.make(
        Kind::Service,
        json!({"metadata": {"name": "metrics", "namespace": "default"},
        "spec": {"selector": {"app": "metrics"}, "ports": [{"name": "https", "port": 444}]}}),
    );
    world.run(Span::secs(1));
    assert_eq!(
        available(&mut world),
        "False ServicePortError service/metrics in \"default\" is not listening on port 443"
    );
    world.patch(
        Kind::Service,
        "metrics",
        json!({"spec": {"ports": [{"name": "https", "port": 443}, {"port": 444, "$patch": "delete"}]}}),
    );
    world.run(Span::secs(1));
    let missing = "False MissingEndpoints endpoints for service/metrics in \"default\" have no addresses with port name \"https\"";
    assert_eq!(available(&mut world), missing);
    world.make(
        Kind::Pod,
        json!({"metadata": {"name": "metrics", "namespace": "default", "labels": {"app": "metrics"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]}}),
    );
    world.run(Span::secs(3));
    assert_eq!(available(&mut world), "True Passed all checks passed");
    world.delete(Kind::Pod, "metrics");
    world.run(Span::secs(3));
    assert_eq!(available(&mut world), missing);
    assert!(world.list::<Endpoints>().iter().any(|e| e.metadata.name == "metrics"));
}

#[test]
fn a_component_asks_for_metrics_only_where_they_are_served() {
    let mut world = World::new(1);
    let ask = |world: &mut World| {
        let mut request = Request::new(Verb::List, Kind::Pod, "default", "");
        request.subresource = Some(Subresource::Metrics);
        match world.call(request) {
            Response::Value(value) => value["kind"].as_str().unwrap_or("").to_owned(),
            Response::Failure(status) => format!("{} {}", status.code, status.message),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut world), "404 the server could not find the requested resource");
    register(&mut world);
    world.run(Span::secs(1));
    assert_eq!(ask(&mut world), "503 the server is currently unable to handle the request");
    world.delete(Kind::APIService, "v1beta1.metrics.k8s.io");
    install(&mut world);
    assert_eq!(ask(&mut world), "PodMetricsList");
}

#[test]
fn without_metrics_nothing_is_scaled_and_the_reason_is_told() {
    let mut world = World::new(1);
    web(&mut world, 1);
    autoscaler(&mut world, json!({}));
    world.run(Span::secs(20));
    assert_eq!(condition(&mut world, "ScalingActive"), "False FailedGetResourceMetric");
    let why = "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)";
    assert_eq!(
        world.events("HorizontalPodAutoscaler"),
        [
            format!("FailedGetResourceMetric {why}"),
            format!(
                "FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {why}"
            ),
        ]
    );
    assert_eq!(replicas(&mut world), 1);
}

#[test]
fn load_scales_up_in_steps_and_its_end_scales_down_after_five_minutes() {
    let mut world = World::new(3);
    install(&mut world);
    web(&mut world, 1);
    world.run(Span::secs(30));
    autoscaler(&mut world, json!({}));
    world.usage = 350;
    world.run(Span::secs(20));
    assert_eq!(replicas(&mut world), 4);
    assert_eq!(condition(&mut world, "AbleToScale"), "True SucceededRescale");
    let current = &hpa(&mut world).status.current_metrics.expect("it was measured")[0];
    let current = &current.resource.as_ref().expect("of a resource").current;
    assert_eq!(current.average_utilization, Some(175));
    assert_eq!(current.average_value.map(|value| value.to_string()).as_deref(), Some("350m"));
    world.usage = 100;
    world.run(Span::secs(60));
    assert_eq!((replicas(&mut world), hpa(&mut world).status.desired_replicas), (4, 4));
    assert_eq!(condition(&mut world, "ScalingLimited"), "False DesiredWithinRange");
    assert_eq!(condition(&mut world, "AbleToScale"), "True ReadyForNewScale");
    world.usage = 0;
    world.run(Span::secs(270));
    assert_eq!(replicas(&mut world), 4);
    assert_eq!(condition(&mut world, "AbleToScale"), "True ScaleDownStabilized");
    world.run(Span::secs(60));
    assert_eq!(replicas(&mut world), 1);
    assert_eq!(
        world.events("HorizontalPodAutoscaler"),
        [
            "SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target",
            "SuccessfulRescale New size: 1; reason: All metrics below target",
        ]
    );
}

#[test]
fn what_was_wanted_is_still_reached_when_the_load_has_gone() {
    let mut world = World::new(3);
    install(&mut world);
    web(&mut world, 1);
    world.run(Span::secs(30));
    autoscaler(&mut world, json!({}));
    world.usage = 1_000;
    world.run(Span::secs(20));
    assert_eq!((replicas(&mut world), condition(&mut world, "ScalingLimited")), (4, "True ScaleUpLimit".into()));
    world.usage = 100;
    world.run(Span::secs(30));
    // Upstream gives no reason either: the metrics of this look are content with what there is.
    assert_eq!(
        world.events("HorizontalPodAutoscaler"),
        [
            "SuccessfulRescale New size: 4; reason: cpu resource utilization (percentage of request) above target",
            "SuccessfulRescale New size: 8; reason: ",
            "SuccessfulRescale New size: 10; reason: ",
        ]
    );
}

#[test]
fn the_largest_proposal_counts_and_a_missing_metric_forbids_fewer() {
    let mut world = World::new(3);
    install(&mut world);
    web(&mut world, 2);
    let value = |name: &str, amount: &str| {
        json!({"type": "Resource", "resource": {"name": name,
        "target": {"type": "AverageValue", "averageValue": amount}}})
    };
    let rules = json!({"scaleDown": {"stabilizationWindowSeconds": 0}});
    let metrics = json!([value("cpu", "100m"), value("memory", "5Mi")]);
    autoscaler(&mut world, json!({"metrics": metrics, "behavior": rules}));
    world.run(Span::secs(20));
    assert_eq!(replicas(&mut world), 4);
    let events = world.events("HorizontalPodAutoscaler");
    assert_eq!(events, ["SuccessfulRescale New size: 4; reason: memory resource above target"]);
    let missing = json!({"type": "External", "external": {"metric": {"name": "queue"},
        "target": {"type": "Value", "value": "1"}}});
    world.patch(Kind::HorizontalPodAutoscaler, "web", json!({"spec": {"metrics": [value("cpu", "100m"), missing]}}));
    world.run(Span::secs(30));
    assert_eq!(replicas(&mut world), 4);
    assert_eq!(condition(&mut world, "ScalingActive"), "False FailedGetExternalMetric");
    world.patch(Kind::HorizontalPodAutoscaler, "web", json!({"spec": {"metrics": [value("cpu", "100m")]}}));
    world.run(Span::secs(30));
    assert_eq!(replicas(&mut world), 1);
    assert_eq!(condition(&mut world, "ScalingLimited"), "True TooFewReplicas");
}

#[test]
fn one_container_may_be_measured_alone() {
    let mut world = World::new(1);
    install(&mut world);
    web(&mut world, 1);
    world.usage = 150;
    world.run(Span::secs(30));
    let metric = |container: &str| {
        json!([{"type": "ContainerResource", "containerResource": {"name": "cpu",
        "container": container, "target": {"type": "Utilization", "averageUtilization": 50}}}])
    };
    autoscaler(&mut world, json!({"metrics": metric("nginx")}));
    world.run(Span::secs(20));
    let words = "SuccessfulRescale New size: 2; reason: cpu container resource utilization (percentage of request) above target";
    assert_eq!(world.events("HorizontalPodAutoscaler"), [words]);
    world.patch(Kind::HorizontalPodAutoscaler, "web", json!({"spec": {"metrics": metric("nope")}}));
    world.run(Span::secs(20));
    assert_eq!(condition(&mut world, "ScalingActive"), "False FailedGetContainerResourceMetric");
}
