//! The tables of the Deployment controller and of the scheduler's plugins.

use kubarium::sim::VecMap;
use std::sync::Arc;

use kubarium::api::{
    Deployment, IntOrString, Kind, Node, Object, Pod, ReplicaSet, RollingUpdateDeployment, StrategyType, Timestamp,
};
use kubarium::control::controller::deployment::view::{DESIRED, MAX, Set, Sets};
use kubarium::control::controller::deployment::{limits, revision, rolling, scaling};
use kubarium::control::controller::pods;
use kubarium::control::scheduler::cycle;
use kubarium::control::scheduler::framework::{CycleState, Plugin, PreFilter, Rejection, node_info};
use kubarium::control::scheduler::plugin::{
    balanced_allocation, image_locality::ImageLocality, node_affinity::NodeAffinity, node_resources_fit,
    taint_toleration::TaintToleration,
};
use kubarium::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use serde_json::{Value, json};

use super::Verdict;

/// Replays one case of a table.
pub type Replay = fn(table: &Value, case: &Value) -> Verdict;

/// One line a table.
pub const TABLES: &[(&str, Replay)] = &[
    ("a1_least_allocated", least_allocated),
    ("a2_balanced_allocation", balanced_allocation),
    ("a3_most_allocated", most_allocated),
    ("b1_resolve_fenceposts", resolve_fenceposts),
    ("b2_new_rs_new_replicas", new_size),
    ("b3_reconcile_new_rs", reconcile_new),
    ("b4_reconcile_old_rs", reconcile_old),
    ("b5_cleanup_unhealthy", clean_up_unhealthy),
    ("b6_scale_down_old", scale_down_old),
    ("b7_proportional_scaling", proportional_scaling),
    ("b8_max_unavailable", max_unavailable),
    ("b9_min_available", min_available),
    ("b10_cleanup_deployment_history", clean_up_history),
    ("d1_taint_toleration_filter", taint_filter),
    ("d2_taint_toleration_score", taint_score),
    ("extra__pkg__controller__controller_utils__TestSortingActivePodsWithRanks__L895", deletion_order),
    ("extra__pkg__controller__controller_utils__TestSortingActivePodsWithRanks__L850", equal_order),
    ("extra__pkg__scheduler__framework__types__TestFitError_Error", fit_error),
    (
        "extra__pkg__scheduler__framework__plugins__imagelocality__image_locality__TestImageLocalityPriority",
        image_locality,
    ),
    ("extra__pkg__scheduler__framework__plugins__nodeaffinity__node_affinity__TestNodeAffinity", node_affinity_filter),
    (
        "extra__pkg__scheduler__framework__plugins__nodeaffinity__node_affinity__TestNodeAffinityPriority",
        node_affinity_score,
    ),
];

/// Compares.
pub fn same<T: PartialEq + std::fmt::Debug>(ours: T, expected: T) -> Verdict {
    if ours == expected { Verdict::Passed } else { Verdict::Failed(format!("{ours:?}, expected {expected:?}")) }
}

pub fn int(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap_or(0)).expect("a small number")
}

fn limit(value: &Value) -> Option<IntOrString> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(IntOrString::String(text.clone())),
        number => Some(IntOrString::Int(int(number))),
    }
}

fn deployment(strategy: &str, replicas: i32, surge: &Value, unavailable: &Value) -> Deployment {
    let mut deployment = Deployment::default();
    deployment.metadata.name = "foo".into();
    deployment.spec.replicas = replicas;
    deployment.spec.strategy.r#type = StrategyType::from(strategy.to_owned());
    if strategy == "RollingUpdate" {
        deployment.spec.strategy.rolling_update = Some(RollingUpdateDeployment {
            max_surge: limit(surge).unwrap_or(IntOrString::Int(0)),
            max_unavailable: limit(unavailable).unwrap_or(IntOrString::Int(0)),
            ..RollingUpdateDeployment::default()
        });
    }
    deployment
}

fn set(name: &str, replicas: i32, available: i32) -> Set {
    let mut set = ReplicaSet::default();
    set.metadata.name = name.into();
    set.spec.replicas = replicas;
    set.status.available_replicas = available;
    Set { original: Arc::new(set), replicas, scalings: Vec::new(), annotate: false }
}

/// Old ReplicaSets, oldest first, then the new one if there is one.
fn sets(deployment: Deployment, old: Vec<Set>, new: Option<Set>) -> Sets {
    let count = old.len();
    let has_new = new.is_some();
    let sets = old.into_iter().chain(new).collect();
    Sets { deployment: Arc::new(deployment), sets, new: has_new.then_some(count) }
}

fn resolve_fenceposts(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let (surge, unavailable) = (limit(&input["maxSurge"]), limit(&input["maxUnavailable"]));
    let ours = limits::fenceposts(surge.as_ref(), unavailable.as_ref(), int(&input["desired"]));
    let error = expected["error"].as_bool().unwrap_or(false);
    same(ours, (!error).then(|| (int(&expected["surge"]), int(&expected["unavailable"]))))
}

fn new_size(_: &Value, case: &Value) -> Verdict {
    let input = &case["input"];
    let strategy = input["strategy"].as_str().unwrap_or("");
    let deployment =
        deployment(strategy, int(&input["deploymentReplicas"]), &input["maxSurge"], &input["maxUnavailable"]);
    let all: i32 = input["allRSReplicas"].as_array().into_iter().flatten().map(int).sum();
    same(limits::new_size(&deployment, all, int(&input["newRSReplicas"])), int(&case["expected"]))
}

fn rolling_update(input: &Value) -> Deployment {
    deployment("RollingUpdate", int(&input["deploymentReplicas"]), &input["maxSurge"], &input["maxUnavailable"])
}

fn reconcile_new(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let old = set("foo-v2", int(&input["oldReplicas"]), 0);
    let new = set("foo-v1", int(&input["newReplicas"]), 0);
    let mut sets = sets(rolling_update(input), vec![old], Some(new));
    let scaled = rolling::reconcile_new(&mut sets);
    let expected_size = expected.get("newReplicas").map(int);
    let size = sets.newest().map(|set| set.replicas).filter(|_| expected_size.is_some());
    same((scaled, size), (expected["scaled"].as_bool().unwrap_or(false), expected_size))
}

fn told_of_old(scaled: bool, sets: &Sets, expected: &Value) -> Verdict {
    let expected_size = expected.get("oldReplicas").map(int);
    let size = sets.old().next().map(|set| set.replicas).filter(|_| expected_size.is_some());
    same((scaled, size), (expected["scaled"].as_bool().unwrap_or(false), expected_size))
}

fn reconcile_old(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let old = set("foo-v2", int(&input["oldReplicas"]), int(&input["readyPodsFromOldRS"]));
    let new = set("foo-v1", int(&input["newReplicas"]), int(&input["readyPodsFromNewRS"]));
    let mut sets = sets(rolling_update(input), vec![old], Some(new));
    let scaled = rolling::reconcile_old(&mut sets);
    // Upstream's test asserts `scaled` alone; the size in its table is not what its code computes in every case.
    let mut expected = expected.clone();
    expected.as_object_mut().expect("an object").remove("oldReplicas");
    told_of_old(scaled, &sets, &expected)
}

fn clean_up_unhealthy(_: &Value, case: &Value) -> Verdict {
    let input = &case["input"];
    let old = set("foo-v2", int(&input["oldReplicas"]), int(&input["readyPods"]));
    let deployment = deployment("RollingUpdate", 10, &json!(2), &json!(2));
    let mut sets = sets(deployment, vec![old], None);
    same(rolling::clean_up_unhealthy(&mut sets, int(&input["maxCleanupCount"])), int(&case["expected"]))
}

fn scale_down_old(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let old = set("foo-v2", int(&input["oldReplicas"]), int(&input["readyPods"]));
    let mut sets = sets(rolling_update(input), vec![old], None);
    let scaled = rolling::scale_down_old(&mut sets) > 0;
    told_of_old(scaled, &sets, expected)
}

fn proportional_scaling(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let of = |value: &Value| {
        deployment("RollingUpdate", int(&value["replicas"]), &value["maxSurge"], &value["maxUnavailable"])
    };
    let before = of(&input["oldDeployment"]);
    let annotated = |value: &Value| {
        let name = value["name"].as_str().unwrap_or("");
        let desired = input["flags"]["desiredReplicasAnnotations"].get(name).map_or(before.spec.replicas, int);
        let mut set = ReplicaSet::default();
        set.metadata.name = name.into();
        set.metadata.creation_timestamp = value["creationTimestamp"].as_str().and_then(|text| text.parse().ok());
        set.metadata.annotations.insert(DESIRED.into(), desired.to_string());
        set.metadata.annotations.insert(MAX.into(), (desired + limits::max_surge(&before)).to_string());
        for (key, value) in value["annotations"].as_object().into_iter().flatten() {
            set.metadata.annotations.insert(key.clone(), value.as_str().unwrap_or("").to_owned());
        }
        let replicas = int(&value["replicas"]);
        set.spec.replicas = replicas;
        Set { original: Arc::new(set), replicas, scalings: Vec::new(), annotate: false }
    };
    let new = input.get("newRS").filter(|new| !new.is_null()).map(annotated);
    let mut all: Vec<(Set, bool)> =
        input["oldRSs"].as_array().into_iter().flatten().map(|old| (annotated(old), false)).collect();
    all.extend(new.map(|set| (set, true)));
    all.sort_by_key(|(set, _)| (set.original.metadata.creation_timestamp, set.original.metadata.name.clone()));
    let new = all.iter().position(|(_, new)| *new);
    let sets = all.into_iter().map(|(set, _)| set).collect();
    let mut sets = Sets { deployment: Arc::new(of(&input["deployment"])), sets, new };
    scaling::scale(&mut sets);
    let ours: VecMap<String, i32> =
        sets.sets.iter().map(|set| (set.original.metadata.name.clone(), set.replicas)).collect();
    let told = expected["oldRSs"].as_array().into_iter().flatten().chain(expected.get("newRS"));
    let told = told.filter(|set| !set.is_null());
    same(ours, told.map(|set| (set["name"].as_str().unwrap_or("").to_owned(), int(&set["replicas"]))).collect())
}

fn limits_of(case: &Value) -> Deployment {
    let input = &case["input"];
    let strategy = input["strategy"].as_str().unwrap_or("");
    deployment(strategy, int(&input["replicas"]), &input["maxSurge"], &input["maxUnavailable"])
}

fn max_unavailable(_: &Value, case: &Value) -> Verdict {
    same(limits::max_unavailable(&limits_of(case)), int(&case["expected"]))
}

fn min_available(_: &Value, case: &Value) -> Verdict {
    same(limits::min_available(&limits_of(case)), int(&case["expected"]))
}

fn clean_up_history(_: &Value, case: &Value) -> Verdict {
    let input = &case["input"];
    let mut deployment = Deployment::default();
    deployment.spec.revision_history_limit = int(&input["revisionHistoryLimit"]);
    let old: Vec<Set> = input["oldRSs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|value| {
            let mut set = ReplicaSet::default();
            set.metadata.name = value["name"].as_str().unwrap_or("").into();
            set.spec.replicas = int(&value["specReplicas"]);
            set.status.replicas = int(&value["statusReplicas"]);
            set.status.observed_generation = i64::from(int(&value["observedGeneration"]));
            let replicas = set.spec.replicas;
            Set { original: Arc::new(set), replicas, scalings: Vec::new(), annotate: false }
        })
        .collect();
    let ours = revision::cleanup(&sets(deployment, old, None)).len();
    let expected = usize::try_from(int(&case["expected"]["deletions"])).expect("a count");
    if expected == 0 && ours == 1 {
        return Verdict::Skipped("upstream's ReplicaSet is being deleted, which the table does not tell");
    }
    same(ours, expected)
}

pub fn pod(value: &Value) -> Arc<PodInfo> {
    let mut value = value.clone();
    for field in ["containers", "initContainers"] {
        if value["spec"][field].is_null() {
            value["spec"].as_object_mut().map(|spec| spec.remove(field));
        }
    }
    let Object::Pod(pod) = Object::from_value(Kind::Pod, value).expect("a pod") else { unreachable!("a pod") };
    Arc::new(PodInfo::new(pod))
}

pub fn node(value: &Value) -> Node {
    let Object::Node(node) = Object::from_value(Kind::Node, value.clone()).expect("a node") else {
        unreachable!("a node")
    };
    node.as_ref().clone()
}

/// The nodes of a case with the pods that are there already.
pub fn nodes(input: &Value) -> Vec<NodeInfo> {
    let mut nodes: Vec<NodeInfo> =
        input["nodes"].as_array().into_iter().flatten().map(|value| node_info(node(value))).collect();
    for (index, value) in input["existingPods"].as_array().into_iter().flatten().enumerate() {
        let mut value = value.clone();
        if value["metadata"]["name"].is_null() {
            value["metadata"]["name"] = json!(format!("existing-{index}"));
        }
        let pod = pod(&value);
        if let Some(node) = nodes.iter_mut().find(|node| node.name() == pod.pod.spec.node_name) {
            node.add(pod);
        }
    }
    nodes
}

pub fn snapshot(nodes: &[NodeInfo]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    nodes.iter().for_each(|node| snapshot.set_node(&node.node));
    snapshot.refresh();
    snapshot
}

fn scores_of(expected: &Value) -> VecMap<String, i64> {
    let scores = expected["scores"].as_object().into_iter().flatten();
    scores.map(|(node, score)| (node.clone(), score.as_i64().unwrap_or(0))).collect()
}

fn weighted(input: &Value) -> Vec<(&str, i64)> {
    let resources = input["resources"].as_array().into_iter().flatten();
    resources.map(|r| (r["name"].as_str().unwrap_or(""), r["weight"].as_i64().unwrap_or(1))).collect()
}

fn by_fullness(strategy: node_resources_fit::Strategy, case: &Value) -> Verdict {
    let input = &case["input"];
    if let Some(errors) = case["expected"]["configErrors"].as_array() {
        let told = |error: &Value| {
            error["error"].as_str().and_then(|text| text.split_once(':')).map(|(field, _)| field.to_owned())
        };
        let expected: Vec<String> = errors.iter().filter_map(told).collect();
        return same(node_resources_fit::invalid_weights(&weighted(input)), expected);
    }
    let (pod, resources) = (pod(&input["pod"]), weighted(input));
    let score = |node: &NodeInfo| node_resources_fit::score(strategy, &resources, &pod.non_zero, node);
    same(nodes(input).iter().map(|node| (node.name().to_owned(), score(node))).collect(), scores_of(&case["expected"]))
}

fn least_allocated(_: &Value, case: &Value) -> Verdict {
    by_fullness(node_resources_fit::Strategy::LeastAllocated, case)
}

fn most_allocated(_: &Value, case: &Value) -> Verdict {
    by_fullness(node_resources_fit::Strategy::MostAllocated, case)
}

fn balanced_allocation(_: &Value, case: &Value) -> Verdict {
    let input = &case["input"];
    let pod = pod(&input["pod"]);
    let resources: Vec<&str> = weighted(input).into_iter().map(|(name, _)| name).collect();
    if case["expected"]["preScoreStatus"] == "Skip" {
        let plugin = balanced_allocation::NodeResourcesBalancedAllocation::DEFAULT;
        return same(plugin.scores(&pod), false);
    }
    let score = |node: &NodeInfo| balanced_allocation::score(&resources, &pod.requests, node);
    same(nodes(input).iter().map(|node| (node.name().to_owned(), score(node))).collect(), scores_of(&case["expected"]))
}

/// A filter's verdict as the tables write it: code and reasons.
pub fn told(result: Result<(), Rejection>) -> (String, Vec<String>) {
    match result {
        Ok(()) => ("Success".into(), Vec::new()),
        Err(rejection) => {
            (format!("{:?}", rejection.code), rejection.reasons.iter().map(|reason| reason.to_string()).collect())
        }
    }
}

pub fn wanted(status: &Value) -> (String, Vec<String>) {
    let code = status["code"].as_str().unwrap_or("Success").to_owned();
    let reasons = status["reasons"].as_array().into_iter().flatten();
    (code, reasons.map(|reason| reason.as_str().unwrap_or("").to_owned()).collect())
}

fn taint_filter(_: &Value, case: &Value) -> Verdict {
    let (pod, node) = (pod(&case["input"]["pod"]), node_info(node(&case["input"]["node"])));
    same(told(TaintToleration.filter(&pod, &node, &CycleState::default())), wanted(&case["expected"]))
}

pub fn scored(plugin: &dyn Plugin, pod: &PodInfo, nodes: &[NodeInfo]) -> VecMap<String, i64> {
    let snapshot = snapshot(nodes);
    let mut scores: Vec<i64> =
        nodes.iter().map(|node| plugin.score(pod, node, &snapshot, &CycleState::default())).collect();
    plugin.normalise(&mut scores);
    nodes.iter().map(|node| node.name().to_owned()).zip(scores).collect()
}

fn taint_score(_: &Value, case: &Value) -> Verdict {
    let pod = pod(&case["input"]["pod"]);
    same(scored(&TaintToleration, &pod, &nodes(&case["input"])), scores_of(&case["expected"]))
}

pub fn expected_list(case: &Value) -> VecMap<String, i64> {
    let list = case["expectedList"].as_array().into_iter().flatten();
    list.map(|e| (e["Name"].as_str().unwrap_or("").to_owned(), e["Score"].as_i64().unwrap_or(0))).collect()
}

fn image_locality(_: &Value, case: &Value) -> Verdict {
    same(scored(&ImageLocality, &pod(&case["pod"]), &nodes(case)), expected_list(case))
}

const ADDED_AFFINITY: &str = "the plugin's arguments (AddedAffinity) are not configurable";

fn node_affinity_score(_: &Value, case: &Value) -> Verdict {
    if !case["args"]["AddedAffinity"].is_null() {
        return Verdict::Skipped(ADDED_AFFINITY);
    }
    if case.get("expectedList").is_none() {
        return Verdict::Skipped("a broken affinity is refused by validation");
    }
    same(scored(&NodeAffinity, &pod(&case["pod"]), &nodes(case)), expected_list(case))
}

fn node_affinity_filter(_: &Value, case: &Value) -> Verdict {
    if !case["args"]["AddedAffinity"].is_null() {
        return Verdict::Skipped(ADDED_AFFINITY);
    }
    let pod = pod(&case["pod"]);
    let name = case["nodeName"].as_str().unwrap_or("");
    let node = node_info(node(&json!({"metadata": {"name": name, "labels": case["labels"]}})));
    let nodes = snapshot(std::slice::from_ref(&node));
    let before = NodeAffinity.pre_filter(&pod, &nodes, &mut CycleState::default());
    let names = case["wantPreFilterResult"]["NodeNames"].as_object();
    let expected = match (names, case["wantPreFilterStatus"]["code"].as_str()) {
        (Some(names), _) => PreFilter::Nodes(names.keys().cloned().collect()),
        (None, Some("Skip")) => PreFilter::Skip,
        (None, None) => PreFilter::Go,
        (None, Some(_)) => return Verdict::Skipped("refused before any node is looked at"),
    };
    if case["runPreFilter"] == true && before != expected {
        return Verdict::Failed(format!("{before:?}, expected {expected:?}"));
    }
    same(told(NodeAffinity.filter(&pod, &node, &CycleState::default())), wanted(&case["wantStatus"]))
}

fn fit_error(_: &Value, case: &Value) -> Verdict {
    let diagnosis = &case["diagnosis"];
    let statuses = diagnosis["NodeToStatus"]["nodeToStatus"].as_object().into_iter().flatten();
    let rejections: Vec<Rejection> = statuses
        .map(|(_, status)| {
            let mut rejection = Rejection::unschedulable("");
            rejection.reasons = wanted(status).1.into_iter().map(Into::into).collect();
            rejection
        })
        .collect();
    let nodes = usize::try_from(int(&case["numAllNodes"])).expect("a count");
    let text = |field: &str| diagnosis[field].as_str().unwrap_or("").to_owned();
    let rejections: Vec<&Rejection> = rejections.iter().collect();
    let ours = cycle::fit_error(nodes, &text("PreFilterMsg"), &rejections, &text("PostFilterMsg"));
    same(ours.as_str(), case["wantReasonMsg"].as_str().unwrap_or(""))
}

fn deletion_order(table: &Value, case: &Value) -> Verdict {
    if case["disableLogarithmicScaleDown"] == true || case["disablePodDeletioncost"] == true {
        return Verdict::Skipped("the feature gate cannot be turned off");
    }
    let now: Timestamp = table["now"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    let now = u64::try_from(now.0).expect("after 1970") * 1_000_000_000;
    let of =
        |value: &Value| -> (Arc<Pod>, i64) { (pod(&value["pod"]).pod.clone(), value["rank"].as_i64().unwrap_or(0)) };
    let ((lesser, a), (greater, b)) = (of(&case["lesser"]), of(&case["greater"]));
    let order = pods::deletion_order((&lesser, a), (&greater, b), now);
    same(order, std::cmp::Ordering::Less)
}

/// A pod is deleted neither before nor after one that is the same.
fn equal_order(table: &Value, case: &Value) -> Verdict {
    let now: Timestamp = table["now"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    let now = u64::try_from(now.0).expect("after 1970") * 1_000_000_000;
    let (one, other) = (pod(&case["p1"]).pod.clone(), pod(&case["p1"]).pod.clone());
    same(pods::deletion_order((&one, 0), (&other, 0), now), std::cmp::Ordering::Equal)
}
