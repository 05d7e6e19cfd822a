//! Deployments and their pods from the first to the last.

use super::{World, image, web};
use crate::api::{Kind, ReplicaSet};
use crate::sim::Span;
use serde_json::json;

#[test]
fn a_deployment_becomes_running_pods() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    world.run(Span::secs(5));
    let pods = world.pods();
    assert_eq!(pods.len(), 3);
    let nodes: crate::sim::VecSet<&str> = pods.iter().map(|pod| pod.spec.node_name.as_str()).collect();
    assert_eq!(nodes.len(), 3, "one on each node");
    let deployment = world.deployment("web");
    assert_eq!(deployment.status.available_replicas, 3);
    assert_eq!(deployment.status.observed_generation, deployment.metadata.generation);
    assert_eq!(deployment.metadata.annotations["deployment.kubernetes.io/revision"], "1");
    let conditions: Vec<&str> = deployment.status.conditions.iter().map(|c| c.reason.as_str()).collect();
    assert_eq!(conditions, ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]);
    let set = &world.list::<ReplicaSet>()[0];
    let hash = &set.metadata.labels["pod-template-hash"];
    assert_eq!(set.metadata.name, format!("web-{hash}"));
    assert_eq!(set.metadata.annotations["deployment.kubernetes.io/max-replicas"], "4");
    assert_eq!(world.events("Deployment"), [format!("ScalingReplicaSet Scaled up replica set web-{hash} from 0 to 3")]);
    let created = world.events("ReplicaSet");
    assert!(created.iter().all(|event| event.starts_with("SuccessfulCreate Created pod: web-")), "{created:?}");
    let scheduled = world.events("Pod");
    assert_eq!(scheduled.len(), 3);
    assert!(scheduled.iter().all(|e| e.starts_with("Scheduled Successfully assigned default/web-")), "{scheduled:?}");
}

#[test]
fn a_deleted_pod_is_replaced() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(2));
    world.run(Span::secs(5));
    let gone = world.pods()[0].metadata.name.clone();
    world.delete(Kind::Pod, &gone);
    world.run(Span::secs(5));
    let names: Vec<String> = world.pods().iter().map(|pod| pod.metadata.name.clone()).collect();
    assert_eq!(names.len(), 2);
    assert!(!names.contains(&gone));
}

#[test]
fn a_rolling_update_stays_within_its_limits() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    world.run(Span::secs(5));
    world.patch(Kind::Deployment, "web", image("nginx:1.26"));
    for _ in 0..400 {
        world.run(Span::millis(10));
        let sets = world.list::<ReplicaSet>();
        let wanted: i32 = sets.iter().map(|set| set.spec.replicas).sum();
        let available: i32 = sets.iter().map(|set| set.status.available_replicas).sum();
        assert!(wanted <= 4, "{wanted} pods are more than replicas and surge");
        assert!(available >= 3, "{available} available pods are too few");
    }
    assert_eq!(world.sets(), [(3, 3)]);
    let scalings = world.events("Deployment");
    let steps: Vec<&str> = scalings.iter().map(|event| &event[event.rfind("from").expect("a scaling")..]).collect();
    assert_eq!(
        steps,
        ["from 0 to 3", "from 0 to 1", "from 3 to 2", "from 1 to 2", "from 2 to 1", "from 2 to 3", "from 1 to 0"]
    );
    assert_eq!(world.deployment("web").metadata.annotations["deployment.kubernetes.io/revision"], "2");
}

#[test]
fn going_back_gives_the_old_replica_set_a_new_number() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(2));
    world.run(Span::secs(5));
    world.patch(Kind::Deployment, "web", image("nginx:1.26"));
    world.run(Span::secs(10));
    world.patch(Kind::Deployment, "web", image("nginx:1.25"));
    world.run(Span::secs(10));
    let sets = world.list::<ReplicaSet>();
    let mut told: Vec<(i32, String, Option<String>)> = sets
        .iter()
        .map(|set| {
            let annotation = |name: &str| set.metadata.annotations.get(name).cloned();
            let revision = annotation("deployment.kubernetes.io/revision").expect("numbered");
            (set.spec.replicas, revision, annotation("deployment.kubernetes.io/revision-history"))
        })
        .collect();
    told.sort();
    assert_eq!(told, [(0, "2".into(), None), (2, "3".into(), Some("1".into()))]);
}

#[test]
fn recreate_ends_all_old_pods_before_a_new_one_comes() {
    let mut world = World::new(3);
    let mut manifest = web(2);
    manifest["spec"]["strategy"] = json!({"type": "Recreate"});
    world.make(Kind::Deployment, manifest);
    world.run(Span::secs(5));
    world.patch(Kind::Deployment, "web", image("nginx:1.26"));
    for _ in 0..200 {
        world.run(Span::millis(10));
        let images: crate::sim::VecSet<String> =
            world.pods().iter().map(|pod| pod.spec.containers[0].image.clone()).collect();
        assert!(images.len() < 2, "old and new at once");
    }
    world.run(Span::secs(5));
    assert_eq!(world.sets(), [(2, 2)]);
}

#[test]
fn a_rollout_that_does_not_move_is_called_stuck() {
    let mut world = World::new(1);
    let mut manifest = web(2);
    manifest["spec"]["progressDeadlineSeconds"] = json!(10);
    manifest["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": "100"}});
    world.make(Kind::Deployment, manifest);
    world.run(Span::secs(15));
    let conditions: Vec<(String, String)> =
        world.deployment("web").status.conditions.iter().map(|c| (c.status.clone(), c.reason.clone())).collect();
    assert_eq!(
        conditions,
        [("False".into(), "MinimumReplicasUnavailable".into()), ("False".into(), "ProgressDeadlineExceeded".into())]
    );
    let words = "FailedScheduling 0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: \
                 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    assert!(world.events("Pod").iter().all(|event| event == words), "{:?}", world.events("Pod"));
}

#[test]
fn scaling_down_deletes_and_scaling_up_creates() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(2));
    world.run(Span::secs(5));
    for replicas in [5, 1, 0, 3] {
        world.patch(Kind::Deployment, "web", json!({"spec": {"replicas": replicas}}));
        world.run(Span::secs(5));
        assert_eq!(world.pods().len(), replicas, "scaled to {replicas}");
        let wanted = i32::try_from(replicas).expect("small");
        assert_eq!(world.deployment("web").status.replicas, wanted);
    }
}

#[test]
fn deleting_the_deployment_deletes_all_that_it_owns() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    world.run(Span::secs(5));
    world.delete(Kind::Deployment, "web");
    world.run(Span::secs(5));
    assert_eq!(world.list::<ReplicaSet>().len(), 0);
    assert_eq!(world.pods().len(), 0);
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    let mut world = World::new(2);
    world.make(Kind::Namespace, json!({"metadata": {"name": "shop"}}));
    let mut manifest = web(2);
    manifest["metadata"]["namespace"] = json!("shop");
    world.make(Kind::Deployment, manifest);
    world.run(Span::secs(5));
    assert_eq!(world.pods().len(), 2);
    world.delete(Kind::Namespace, "shop");
    world.run(Span::secs(60));
    assert_eq!(world.pods().len(), 0);
    let left = world.list::<crate::api::Namespace>();
    assert!(left.iter().all(|namespace| namespace.metadata.name != "shop"));
}

#[test]
fn a_namespace_tells_which_finalizers_hold_it() {
    let mut world = World::new(1);
    world.make(Kind::Namespace, json!({"metadata": {"name": "shop"}}));
    let held = json!({"name": "held", "namespace": "shop", "finalizers": ["example.com/hold"]});
    world.make(Kind::ConfigMap, json!({"metadata": held}));
    world.run(Span::secs(5));
    world.delete(Kind::Namespace, "shop");
    world.run(Span::secs(10));
    let left = world.list::<crate::api::Namespace>();
    let shop = left.iter().find(|namespace| namespace.metadata.name == "shop").expect("it is held");
    let conditions = shop.status.rest["conditions"].as_array().expect("a list");
    let told: Vec<_> = conditions.iter().map(|c| (c["status"].as_str(), c["message"].as_str())).collect();
    let content = "Some resources are remaining: configmaps. has 1 resource instances";
    let finalizers = "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances";
    assert_eq!(told[3..], [(Some("True"), Some(content)), (Some("True"), Some(finalizers))]);
}

#[test]
fn a_settled_cluster_is_quiet() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    world.run(Span::secs(30));
    world.calls.clear();
    world.run(Span::secs(120));
    assert!(world.calls.is_empty(), "{:?}", world.calls);
}

#[test]
fn a_replica_set_adopts_and_releases() {
    let mut world = World::new(1);
    let pod = json!({"metadata": {"name": "stray", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    world.make(Kind::Pod, pod);
    world.make(
        Kind::ReplicaSet,
        json!({"metadata": {"name": "rs", "namespace": "default"}, "spec": {"replicas": 2,
            "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}}),
    );
    world.run(Span::secs(5));
    let owned = |world: &mut World| world.pods().iter().filter(|pod| pod.metadata.controller().is_some()).count();
    assert_eq!((world.pods().len(), owned(&mut world)), (2, 2));
    world.patch(Kind::Pod, "stray", json!({"metadata": {"labels": {"app": "other"}}}));
    world.run(Span::secs(5));
    assert_eq!((world.pods().len(), owned(&mut world)), (3, 2));
}
