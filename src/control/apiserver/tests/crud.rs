//! Create, get, list, watch, update, patch, delete.

use serde_json::{Value, json};

use super::{World, pod};
use crate::api::http::{Chunk, HttpRequest, Impersonated, Method};
use crate::api::{Answer, Body, Kind, Object, Options, Request, Response, Subresource, Verb, WatchEventType};
use crate::sim::{Component, Out};

#[test]
fn a_fresh_server_has_its_namespaces_and_its_service() {
    let mut world = World::new();
    let (code, list) = world.http(Method::Get, "/api/v1/namespaces", &Value::Null);
    assert_eq!(code, 200);
    let names: Vec<&str> =
        list["items"].as_array().expect("items").iter().filter_map(|i| i["metadata"]["name"].as_str()).collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    let (_, service) = world.http(Method::Get, "/api/v1/namespaces/default/services/kubernetes", &Value::Null);
    assert_eq!(service["spec"]["clusterIP"], "10.96.0.1");
}

#[test]
fn a_pod_is_made_read_listed_and_removed() {
    let mut world = World::new();
    let made = world.object(Request::create(pod("web")));
    let Object::Pod(p) = &made else { panic!("a pod") };
    assert_eq!(p.status.phase, "Pending");
    assert_eq!(p.metadata.generation, 1);
    assert_eq!(p.spec.tolerations.len(), 2);
    assert_eq!(p.spec.containers[0].image_pull_policy, "IfNotPresent");
    assert!(p.spec.volumes[0].name.starts_with("kube-api-access-"));
    assert_eq!(world.object(Request::get(Kind::Pod, "default", "web")), made);
    let Response::List(items, _) = world.call(Request::new(Verb::List, Kind::Pod, "", "")) else { panic!("a list") };
    assert_eq!(items, [made]);
    let again = world.failure(Request::create(pod("web")));
    assert_eq!((again.code, again.message.as_str()), (409, "pods \"web\" already exists"));
    assert_eq!(world.call(Request::delete(Kind::Pod, "default", "web")), Response::Success);
    let gone = world.failure(Request::get(Kind::Pod, "default", "web"));
    assert_eq!((gone.code, gone.message.as_str()), (404, "pods \"web\" not found"));
}

#[test]
fn a_bound_pod_is_where_its_node_is_and_is_nominated_no_more() {
    let mut world = World::new();
    let labels = json!({"topology.kubernetes.io/zone": "a", "disk": "ssd"});
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "worker1", "labels": labels}});
    assert_eq!(world.http(Method::Post, "/api/v1/nodes", &node).0, 201);
    world.object(Request::create(pod("web")));
    let path = "/api/v1/namespaces/default/pods/web";
    let nominated = json!({"status": {"nominatedNodeName": "worker1"}});
    let (_, before) = world.http(Method::Patch, &format!("{path}/status"), &nominated);
    assert_eq!(before["status"]["nominatedNodeName"], "worker1");
    let mut bind = Request::new(Verb::Create, Kind::Pod, "default", "web");
    bind.subresource = Some(Subresource::Binding);
    bind.body = Body::Binding("worker1".into());
    assert_eq!(world.call(bind), Response::Success);
    let (_, bound) = world.http(Method::Get, path, &Value::Null);
    assert_eq!(bound["metadata"]["labels"], json!({"app": "web", "topology.kubernetes.io/zone": "a"}));
    assert_eq!(bound["status"]["nominatedNodeName"], Value::Null);
}

/// A request as `adm`, who may write roles and bindings and get pods: the code and the words of its refusal.
fn as_adm(world: &mut World, plural: &str, body: &Value) -> (u16, String) {
    let mut request = HttpRequest::get(format!("/apis/rbac.authorization.k8s.io/v1/namespaces/default/{plural}"));
    request.method = Method::Post;
    request.content_type = "application/json".into();
    request.body = body.to_string().into_bytes();
    request.impersonate = Some(Impersonated { user: "adm".into(), groups: Vec::new() });
    let response = world.raw(request);
    let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
    (response.code, answer["message"].as_str().unwrap_or("").to_owned())
}

#[test]
fn nobody_grants_what_they_may_not_do() {
    let mut world = World::new();
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let role = |name: &str, rules: Value| json!({"metadata": {"name": name}, "rules": rules});
    let held = json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["view"], "verbs": ["bind"]},
    ]);
    assert_eq!(world.http(Method::Post, &format!("{group}/clusterroles"), &role("adm", held)).0, 201);
    let binding = |name: &str, role: &str| {
        json!({"metadata": {"name": name}, "subjects": [{"kind": "User", "name": "adm"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}})
    };
    assert_eq!(world.http(Method::Post, &format!("{group}/clusterrolebindings"), &binding("adm", "adm")).0, 201);
    let pods = |verbs: Value| json!([{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]);
    assert_eq!(as_adm(&mut world, "roles", &role("own", pods(json!(["get"])))).0, 201);
    let nodes = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["*"]}]);
    let (code, words) = as_adm(&mut world, "roles", &role("esc", nodes));
    assert_eq!(code, 403);
    assert_eq!(
        words,
        "roles.rbac.authorization.k8s.io \"esc\" is forbidden: user \"adm\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"*\"]}"
    );
    assert_eq!(as_adm(&mut world, "rolebindings", &binding("looks", "view")).0, 201);
    let (code, words) = as_adm(&mut world, "rolebindings", &binding("all", "cluster-admin"));
    assert_eq!(code, 403);
    assert!(
        words.ends_with(
            "\n{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"
        ),
        "{words}"
    );
    let lost = (404, "clusterroles.rbac.authorization.k8s.io \"nope\" not found".to_owned());
    assert_eq!(as_adm(&mut world, "rolebindings", &binding("lost", "nope")), lost);
}

#[test]
fn a_bound_pod_goes_gracefully() {
    let mut world = World::new();
    world.object(Request::create(pod("web")));
    let mut bind = Request::new(Verb::Create, Kind::Pod, "default", "web");
    bind.subresource = Some(Subresource::Binding);
    bind.body = Body::Binding("worker1".into());
    assert_eq!(world.call(bind.clone()), Response::Success);
    let twice = world.failure(bind);
    assert_eq!(
        twice.message,
        "Operation cannot be fulfilled on pods/binding \"web\": pod web is already assigned to node \"worker1\""
    );
    world.pass(5);
    let marked = world.object(Request::delete(Kind::Pod, "default", "web"));
    assert_eq!(marked.meta().deletion_grace_period_seconds, Some(30));
    assert_eq!(marked.meta().deletion_timestamp.map(|t| t.to_string()).as_deref(), Some("2026-01-01T00:00:35Z"));
    let mut last = Request::delete(Kind::Pod, "default", "web");
    last.options.grace_period_seconds = Some(0);
    assert_eq!(world.call(last), Response::Success);
}

#[test]
fn watchers_are_told_what_they_choose() {
    let mut world = World::new();
    let mut watch = Request::new(Verb::Watch, Kind::Pod, "", "");
    watch.options = Options { field_selector: "spec.nodeName=worker1".into(), ..Options::default() };
    let id = world.ask(watch);
    world.object(Request::create(pod("web")));
    let mut bind = Request::new(Verb::Create, Kind::Pod, "default", "web");
    bind.subresource = Some(Subresource::Binding);
    bind.body = Body::Binding("worker1".into());
    world.call(bind);
    let mut now = Request::delete(Kind::Pod, "default", "web");
    now.options.grace_period_seconds = Some(0);
    world.call(now);
    let told: Vec<WatchEventType> = world
        .answers
        .iter()
        .filter_map(|a| match a {
            Answer::Events { id: of, events, .. } if *of == id => {
                Some(events.iter().map(|e| e.event).collect::<Vec<_>>())
            }
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(told, [WatchEventType::Added, WatchEventType::Modified, WatchEventType::Deleted]);
}

#[test]
fn a_stale_update_is_a_conflict_and_a_status_update_leaves_the_spec() {
    let mut world = World::new();
    let made = world.object(Request::create(pod("web")));
    let Object::Pod(p) = &made else { panic!("a pod") };
    let mut status = (**p).clone();
    status.status.phase = "Running".into();
    std::sync::Arc::make_mut(&mut status.spec).node_name = "elsewhere".into();
    let after = world.object(Request::update_status(status));
    let Object::Pod(after) = &after else { panic!("a pod") };
    assert_eq!((after.status.phase.as_str(), after.spec.node_name.as_str()), ("Running", ""));
    let mut stale = (**p).clone();
    stale.metadata.labels.insert("a".into(), "b".into());
    let conflict = world.failure(Request::update(stale));
    assert_eq!(
        conflict.message,
        "Operation cannot be fulfilled on pods \"web\": the object has been modified; please apply your changes to the latest version and try again"
    );
}

#[test]
fn the_http_door_creates_patches_scales_and_watches() {
    let mut world = World::new();
    let base = "/apis/apps/v1/namespaces/default/deployments";
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}});
    world.http(Method::Get, &format!("{base}?watch=true"), &Value::Null);
    let (code, made) = world.http(Method::Post, base, &body);
    assert_eq!((code, &made["spec"]["replicas"], &made["metadata"]["generation"]), (201, &json!(1), &json!(1)));
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "nginx:2"}]}}}});
    let (code, patched) = world.http(Method::Patch, &format!("{base}/web"), &patch);
    assert_eq!((code, &patched["metadata"]["generation"]), (200, &json!(2)));
    assert_eq!(patched["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always");
    let (code, scale) = world.http(Method::Patch, &format!("{base}/web/scale"), &json!({"spec": {"replicas": 3}}));
    assert_eq!((code, &scale["spec"]["replicas"], &scale["status"]["selector"]), (200, &json!(3), &json!("app=web")));
    let (code, gone) = world.http(Method::Delete, &format!("{base}/web?propagationPolicy=Foreground"), &Value::Null);
    assert_eq!((code, &gone["metadata"]["finalizers"]), (200, &json!(["foregroundDeletion"])));
    let events: Vec<String> = world
        .chunks
        .iter()
        .filter_map(|(_, c)| match c {
            Chunk::Event(text) => serde_json::from_slice::<Value>(text).ok()?["type"].as_str().map(str::to_owned),
            _ => None,
        })
        .collect();
    assert_eq!(events, ["ADDED", "MODIFIED", "MODIFIED", "MODIFIED"]);
}

#[test]
fn a_watch_is_told_how_far_it_is_and_ends_when_it_wanted_to() {
    let mut world = World::new();
    world.http(Method::Get, "/api/v1/pods?watch=true&allowWatchBookmarks=true&timeoutSeconds=90", &Value::Null);
    let mut told = Vec::new();
    for second in 1..=100 {
        world.pass(1);
        let mut out = Out::default();
        world.server.wake(world.now, &mut out);
        world.settle(out);
        told.extend(std::mem::take(&mut world.chunks).into_iter().map(|(_, chunk)| match chunk {
            Chunk::Event(text) => {
                let event: Value = serde_json::from_slice(&text).expect("JSON");
                (second, format!("{} {}", event["type"], event["object"]["metadata"]["resourceVersion"]))
            }
            other => (second, format!("{other:?}")),
        }));
    }
    let bookmark = told[0].1.clone();
    assert!(bookmark.starts_with("\"BOOKMARK\" \""), "{told:?}");
    assert_eq!(told, [(60, bookmark.clone()), (88, bookmark), (90, "End".to_owned())]);
    for (text, why) in [("x", "invalid syntax"), ("99999999999999999999", "value out of range")] {
        let (code, status) =
            world.http(Method::Get, &format!("/api/v1/pods?watch=true&timeoutSeconds={text}"), &Value::Null);
        assert_eq!((code, &status["message"]), (400, &json!(format!("strconv.ParseInt: parsing {text:?}: {why}"))));
    }
}

#[test]
fn services_get_addresses_and_node_ports() {
    let mut world = World::new();
    let service = |name: &str, spec: Value| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec});
    let path = "/api/v1/namespaces/default/services";
    let (code, made) =
        world.http(Method::Post, path, &service("a", json!({"type": "NodePort", "ports": [{"port": 80}]})));
    assert_eq!(code, 201);
    let port = made["spec"]["ports"][0]["nodePort"].as_i64().expect("a port");
    assert!((30_000..=32_767).contains(&port));
    assert_eq!(made["spec"]["ports"][0]["targetPort"], 80);
    let ip = made["spec"]["clusterIP"].as_str().expect("an address").to_owned();
    assert!(ip.starts_with("10."), "{ip}");
    let (code, taken) =
        world.http(Method::Post, path, &service("b", json!({"clusterIP": ip, "ports": [{"port": 80}]})));
    assert_eq!(code, 422);
    assert_eq!(
        taken["message"],
        format!(
            "Service \"b\" is invalid: spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: provided IP is already allocated"
        )
    );
    let (_, headless) =
        world.http(Method::Post, path, &service("c", json!({"clusterIP": "None", "ports": [{"port": 80}]})));
    assert_eq!(headless["spec"]["clusterIPs"], json!(["None"]));
    world.call(Request::delete(Kind::Service, "default", "a"));
    let (code, _) = world.http(Method::Post, path, &service("b", json!({"clusterIP": ip, "ports": [{"port": 80}]})));
    assert_eq!(code, 201);
}

#[test]
fn a_namespace_goes_when_its_finalizers_are_gone() {
    let mut world = World::new();
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}});
    assert_eq!(world.http(Method::Post, "/api/v1/namespaces", &body).0, 201);
    let (_, marked) = world.http(Method::Delete, "/api/v1/namespaces/x", &Value::Null);
    assert_eq!(marked["status"]["phase"], "Terminating");
    let mut late = pod("late");
    late.meta_mut().namespace = "x".into();
    let refused = world.failure(Request::create(late));
    assert_eq!(
        refused.message,
        "pods \"late\" is forbidden: unable to create new content in namespace x because it is being terminated"
    );
    let mut empty = marked.clone();
    empty["spec"] = json!({});
    assert_eq!(world.http(Method::Put, "/api/v1/namespaces/x/finalize", &empty).0, 200);
    assert_eq!(world.http(Method::Get, "/api/v1/namespaces/x", &Value::Null).0, 404);
    let mut lost = pod("lost");
    lost.meta_mut().namespace = "x".into();
    assert_eq!(world.failure(Request::create(lost)).message, "namespaces \"x\" not found");
    let stay = world.failure(Request::delete(Kind::Namespace, "", "default"));
    assert_eq!(stay.message, "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

#[test]
fn the_scale_of_a_deployment_is_read_without_a_body() {
    let mut world = World::new();
    let template =
        json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template});
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec});
    let path = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(world.http(Method::Post, path, &body).0, 201);
    let (code, scale) = world.http(Method::Get, &format!("{path}/web/scale"), &Value::Null);
    assert_eq!((code, &scale["spec"]["replicas"]), (200, &json!(2)));
}

#[test]
fn endpoints_come_with_a_warning() {
    let mut world = World::new();
    let answer = world.raw(crate::api::http::HttpRequest::get("/api/v1/namespaces/default/endpoints"));
    let words = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
    assert_eq!(answer.warnings, [words]);
}

#[test]
fn a_service_is_named_by_a_label_and_keeps_its_address() {
    let mut world = World::new();
    let service = |name: &str| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}});
    let path = "/api/v1/namespaces/default/services";
    let (code, status) = world.http(Method::Post, path, &service("Web"));
    assert_eq!(code, 422);
    let words = "Invalid value: \"Web\": a lowercase RFC 1123 label must consist of";
    assert!(status["details"]["causes"][0]["message"].as_str().is_some_and(|text| text.starts_with(words)), "{status}");
    assert_eq!(world.http(Method::Post, path, &service("web")).0, 201);
    let change = json!({"spec": {"clusterIP": "10.96.1.1"}});
    let (code, status) = world.http(Method::Patch, "/api/v1/namespaces/default/services/web", &change);
    assert_eq!(code, 422);
    assert_eq!(status["details"]["causes"][0]["message"], "Invalid value: [\"10.96.1.1\"]: may not change once set");
}
