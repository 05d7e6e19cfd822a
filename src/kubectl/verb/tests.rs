//! Verbs against a scripted server, compared with what the real kubectl printed.

use serde_json::{Value, json};

use crate::api::http::HttpRequest;
use crate::kubectl::testing::{Outcome, answer, event, not_found, run, streamed};

fn check(outcome: Outcome, stdout: &str, stderr: &str, code: u8) {
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.code), (stdout, stderr, Some(code)));
}

fn table(rows: Value) -> Value {
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": "7"},
        "columnDefinitions": [{"name": "Name", "priority": 0}, {"name": "Ready", "priority": 0}, {"name": "IP", "priority": 1}],
        "rows": rows})
}

fn row(name: &str, ready: &str) -> Value {
    json!({"cells": [name, ready, "10.0.0.1"], "object": {"metadata": {"name": name, "namespace": "default", "labels": {"app": "web"}, "resourceVersion": "5"}}})
}

const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n";

#[test]
fn get_prints_the_servers_table() {
    let pods = |_: &HttpRequest| answer(200, table(json!([row("web-0", "1/1"), row("longer-name", "0/1")])));
    check(run("get pods", None, pods), "NAME          READY\nweb-0         1/1\nlonger-name   0/1\n", "", 0);
    check(
        run("get po -owide --no-headers", None, pods),
        "web-0         1/1   10.0.0.1\nlonger-name   0/1   10.0.0.1\n",
        "",
        0,
    );
    let labels = "NAME          READY   LABELS\nweb-0         1/1     app=web\nlonger-name   0/1     app=web\n";
    check(run("get pods --show-labels", None, pods), labels, "", 0);
}

#[test]
fn get_says_when_nothing_is_there() {
    let none = |_: &HttpRequest| answer(200, table(json!([])));
    check(run("get pods", None, none), "", "No resources found in default namespace.\n", 0);
    check(run("get pods -A", None, none), "", "No resources found\n", 0);
    check(run("get nodes", None, none), "", "No resources found\n", 0);
    let missing = |_: &HttpRequest| not_found("pods", "nope");
    check(run("get pods nope", None, missing), "", "Error from server (NotFound): pods \"nope\" not found\n", 1);
    check(run("get foo", None, missing), "", "error: the server doesn't have a resource type \"foo\"\n", 1);
}

#[test]
fn get_of_several_resources_names_kinds_and_leaves_a_line_between() {
    let both = |request: &HttpRequest| match request.path.contains("deployments") {
        true => answer(200, table(json!([row("web", "1/1")]))),
        false => answer(200, table(json!([row("web-0", "1/1")]))),
    };
    let expected = "NAME                  READY\ndeployment.apps/web   1/1\n\nNAME        READY\npod/web-0   1/1\n";
    check(run("get deploy,pods", None, both), expected, "", 0);
}

#[test]
fn a_watch_prints_the_list_and_then_each_change_in_the_same_columns() {
    let outcome = run("get pods -w", None, |request| match request.query_value("watch") {
        None => answer(200, table(json!([row("web-0", "0/1")]))),
        Some(_) => streamed(vec![event("MODIFIED", json!({"kind": "Table", "rows": [row("web-0", "1/1")]}))]),
    });
    assert_eq!(outcome.stdout, "NAME    READY\nweb-0   0/1\nweb-0   1/1\n");
    assert_eq!(outcome.requests[1].0, "GET /api/v1/namespaces/default/pods?resourceVersion=7&watch=true");
    assert_eq!(outcome.code, None);
}

#[test]
fn apply_creates_what_is_not_there_with_the_annotation() {
    let outcome = run("apply -f -", Some(DEPLOYMENT), |request| match request.body.is_empty() {
        true => not_found("deployments.apps", "web"),
        false => answer(201, serde_json::from_slice(&request.body).unwrap()),
    });
    let annotation =
        outcome.requests[1].1["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"].clone();
    let expected = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"annotations\":{},\"name\":\"web\",\"namespace\":\"default\"},\"spec\":{\"replicas\":2}}\n";
    assert_eq!(annotation, json!(expected));
    assert_eq!(
        outcome.requests[1].0,
        "POST /apis/apps/v1/namespaces/default/deployments?fieldManager=kubectl-client-side-apply&fieldValidation=Strict"
    );
    check(outcome, "deployment.apps/web created\n", "", 0);
}

#[test]
fn apply_patches_what_changed_and_nothing_else() {
    let live = |replicas: u32| {
        let applied = "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"annotations\":{},\"name\":\"web\",\"namespace\":\"default\"},\"spec\":{\"replicas\":2}}\n";
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default", "uid": "u",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}}, "spec": {"replicas": replicas, "paused": false}})
    };
    let unchanged = run("apply -f -", Some(DEPLOYMENT), |_| answer(200, live(2)));
    assert_eq!(unchanged.requests.len(), 1);
    check(unchanged, "deployment.apps/web unchanged\n", "", 0);
    let changed = run("apply -f -", Some(DEPLOYMENT), |_| answer(200, live(5)));
    assert_eq!(changed.requests[1].1, json!({"spec": {"replicas": 2}}));
    check(changed, "deployment.apps/web configured\n", "", 0);
}

#[test]
fn bad_manifests_get_upstreams_errors_and_the_good_ones_beside_them_are_applied() {
    let server = |request: &HttpRequest| match request.body.is_empty() {
        true => not_found("deployments.apps", "web"),
        false => answer(201, serde_json::from_slice(&request.body).unwrap()),
    };
    let text = format!("{DEPLOYMENT}---\nfoo: [\n");
    let error =
        "error: error parsing STDIN: error converting YAML to JSON: yaml: line 1: did not find expected node content\n";
    check(run("apply -f -", Some(&text), server), "deployment.apps/web created\n", error, 1);
    let text = "apiVersion: v1\nkind: Foo\nmetadata: {name: x}\n";
    let error = "error: resource mapping not found for name: \"x\" namespace: \"\" from \"STDIN\": no matches for kind \"Foo\" in version \"v1\"\nensure CRDs are installed first\n";
    check(run("apply -f -", Some(text), server), "", error, 1);
    let error = "error: error validating \"STDIN\": error validating data: [apiVersion not set, kind not set]; if you choose to ignore these errors, turn validation off with --validate=false\n";
    check(run("apply -f -", Some("a: b\n"), server), "", error, 1);
    check(run("apply -f -", Some(""), server), "", "error: no objects passed to apply\n", 1);
    check(run("apply -f nope.yaml", None, server), "", "error: the path \"nope.yaml\" does not exist\n", 1);
}

#[test]
fn an_invalid_object_is_told_as_upstream_tells_it() {
    let status = json!({"kind": "Status", "reason": "Invalid", "code": 422, "message": "Service \"multi\" is invalid: …",
        "details": {"name": "multi", "kind": "Service", "causes": [
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.ports[0].name"},
            {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.ports[1].name"}]}});
    let server = |request: &HttpRequest| match request.body.is_empty() {
        true => not_found("services", "multi"),
        false => answer(422, status.clone()),
    };
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: multi}\n";
    let error = "The Service \"multi\" is invalid: \n* spec.ports[0].name: Required value\n* spec.ports[1].name: Required value\n";
    check(run("apply -f -", Some(text), server), "", error, 1);
}

#[test]
fn delete_waits_until_the_object_is_gone() {
    let outcome = run("delete pod web-0", None, |request| {
        match (request.method.as_str(), request.query_value("watch")) {
            ("DELETE", _) => answer(200, json!({"kind": "Pod", "metadata": {"name": "web-0", "uid": "u"}})),
            (_, None) => answer(
                200,
                json!({"kind": "PodList", "metadata": {"resourceVersion": "9"}, "items": [{"metadata": {"name": "web-0", "uid": "u"}}]}),
            ),
            _ => streamed(vec![
                event("MODIFIED", json!({"metadata": {"uid": "u"}})),
                event("DELETED", json!({"metadata": {"uid": "u"}})),
            ]),
        }
    });
    assert_eq!(outcome.requests.len(), 3);
    check(outcome, "pod \"web-0\" deleted from default namespace\n", "", 0);
    let none = run("delete pod nope", None, |_| not_found("pods", "nope"));
    check(none, "", "Error from server (NotFound): pods \"nope\" not found\n", 1);
}
