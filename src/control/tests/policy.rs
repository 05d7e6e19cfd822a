//! What protects pods and shares a namespace out: budgets, priorities, ranges and quotas, through the whole control plane.

use super::{World, web};
use crate::api::{
    Body, Kind, Object, PodDisruptionBudget, PriorityClass, Request, ResourceQuota, Response, Status, Subresource, Verb,
};
use crate::sim::Span;
use serde_json::json;

fn evict(world: &mut World, pod: &str) -> Result<(), Status> {
    let mut request = Request::new(Verb::Create, Kind::Pod, "default", pod);
    request.subresource = Some(Subresource::Eviction);
    request.body = Body::Value(json!({"kind": "Eviction", "metadata": {"name": pod}}).into());
    match world.call(request) {
        Response::Failure(status) => Err((*status).clone()),
        _ => Ok(()),
    }
}

fn budget(world: &mut World) -> (i32, i32, i32, i32) {
    let status = world.list::<PodDisruptionBudget>()[0].status.clone();
    (status.disruptions_allowed, status.current_healthy, status.desired_healthy, status.expected_pods)
}

#[test]
fn a_budget_lets_one_pod_go_and_no_more_until_another_is_ready() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    let spec = json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}});
    world.make(Kind::PodDisruptionBudget, json!({"metadata": {"name": "web", "namespace": "default"}, "spec": spec}));
    world.run(Span::secs(5));
    assert_eq!(budget(&mut world), (1, 3, 2, 3));
    world.ready = false;
    let names: Vec<String> = world.pods().iter().map(|pod| pod.metadata.name.clone()).collect();
    assert_eq!(evict(&mut world, &names[0]), Ok(()));
    let refused = evict(&mut world, &names[1]).expect_err("the budget is spent");
    assert_eq!((refused.code, refused.reason.as_str()), (429, "TooManyRequests"));
    assert_eq!(refused.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    world.run(Span::secs(5));
    assert_eq!(budget(&mut world), (0, 2, 2, 3), "its replacement is not ready");
    let refused = evict(&mut world, &names[1]).expect_err("the budget is spent");
    let words = "The disruption budget web needs 2 healthy pods and has 2 currently";
    assert_eq!(refused.details.expect("causes")["causes"][0]["message"], words);
    let condition = world.list::<PodDisruptionBudget>()[0].status.conditions[0].clone();
    assert_eq!((condition.r#type.as_str(), condition.reason.as_str()), ("DisruptionAllowed", "InsufficientPods"));
}

#[test]
fn a_budget_without_pods_says_so_and_two_budgets_are_one_too_many() {
    let mut world = World::new(1);
    let spec = json!({"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}});
    world.make(Kind::PodDisruptionBudget, json!({"metadata": {"name": "a", "namespace": "default"}, "spec": spec}));
    world.run(Span::secs(1));
    assert_eq!(budget(&mut world), (0, 0, 0, 0));
    assert_eq!(world.events("PodDisruptionBudget")[0], "NoPods No matching pods found");
    world.make(Kind::PodDisruptionBudget, json!({"metadata": {"name": "b", "namespace": "default"}, "spec": spec}));
    world.make(Kind::Deployment, web(1));
    world.run(Span::secs(5));
    let name = world.pods()[0].metadata.name.clone();
    let refused = evict(&mut world, &name).expect_err("two budgets");
    assert!(refused.message.starts_with("This pod has more than one PodDisruptionBudget"));
}

fn refused(world: &mut World, kind: Kind, value: serde_json::Value) -> String {
    let object = Object::from_value(kind, value).expect("well-formed");
    match world.call(Request::create(object)) {
        Response::Failure(status) => status.message.clone(),
        other => panic!("not refused: {other:?}"),
    }
}

fn pod(name: &str, resources: serde_json::Value) -> serde_json::Value {
    let container = json!({"name": "c", "image": "nginx:1.25", "resources": resources});
    json!({"metadata": {"name": name, "namespace": "default"}, "spec": {"containers": [container]}})
}

#[test]
fn pods_have_the_priority_of_their_class_and_only_one_class_is_the_default() {
    let mut world = World::new(0);
    let known: Vec<(String, i32)> =
        world.list::<PriorityClass>().iter().map(|c| (c.metadata.name.clone(), c.value)).collect();
    assert_eq!(
        known,
        [("system-cluster-critical".to_owned(), 2_000_000_000), ("system-node-critical".to_owned(), 2_000_001_000)]
    );
    let class = |name: &str, value: i32| json!({"metadata": {"name": name}, "value": value, "globalDefault": true});
    world.make(Kind::PriorityClass, class("high", 7));
    assert_eq!(
        refused(&mut world, Kind::PriorityClass, class("higher", 8)),
        "priorityclasses.scheduling.k8s.io \"higher\" is forbidden: PriorityClass high is already marked as default. Only one default can exist"
    );
    world.make(Kind::Pod, pod("a", json!({})));
    let a = world.pods()[0].clone();
    assert_eq!((a.spec.priority, a.spec.priority_class_name.as_str()), (Some(7), "high"));
    let mut b = pod("b", json!({}));
    b["spec"]["priorityClassName"] = json!("none");
    let words = "pods \"b\" is forbidden: no PriorityClass with name none was found";
    assert_eq!(refused(&mut world, Kind::Pod, b), words);
    let mut request = Request::delete(Kind::PriorityClass, "", "system-node-critical");
    request.options.propagation_policy = "Background".into();
    let Response::Failure(status) = world.call(request) else { panic!("it may not go") };
    assert!(status.message.ends_with("this is a system priority class and cannot be deleted"));
}

#[test]
fn a_limit_range_fills_in_and_refuses() {
    let mut world = World::new(0);
    let limits = json!([{"type": "Container", "max": {"cpu": "800m"}, "min": {"cpu": "200m"},
        "maxLimitRequestRatio": {"cpu": "2"}}]);
    let range = json!({"metadata": {"name": "r", "namespace": "default"}, "spec": {"limits": limits}});
    world.make(Kind::LimitRange, range);
    world.run(Span::secs(1));
    world.make(Kind::Pod, pod("a", json!({})));
    let a = world.pods()[0].clone();
    assert_eq!(a.spec.containers[0].resources.requests["cpu"].to_string(), "800m");
    assert_eq!(
        a.metadata.annotations["kubernetes.io/limit-ranger"],
        "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
    );
    for (resources, words) in [
        (
            json!({"limits": {"cpu": "1500m"}, "requests": {"cpu": "800m"}}),
            "pods \"b\" is forbidden: maximum cpu usage per Container is 800m, but limit is 1500m",
        ),
        (
            json!({"limits": {"cpu": "300m"}, "requests": {"cpu": "100m"}}),
            "pods \"b\" is forbidden: [minimum cpu usage per Container is 200m, but request is 100m, cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000]",
        ),
    ] {
        assert_eq!(refused(&mut world, Kind::Pod, pod("b", resources)), words);
    }
}

#[test]
fn a_quota_is_never_exceeded_and_counts_what_goes() {
    let mut world = World::new(3);
    let quota =
        json!({"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "2", "configmaps": "9"}}});
    world.make(Kind::ResourceQuota, quota);
    world.run(Span::secs(1));
    world.make(Kind::Deployment, web(5));
    world.run(Span::secs(5));
    assert_eq!(world.pods().len(), 2);
    let used = |world: &mut World| world.list::<ResourceQuota>()[0].status.used["pods"].to_string();
    assert_eq!(used(&mut world), "2");
    let events = world.events("ReplicaSet");
    let words = "is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2";
    assert!(events.iter().any(|event| event.starts_with("FailedCreate") && event.ends_with(words)), "{events:?}");
    world.delete(Kind::Deployment, "web");
    world.run(Span::secs(60));
    assert_eq!((world.pods().len(), used(&mut world).as_str()), (0, "0"));
}
