//! Upstream's tables of selectors, quotas, limits, Jobs, endpoints, names of places and the like.

use std::net::Ipv4Addr;
use std::sync::Arc;

use kubarium::api::labels::{Operator, Selector};
use kubarium::api::{
    DaemonSet, Deployment, DeploymentStatus, Job, Kind, KindOf, Node, Object, Pod, PodTemplateSpec, ResourceQuota,
    Service, ServicePort, Timestamp, defaults, patch, qos,
};
use kubarium::control::controller::daemon_set::nodes;
use kubarium::control::controller::deployment::{hash, limits, progress, status};
use kubarium::control::controller::job::finish::{self, Finish};
use kubarium::control::controller::job::indexes;
use kubarium::control::controller::job::policy::{self, Action};
use kubarium::control::controller::service_pods;
use kubarium::control::quota;
use kubarium::kubectl::print::jsonpath;
use kubarium::node::kubelet::dns::{self, PodDns};
use kubarium::sim::{VecMap, VecSet};
use serde_json::{Map, Value, json};

use super::Verdict;
use super::control::{Replay, int, same};

/// One line a table.
pub const TABLES: &[(&str, Replay)] = &[
    ("extra__client-go__util__jsonpath__jsonpath__testJSONPath", json_path),
    ("extra__client-go__util__jsonpath__jsonpath__testFailJSONPath", bad_json_path),
    ("extra__pkg__kubelet__network__dns__dns__TestGetPodDNSCustom", pod_dns),
    ("extra__pkg__kubelet__network__dns__dns__TestGetPodDNSType", dns_source),
    ("pkg__kubelet__network__dns__dns__TestMergeDNSOptions", dns_options),
    ("pkg__kubelet__network__dns__dns__TestFormDNSNameserversFitsLimits", dns_servers),
    ("pkg__kubelet__network__dns__dns__TestFormDNSSearchFitsLimits", dns_searches),
    ("apimachinery__pkg__labels__selector__TestSetSelectorParser", set_selector),
    ("apimachinery__pkg__labels__labels__TestLabelSelectorParse", label_selector),
    ("pkg__apis__core__v1__helper__qos__qos__TestComputePodQOS", quality),
    ("pkg__apis__core__v1__defaults__TestPodResourcesDefaults", pod_resources),
    ("pkg__apis__apps__v1__defaults__TestSetDefaultDaemonSetSpec", defaulted),
    ("pkg__apis__apps__v1__defaults__TestSetDefaultDeployment", defaulted),
    ("pkg__apis__apps__v1__defaults__TestSetDefaultStatefulSet", defaulted),
    ("pkg__quota__v1__evaluator__core__pods__TestPodEvaluatorUsage", pod_usage),
    ("pkg__quota__v1__evaluator__core__pods__TestPodConstraintsFunc", pod_constraints),
    ("pkg__quota__v1__evaluator__core__services__TestServiceEvaluatorUsage", service_usage),
    ("pkg__quota__v1__evaluator__core__persistent_volume_claims__TestPersistentVolumeClaimEvaluatorUsage", claim_usage),
    ("pkg__controller__deployment__util__deployment_util__TestMaxUnavailable", max_unavailable),
    ("pkg__controller__deployment__util__deployment_util__TestMinAvailable", min_available),
    ("pkg__controller__deployment__util__deployment_util__TestResolveFenceposts", fenceposts),
    ("pkg__controller__deployment__util__deployment_util__TestDeploymentComplete", complete),
    ("pkg__controller__deployment__util__deployment_util__TestEqualIgnoreHash", same_template),
    ("pkg__controller__deployment__util__deployment_util__TestSetCondition", set_condition),
    ("pkg__controller__deployment__util__deployment_util__TestRemoveCondition", remove_condition),
    ("pkg__controller__job__pod_failure_policy__TestMatchPodFailurePolicy", failure_policy),
    ("pkg__controller__job__success_policy__TestMatchSuccessPolicy", success_policy),
    ("pkg__controller__job__indexed_job_utils__TestCalculateSucceededIndexes", succeeded_indexes),
    ("pkg__controller__daemon__daemon_controller__TestNodeShouldRunDaemonPod", daemon_node),
    ("endpointslice__utils__TestFindPort", find_port),
    ("endpointslice__util__controller_utils__TestShouldSetHostname", set_hostname),
    ("apimachinery__pkg__util__strategicpatch__patch__TestNumberConversion__L6597", number_conversion),
];

/// A value in the form of upstream's internal types (`ObjectMeta`, `Spec`, `Containers`), as it is on the wire.
pub fn on_the_wire(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut out = Map::new();
            for (name, value) in fields {
                let value = on_the_wire(value);
                match (name.as_str(), value) {
                    ("TypeMeta", _) => {}
                    ("ObjectMeta", value) => _ = out.insert("metadata".into(), value),
                    ("VolumeSource" | "PersistentVolumeSource" | "ProbeHandler", Value::Object(inner)) => {
                        out.extend(inner);
                    }
                    (name, value) => _ = out.insert(wire_name(name), value),
                }
            }
            Value::Object(out)
        }
        Value::Array(items) => items.iter().map(on_the_wire).collect(),
        other => other.clone(),
    }
}

/// `DNSPolicy` as `dnsPolicy`, `Spec` as `spec`; keys of maps stay.
fn wire_name(name: &str) -> String {
    let capitals = name.bytes().take_while(u8::is_ascii_uppercase).count();
    let lower = match capitals {
        0 => 0,
        1 => 1,
        all if all == name.len() => all,
        many => many - 1,
    };
    format!("{}{}", name[..lower].to_lowercase(), &name[lower..])
}

pub fn made<K: KindOf>(value: &Value) -> Arc<K> {
    let mut value = on_the_wire(value);
    if value["metadata"].is_object() {
        value["metadata"]["resourceVersion"] = Value::Null;
    } else {
        value["metadata"] = json!({});
    }
    let object = Object::from_value(K::KIND, value).expect("an object of the table");
    K::of(&object).expect("of its kind").clone()
}

/// A case is a value with a name in some tables.
pub fn inner(case: &Value) -> &Value {
    if case["key"].is_string() && !case["value"].is_null() { &case["value"] } else { case }
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

fn json_path(_: &Value, case: &Value) -> Verdict {
    if case["input"]["Bicycle"].is_array() {
        return Verdict::Skipped("Go's structs and short floats have no JSON form that tells them");
    }
    let template = text(case, "template");
    if template.contains(".structs[") && text(case, "expect").starts_with('{') {
        return Verdict::Skipped("Go's structs have other names when they are printed");
    }
    let ours = jsonpath::parse(template).and_then(|template| jsonpath::execute(&template, &case["input"]));
    if case["expectError"] == true {
        return match ours {
            Err(_) => Verdict::Passed,
            Ok(_) if template.contains("..") || template.contains('[') => {
                Verdict::Skipped("the table does not tell whether keys may be missing, which kubectl allows")
            }
            Ok(text) => Verdict::Failed(format!("{template}: {text:?}, expected an error")),
        };
    }
    let want = text(case, "expect");
    match ours {
        Ok(ours) if ours == want => Verdict::Passed,
        // Objects are printed with their keys in order; upstream's structs have an order of their own.
        Ok(ours) if same_json(&ours, want) => Verdict::Passed,
        other => Verdict::Failed(format!("{template}: {other:?}, expected {want:?}")),
    }
}

fn bad_json_path(_: &Value, case: &Value) -> Verdict {
    let want = text(case, "expect");
    if want.contains("map[") {
        return Verdict::Skipped("words about a type of Go");
    }
    let template = text(case, "template");
    let ours = jsonpath::parse(template).and_then(|template| jsonpath::execute(&template, &case["input"]));
    same(ours.err().as_deref(), Some(want))
}

fn same_json(a: &str, b: &str) -> bool {
    let all = |text: &str| -> Option<Vec<Value>> {
        serde_json::Deserializer::from_str(text).into_iter::<Value>().map(Result::ok).collect()
    };
    all(a).is_some_and(|a| Some(a) == all(b))
}

fn set_selector(_: &Value, case: &Value) -> Verdict {
    let text = text(case, "In");
    let ours = match (Selector::parse(text), case["Valid"] == true) {
        (Ok(ours), true) => ours,
        (Err(_), false) => return Verdict::Passed,
        (Ok(ours), false) => return Verdict::Failed(format!("{text:?} is taken: {ours}")),
        (Err(why), true) => return Verdict::Failed(format!("{text:?} is refused: {why}")),
    };
    let word = |operator: Operator| match operator {
        Operator::In => "in",
        Operator::NotIn => "notin",
        Operator::Exists => "exists",
        Operator::DoesNotExist => "!",
        Operator::Gt => "gt",
        Operator::Lt => "lt",
    };
    let mut ours: Vec<(String, String, Vec<String>)> = ours
        .requirements()
        .iter()
        .map(|r| (r.key.clone(), word(r.operator).to_owned(), r.values.iter().cloned().collect()))
        .collect();
    let mut want: Vec<(String, String, Vec<String>)> = case["Out"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|out| {
            let values = out["strValues"].as_array().into_iter().flatten().filter_map(Value::as_str);
            // One value is the same as a list of one.
            let operator = match out["operator"].as_str().unwrap_or("") {
                "=" | "==" => "in",
                "!=" => "notin",
                other => other,
            };
            let key = out["key"].as_str().unwrap_or("").to_owned();
            (key, operator.to_owned(), values.map(str::to_owned).collect())
        })
        .collect();
    if case["Match"] == false {
        // What must not match is in another order than upstream's.
        ours.sort();
        want.sort();
    }
    same(ours, want)
}

fn label_selector(_: &Value, case: &Value) -> Verdict {
    let selector = text(case, "selector");
    if case["valid"] != true {
        return Verdict::Skipped("a selector of equalities alone is read by no command");
    }
    let labels: VecMap<String, String> = serde_json::from_value(case["labels"].clone()).expect("labels");
    same(Selector::parse(selector), Ok(Selector::from_labels(&labels)))
}

fn quality(_: &Value, case: &Value) -> Verdict {
    if case["podLevelResourcesEnabled"] == false && !case["pod"]["spec"]["resources"].is_null() {
        return Verdict::Skipped("resources of whole pods are always there");
    }
    same(qos(&made::<Pod>(&case["pod"]).spec), text(case, "expected"))
}

fn pod_resources(_: &Value, case: &Value) -> Verdict {
    let mut object = Object::Pod(made::<Pod>(
        &json!({"spec": {"containers": case["containers"], "resources": case["podResources"]}}),
    ));
    defaults::apply(&mut object);
    let list = |value: &Value| -> Vec<Value> {
        let containers = value["containers"].as_array().into_iter().flatten();
        containers.map(|one| amounts(&one["resources"])).collect()
    };
    // Of whole pods upstream compares what is defaulted: requests, and limits of huge pages.
    let whole = |value: &Value| -> Value {
        let mut all = amounts(&value["resources"]);
        if let Some(limits) = all["limits"].as_object_mut() {
            limits.retain(|name, _| name.starts_with("hugepages-"));
        }
        all
    };
    let (ours, wanted) = (&object.to_value()["spec"], &case["expectedPodSpec"]);
    match case["podResources"].is_null() {
        true => same(list(ours), list(wanted)),
        false => same(whole(ours), whole(wanted)),
    }
}

/// Resources, the same however they are written.
fn amounts(value: &Value) -> Value {
    let mut out = Map::new();
    for name in ["limits", "requests"] {
        let list: VecMap<String, kubarium::api::Quantity> =
            serde_json::from_value(value[name].clone()).unwrap_or_default();
        if !list.is_empty() {
            out.insert(name.into(), json!(list));
        }
    }
    Value::Object(out)
}

fn defaulted(_: &Value, case: &Value) -> Verdict {
    let (original, expected) = (&case["original"], &case["expected"]);
    let kind = match (original["spec"].get("serviceName"), original["spec"].get("updateStrategy")) {
        _ if case["enableMaxUnavailablePolicy"] == true => return Verdict::Skipped("a gate that is on"),
        (Some(_), _) => Kind::StatefulSet,
        (None, Some(_)) => Kind::DaemonSet,
        _ => Kind::Deployment,
    };
    let mut plain = original.clone();
    kubarium::api::strip_nulls(&mut plain);
    let Ok(mut object) = Object::from_value(kind, plain) else { return Verdict::Skipped("not of the wire") };
    defaults::apply(&mut object);
    let mut want = expected.clone();
    kubarium::api::strip_nulls(&mut want);
    let ours = object.to_value();
    let differing = missing("", &want["spec"], &ours["spec"]);
    if differing.is_empty() { Verdict::Passed } else { Verdict::Failed(differing.join("; ")) }
}

/// Where a value lacks something that is wanted.
fn missing(path: &str, want: &Value, got: &Value) -> Vec<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => want
            .iter()
            .flat_map(|(name, want)| missing(&format!("{path}.{name}"), want, got.get(name).unwrap_or(&Value::Null)))
            .collect(),
        (want, got) if want == got || (*want == json!({}) && got.is_null()) => Vec::new(),
        (want, got) => vec![format!("{path}: {got}, expected {want}")],
    }
}

/// What is used, of the resources that are expected.
fn usage(object: &Object, want: &Value) -> Verdict {
    let ours = quota::usage(object, Timestamp::default());
    let want: VecMap<String, kubarium::api::Quantity> = serde_json::from_value(want.clone()).unwrap_or_default();
    let zero = kubarium::api::Quantity::from_units(0);
    let shown = |list: &VecMap<String, kubarium::api::Quantity>| -> Vec<String> {
        list.iter().filter(|(_, v)| **v != zero && !v.is_zero()).map(|(k, v)| format!("{k}={}", v.millis())).collect()
    };
    same(shown(&ours), shown(&want))
}

fn pod_usage(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let pod = made::<Pod>(&case["pod"]);
    if pod.metadata.deletion_timestamp.is_some() {
        return Verdict::Skipped("the table does not tell the time of the test");
    }
    usage(&Object::Pod(pod), &case["usage"])
}

fn service_usage(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    usage(&Object::Service(made::<Service>(&case["service"])), &case["usage"])
}

fn claim_usage(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    if !case["pvc"]["Spec"]["VolumeAttributesClassName"].is_null() {
        return Verdict::Skipped("attributes classes are not counted");
    }
    let claim = made::<kubarium::api::PersistentVolumeClaim>(&case["pvc"]);
    usage(&Object::PersistentVolumeClaim(claim), &case["usage"])
}

fn pod_constraints(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let hard: Map<String, Value> = case["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| Some((name.as_str()?.to_owned(), json!("1"))))
        .collect();
    let quota = made::<ResourceQuota>(&json!({"metadata": {"name": "q"}, "status": {"hard": hard}}));
    let ours = quota::demands(&quota, &made::<Pod>(&case["pod"])).err().unwrap_or_default();
    same(ours.strip_prefix("failed quota: q: ").unwrap_or(&ours), text(case, "err"))
}

fn deployment(case: &Value, name: &str) -> Arc<Deployment> {
    made::<Deployment>(&case[name])
}

fn max_unavailable(_: &Value, case: &Value) -> Verdict {
    same(limits::max_unavailable(&deployment(case, "deployment")), int(&case["expected"]))
}

fn min_available(_: &Value, case: &Value) -> Verdict {
    same(limits::min_available(&deployment(case, "deployment")), int(&case["expected"]))
}

fn fenceposts(_: &Value, case: &Value) -> Verdict {
    let limit = |name: &str| serde_json::from_value(case[name].clone()).ok();
    let ours = limits::fenceposts(limit("maxSurge").as_ref(), limit("maxUnavailable").as_ref(), int(&case["desired"]));
    let want = (case["expectError"] != true).then(|| (int(&case["expectSurge"]), int(&case["expectUnavailable"])));
    same(ours, want)
}

fn complete(_: &Value, case: &Value) -> Verdict {
    let deployment = deployment(case, "d");
    same(progress::complete(&deployment, &deployment.status), case["expected"] == true)
}

fn same_template(_: &Value, case: &Value) -> Verdict {
    let of = |name: &str| -> PodTemplateSpec {
        let mut value = case[name].clone();
        kubarium::api::strip_nulls(&mut value);
        serde_json::from_value(value).expect("a template")
    };
    same(hash::same_template(&of("former"), &of("latter")), case["expected"] == true)
}

fn deployment_status(value: &Value) -> DeploymentStatus {
    let mut value = value.clone();
    kubarium::api::strip_nulls(&mut value);
    serde_json::from_value(value).expect("a status")
}

fn types(status: &DeploymentStatus) -> Vec<(String, String, String)> {
    let of = |c: &kubarium::api::DeploymentCondition| (c.r#type.clone(), c.status.clone(), c.reason.clone());
    status.conditions.iter().map(of).collect()
}

fn set_condition(_: &Value, case: &Value) -> Verdict {
    let mut ours = deployment_status(&case["status"]);
    let condition = &deployment_status(&json!({"conditions": [case["cond"]]})).conditions[0];
    status::set(&mut ours, condition.clone());
    same(types(&ours), types(&deployment_status(&case["expectedStatus"])))
}

fn remove_condition(_: &Value, case: &Value) -> Verdict {
    let mut ours = deployment_status(&case["status"]);
    status::remove(&mut ours, text(case, "condType"));
    same(types(&ours), types(&deployment_status(&case["expectedStatus"])))
}

fn failure_policy(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    if case["enableJobBackoffLimitPerIndex"] == false && case["podFailurePolicy"].to_string().contains("FailIndex") {
        return Verdict::Skipped("the feature gate cannot be turned off");
    }
    let job = made::<Job>(&json!({"spec": {"podFailurePolicy": case["podFailurePolicy"], "template": {"spec": {}}}}));
    let ours = match policy::action(&job, &made::<Pod>(&case["failedPod"])) {
        Action::Count => (String::new(), String::new()),
        Action::Ignore => ("Ignore".into(), String::new()),
        Action::FailIndex => ("FailIndex".into(), String::new()),
        Action::FailJob(why) => ("FailJob".into(), why),
    };
    // That a rule says to count is the same as no rule.
    let want = text(case, "wantAction").replace("Count", "");
    same(ours, (want, text(case, "wantJobFailureMessage").to_owned()))
}

fn success_policy(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    if case["enableJobSuccessPolicy"] == false {
        return Verdict::Skipped("the feature gate cannot be turned off");
    }
    let job = made::<Job>(&json!({"spec": {
        "completions": case["completions"], "successPolicy": case["successPolicy"], "template": {"spec": {}},
    }}));
    let ours = match finish::success_policy(&job, &set(&case["succeededIndexes"])) {
        Some(Finish::Complete(_, words)) => words,
        _ => String::new(),
    };
    same(ours.as_str(), text(case, "wantMessage"))
}

/// Intervals as the set of their numbers.
fn set(intervals: &Value) -> VecSet<i32> {
    let all = intervals.as_array().into_iter().flatten();
    all.flat_map(|interval| int(&interval["First"])..=int(&interval["Last"])).collect()
}

fn succeeded_indexes(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let known = indexes::parse(text(case, "prevSucceeded"), int(&case["completions"]));
    same(known, set(&case["wantStatusIntervals"]))
}

fn daemon_node(_: &Value, case: &Value) -> Verdict {
    if case["podsOnNode"].is_array() {
        return Verdict::Skipped("pods on the node are the scheduler's matter");
    }
    let mut node = made::<Node>(
        &json!({"metadata": {"name": "test-node", "labels": {"type": "production", "name": "simple-daemon"}}}),
    );
    let fields = Arc::make_mut(&mut node);
    fields.spec.unschedulable = case["nodeUnschedulable"] == true;
    fields.status.conditions = serde_json::from_value(case["nodeCondition"].clone()).unwrap_or_default();
    let verdict = nodes::verdict(&made::<DaemonSet>(&case["ds"]), &node);
    same((verdict.run, verdict.stay), (case["shouldRun"] == true, case["shouldContinueRunning"] == true))
}

fn find_port(_: &Value, case: &Value) -> Verdict {
    let pod = made::<Pod>(&json!({"spec": {
        "containers": case["containers"], "initContainers": case["initContainers"],
    }}));
    let mut port: ServicePort =
        serde_json::from_value(json!({"port": 0, "protocol": "TCP", "targetPort": case["port"]})).expect("a port");
    port.name = "p".into();
    let want = (case["pass"] == true).then(|| int(&case["expected"]));
    same(service_pods::find_port(&pod, &port), want)
}

fn set_hostname(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let (pod, service) = (made::<Pod>(&case["pod"]), made::<Service>(&case["service"]));
    same(service_pods::hostname(&pod, &service).is_some(), case["expected"] == true)
}

fn number_conversion(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    let of = |name: &str| -> Value { serde_json::from_str(text(case, name)).expect("JSON") };
    let schema = kubarium::api::schema::by_id("PodSpec").expect("a struct");
    let made = patch::two_way(&of("Old"), &of("New"), &schema);
    let (want, result) = (of("ExpectedPatch"), of("ExpectedResult"));
    match made {
        Ok(made) if made == want => same(patch::strategic(&of("Old"), &made, &schema), Ok(result)),
        other => Verdict::Failed(format!("{other:?}, expected {want}")),
    }
}

fn settings(case: &Value, policy: &str, host: &PodDns) -> PodDns {
    let pod = made::<Pod>(&json!({
        "metadata": {"namespace": "testNS"},
        "spec": {"dnsPolicy": policy, "dnsConfig": case["dnsConfig"], "hostNetwork": case["hostnetwork"] == true},
    }));
    PodDns::of(&pod, Some(Ipv4Addr::new(10, 0, 0, 10)), "kubernetes.io", host)
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn pod_dns(_: &Value, case: &Value) -> Verdict {
    let host = PodDns { servers: vec!["8.8.8.8".into()], searches: vec!["host.domain".into()], options: Vec::new() };
    let want = &case["expectedDNSConfig"];
    let want = PodDns {
        servers: words(&want["servers"]),
        searches: words(&want["searches"]),
        options: words(&want["options"]),
    };
    same(settings(case, text(case, "dnsPolicy"), &host), want)
}

fn dns_source(_: &Value, case: &Value) -> Verdict {
    let ours = dns::source(text(case, "dnsPolicy"), case["hostNetwork"] == true, case["hasClusterDNS"] == true);
    let want = [dns::Source::Cluster, dns::Source::Host, dns::Source::None];
    same(Some(&ours), usize::try_from(int(&case["expectedDNSType"])).ok().and_then(|at| want.get(at)))
}

fn dns_options(_: &Value, case: &Value) -> Verdict {
    let host = PodDns { options: words(&case["existingDNSConfigOptions"]), ..PodDns::default() };
    let case_of = json!({"dnsConfig": {"options": case["dnsConfigOptions"]}});
    same(settings(&case_of, "Default", &host).options, words(&case["expectedOptions"]))
}

fn dns_servers(_: &Value, case: &Value) -> Verdict {
    let host = PodDns { servers: words(&case["nameservers"]), ..PodDns::default() };
    same(settings(&json!({}), "Default", &host).servers, words(&case["expectedNameserver"]))
}

fn dns_searches(_: &Value, case: &Value) -> Verdict {
    let host = PodDns { searches: words(&case["hostNames"]), ..PodDns::default() };
    same(settings(&json!({}), "Default", &host).searches, words(&case["resultSearch"]))
}
