//! Services and what is behind them.

use super::{World, web};
use crate::api::{EndpointSlice, Endpoints, Kind};
use crate::sim::Span;
use serde_json::json;

#[test]
fn a_service_gets_endpoints_and_a_slice_that_follow_its_pods() {
    let mut world = World::new(3);
    world.make(Kind::Deployment, web(3));
    let service = json!({"metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": "http"}]}});
    world.make(Kind::Service, service);
    world.run(Span::secs(5));
    let slice = |world: &mut World| {
        let slices = world.list::<EndpointSlice>();
        slices.into_iter().find(|s| s.metadata.name.starts_with("web-")).expect("a slice")
    };
    let first = slice(&mut world);
    assert_eq!(first.endpoints.len(), 3);
    assert_eq!(first.ports[0].port, Some(80));
    assert_eq!(first.metadata.labels["kubernetes.io/service-name"], "web");
    assert_eq!(first.metadata.labels["app"], "web");
    assert!(first.endpoints.iter().all(|endpoint| endpoint.conditions.ready == Some(true)));
    let endpoints = world.list::<Endpoints>().into_iter().find(|e| e.metadata.name == "web").expect("endpoints");
    assert_eq!(endpoints.subsets[0].addresses.len(), 3);
    assert_eq!(endpoints.subsets[0].ports[0].port, 80);
    world.patch(Kind::Deployment, "web", json!({"spec": {"replicas": 0}}));
    world.run(Span::secs(5));
    let last = slice(&mut world);
    assert_eq!((last.endpoints.len(), last.ports.len()), (0, 0));
    assert_eq!(last.metadata.name, first.metadata.name);
    world.delete(Kind::Service, "web");
    world.run(Span::secs(5));
    assert!(world.list::<EndpointSlice>().iter().all(|s| !s.metadata.name.starts_with("web-")));
    assert!(world.list::<Endpoints>().iter().all(|e| e.metadata.name != "web"));
}

#[test]
fn a_pod_that_is_not_ready_is_told_but_not_served() {
    let mut world = World::new(1);
    world.ready = false;
    world.make(Kind::Deployment, web(1));
    let service = json!({"metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    world.make(Kind::Service, service);
    world.run(Span::secs(5));
    let endpoints = world.list::<Endpoints>().into_iter().find(|e| e.metadata.name == "web").expect("endpoints");
    assert_eq!(endpoints.subsets[0].addresses.len(), 0);
    assert_eq!(endpoints.subsets[0].not_ready_addresses.len(), 1);
}
