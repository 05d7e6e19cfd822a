//! Nodes that come, fall silent and come back.

use super::{World, web};
use crate::api::{Kind, Node, TaintEffect};
use crate::sim::Span;
use serde_json::json;

#[test]
fn nodes_get_subnets_in_order_and_are_registered() {
    let mut world = World::new(3);
    let cidrs: Vec<String> = world.list::<Node>().iter().map(|node| node.spec.pod_cidr.clone()).collect();
    assert_eq!(cidrs, ["10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24"]);
    let events = world.events("Node");
    assert!(events.contains(&"RegisteredNode Node node1 event: Registered Node node1 in Controller".to_owned()));
    let taints: usize = world.list::<Node>().iter().map(|node| node.spec.taints.len()).sum();
    assert_eq!(taints, 0, "ready nodes have no taints");
}

#[test]
fn a_silent_node_is_unknown_after_its_grace_and_its_pods_move_after_five_minutes() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    world.run(Span::secs(5));
    world.alive.retain(|node| node != "node2");
    let node2 =
        |world: &mut World| world.list::<Node>().into_iter().find(|n| n.metadata.name == "node2").expect("node2");
    world.run(Span::secs(40));
    let ready = |node: &Node| node.status.conditions[0].status.clone();
    assert_eq!(ready(&node2(&mut world)), "True");
    world.run(Span::secs(20));
    let silent = node2(&mut world);
    assert_eq!(ready(&silent), "Unknown");
    assert_eq!(silent.status.conditions[0].reason, "NodeStatusUnknown");
    assert_eq!(silent.status.conditions[0].message, "Kubelet stopped posting node status.");
    let taints: Vec<(&str, &TaintEffect)> = silent.spec.taints.iter().map(|t| (t.key.as_str(), &t.effect)).collect();
    let unreachable = "node.kubernetes.io/unreachable";
    assert_eq!(taints, [(unreachable, &TaintEffect::NoSchedule), (unreachable, &TaintEffect::NoExecute)]);
    let events = world.events("Node");
    assert!(events.contains(&"NodeNotReady Node node2 status is now: NodeNotReady".to_owned()), "{events:?}");
    assert!(world.events("Pod").contains(&"NodeNotReady Node is not ready".to_owned()));
    let dying = |world: &mut World| world.pods().iter().filter(|p| p.metadata.deletion_timestamp.is_some()).count();
    assert_eq!(dying(&mut world), 0);
    world.run(Span::secs(310));
    assert_eq!(dying(&mut world), 1, "the kubelet is gone, so its pod stays");
    assert_eq!(world.pods().len(), 4);
    let marked = world.events("Pod").into_iter().find(|event| event.starts_with("TaintManagerEviction"));
    assert!(marked.is_some_and(|event| event.contains("Marking for deletion Pod default/web-")));
}

#[test]
fn a_cordoned_node_is_tainted_and_gets_no_pods() {
    let mut world = World::new(2);
    world.patch(Kind::Node, "node1", json!({"spec": {"unschedulable": true}}));
    world.run(Span::secs(1));
    world.make(Kind::Deployment, web(3));
    world.run(Span::secs(5));
    assert!(world.pods().iter().all(|pod| pod.spec.node_name == "node2"));
    let taints = world.list::<Node>()[0].spec.taints.iter().map(|taint| taint.key.clone()).collect::<Vec<_>>();
    assert_eq!(taints, ["node.kubernetes.io/unschedulable"]);
}

#[test]
fn a_pod_waits_until_a_node_comes() {
    let mut world = World::new(0);
    world.make(Kind::Deployment, web(1));
    world.run(Span::secs(5));
    assert_eq!(world.events("Pod"), ["FailedScheduling no nodes available to schedule pods"]);
    world.join("node1");
    world.run(Span::secs(5));
    assert_eq!(world.pods()[0].spec.node_name, "node1");
}
