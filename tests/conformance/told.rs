//! Upstream's tables of what is said and made on the command line, and of what the server allows, in a cluster.

use kubarium::kubectl::resource;
use kubarium::kubectl::verb::rollout::status;
use kubarium::kubectl::verb::sort;
use kubarium::session::Script;
use kubarium::sim::VecMap;
use serde_json::{Value, json};

use super::Verdict;
use super::control::{Replay, same};
use super::more::{inner, on_the_wire, text};

/// One line a table.
pub const TABLES: &[(&str, Replay)] = &[
    ("kubectl__pkg__polymorphichelpers__rollout_status__TestDeploymentStatusViewerStatus", deployment),
    ("kubectl__pkg__polymorphichelpers__rollout_status__TestDaemonSetStatusViewerStatus", daemon_set),
    ("kubectl__pkg__polymorphichelpers__rollout_status__TestStatefulSetStatusViewerStatus", stateful_set),
    ("kubectl__pkg__cmd__create__create_service__TestCreateServices", create_service),
    ("kubectl__pkg__cmd__create__create_job__TestCreateJob", create_job),
    ("kubectl__pkg__cmd__create__create_cronjob__TestCreateCronJob", create_job),
    ("kubectl__pkg__cmd__create__create_pdb__TestCreatePdb", create_budget),
    ("kubectl__pkg__cmd__create__create_quota__TestCreateQuota", create_quota),
    ("kubectl__pkg__cmd__create__create_ingress__TestCreateIngress", create_ingress),
    ("kubectl__pkg__cmd__create__create_role__TestCreateRole", create_role),
    ("kubectl__pkg__cmd__create__create_clusterrole__TestCreateClusterRole", create_role),
    ("kubectl__pkg__cmd__get__sorter__TestSortingPrinter", sorted),
    ("plugin__pkg__admission__priority__admission__TestPodAdmission", priority),
    ("kubectl__pkg__describe__describe__TestDescribeRole", describe_access),
    ("kubectl__pkg__describe__describe__TestDescribeClusterRole", describe_access),
    ("kubectl__pkg__describe__describe__TestDescribeClusterRoleBinding", describe_access),
    ("kubectl__pkg__describe__describe__TestDescribeIngress", describe_ingress),
    ("plugin__pkg__auth__authorizer__rbac__rbac__TestAuthorizer", authorizer),
    ("plugin__pkg__auth__authorizer__rbac__rbac__TestRuleMatches", rule_matches),
    ("plugin__pkg__admission__limitranger__admission__TestPodLimitFunc__L485", within_limits),
    ("plugin__pkg__admission__limitranger__admission__TestPodLimitFunc__L698", beyond_limits),
    ("plugin__pkg__admission__limitranger__admission__TestPersistentVolumeClaimLimitFunc__L934", within_limits),
    ("plugin__pkg__admission__limitranger__admission__TestPersistentVolumeClaimLimitFunc__L952", beyond_limits),
];

type Told = Result<(String, bool), String>;

fn told(case: &Value, ours: fn(&Value) -> Told) -> Verdict {
    let strategy = if case["strategy"].is_null() { json!({"type": "RollingUpdate"}) } else { case["strategy"].clone() };
    let object = json!({
        "metadata": {"name": "foo", "generation": case["generation"]},
        "spec": {"replicas": case["specReplicas"].as_i64().unwrap_or(3), "updateStrategy": strategy},
        "status": case["status"],
    });
    match (ours(&object), case["err"] == true) {
        (Err(_), true) => Verdict::Passed,
        (Ok((words, done)), false) => {
            // For sets upstream says that it is done when it has merely nothing more to wait for.
            let want = text(case, "msg").trim_end();
            let sure = case["err"].is_null();
            same((words.trim_end(), done || !sure), (want, case["done"] == true || !sure))
        }
        (ours, _) => Verdict::Failed(format!("{ours:?}")),
    }
}

fn deployment(_: &Value, case: &Value) -> Verdict {
    told(case, |object| status::deployment(object, 0))
}

fn daemon_set(_: &Value, case: &Value) -> Verdict {
    told(case, status::daemon_set)
}

fn stateful_set(_: &Value, case: &Value) -> Verdict {
    told(case, status::stateful_set)
}

/// What a line gave.
struct Answer {
    rc: u8,
    stdout: String,
    stderr: String,
}

/// Runs lines in a small cluster; the answers.
fn session(files: &[(&str, Value)], lines: &[String]) -> Vec<Answer> {
    let files: VecMap<String, Vec<u8>> =
        files.iter().map(|(name, value)| ((*name).to_owned(), value.to_string().into_bytes())).collect();
    let mut script = Script::new(&files);
    script.run("!cluster nodes=1 masters=0 pull=0s seed=1");
    let answer = |line: &String| {
        let answer = script.run(line);
        Answer { rc: answer.rc, stdout: answer.stdout, stderr: answer.stderr }
    };
    lines.iter().map(answer).collect()
}

/// What a `kubectl create …` makes, beside what is expected of it.
fn created(line: &str, want: &Value) -> Verdict {
    let answers = session(&[], &[format!("{line} --dry-run=client -o json")]);
    let Ok(mut ours) = serde_json::from_str::<Value>(&answers[0].stdout) else {
        return Verdict::Failed(format!("{line}: {}", answers[0].stderr));
    };
    let mut want = want.clone();
    for value in [&mut ours, &mut want] {
        kubarium::api::strip_nulls(value);
        if let Some(fields) = value.as_object_mut() {
            for name in ["status", "apiVersion", "kind"] {
                fields.remove(name);
            }
        }
        without_empty(value);
    }
    same(ours, want)
}

/// Takes out what is empty: upstream's structs have it, their JSON form may not.
fn without_empty(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(without_empty);
            fields.retain(|name, v| *v != json!({}) && *v != json!([]) && name != "namespace");
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty),
        _ => {}
    }
}

fn flag(name: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(" --{name}='{value}'") }
}

fn create_service(_: &Value, case: &Value) -> Verdict {
    let kind = text(case, "serviceType").to_lowercase();
    if case["expectErr"] == true || kind.is_empty() {
        return Verdict::Skipped("options that no command line gives");
    }
    let mut line = format!("kubectl create service {kind} {}", text(case, "name"));
    for pair in case["tcp"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        line += &flag("tcp", pair);
    }
    if kind == "clusterip" {
        line += &flag("clusterip", text(case, "clusterip"));
    }
    line += &flag("external-name", text(case, "externalName"));
    if case["nodeport"].as_i64().is_some_and(|port| port != 0) {
        line += &format!(" --node-port={}", case["nodeport"]);
    }
    created(&line, &case["expected"])
}

fn create_job(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let schedule = text(case, "schedule");
    let kind = if schedule.is_empty() { "job" } else { "cronjob" };
    let mut line = format!("kubectl create {kind} test-job --image={}", text(case, "image"));
    line += &flag("schedule", schedule);
    line += &flag("restart", text(case, "restart"));
    let command: Vec<&str> = case["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if command.is_empty() {
        return created(&line, &case["expected"]);
    }
    // The flags come before the command.
    created(&format!("{line} --dry-run=client -o json -- {} #", command.join(" ")), &case["expected"])
}

fn create_budget(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let options = &case["options"];
    let line = format!("kubectl create poddisruptionbudget {}", text(options, "Name"))
        + &flag("selector", text(options, "Selector"))
        + &flag("min-available", text(options, "MinAvailable"))
        + &flag("max-unavailable", text(options, "MaxUnavailable"));
    created(&line, &case["expected"])
}

fn create_quota(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let options = &case["options"];
    let line = format!("kubectl create quota {}", text(options, "Name"))
        + &flag("hard", text(options, "Hard"))
        + &flag("scopes", text(options, "Scopes"));
    created(&line, &case["expected"])
}

fn create_ingress(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let mut line = "kubectl create ingress test-ingress".to_owned();
    for (name, field) in [("rule", "rules"), ("annotation", "annotations")] {
        for one in case[field].as_array().into_iter().flatten().filter_map(Value::as_str) {
            line += &flag(name, one);
        }
    }
    line += &flag("class", text(case, "ingressclass"));
    line += &flag("default-backend", text(case, "defaultbackend"));
    created(&line, &case["expected"])
}

fn create_role(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let cluster = case["expectedClusterRole"].is_object();
    if text(case, "resources").contains("replicasets/scale") || text(case, "resources").contains(".extensions") {
        return Verdict::Skipped("upstream's test has a server with the group extensions");
    }
    let (kind, want) = match cluster {
        true => ("clusterrole my-cluster-role", &case["expectedClusterRole"]),
        false => ("role my-role", &case["expectedRole"]),
    };
    let line = format!("kubectl create {kind}")
        + &flag("verb", text(case, "verbs"))
        + &flag("resource", text(case, "resources"))
        + &flag("resource-name", text(case, "resourceNames"))
        + &flag("non-resource-url", text(case, "nonResourceURL"))
        + &flag("aggregation-rule", text(case, "aggregationRule"));
    created(&line, want)
}

fn describe_ingress(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let mut object = case["input"].clone();
    object["apiVersion"] = json!("networking.k8s.io/v1");
    object["kind"] = json!("Ingress");
    let lines = ["kubectl create namespace foo", "kubectl apply -f in.json", "kubectl describe ingress bar -n foo"];
    let status = object.as_object_mut().and_then(|fields| fields.remove("status")).unwrap_or_default();
    // A server takes no path without a type; what is told of it does not show the type.
    for rule in object.pointer_mut("/spec/rules").and_then(Value::as_array_mut).into_iter().flatten() {
        for path in rule.pointer_mut("/http/paths").and_then(Value::as_array_mut).into_iter().flatten() {
            if path["pathType"].is_null() {
                path["pathType"] = json!("ImplementationSpecific");
            }
        }
    }
    if status["loadBalancer"]["ingress"].is_array() {
        return Verdict::Skipped("a status that no controller of the cluster gives");
    }
    let answers = session(&[("in.json", object)], &lines.map(str::to_owned));
    let refused = answers[1].stderr.contains("invalid") || answers[1].stderr.contains("BadRequest");
    if refused {
        return Verdict::Skipped("an object that no server takes");
    }
    let plain = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains("last-applied"));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    same(plain(&answers[2].stdout), plain(text(case, "output")))
}

/// Objects of a case as they can be created: with a kind, and with a name.
fn named(list: &Value, kind: &str) -> Vec<Value> {
    let all = list.as_array().into_iter().flatten().enumerate();
    all.map(|(index, value)| {
        let mut value = value.clone();
        value["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
        value["kind"] = json!(kind);
        if value["metadata"]["name"].is_null() {
            value["metadata"]["name"] = json!(format!("made-{index}"));
        }
        if let Some(Value::Array(rules)) = value.get_mut("rules") {
            *rules = std::mem::take(rules).into_iter().flat_map(|rule| apart(rule, kind)).collect();
        }
        value
    })
    .collect()
}

/// A rule about resources and URLs at once, which no server takes, as two.
fn apart(rule: Value, kind: &str) -> Vec<Value> {
    let part = |names: &[&str]| {
        let mut rule = rule.clone();
        if let Some(fields) = rule.as_object_mut() {
            names.iter().for_each(|name| _ = fields.remove(*name));
        }
        rule
    };
    let urls = part(&["resources", "apiGroups", "resourceNames"]);
    let resources = part(&["nonResourceURLs"]);
    let mut parts = Vec::new();
    if resources["resources"].is_array() {
        parts.push(resources);
    }
    if urls["nonResourceURLs"].is_array() && kind == "ClusterRole" {
        parts.push(urls);
    }
    parts
}

/// A request of upstream's tables as a review.
fn review(request: &Value) -> Value {
    let request = on_the_wire(request);
    let group = |name: &str| request[name].as_str().unwrap_or("").to_owned();
    let groups: Vec<String> = match request["user"]["groups"].as_array() {
        Some(all) => all.iter().filter_map(|g| g.as_str().map(str::to_owned)).collect(),
        None => group("groups").split(',').filter(|g| !g.is_empty()).map(str::to_owned).collect(),
    };
    let user = request["user"].as_str().or(request["user"]["name"].as_str()).unwrap_or("nobody");
    let path = group("path");
    let mut spec = json!({"user": user, "groups": groups});
    if path.is_empty() {
        let api_group = request["apiGroup"].as_str().or(request["apigroup"].as_str()).unwrap_or("");
        spec["resourceAttributes"] = json!({
            "namespace": group("namespace"), "verb": group("verb"), "group": api_group,
            "resource": group("resource"), "subresource": group("subresource"), "name": group("name"),
        });
    } else {
        spec["nonResourceAttributes"] = json!({"path": path, "verb": group("verb")});
    }
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
}

/// Makes objects and asks; each question with the answer that is expected.
fn asked(objects: Vec<Value>, questions: &[(Value, bool)]) -> Verdict {
    // The table's roles take the place of those that every server has.
    let roles = objects.iter().filter(|object| object["kind"] == "ClusterRole");
    let own: Vec<&str> = roles.filter_map(|role| role["metadata"]["name"].as_str()).collect();
    let delete = format!("kubectl delete clusterroles none {} --ignore-not-found", own.join(" "));
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let names: Vec<String> = (0..questions.len()).map(|index| format!("q{index}.json")).collect();
    let mut files = vec![("objects.json", list)];
    files.extend(names.iter().zip(questions).map(|(name, (question, _))| (name.as_str(), question.clone())));
    let mut lines = vec![
        delete,
        "kubectl create namespace ns1".to_owned(),
        "kubectl create -f objects.json".to_owned(),
        "!wait 1s".to_owned(),
    ];
    lines.extend(names.iter().map(|name| format!("kubectl create -f {name} -o json")));
    let answers = &session(&files, &lines)[1..];
    if answers[1].rc != 0 {
        return match answers[1].stderr.contains("is invalid") {
            true => Verdict::Skipped("rules that no server takes"),
            false => Verdict::Failed(answers[1].stderr.clone()),
        };
    }
    for (answer, (question, allowed)) in answers[3..].iter().zip(questions) {
        let ours: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
        if ours["status"]["allowed"] != *allowed {
            return Verdict::Failed(format!("{question}: {} {}, expected {allowed}", answer.stdout, answer.stderr));
        }
    }
    Verdict::Passed
}

fn authorizer(_: &Value, case: &Value) -> Verdict {
    let mut objects = named(&case["clusterRoles"], "ClusterRole");
    objects.extend(named(&case["roles"], "Role"));
    objects.extend(named(&case["clusterRoleBindings"], "ClusterRoleBinding"));
    objects.extend(named(&case["roleBindings"], "RoleBinding"));
    let mut questions = Vec::new();
    for (field, allowed) in [("shouldPass", true), ("shouldFail", false)] {
        questions.extend(case[field].as_array().into_iter().flatten().map(|request| (review(request), allowed)));
    }
    asked(objects, &questions)
}

fn rule_matches(_: &Value, case: &Value) -> Verdict {
    let rule = on_the_wire(&case["rule"]);
    let role = json!({"metadata": {"name": "r"}, "rules": [rule]});
    let binding = json!({
        "metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}],
    });
    let mut objects = named(&json!([role]), "ClusterRole");
    objects.extend(named(&json!([binding]), "ClusterRoleBinding"));
    let all = case["requestsToExpected"].as_array().into_iter().flatten();
    let questions: Vec<(Value, bool)> = all.map(|one| (review(&one["request"]), one["expected"] == true)).collect();
    asked(objects, &questions)
}

/// Creates a range and then what is to keep to it; the words of a refusal.
fn limited(case: &Value) -> Result<String, &'static str> {
    let mut range = case["limitRange"].clone();
    range["apiVersion"] = json!("v1");
    range["kind"] = json!("LimitRange");
    let (field, kind) = if case["pod"].is_object() { ("pod", "Pod") } else { ("pvc", "PersistentVolumeClaim") };
    let mut object = on_the_wire(&case[field]);
    object["apiVersion"] = json!("v1");
    object["kind"] = json!(kind);
    if kind == "PersistentVolumeClaim" {
        object["spec"]["accessModes"] = json!(["ReadWriteOnce"]);
    }
    // What is empty in Go's form is not given.
    blank(&mut object);
    let lines =
        ["kubectl create namespace test", "kubectl create -f range.json", "!wait 1s", "kubectl create -f object.json"];
    let answers = session(&[("range.json", range), ("object.json", object)], &lines.map(str::to_owned));
    let words = answers[3].stderr.clone();
    if answers[1].rc != 0 || words.contains("is invalid") || words.contains("BadRequest") {
        return Err("an object that no server takes");
    }
    Ok(words)
}

/// Whether something that is limited says nothing, so that the defaults of the range decide.
fn untold(case: &Value) -> bool {
    let containers = case["pod"]["Spec"]["Containers"].as_array().into_iter().flatten();
    let empty = |container: &Value| {
        let none = |name: &str| container["Resources"][name].as_object().is_none_or(serde_json::Map::is_empty);
        none("Limits") || none("Requests")
    };
    containers.into_iter().any(empty)
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(blank);
            fields.retain(|_, v| *v != "" && !v.is_null());
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

fn within_limits(_: &Value, case: &Value) -> Verdict {
    match limited(case) {
        Err(why) => Verdict::Skipped(why),
        Ok(words) => same(words.as_str(), ""),
    }
}

fn beyond_limits(_: &Value, case: &Value) -> Verdict {
    match limited(case) {
        Err(why) => Verdict::Skipped(why),
        Ok(words) if words.contains("is forbidden") => Verdict::Passed,
        Ok(_) if untold(case) => Verdict::Skipped("a server gives the range the defaults that this one lacks"),
        Ok(words) => Verdict::Failed(format!("{words:?}, expected a refusal")),
    }
}

fn sorted(_: &Value, case: &Value) -> Verdict {
    let list = |name: &str| case[name]["items"].as_array().cloned().unwrap_or_default();
    let pods = resource::lookup("pods").expect("a resource");
    let mut objects: Vec<_> = list("obj").into_iter().map(|object| (pods, object)).collect();
    match (sort::objects(&mut objects, text(case, "field")), text(case, "expectedErr")) {
        (Err(sort::Unsorted::Path(ours) | sort::Unsorted::Type(ours)), want) => same(ours.as_str(), want),
        (Ok(()), "") => same(objects.into_iter().map(|(_, object)| object).collect::<Vec<_>>(), list("sort")),
        (Ok(()), want) => Verdict::Failed(format!("sorted, expected {want:?}")),
    }
}

/// Classes as they are created: those of the system are there already.
fn priority(_: &Value, case: &Value) -> Verdict {
    let mut pod = on_the_wire(&case["pod"]);
    if pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_string() {
        return Verdict::Skipped("only kubelets make mirror pods");
    }
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["spec"]["containers"] = json!([{"name": "c", "image": "nginx"}]);
    blank(&mut pod);
    let classes: Vec<Value> = case["existingClasses"]
        .as_array()
        .into_iter()
        .flatten()
        .map(on_the_wire)
        .filter(|class| !class["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("system-")))
        .map(|mut class| {
            class["apiVersion"] = json!("scheduling.k8s.io/v1");
            class["kind"] = json!("PriorityClass");
            blank(&mut class);
            class
        })
        .collect();
    let space = pod["metadata"]["namespace"].as_str().unwrap_or("default").to_owned();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": classes});
    let mut lines = vec![format!("kubectl create namespace {space}")];
    if !classes.is_empty() {
        lines.push("kubectl create -f classes.json".into());
    }
    lines.extend(["!wait 1s".to_owned(), "kubectl create -f pod.json -o json".to_owned()]);
    let answers = session(&[("classes.json", list), ("pod.json", pod)], &lines);
    let answer = answers.last().expect("an answer");
    if case["expectError"] == true {
        return same(answer.rc, 1);
    }
    let made: Value = serde_json::from_str(&answer.stdout).unwrap_or_default();
    if made.is_null() {
        return Verdict::Failed(answer.stderr.clone());
    }
    same(made["spec"]["priority"].as_i64(), case["expectedPriority"].as_i64())
}

fn describe_access(_: &Value, case: &Value) -> Verdict {
    let (mut object, kind) = match (case["role"].is_object(), case["role"]["metadata"]["namespace"].is_string()) {
        (true, true) => (case["role"].clone(), "Role"),
        (true, false) => (case["role"].clone(), "ClusterRole"),
        _ => (case["binding"].clone(), "ClusterRoleBinding"),
    };
    object["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
    object["kind"] = json!(kind);
    if kind == "ClusterRoleBinding" {
        object["roleRef"]["apiGroup"] = json!("rbac.authorization.k8s.io");
    }
    let lines = [
        "kubectl create namespace foo".to_owned(),
        "kubectl create -f object.json".to_owned(),
        format!("kubectl describe {kind} bar -n foo"),
    ];
    let answers = session(&[("object.json", object)], &lines);
    if answers[1].stderr.contains("is invalid") {
        return Verdict::Skipped("an object that no server takes");
    }
    let wanted = case["expects"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let lost: Vec<&str> = wanted.filter(|line| !answers[2].stdout.contains(line.trim_end())).collect();
    if lost.is_empty() {
        Verdict::Passed
    } else {
        Verdict::Failed(format!("{lost:?} is not in\n{}", answers[2].stdout))
    }
}
