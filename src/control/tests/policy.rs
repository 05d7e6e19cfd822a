//! What protects pods and shares a namespace out: budgets, priorities, ranges and quotas, through the whole control plane.

use super::{World, web};
use crate::api::{Body, Kind, PodDisruptionBudget, Request, Response, Status, Subresource, Verb};
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
