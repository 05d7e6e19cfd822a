//! All groups and their resources in one document, for clients that ask for it. Models
//! `k8s.io/apiserver/pkg/endpoints/discovery/aggregated` (`apidiscovery.k8s.io/v2`).
//!
//! What another server answers for is listed as far as it is known here (the metrics of nodes and pods); who could tell: a
//! client of any other such group is told that what it sees is stale.

use serde_json::{Value, json};

use crate::api::http::HttpRequest;
use crate::control::apiserver::{ApiServer, discovery};
use crate::control::metrics_server;

/// Whether a client wants it first of all.
pub fn is_wanted(http: &HttpRequest) -> bool {
    let wanted =
        |form: &str| form.contains("as=APIGroupDiscoveryList") && form.contains("v=v2") && !form.contains("v2beta1");
    http.accept.split(',').any(wanted)
}

/// The core group.
pub fn core(server: &ApiServer) -> Value {
    document(vec![group(server, "", &["v1".to_owned()])])
}

/// All other groups.
pub fn groups(server: &ApiServer) -> Value {
    let all = discovery::all_groups(server);
    let versions = |group: &Value| -> Vec<String> {
        let versions = group["versions"].as_array().into_iter().flatten();
        versions.filter_map(|v| v["version"].as_str().map(str::to_owned)).collect()
    };
    document(all.iter().map(|of| group(server, of["name"].as_str().unwrap_or(""), &versions(of))).collect())
}

fn document(items: Vec<Value>) -> Value {
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn group(server: &ApiServer, name: &str, versions: &[String]) -> Value {
    let mut metadata = json!({"creationTimestamp": null});
    if !name.is_empty() {
        metadata["name"] = json!(name);
    }
    let versions: Vec<Value> = versions.iter().map(|version| version_of(server, name, version)).collect();
    json!({"metadata": metadata, "versions": versions})
}

fn version_of(server: &ApiServer, group: &str, version: &str) -> Value {
    let foreign = || (metrics_server::VERSION == format!("{group}/{version}")).then(metrics_server::resources);
    let Some(list) = discovery::resources(server, group, version).or_else(foreign) else {
        return json!({"version": version, "resources": [], "freshness": "Stale"});
    };
    let mut found: Vec<Value> = Vec::new();
    for resource in list["resources"].as_array().into_iter().flatten() {
        let name = resource["name"].as_str().unwrap_or("");
        let or = |field: &str, own: &str| resource[field].as_str().unwrap_or(own).to_owned();
        let kind = json!({"group": or("group", group), "version": or("version", version), "kind": resource["kind"]});
        match name.split_once('/') {
            None => found.push(main(name, kind, resource)),
            Some((of, sub)) => {
                let sub = json!({"subresource": sub, "responseKind": kind, "verbs": resource["verbs"]});
                if let Some(main) = found.iter_mut().find(|main| main["resource"] == of) {
                    match main["subresources"].as_array_mut() {
                        Some(all) => all.push(sub),
                        None => main["subresources"] = json!([sub]),
                    }
                }
            }
        }
    }
    json!({"version": version, "resources": found, "freshness": "Current"})
}

fn main(name: &str, kind: Value, resource: &Value) -> Value {
    let scope = if resource["namespaced"] == true { "Namespaced" } else { "Cluster" };
    let mut main = json!({
        "resource": name, "responseKind": kind, "scope": scope, "singularResource": resource["singularName"],
        "verbs": resource["verbs"],
    });
    for field in ["shortNames", "categories"] {
        if !resource[field].is_null() {
            main[field] = resource[field].clone();
        }
    }
    main
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::apiserver::Config;

    #[test]
    fn sub_resources_stand_below_their_resource() {
        let core = core(&ApiServer::new(Config::default()));
        let resources = core["items"][0]["versions"][0]["resources"].as_array().expect("resources");
        let pods = resources.iter().find(|r| r["resource"] == "pods").expect("pods");
        assert_eq!(pods["scope"], "Namespaced");
        assert_eq!(pods["shortNames"], json!(["po"]));
        let subs: Vec<&Value> =
            pods["subresources"].as_array().into_iter().flatten().map(|s| &s["subresource"]).collect();
        assert!(subs.iter().any(|s| **s == "log") && subs.iter().any(|s| **s == "status"), "{subs:?}");
        let eviction = pods["subresources"].as_array().into_iter().flatten().find(|s| s["subresource"] == "eviction");
        assert_eq!(eviction.expect("eviction")["responseKind"]["group"], "policy");
        assert!(resources.iter().all(|r| !r["resource"].as_str().is_some_and(|name| name.contains('/'))));
    }

    #[test]
    fn only_who_asks_for_the_second_version_gets_it() {
        let mut http = HttpRequest::get("/api");
        assert!(!is_wanted(&http));
        http.accept =
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json".into();
        assert!(!is_wanted(&http));
        http.accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json".into();
        assert!(is_wanted(&http));
    }
}
