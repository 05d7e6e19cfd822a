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

/// A server that knows one deployment and takes every change to it.
fn web(request: &HttpRequest) -> (crate::api::http::HttpResponse, Vec<crate::api::http::Chunk>) {
    let object = json!({"kind": "Deployment", "apiVersion": "apps/v1",
        "metadata": {"name": "web", "namespace": "default", "uid": "u1", "resourceVersion": "5", "generation": 1, "labels": {"app": "web"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "nginx", "image": "nginx"}]}}},
        "status": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "observedGeneration": 1}});
    let scale = json!({"kind": "Scale", "metadata": {"name": "web", "resourceVersion": "5"}, "spec": {"replicas": 2}});
    let method = request.method.as_str();
    match (method, request.path.as_str()) {
        (_, "/apis/apps/v1/namespaces/default/deployments/web/scale") => answer(200, scale),
        ("PATCH", "/apis/apps/v1/namespaces/default/deployments/web") => {
            let mut changed = object;
            changed["metadata"]["resourceVersion"] = json!("6");
            answer(200, changed)
        }
        ("GET", "/apis/apps/v1/namespaces/default/deployments/web") => answer(200, object),
        ("GET", "/apis/apps/v1/namespaces/default/deployments") => {
            answer(200, json!({"metadata": {"resourceVersion": "9"}, "items": [object]}))
        }
        ("POST", _) => answer(201, serde_json::from_slice(&request.body).unwrap()),
        _ => not_found("things", request.path.rsplit('/').next().unwrap_or("")),
    }
}

fn check_web(line: &str, stdout: &str, stderr: &str, code: u8, last: Option<(&str, Value)>) {
    let outcome = run(line, None, web);
    if let Some((request, body)) = last {
        let (found, sent) = outcome.requests.last().unwrap();
        assert_eq!((found.as_str(), sent), (request, &body), "{line}");
    }
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.code),
        (stdout, stderr, Some(code)),
        "{line}"
    );
}

#[test]
fn changing_verbs_send_and_say_what_the_real_ones_do() {
    let path = "/apis/apps/v1/namespaces/default/deployments/web";
    let patch = |query: &str| format!("PATCH {path}{query}");
    check_web(
        "scale deploy/web --replicas=3",
        "deployment.apps/web scaled\n",
        "",
        0,
        Some((&patch("/scale"), json!({"spec": {"replicas": 3}}))),
    );
    check_web(
        "scale deploy/web --replicas=3 --current-replicas=5",
        "",
        "error: Expected replicas to be 5, was 2\n",
        1,
        None,
    );
    check_web(
        "scale deploy web --replicas=-1",
        "",
        "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\n",
        1,
        None,
    );
    check_web(
        "label deploy web a=2",
        "deployment.apps/web labeled\n",
        "",
        0,
        Some((&patch("?fieldManager=kubectl-label"), json!({"metadata": {"labels": {"a": "2"}}}))),
    );
    check_web(
        "label deploy web app=x",
        "",
        "error: 'app' already has a value (web), and --overwrite is false\n",
        1,
        None,
    );
    check_web("label deploy web zz-", "label \"zz\" not found.\ndeployment.apps/web not labeled\n", "", 0, None);
    check_web("label deploy web app-", "deployment.apps/web unlabeled\n", "", 0, None);
    check_web("annotate deploy/web x=y", "deployment.apps/web annotated\n", "", 0, None);
    let image = json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "nginx"}], "containers": [{"image": "nginx:2", "name": "nginx"}]}}}});
    check_web(
        "set image deploy/web nginx=nginx:2",
        "deployment.apps/web image updated\n",
        "",
        0,
        Some((&patch("?fieldManager=kubectl-set"), image)),
    );
    check_web("set image deploy/web foo=nginx:2", "", "error: unable to find container named \"foo\"\n", 1, None);
    check_web(
        "rollout pause deploy/web",
        "deployment.apps/web paused\n",
        "",
        0,
        Some((&patch("?fieldManager=kubectl-rollout"), json!({"spec": {"paused": true}}))),
    );
    check_web("rollout resume deploy/web", "", "error: deployments.apps \"web\" is not paused\n", 1, None);
    check_web("rollout restart deploy/web", "deployment.apps/web restarted\n", "", 0, None);
    check_web("rollout status deploy/web", "deployment \"web\" successfully rolled out\n", "", 0, None);
    check_web("expose deploy web", "", "error: couldn't find port via --port flag or introspection\n", 1, None);
    check_web("expose deploy web --port=80", "service/web exposed\n", "", 0, None);
    check_web(
        "patch deploy web -p '{\"spec\":{\"replicas\":3}}'",
        "deployment.apps/web patched\n",
        "",
        0,
        Some((&patch("?fieldManager=kubectl-patch"), json!({"spec": {"replicas": 3}}))),
    );
    check_web(
        "patch deploy web -p {} --type=foo",
        "",
        "error: --type must be one of [json merge strategic], not \"foo\"\n",
        1,
        None,
    );
    check_web(
        "wait deploy/web --for=jsonpath={.spec.replicas}=2 --timeout=1s",
        "deployment.apps/web condition met\n",
        "",
        0,
        None,
    );
    check_web("wait deploy/web --for=foo", "", "error: unrecognized condition: \"foo\"\n", 1, None);
}

#[test]
fn generators_make_what_the_real_ones_make() {
    let body = |line: &str| run(line, None, web).requests.last().unwrap().1.clone();
    let made = body("create deployment web --image=nginx:1.25 --replicas=3 --port=80");
    assert_eq!(
        made,
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"labels": {"app": "web"}, "name": "web", "namespace": "default"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "strategy": {}, "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"image": "nginx:1.25", "name": "nginx", "ports": [{"containerPort": 80}], "resources": {}}]}}}, "status": {}})
    );
    let made = body("create role r --verb=get,list --resource=pods,deploy/scale");
    assert_eq!(
        made["rules"],
        json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
            {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "list"]}])
    );
    let made = body("create rolebinding b --role=r --serviceaccount=team:robot --user=jane");
    assert_eq!(made["roleRef"], json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}));
    assert_eq!(made["subjects"][1], json!({"kind": "ServiceAccount", "namespace": "team", "name": "robot"}));
    let made = body("create ingress i --class=nginx --rule=a.io/*=web:80,tls=cert");
    assert_eq!(
        made["spec"],
        json!({"ingressClassName": "nginx", "tls": [{"hosts": ["a.io"], "secretName": "cert"}], "rules": [{"host": "a.io",
            "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]})
    );
    check(run("create ns x", None, web), "namespace/x created\n", "", 0);
    check(run("run b --image=busybox --restart=Never -- sleep 5", None, web), "pod/b created\n", "", 0);
    check(run("create deployment web", None, web), "", "error: required flag(s) \"image\" not set\n", 1);
    check(
        run("create cm", None, web),
        "",
        "error: exactly one NAME is required, got 0\nSee 'kubectl create configmap -h' for help and examples\n",
        1,
    );
    check(
        run("create deploy web --image=nginx --dry-run=client", None, web),
        "deployment.apps/web created (dry run)\n",
        "",
        0,
    );
}

#[test]
fn words_that_name_nothing_are_refused_as_upstream_refuses_them() {
    let nothing = "error: You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'\n";
    for (line, error) in [
        ("delete", nothing),
        ("rollout status", "error: required resource not specified\n"),
        ("delete pod", "error: resource(s) were provided, but no name was specified\n"),
        ("rollout restart", "error: required resource not specified\n"),
        ("rollout foo", "error: unknown command \"foo\"\nSee 'kubectl rollout -h' for help and examples\n"),
        ("scale", "error: required flag(s) \"replicas\" not set\n"),
        ("create foo", "error: Unexpected args: [foo]\nSee 'kubectl create -h' for help and examples\n"),
        ("create", "error: must specify one of -f and -k\n"),
        ("cordon", "error: USAGE: cordon NODE [flags]\nSee 'kubectl cordon -h' for help and examples\n"),
        ("exec", "error: pod, type/name or --filename must be specified\n"),
        ("exec p", "error: you must specify at least one command for the container\n"),
        ("top pod a b", "error: pod [NAME | -l label]\nSee 'kubectl top pod -h' for help and examples\n"),
        ("top pod --sort-by=age", "error: --sort-by accepts only cpu or memory\n"),
        ("top node a -l b=c", "error: only one of NAME or --selector can be provided\n"),
        ("get pod x -A", "error: a resource cannot be retrieved by name across all namespaces\n"),
        ("patch pod x", "error: must specify --patch or --patch-file containing the contents of the patch\n"),
        ("label pod x", "error: at least one label update is required\n"),
        ("create service clusterip x", "error: at least one tcp port specifier must be provided\n"),
        ("create job x", "error: either --image or --from must be specified\n"),
        ("config foo", "error: unknown command \"foo\"\nSee 'kubectl config -h' for help and examples\n"),
    ] {
        check(run(line, None, web), "", error, 1);
    }
}

#[test]
fn taints_are_checked_before_anything_is_asked() {
    let see = "\nSee 'kubectl taint -h' for help and examples";
    for (line, error) in [
        ("taint", "one or more resources must be specified as <resource> <name>".to_owned()),
        ("taint node a", "at least one taint update is required".to_owned()),
        ("taint node a=b:NoSchedule x", "all resources must be specified before taint changes: x".to_owned()),
        (
            "taint node x a=b",
            format!(
                "invalid taint spec: a=b, name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]'){see}"
            ),
        ),
        ("taint node x a:b:c", format!("invalid taint spec: a:b:c{see}")),
        ("taint node x a=b:Never", format!("invalid taint effect: Never, unsupported taint effect{see}")),
        (
            "taint node x a=b:NoSchedule a=c:NoSchedule",
            format!("duplicated taints with the same key and effect: {{a c NoSchedule <nil>}}{see}"),
        ),
        ("taint pod x a=b:NoSchedule", "invalid resource type pod, only node types are supported".to_owned()),
        (
            "taint node x a=b:NoSchedule a-",
            "can not both modify and remove the following taint(s) in the same command: {\"a\":\"\"}".to_owned(),
        ),
        (
            "taint node --all -l a=b a:NoSchedule",
            "setting 'all' parameter with a non empty selector is prohibited".to_owned(),
        ),
        (
            "taint node a:NoSchedule",
            "at least one resource name must be specified since 'all' parameter is not set".to_owned(),
        ),
    ] {
        check(run(line, None, web), "", &format!("error: {error}\n"), 1);
    }
}
