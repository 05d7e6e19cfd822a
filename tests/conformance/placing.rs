//! Upstream's tables of what pods ask for, where they fit, and what replaces them.

use std::sync::Arc;

use kubarium::api::usage;
use kubarium::api::{ContainerStatus, Pod, Quantity, ResourceList, Service, Timestamp};
use kubarium::control::cache::Cache;
use kubarium::control::controller::{endpoint_slice, pods};
use kubarium::control::scheduler::framework::{CycleState, Plugin, PreFilter, node_info};
use kubarium::control::scheduler::plugin::{
    node_name::NodeName, node_ports::NodePorts, node_resources_fit::NodeResourcesFit,
    node_unschedulable::NodeUnschedulable, taint_toleration::TaintToleration, volume_restrictions::VolumeRestrictions,
};
use kubarium::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use kubarium::node::kubelet::phase;
use serde_json::{Value, json};

use super::Verdict;
use super::control::{Replay, expected_list, node, nodes, pod, same, scored, snapshot, told, wanted};
use super::more::{inner, made, text};

/// One line a table.
pub const TABLES: &[(&str, Replay)] = &[
    ("component-helpers__resource__helpers__TestPodResourceRequests", requests),
    ("component-helpers__resource__helpers__TestPodResourceLimits", limits),
    ("component-helpers__resource__helpers__TestPodRequestsAndLimits", both),
    ("pkg__api__v1__pod__util__TestIsPodAvailable", available),
    ("pkg__api__v1__pod__util__TestIsPodTerminal", terminal),
    ("pkg__scheduler__framework__plugins__tainttoleration__taint_toleration__TestTaintTolerationFilter", tainted),
    ("pkg__scheduler__framework__plugins__tainttoleration__taint_toleration__TestTaintTolerationScore", taint_score),
    ("pkg__scheduler__framework__plugins__nodeunschedulable__node_unschedulable__TestNodeUnschedulable", unschedulable),
    ("pkg__scheduler__framework__plugins__nodename__node_name__TestNodeName", named),
    ("pkg__scheduler__framework__plugins__nodeports__node_ports__TestNodePorts", ports),
    ("pkg__scheduler__framework__plugins__noderesources__fit__testEnoughRequests", fit),
    ("pkg__scheduler__framework__plugins__noderesources__fit__testNotEnoughRequests", full),
    ("pkg__scheduler__framework__plugins__noderesources__fit__testStorageRequests", fit),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartAlways", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartAlwaysAndPodHasRun", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartAlwaysInitContainers", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartAlwaysRestartableInitContainers", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartNever", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartNeverInitContainers", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartNeverRestartableInitContainers", phase),
    ("pkg__kubelet__kubelet_pods__TestPodPhaseWithRestartOnFailure", phase),
    ("endpointslice__util__controller_utils__TestShouldPodBeInEndpoints", in_endpoints),
    ("endpointslice__utils__TestPodToEndpoint", endpoint_of),
    ("pkg__kubelet__status__generate__TestGenerateContainersReadyCondition", containers_ready),
    ("pkg__kubelet__status__generate__TestGeneratePodReadyCondition", ready),
    ("pkg__kubelet__status__generate__TestGeneratePodInitializedCondition", initialized),
    ("pkg__scheduler__framework__plugins__volumerestrictions__volume_restrictions__TestGCEDiskConflicts", disks),
    ("pkg__scheduler__framework__plugins__volumerestrictions__volume_restrictions__TestAWSDiskConflicts", disks),
    ("pkg__scheduler__framework__plugins__volumerestrictions__volume_restrictions__TestISCSIDiskConflicts", disks),
    ("pkg__scheduler__framework__plugins__volumerestrictions__volume_restrictions__TestRBDDiskConflicts", disks),
];

/// Whether a pod may share its disks with those of a node.
fn disks(_: &Value, case: &Value) -> Verdict {
    let info = |value: &Value| {
        let mut value = value.clone();
        value["spec"]["containers"] = json!([]);
        Arc::new(PodInfo::new(made::<Pod>(&value)))
    };
    let mut node = node_info(kubarium::api::Node::default());
    for other in case["nodeInfo"]["Pods"].as_array().into_iter().flatten() {
        node.add(info(&other["Pod"]));
    }
    let (pod, mut state) = (info(&case["pod"]), CycleState::default());
    let skips = VolumeRestrictions.pre_filter(&pod, &Snapshot::default(), &mut state) == PreFilter::Skip;
    if skips || case["preFilterWantStatus"]["code"] == "Skip" {
        return same(skips, case["preFilterWantStatus"]["code"] == "Skip");
    }
    let reasons = VolumeRestrictions.filter(&pod, &node, &state).err().map(|rejection| json!(rejection.reasons));
    same(reasons.unwrap_or_default(), case["wantStatus"]["reasons"].clone())
}

fn list(value: &Value) -> ResourceList {
    serde_json::from_value(value.clone()).unwrap_or_default()
}

/// Amounts, however they are written; what is nothing is not there.
fn shown(list: &ResourceList) -> Vec<String> {
    let some = list.iter().filter(|(_, amount): &(_, &Quantity)| !amount.is_zero());
    some.map(|(name, amount)| format!("{name}={}m", amount.millis())).collect()
}

/// Why an option of upstream's helper has no counterpart here.
fn option(case: &Value) -> Option<&'static str> {
    let options = if case["options"].is_object() { &case["options"] } else { &case["opts"] };
    let set = |name: &str| options[name] == true;
    if set("ExcludeOverhead") || options["NonMissingContainerRequests"].is_object() {
        return Some("an option that nothing uses");
    }
    if set("SkipPodLevelResources") || set("SkipContainerLevelResources") {
        return Some("an option that nothing uses");
    }
    set("InPlacePodLevelResourcesVerticalScalingEnabled")
        .then_some("what whole pods have while they are resized is not told")
}

fn made_pod(case: &Value) -> Arc<Pod> {
    made::<Pod>(&json!({
        "spec": {
            "containers": case["containers"], "initContainers": case["initContainers"], "overhead": case["overhead"],
            "resources": case["podResources"],
        },
        "status": {
            "containerStatuses": either(case, "containerStatus", "containerStatuses"), "initContainerStatuses": case["initContainerStatuses"],
            "conditions": case["podResizeStatus"],
        },
    }))
}

/// One of two fields that mean the same.
fn either<'a>(case: &'a Value, one: &str, other: &str) -> &'a Value {
    if case[one].is_null() { &case[other] } else { &case[one] }
}

/// Requests and limits, with the option of a case.
fn asked(case: &Value, pod: &Pod) -> (ResourceList, ResourceList) {
    let options = if case["options"].is_object() { &case["options"] } else { &case["opts"] };
    match options["UseStatusResources"] == true {
        true => (usage::requests_held(pod), usage::limits_held(pod)),
        false => (usage::requests(&pod.spec), usage::limits(&pod.spec)),
    }
}

fn requests(_: &Value, case: &Value) -> Verdict {
    if let Some(why) = option(case) {
        return Verdict::Skipped(why);
    }
    same(shown(&asked(case, &made_pod(case)).0), shown(&list(&case["expectedRequests"])))
}

fn limits(_: &Value, case: &Value) -> Verdict {
    if let Some(why) = option(case) {
        return Verdict::Skipped(why);
    }
    same(shown(&asked(case, &made_pod(case)).1), shown(&list(&case["expectedLimits"])))
}

fn both(_: &Value, case: &Value) -> Verdict {
    if let Some(why) = option(case) {
        return Verdict::Skipped(why);
    }
    let (requests, limits) = asked(case, &made::<Pod>(&case["pod"]));
    same(
        (shown(&requests), shown(&limits)),
        (shown(&list(&case["expectedRequests"])), shown(&list(&case["expectedLimits"]))),
    )
}

fn available(table: &Value, case: &Value) -> Verdict {
    let now: Timestamp = table["now"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    let pod = made::<Pod>(&case["pod"]);
    let since = pods::ready_since(&pod).unwrap_or_default();
    // The pods were made while the table was dumped.
    let now = Timestamp(now.0.max(since.0));
    let seconds = super::control::int(&case["minReadySeconds"]);
    same(pods::is_available(&pod, seconds, now), case["expected"] == true)
}

fn terminal(_: &Value, case: &Value) -> Verdict {
    let pod = made::<Pod>(&json!({"status": {"phase": case["podPhase"]}}));
    same(pods::is_terminal(&pod), case["expected"] == true)
}

fn filter(plugin: &dyn Plugin, case: &Value) -> Verdict {
    let (pod, node) = (pod(&case["pod"]), node_info(node(&case["node"])));
    same(told(plugin.filter(&pod, &node, &CycleState::default())), wanted(&case["wantStatus"]))
}

fn tainted(_: &Value, case: &Value) -> Verdict {
    filter(&TaintToleration, case)
}

fn unschedulable(_: &Value, case: &Value) -> Verdict {
    filter(&NodeUnschedulable, case)
}

fn named(_: &Value, case: &Value) -> Verdict {
    filter(&NodeName, case)
}

fn taint_score(_: &Value, case: &Value) -> Verdict {
    same(scored(&TaintToleration, &pod(&case["pod"]), &nodes(case)), expected_list(case))
}

/// The node of a case with the pods that it has.
fn with_pods(case: &Value, allocatable: &Value) -> NodeInfo {
    let mut info = node_info(node(&json!({
        "metadata": {"name": "n"}, "status": {"allocatable": allocatable, "capacity": allocatable},
    })));
    for (index, existing) in case["nodeInfo"]["Pods"].as_array().into_iter().flatten().enumerate() {
        let mut value = existing["Pod"].clone();
        if value["metadata"].is_null() {
            value["metadata"] = json!({});
        }
        value["metadata"]["name"] = json!(format!("existing-{index}"));
        info.add(pod(&value));
    }
    info
}

fn ports(_: &Value, case: &Value) -> Verdict {
    let (pod, info) = (pod(&case["pod"]), with_pods(case, &Value::Null));
    let before = NodePorts.pre_filter(&pod, &snapshot(std::slice::from_ref(&info)), &mut CycleState::default());
    if case["wantPreFilterStatus"]["code"] == "Skip" {
        return same(before, PreFilter::Skip);
    }
    same(told(NodePorts.filter(&pod, &info, &CycleState::default())), wanted(&case["wantFilterStatus"]))
}

/// What upstream's tests of fitting give every node.
const ROOM: &str = r#"{"cpu": "10m", "memory": "20", "pods": "32", "example.com/aaa": "5", "ephemeral-storage": "20",
    "hugepages-2Mi": "5"}"#;

fn fits(case: &Value, room: &Value) -> Verdict {
    let (pod, info) = (pod(&case["pod"]), with_pods(case, room));
    same(told(NodeResourcesFit::LEAST.filter(&pod, &info, &CycleState::default())), wanted(&case["wantStatus"]))
}

fn fit(_: &Value, case: &Value) -> Verdict {
    let case = inner(case);
    if case["draExtendedResourceEnabled"] == true {
        return Verdict::Skipped("dynamic resources are not simulated");
    }
    if case["args"]["IgnoredResources"].is_array() || case["args"]["IgnoredResourceGroups"].is_array() {
        return Verdict::Skipped("the plugin's arguments are not configurable");
    }
    fits(case, &serde_json::from_str(ROOM).expect("JSON"))
}

fn full(_: &Value, case: &Value) -> Verdict {
    fits(case, &json!({"cpu": "10m", "memory": "20", "pods": "1"}))
}

fn statuses(value: &Value) -> Vec<ContainerStatus> {
    let mut value = value.clone();
    kubarium::api::strip_nulls(&mut value);
    serde_json::from_value(value).unwrap_or_default()
}

fn phase(_: &Value, case: &Value) -> Verdict {
    let pod = made::<Pod>(&case["pod"]);
    let all: Vec<&ContainerStatus> =
        pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses).collect();
    // The tables that do not say it are of pods with a container already, if any has a status.
    let told = case["podHasInitialized"].as_bool();
    let initialized = told.unwrap_or(!pod.status.container_statuses.is_empty());
    same(phase::phase(&pod.spec, &all, case["podIsTerminal"] == true, initialized), text(case, "status"))
}

fn spec(case: &Value) -> Arc<Pod> {
    made::<Pod>(&json!({"spec": case["spec"], "status": {"conditions": case["conditions"]}}))
}

fn verdict(ours: &phase::Verdict, want: &Value) -> Verdict {
    let expected = (want["status"] == "True", text(want, "reason"), text(want, "message"));
    same((ours.holds, ours.reason.as_str(), ours.message.as_str()), expected)
}

const UNTOLD: &str = "a pod whose containers have no status at all is no case here";

fn containers_ready(_: &Value, case: &Value) -> Verdict {
    if case["containerStatuses"].is_null() {
        return Verdict::Skipped(UNTOLD);
    }
    let (pod, all) = (spec(case), statuses(&case["containerStatuses"]));
    verdict(
        &phase::containers_ready(&pod.spec, &all.iter().collect::<Vec<_>>(), text(case, "podPhase")),
        &case["expectReady"],
    )
}

fn ready(_: &Value, case: &Value) -> Verdict {
    if case["containerStatuses"].is_null() {
        return Verdict::Skipped(UNTOLD);
    }
    let (pod, all) = (spec(case), statuses(&case["containerStatuses"]));
    let containers = phase::containers_ready(&pod.spec, &all.iter().collect::<Vec<_>>(), text(case, "podPhase"));
    verdict(&phase::ready(&pod.spec, &pod.status.conditions, &containers), &case["expectReady"])
}

fn initialized(_: &Value, case: &Value) -> Verdict {
    if case["containerStatuses"].is_null() {
        return Verdict::Skipped(UNTOLD);
    }
    let (pod, all) = (spec(case), statuses(&case["containerStatuses"]));
    let ours = phase::initialized(&pod.spec, &all.iter().collect::<Vec<_>>(), text(case, "podPhase"));
    // Upstream's test looks at nothing else.
    same((ours.holds, ours.reason.as_str()), (case["expected"]["status"] == "True", text(&case["expected"], "reason")))
}

fn in_endpoints(_: &Value, case: &Value) -> Verdict {
    let pod = made::<Pod>(&case["pod"]);
    if case["includeTerminating"] == false && pod.metadata.deletion_timestamp.is_some() {
        return Verdict::Skipped("slices have pods that are being deleted, too");
    }
    if pod.status.pod_ip.is_empty() && !pod.status.pod_ips.is_empty() {
        return Verdict::Skipped("a kubelet tells the first address twice");
    }
    same(endpoint_slice::belongs(&pod), case["expected"] == true)
}

fn endpoint_of(_: &Value, case: &Value) -> Verdict {
    let mut want = case["expectedEndpoint"].clone();
    if case["svc"]["spec"]["ipFamilies"][0] == "IPv6" {
        return Verdict::Skipped("a cluster of IPv4");
    }
    // Only what the pod and the Service tell; the node comes from elsewhere.
    want.as_object_mut().map(|fields| fields.remove("zone"));
    let mut service = case["svc"].clone();
    if case["publishNotReadyAddresses"] == true {
        service["spec"]["publishNotReadyAddresses"] = json!(true);
    }
    let ours = endpoint_slice::endpoint(&made::<Pod>(&case["pod"]), &made::<Service>(&service), &Cache::default());
    same(json!(ours), want)
}
