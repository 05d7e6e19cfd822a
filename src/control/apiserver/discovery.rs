//! What the server says about itself: versions, groups, resources, health. Models `k8s.io/apiserver/pkg/endpoints/discovery`
//! and `pkg/version`.

mod aggregated;

use serde_json::{Value, json};

use crate::api::http::{ContentType, HttpRequest, HttpResponse, Method};
use crate::api::{Kind, Status, custom};
use crate::control::apiserver::http::failure;
use crate::control::apiserver::other_form::OtherForm;
use crate::control::apiserver::{ApiServer, component, health, openapi, registry, review};

/// What Go's server answers when nobody answers for a path.
const PAGE_NOT_FOUND: &str = "404 page not found\n";

/// The version that is modelled.
pub const VERSION: &str = "v1.36.2";

/// The answer to a request that is about the server itself; `None` if it is not.
pub fn answer(server: &ApiServer, http: &HttpRequest) -> Option<HttpResponse> {
    if let Some(response) =
        openapi::answer(http, server.definitions()).or_else(|| openapi::v2::answer(http, server.definitions()))
    {
        return Some(response);
    }
    if http.method != Method::Get {
        return None;
    }
    let path = http.path.trim_end_matches('/');
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let value = match parts.as_slice() {
        [""] => json!({"paths": paths(server)}),
        ["version"] => version(),
        ["api"] if aggregated::is_wanted(http) => return Some(discovered(&aggregated::core(server))),
        ["apis"] if aggregated::is_wanted(http) => return Some(discovered(&aggregated::groups(server))),
        ["api"] => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [
                {"clientCIDR": "0.0.0.0/0", "serverAddress": format!("{}:6443", server.config().advertise)}
            ],
        }),
        ["apis"] => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": all_groups(server)}),
        ["api", "v1"] => resources(server, "", "v1")?,
        ["apis", group] => all_groups(server).into_iter().find(|g| g["name"] == *group).map(|mut g| {
            g["kind"] = json!("APIGroup");
            g["apiVersion"] = json!("v1");
            g
        })?,
        ["apis", group, version] => resources(server, group, version)?,
        _ => return None,
    };
    Some(HttpResponse::json(200, &value))
}

/// The paths that are served, but for those of resources.
fn paths(server: &ApiServer) -> Vec<String> {
    let plain = ["/api", "/api/v1", "/apis", "/apis/", "/openapi/v2", "/openapi/v3", "/version"];
    let mut all: Vec<String> = plain.map(str::to_owned).to_vec();
    all.extend(health::paths());
    for group in all_groups(server) {
        all.push(format!("/apis/{}", group["name"].as_str().unwrap_or_default()));
        let versions = group["versions"].as_array().into_iter().flatten();
        all.extend(versions.map(|version| format!("/apis/{}", version["groupVersion"].as_str().unwrap_or_default())));
    }
    all.sort();
    all
}

/// The answer to a request for what no path leads to: of a version that is served a status, of anything else words alone.
pub fn not_found(server: &ApiServer, path: &str) -> HttpResponse {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group, version) = match parts.as_slice() {
        ["api", version, ..] => ("", *version),
        ["apis", group, version, ..] => (*group, *version),
        _ => return HttpResponse::text(404, PAGE_NOT_FOUND),
    };
    let is_custom = custom_groups(server).iter().any(|(known, _)| *known == group);
    match !is_custom && resources(server, group, version).is_some() {
        true => failure(&Status::no_such_resource()),
        false => HttpResponse::text(404, PAGE_NOT_FOUND),
    }
}

fn discovered(value: &Value) -> HttpResponse {
    HttpResponse::of(200, ContentType::Discovery, value.to_string())
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35", "gitVersion": VERSION,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "", "goVersion": "go1.26", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// The groups besides the core one, by their priority (`DefaultGenericAPIServicePriorities`).
const GROUPS: [(&str, &str); 20] = [
    ("apiregistration.k8s.io", "v1"),
    ("apps", "v1"),
    ("events.k8s.io", "v1"),
    ("authentication.k8s.io", "v1"),
    ("authorization.k8s.io", "v1"),
    ("autoscaling", "v2"),
    ("batch", "v1"),
    ("certificates.k8s.io", "v1"),
    ("networking.k8s.io", "v1"),
    ("policy", "v1"),
    ("rbac.authorization.k8s.io", "v1"),
    ("storage.k8s.io", "v1"),
    ("admissionregistration.k8s.io", "v1"),
    ("apiextensions.k8s.io", "v1"),
    ("scheduling.k8s.io", "v1"),
    ("coordination.k8s.io", "v1"),
    ("node.k8s.io", "v1"),
    ("discovery.k8s.io", "v1"),
    ("flowcontrol.apiserver.k8s.io", "v1"),
    ("resource.k8s.io", "v1"),
];

fn groups() -> Vec<Value> {
    GROUPS
        .into_iter()
        .map(|(group, version)| {
            let named = |version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
            let mut all = vec![named(version)];
            if group == "autoscaling" {
                all.push(named("v1"));
            }
            json!({"name": group, "versions": all, "preferredVersion": named(version)})
        })
        .collect()
}

/// The same with those that other servers answer for.
fn all_groups(server: &ApiServer) -> Vec<Value> {
    let mut all = groups();
    all.extend(server.foreign_groups());
    for (group, versions) in custom_groups(server) {
        let named = |version: &str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
        let versions: Vec<Value> = versions.into_iter().map(named).collect();
        match all.iter_mut().find(|known| known["name"] == group) {
            Some(known) => known["versions"].as_array_mut().into_iter().for_each(|all| all.extend(versions.clone())),
            None => all.push(json!({"name": group, "preferredVersion": versions[0], "versions": versions})),
        }
    }
    all
}

/// The groups of custom kinds with their versions, the preferred one first.
fn custom_groups(server: &ApiServer) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for info in server.definitions().served().map(crate::api::CustomKind::info) {
        match found.iter_mut().find(|(group, _)| *group == info.group) {
            Some((_, versions)) if versions.contains(&info.version) => {}
            Some((_, versions)) => versions.push(info.version),
            None => found.push((info.group, vec![info.version])),
        }
    }
    found.iter_mut().for_each(|(_, versions)| versions.sort_by_key(|version| std::cmp::Reverse(custom::rank(version))));
    found
}

fn resources(server: &ApiServer, group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<Kind> = Kind::ALL
        .iter()
        .copied()
        .filter(|k| serves(*k, group, version))
        .chain(
            server
                .definitions()
                .served()
                .map(Kind::from)
                .filter(|k| (k.info().group, k.info().version) == (group, version)),
        )
        .collect();
    let reviews = review::resources(group, version);
    if kinds.is_empty() && reviews.is_empty() {
        return None;
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    let mut all: Vec<Value> = kinds.iter().flat_map(|kind| resource(*kind)).collect();
    if !reviews.is_empty() {
        all.extend(reviews.iter().map(|(plural, kind, namespaced)| {
            let singular = kind.to_lowercase();
            json!({
                "name": plural, "singularName": singular, "namespaced": namespaced, "kind": kind, "verbs": ["create"],
            })
        }));
    }
    if (group, version) == ("", "v1") {
        all.push(json!({
            "name": component::PLURAL, "singularName": "componentstatus", "namespaced": false, "kind": "ComponentStatus",
            "verbs": ["get", "list"], "shortNames": ["cs"],
        }));
    }
    all.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    Some(json!({
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": all,
    }))
}

/// Whether a kind is served in a group and version: in its own, or in another form of it.
fn serves(kind: Kind, group: &str, version: &str) -> bool {
    match OtherForm::of(group, version) {
        Some(other) => other.kind() == kind,
        None => (kind.info().group, kind.info().version) == (group, version),
    }
}

/// A kind and its sub-resources.
fn resource(kind: Kind) -> Vec<Value> {
    let info = kind.info();
    let mut verbs = vec!["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    if kind == Kind::Namespace {
        verbs.retain(|verb| *verb != "deletecollection");
    }
    let mut main = json!({
        "name": info.plural, "singularName": info.kind.to_lowercase(), "namespaced": info.namespaced, "kind": info.kind,
        "verbs": verbs,
    });
    if !info.short.is_empty() {
        main["shortNames"] = json!(info.short);
    }
    let workload =
        matches!(kind, Kind::StatefulSet | Kind::DaemonSet | Kind::Job | Kind::CronJob | Kind::HorizontalPodAutoscaler);
    let older = matches!(kind, Kind::Pod | Kind::Service | Kind::ReplicationController);
    if workload || older || matches!(kind, Kind::Deployment | Kind::ReplicaSet) {
        main["categories"] = json!(["all"]);
    }
    if let Kind::Custom(kind) = kind {
        main["singularName"] = kind.names()["singular"].clone();
        if kind.names()["categories"].as_array().is_some_and(|all| !all.is_empty()) {
            main["categories"] = kind.names()["categories"].clone();
        }
    }
    let mut all = vec![main];
    // A kind of another group comes with its group and version.
    let mut add = |name: &str, of: &str, verbs: &[&str]| {
        let (group_version, of) = of.rsplit_once('/').map_or((None, of), |(group, of)| (group.split_once('/'), of));
        let mut sub = json!({
            "name": format!("{}/{name}", info.plural), "singularName": "", "namespaced": info.namespaced, "kind": of,
            "verbs": verbs,
        });
        if let Some((group, version)) = group_version {
            sub["group"] = json!(group);
            sub["version"] = json!(version);
        }
        all.push(sub);
    };
    if registry::has_status(kind) {
        add("status", info.kind, &["get", "patch", "update"]);
    }
    match kind {
        Kind::Custom(kind) if kind.scale().is_none() => {}
        Kind::Custom(_) | Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController => {
            add("scale", "autoscaling/v1/Scale", &["get", "patch", "update"])
        }
        Kind::CertificateSigningRequest => {
            add("approval", "CertificateSigningRequest", &["get", "patch", "update"]);
        }
        Kind::ServiceAccount => add("token", "authentication.k8s.io/v1/TokenRequest", &["create"]),
        Kind::Namespace => add("finalize", "Namespace", &["update"]),
        Kind::Pod => {
            add("attach", "PodAttachOptions", &["create", "get"]);
            add("binding", "Binding", &["create"]);
            add("ephemeralcontainers", "Pod", &["get", "patch", "update"]);
            add("eviction", "policy/v1/Eviction", &["create"]);
            add("exec", "PodExecOptions", &["create", "get"]);
            add("log", "Pod", &["get"]);
            add("portforward", "PodPortForwardOptions", &["create", "get"]);
            add("resize", "Pod", &["get", "patch", "update"]);
        }
        _ => {}
    }
    all
}
