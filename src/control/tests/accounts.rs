//! Service accounts: the one that every namespace has, and what pods take from theirs.

use serde_json::{Value, json};

use super::World;
use crate::api::{Kind, Object, Request, Response, ServiceAccount};
use crate::sim::Span;

fn names(world: &mut World, namespace: &str) -> Vec<String> {
    let all = world.list::<ServiceAccount>();
    all.iter().filter(|a| a.metadata.namespace == namespace).map(|a| a.metadata.name.clone()).collect()
}

fn pod(account: &str) -> Object {
    let spec = json!({"serviceAccountName": account, "containers": [{"name": "c", "image": "busybox"}]});
    let pod = json!({"metadata": {"name": "p", "namespace": "team"}, "spec": spec});
    Object::from_value(Kind::Pod, pod).expect("well-formed")
}

#[test]
fn every_namespace_has_the_account_default_and_gets_it_back() {
    let mut world = World::new(0);
    assert_eq!(names(&mut world, "kube-system"), ["default"]);
    world.make(Kind::Namespace, json!({"metadata": {"name": "team"}}));
    world.run(Span::secs(1));
    assert_eq!(names(&mut world, "team"), ["default"]);
    world.call(Request::delete(Kind::ServiceAccount, "team", "default"));
    world.run(Span::secs(1));
    assert_eq!(names(&mut world, "team"), ["default"]);
}

#[test]
fn a_pod_needs_the_account_that_it_names_and_takes_its_pull_secrets() {
    let mut world = World::new(0);
    world.make(Kind::Namespace, json!({"metadata": {"name": "team"}}));
    world.run(Span::secs(1));
    match world.call(Request::create(pod("robot"))) {
        Response::Failure(status) => assert_eq!(
            status.message,
            "pods \"p\" is forbidden: error looking up service account team/robot: serviceaccount \"robot\" not found"
        ),
        other => panic!("{other:?}"),
    }
    let account = json!({
        "metadata": {"name": "robot", "namespace": "team"}, "imagePullSecrets": [{"name": "registry"}],
        "automountServiceAccountToken": false,
    });
    world.make(Kind::ServiceAccount, account);
    world.run(Span::secs(1));
    let made: Value = match world.call(Request::create(pod("robot"))) {
        Response::Object(object) => object.to_value(),
        other => panic!("{other:?}"),
    };
    assert_eq!(made["spec"]["imagePullSecrets"], json!([{"name": "registry"}]));
    assert_eq!(made["spec"]["volumes"], Value::Null);
}
