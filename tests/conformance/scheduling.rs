//! The tables of the scheduler's plugins that look at other pods, of the autoscaler and of schedules.

use kubarium::sim::VecMap;
use std::sync::Arc;

use kubarium::api::cron::Schedule;
use kubarium::api::{Pod, Quantity, Timestamp};
use kubarium::control::controller::cron_job::due::{self, Missed, Times};
use kubarium::control::controller::horizontal::behaviour::{
    self, Amount, Change, Policy, Recommendation, Rules, Select,
};
use kubarium::control::controller::horizontal::calculator::{Case, Measured, Measurements, Startup, Tolerances};
use kubarium::control::scheduler::framework::{CycleState, Plugin, PreFilter};
use kubarium::control::scheduler::plugin::inter_pod_affinity::InterPodAffinity;
use kubarium::control::scheduler::plugin::pod_topology_spread::PodTopologySpread;
use kubarium::control::scheduler::snapshot::{NodeInfo, Snapshot};
use kubarium::sim::{Span, Time};
use serde_json::{Value, json};

use super::Verdict;
use super::control::{expected_list, int, node, pod, same, told, wanted};

/// The nodes of a case with its pods on them.
fn cluster(case: &Value) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let one = case.get("node").cloned().into_iter();
    let many = case["nodes"].as_array().into_iter().flatten().cloned();
    let failed = case["failedNodes"].as_array().into_iter().flatten().cloned();
    for value in one.chain(many).chain(failed) {
        snapshot.set_node(&Arc::new(node(&value)));
    }
    let pods = ["pods", "existingPods"].into_iter().flat_map(|field| case[field].as_array().into_iter().flatten());
    for (index, value) in pods.enumerate() {
        let mut value = value.clone();
        value["metadata"]["name"] = json!(format!("existing-{index}"));
        let info = pod(&value);
        let on = info.pod.spec.node_name.clone();
        snapshot.place(info, &on);
    }
    // The namespaces of upstream's tests.
    for (name, team) in [("subteam1.team1", "team1"), ("subteam2.team1", "team1"), ("subteam1.team2", "team2")] {
        snapshot.set_namespace(name, Some(&[("team".to_owned(), team.to_owned())].into()));
    }
    snapshot.refresh();
    snapshot
}

fn named(case: &Value) -> Vec<String> {
    let one = case.get("node").into_iter();
    let all = one.chain(case["nodes"].as_array().into_iter().flatten());
    all.map(|node| node["metadata"]["name"].as_str().unwrap_or("").to_owned()).collect()
}

/// What a plugin's PreFilter and Filter say of each node of a case.
fn filtered(plugin: &dyn Plugin, case: &Value) -> Vec<(String, (String, Vec<String>))> {
    let (nodes, pod, mut state) = (cluster(case), pod(&case["pod"]), CycleState::default());
    let skipped = plugin.pre_filter(&pod, &nodes, &mut state) == PreFilter::Skip;
    let of = |name: String| {
        let node = nodes.get(&name).expect("the case's node");
        let verdict = if skipped { Ok(()) } else { plugin.filter(&pod, node, &state) };
        (name, told(verdict))
    };
    named(case).into_iter().map(of).collect()
}

fn affinity_filter(_: &Value, case: &Value) -> Verdict {
    if !matches!(case["wantPreFilterStatus"]["code"].as_str(), None | Some("Skip")) {
        return Verdict::Skipped("validation refuses the pod");
    }
    let ours: Vec<_> = filtered(&InterPodAffinity, case).into_iter().map(|(_, verdict)| verdict).collect();
    let expected = match case["wantFilterStatuses"].as_array() {
        Some(all) => all.iter().map(wanted).collect(),
        None => vec![wanted(&case["wantFilterStatus"])],
    };
    same(ours, expected)
}

fn spread_filter(_: &Value, case: &Value) -> Verdict {
    let ours: VecMap<String, String> =
        filtered(&PodTopologySpread, case).into_iter().map(|(node, (code, _))| (node, code)).collect();
    let codes = case["wantStatusCode"].as_object().into_iter().flatten();
    same(ours, codes.map(|(node, code)| (node.clone(), code.as_str().unwrap_or("").to_owned())).collect())
}

/// What a plugin scores the nodes of a case, PreScore's Skip being no score.
fn scored(plugin: &dyn Plugin, case: &Value) -> Option<VecMap<String, i64>> {
    let (nodes, pod, mut state) = (cluster(case), pod(&case["pod"]), CycleState::default());
    let names = named(case);
    let feasible: Vec<&Arc<NodeInfo>> = names.iter().filter_map(|name| nodes.get(name)).collect();
    if !plugin.pre_score(&pod, &feasible, &nodes, &mut state) {
        return None;
    }
    let mut scores: Vec<i64> = feasible.iter().map(|node| plugin.score(&pod, node, &nodes, &state)).collect();
    plugin.normalise(&mut scores);
    Some(names.into_iter().zip(scores).collect())
}

fn affinity_score(_: &Value, case: &Value) -> Verdict {
    if case["ignorePreferredTermsOfExistingPods"] == true
        || case["hardPodAffinityWeight"].as_i64().is_some_and(|w| w != 1)
    {
        return Verdict::Skipped("the plugin's arguments are not configurable");
    }
    if case["wantStatus"]["code"] == "Error" {
        return Verdict::Skipped("validation refuses the pod");
    }
    let skip = case["wantStatus"]["code"] == "Skip";
    same(scored(&InterPodAffinity, case), (!skip).then(|| expected_list(case)))
}

fn spread_score(_: &Value, case: &Value) -> Verdict {
    let list = case["want"].as_array().into_iter().flatten();
    let expected = list.map(|e| (e["Name"].as_str().unwrap_or("").to_owned(), e["Score"].as_i64().unwrap_or(0)));
    same(scored(&PodTopologySpread, case), Some(expected.collect()))
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

fn times(cron_job: &Value) -> Times {
    Times {
        created: time(&cron_job["metadata"]["creationTimestamp"]).unwrap_or_default(),
        last: time(&cron_job["status"]["lastScheduleTime"]),
        deadline: cron_job["spec"]["startingDeadlineSeconds"].as_i64(),
    }
}

fn schedule(value: &Value) -> Schedule {
    Schedule::parse(value.as_str().unwrap_or("")).expect("the case's schedule")
}

fn most_recent_schedule(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let heed = input["includeStartingDeadlineSeconds"] == true;
    let now = time(&input["now"]).expect("a time");
    let found =
        due::most_recent(&times(&input["cronjob"]), now, &schedule(&input["cronjob"]["spec"]["schedule"]), heed);
    let ours = match found {
        Err(_) => json!({"earliest": null, "mostRecent": null, "tooManyMissed": "none", "error": true}),
        Ok(due) => {
            let missed = match due.missed {
                Missed::None => "none",
                Missed::Few => "few",
                Missed::Many => "many",
            };
            json!({"earliest": due.earliest, "mostRecent": due.at, "tooManyMissed": missed, "error": false})
        }
    };
    same(&ours, expected)
}

fn next_schedule(_: &Value, case: &Value) -> Verdict {
    let input = &case["input"];
    let now = time(&input["now"]).expect("a time");
    let found = due::unmet(&times(&input["cronjob"]), now, &schedule(&input["schedule"]));
    same(found.ok().flatten().map(|(at, _)| at), time(&case["expected"]["time"]))
}

fn next_duration(_: &Value, case: &Value) -> Verdict {
    let fields = &case["fields"];
    let now = time(&fields["now"]).expect("a time");
    let next = due::next(&times(&fields["cj"]), now, &schedule(&fields["cj"]["spec"]["schedule"])).expect("a time");
    let seconds = next.0 - now.0;
    let mut text = String::new();
    if seconds >= 3_600 {
        text.push_str(&format!("{}h", seconds / 3_600));
    }
    text.push_str(&format!("{}m{}.1s", seconds % 3_600 / 60, seconds % 60));
    same(text.as_str(), fields["expectedDuration"].as_str().unwrap_or(""))
}

/// The present of the autoscaler's cases.
const NOW: Timestamp = Timestamp(1_000_000);

/// A pod of the autoscaler's tables.
fn scaled_pod(value: &Value) -> Pod {
    let started = value["startedSecondsAgo"].as_f64().unwrap_or(10_000.0) as i64;
    let mut pod = json!({
        "metadata": {"name": value["name"]},
        "status": {"phase": value["phase"], "startTime": Timestamp(NOW.0 - started), "conditions":
            [{"type": "Ready", "status": value["ready"], "lastTransitionTime": Timestamp(0)}]},
    });
    if value["deletionTimestampSet"] == true {
        pod["metadata"]["deletionTimestamp"] = json!(NOW);
    }
    let kubarium::api::Object::Pod(pod) =
        kubarium::api::Object::from_value(kubarium::api::Kind::Pod, pod).expect("a pod")
    else {
        unreachable!("a pod")
    };
    pod.as_ref().clone()
}

fn tolerances(input: &Value) -> Tolerances {
    let of = |field: &str| (input["tolerance"][field].as_f64().unwrap_or(0.1) * 1_000.0).round() as i64;
    Tolerances { down: of("scaleDown"), up: of("scaleUp") }
}

fn startup(input: &Value) -> Startup {
    let of = |field: &str| input[field].as_i64().unwrap_or(0);
    Startup {
        cpu_initialization: of("cpuInitializationPeriodSeconds"),
        initial_readiness: of("delayOfInitialReadinessStatusSeconds"),
    }
}

fn measured(value: i64) -> Measured {
    Measured { value, at: Timestamp(0), window: 60 }
}

fn utilization(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let pods: Vec<Pod> = input["pods"].as_array().into_iter().flatten().map(scaled_pod).collect();
    let refs: Vec<&Pod> = pods.iter().collect();
    let one = input["container"].as_str().map(|name| usize::from(name.ends_with('2')));
    let mut measurements = Measurements::new();
    for metric in input["metrics"].as_array().into_iter().flatten() {
        let all: Vec<i64> =
            metric["containersMilli"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        let value = match one {
            Some(index) => all.get(index).copied(),
            None => Some(all.iter().sum()),
        };
        if let Some(value) = value {
            measurements.insert(metric["pod"].as_str().unwrap_or("").to_owned(), measured(value));
        }
    }
    let mut requests = VecMap::new();
    for pod in input["pods"].as_array().into_iter().flatten() {
        let texts: Vec<&str> =
            pod["requestsPerContainer"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if texts.iter().any(|text| text.is_empty()) || texts.is_empty() {
            let told = expected["error"].as_str().unwrap_or("");
            return same(told, "missing request for");
        }
        let of = |text: &&str| text.parse::<Quantity>().expect("a quantity").millis();
        let total = match one {
            Some(index) => of(&texts[index]),
            None => texts.iter().map(of).sum(),
        };
        requests.insert(pod["name"].as_str().unwrap_or("").to_owned(), total);
    }
    let how = Case {
        current: int(&input["currentReplicas"]),
        pods: &refs,
        tolerances: tolerances(input),
        startup: startup(input),
        now: NOW,
    };
    let target = int(&input["targetUtilizationPercent"]);
    let ours = match how.resource(measurements, &requests, input["resource"] == "cpu", target) {
        Err(words) => json!({"error": words}),
        Ok(wanted) => json!({"replicas": wanted.replicas, "utilizationPercent": wanted.utilization,
            "averageRawValueMilli": wanted.usage}),
    };
    same(&ours, expected)
}

fn custom(_: &Value, case: &Value) -> Verdict {
    let (input, expected) = (&case["input"], &case["expected"]);
    let pods: Vec<Pod> = input["pods"].as_array().into_iter().flatten().map(scaled_pod).collect();
    let refs: Vec<&Pod> = pods.iter().collect();
    let metric = &input["metric"];
    let levels: Vec<i64> = metric["levels"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    let how = Case {
        current: int(&input["currentReplicas"]),
        pods: &refs,
        tolerances: tolerances(input),
        startup: startup(input),
        now: NOW,
    };
    let (target, shared) =
        (metric["targetUsage"].as_i64().unwrap_or(0), metric["perPodTargetUsage"].as_i64().unwrap_or(0));
    let found = match metric["metricType"].as_str().unwrap_or("") {
        "Pods" => {
            let each = |(index, level): (usize, &i64)| (format!("test-pod-{index}"), measured(*level));
            how.mean(levels.iter().enumerate().map(each).collect(), false, target)
        }
        _ if shared > 0 => Ok(how.shared(&levels, shared)),
        _ => Ok(how.whole(&levels, target)),
    };
    let ours = match found {
        Err(words) => json!({"error": words}),
        Ok(wanted) => json!({"replicas": wanted.replicas, "usageMilli": wanted.usage}),
    };
    same(&ours, expected)
}

fn convert_desired(_: &Value, case: &Value) -> Verdict {
    let f = &case["fields"];
    // The table gives the number before as well as after: what it names by another word is what came in.
    let before = int(&f["expectedDesiredReplicas"]);
    let bounds = (int(&f["hpaMinReplicas"]), int(&f["hpaMaxReplicas"]));
    // Upstream's tests run with another factor than the product.
    let factor = behaviour::UP_FACTOR * 4;
    let (replicas, limit) = behaviour::limit(int(&f["currentReplicas"]), before, bounds, factor);
    let expected = (int(&f["expectedConvertedDesiredReplicas"]), f["expectedCondition"].as_str().unwrap_or(""));
    same((replicas, limit.told().0), expected)
}

/// A moment of the tables as virtual time; `latest` lies at the present.
fn moments(values: &Value, replicas: &str, latest: i64) -> Vec<(i32, Time)> {
    let of = |value: &Value| {
        let at = time(&value["timestamp"]).map_or(latest, |at| at.0);
        (int(&value[replicas]), Time(u64::try_from(100_000 + at - latest).unwrap_or(0) * 1_000_000_000))
    };
    values.as_array().into_iter().flatten().map(of).collect()
}

const PRESENT: Time = Time(100_000 * 1_000_000_000);

/// The tables were dumped at about this second.
fn dumped(case: &Value) -> i64 {
    let recorded = time(&case["fields"]["expectedRecommendations"][0]["timestamp"]);
    recorded.map_or_else(|| "2026-11-21T00:27:14Z".parse::<Timestamp>().expect("a time").0, |at| at.0)
}

fn recommendations(case: &Value) -> Vec<Recommendation> {
    let all = moments(&case["fields"]["recommendations"], "recommendation", dumped(case));
    all.into_iter().map(|(replicas, at)| Recommendation { replicas, at }).collect()
}

fn normalize_desired(_: &Value, case: &Value) -> Verdict {
    let f = &case["fields"];
    let mut known = recommendations(case);
    let ours = behaviour::stabilize(&mut known, int(&f["prenormalizedDesiredReplicas"]), PRESENT);
    let length = i32::try_from(known.len()).expect("a count");
    same((ours, length), (int(&f["expectedStabilizedReplicas"]), int(&f["expectedLogLength"])))
}

fn seconds(value: &Value) -> Span {
    Span::secs(value.as_u64().unwrap_or(0))
}

fn stabilization(_: &Value, case: &Value) -> Verdict {
    let f = &case["fields"];
    let mut known = recommendations(case);
    let windows =
        (seconds(&f["scaleUpStabilizationWindowSeconds"]), seconds(&f["scaleDownStabilizationWindowSeconds"]));
    let (current, desired) = (int(&f["currentReplicas"]), int(&f["prenormalizedDesiredReplicas"]));
    let ours = behaviour::stabilize_both(&mut known, current, desired, windows, PRESENT);
    if f["expectedRecommendations"].is_null() {
        return same(ours, int(&f["expectedStabilizedReplicas"]));
    }
    let numbers: Vec<i32> = known.iter().map(|r| r.replicas).collect();
    let expected = f["expectedRecommendations"].as_array().into_iter().flatten();
    let expected: Vec<i32> = expected.map(|r| int(&r["recommendation"])).collect();
    same((ours, numbers), (int(&f["expectedStabilizedReplicas"]), expected))
}

fn rules(value: &Value, default: Rules) -> Rules {
    if value.is_null() {
        return default;
    }
    let policy = |policy: &Value| {
        let count = int(&policy["value"]);
        let amount = if policy["type"] == "Pods" { Amount::Pods(count) } else { Amount::Percent(count) };
        Policy { amount, period: seconds(&policy["periodSeconds"]) }
    };
    let select = match value["selectPolicy"].as_str() {
        Some("Min") => Select::Min,
        Some("Disabled") => Select::Disabled,
        _ => Select::Max,
    };
    let policies = value["policies"].as_array().into_iter().flatten().map(policy).collect();
    Rules { window: seconds(&value["stabilizationWindowSeconds"]), select, policies }
}

fn scaling_rules(_: &Value, case: &Value) -> Verdict {
    let f = &case["fields"];
    let changes = |field: &str| -> Vec<Change> {
        // Events were dumped a moment after they were made: a second keeps them on the right side of a cutoff.
        let all = moments(&f[field], "replicaChange", dumped(case));
        all.into_iter().map(|(by, at)| Change { by, at }).collect()
    };
    let (up, down) = (rules(&f["scaleUpRules"], Rules::up()), rules(&f["scaleDownRules"], Rules::down()));
    let sizes = (int(&f["currentReplicas"]), int(&f["prenormalizedDesiredReplicas"]));
    let bounds = (int(&f["specMinReplicas"]), int(&f["specMaxReplicas"]));
    let (ups, downs) = (changes("scaleUpEvents"), changes("scaleDownEvents"));
    let (replicas, limit) = behaviour::limit_rate(sizes, bounds, (&up, &down), (&ups, &downs), PRESENT);
    same((replicas, limit.told().0), (int(&f["expectedReplicas"]), f["expectedCondition"].as_str().unwrap_or("")))
}

/// One line a table.
pub const TABLES: &[(&str, super::control::Replay)] = &[
    ("c1_hpa_resource_utilization", utilization),
    ("c2_hpa_custom_external_metrics", custom),
    ("c3_hpa_convert_desired", convert_desired),
    ("c4_hpa_normalize_desired", normalize_desired),
    ("c5_hpa_behavior_stabilization", stabilization),
    ("c6_hpa_scaling_rules", scaling_rules),
    ("f2_cronjob_most_recent_schedule", most_recent_schedule),
    ("f3_cronjob_next_schedule_time", next_schedule),
    ("f4_cronjob_next_schedule_duration", next_duration),
    (
        "extra__pkg__scheduler__framework__plugins__interpodaffinity__filtering__TestRequiredAffinityMultipleNodes",
        affinity_filter,
    ),
    (
        "extra__pkg__scheduler__framework__plugins__interpodaffinity__filtering__TestRequiredAffinitySingleNode",
        affinity_filter,
    ),
    ("extra__pkg__scheduler__framework__plugins__interpodaffinity__scoring__TestPreferredAffinity", affinity_score),
    (
        "extra__pkg__scheduler__framework__plugins__interpodaffinity__scoring__TestPreferredAffinityWithHardPodAffinitySymmetricWeight",
        affinity_score,
    ),
    ("extra__pkg__scheduler__framework__plugins__podtopologyspread__filtering__TestSingleConstraint", spread_filter),
    ("extra__pkg__scheduler__framework__plugins__podtopologyspread__filtering__TestMultipleConstraints", spread_filter),
    ("extra__pkg__scheduler__framework__plugins__podtopologyspread__scoring__TestPodTopologySpreadScore", spread_score),
];
