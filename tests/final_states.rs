//! Public manifests that run something: each is created in a cluster of its own and must reach what its author meant, every pod
//! running and ready or completed, every controller with all of its pods. What cannot get there stands in
//! `final_states/unreached.rs` with its reason, and must leave it once it can. Prints `path: state` of each. The data is not
//! part of the project: `$KUBARIUM_CONFORMANCE` says where it is (default `../shared/conformance`); without it, everything is
//! skipped with a word about why.

#[path = "support/corpus.rs"]
mod corpus;
#[path = "final_states/unreached.rs"]
mod unreached;

use std::path::{Path, PathBuf};

use kubarium::session::Script;
use kubarium::sim::{VecMap, VecSet};
use serde_json::Value;
use unreached::UNREACHED;

/// The cluster: one of the nodes has the labels that the examples choose nodes by.
const BEFORE: &[&str] = &[
    "!cluster nodes=3 pull=0s seed=1",
    "kubectl label node worker1 disktype=ssd zone=z1 accelerator=nvidia-tesla-p100",
    "!wait 10s",
];
/// How often the state is looked at, and how many times.
const LOOK: &str = "!wait 20s";
const LOOKS: usize = 16;
/// What is looked at.
const STATE: &str = "kubectl get pods,deploy,rs,rc,sts,ds,job -A -o json";
/// The kinds that run pods.
const RUNS: &[&str] =
    &["Pod", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job", "CronJob"];

/// A manifest that runs something: its path and the namespaces of its objects.
struct Case {
    path: String,
    namespaces: VecSet<String>,
}

/// The manifests that the real server took and that run something.
fn cases(root: &Path) -> Vec<Case> {
    let paths = corpus::files(root);
    let case = |path: &PathBuf| {
        let name = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
        let path = name.strip_suffix(".expected.json")?.to_owned();
        let text = std::fs::read(root.join(&name)).expect("an answer is readable");
        let answer: Value = serde_json::from_slice(&text).expect("an answer is JSON");
        let objects = answer["objects"].as_array().map(Vec::as_slice).unwrap_or_default();
        let runs = objects.iter().any(|o| o["kind"].as_str().is_some_and(|kind| RUNS.contains(&kind)));
        let namespaces = objects.iter().filter_map(|o| o["metadata"]["namespace"].as_str().map(str::to_owned));
        (answer["rc"] == 0 && runs).then(|| Case { path, namespaces: namespaces.collect() })
    };
    paths.iter().filter_map(case).collect()
}

/// What a folder brings, by the paths that manifests are named by.
fn files(root: &Path) -> VecMap<String, Vec<u8>> {
    let paths = corpus::files(root);
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
        (!name.ends_with(".expected.json")).then(|| (name, std::fs::read(&path).expect("a manifest is readable")))
    };
    paths.into_iter().filter_map(named).collect()
}

fn items(script: &mut Script<'_>) -> Vec<Value> {
    let answer = script.run(STATE);
    let list: Value = serde_json::from_str(&answer.stdout).expect("a list is JSON");
    list["items"].as_array().cloned().unwrap_or_default()
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

/// What a pod is doing, and whether that is what its author meant.
fn pod_state(pod: &Value) -> (String, bool) {
    let status = &pod["status"];
    let phase = status["phase"].as_str().unwrap_or_default();
    let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|c| c["type"] == kind);
    let of = |list: &str| status[list].as_array().cloned().unwrap_or_default();
    let containers = [of("initContainerStatuses"), of("containerStatuses")].concat();
    let waits = containers.iter().find_map(|c| c["state"]["waiting"]["reason"].as_str());
    match (phase, waits) {
        ("Succeeded", _) => ("Succeeded".into(), true),
        ("Running", _) if condition("Ready").is_some_and(|c| c["status"] == "True") => ("Running".into(), true),
        (_, Some(why)) => (format!("{phase} ({why})"), false),
        ("Running", None) => ("Running, not ready".into(), false),
        _ if condition("PodScheduled").is_some_and(|c| c["status"] == "False") => {
            (format!("{phase}, unscheduled"), false)
        }
        _ => (phase.to_owned(), false),
    }
}

/// How many pods a controller has ready of those that it wants.
fn controller_state(object: &Value) -> Option<(String, bool)> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let (is, wants) = match object["kind"].as_str()? {
        "Deployment" => (number(&status["availableReplicas"]), number(&spec["replicas"])),
        "DaemonSet" => (number(&status["numberAvailable"]), number(&status["desiredNumberScheduled"])),
        "Job" => {
            let done = status["conditions"].as_array().is_some_and(|all| all.iter().any(|c| c["type"] == "Complete"));
            (i64::from(done), 1)
        }
        "ReplicaSet" | "ReplicationController" | "StatefulSet" => {
            (number(&status["readyReplicas"]), number(&spec["replicas"]))
        }
        _ => return None,
    };
    let owned = object["metadata"]["ownerReferences"].is_array();
    (!owned).then(|| (format!("{} {is}/{wants}", object["kind"].as_str().unwrap_or_default()), is == wants))
}

/// The state of what a manifest made, and whether it is what its author meant.
fn state(script: &mut Script<'_>, before: &VecSet<String>) -> (String, bool) {
    let mut counts: VecMap<String, u32> = VecMap::new();
    let (mut well, mut pods) = (true, 0);
    for object in items(script).iter().filter(|object| !before.contains(&uid(object))) {
        let is_pod = object["kind"] == "Pod";
        let Some((words, good)) = (if is_pod { Some(pod_state(object)) } else { controller_state(object) }) else {
            continue;
        };
        pods += u32::from(is_pod);
        // A pod that failed is nothing to its job, or to the one that replaced it.
        well &= good || is_pod && words == "Failed" && object["metadata"]["ownerReferences"].is_array();
        *counts.entry(words).or_default() += 1;
    }
    let words: Vec<String> = counts.iter().map(|(words, count)| format!("{count} {words}")).collect();
    (if words.is_empty() { "nothing".into() } else { words.join(", ") }, well && pods > 0)
}

/// Creates what a manifest describes and lets time run until it is as its author meant, or for long enough.
fn play(case: &Case, files: &VecMap<String, Vec<u8>>) -> (String, bool) {
    let mut script = Script::new(files);
    for line in BEFORE {
        assert_eq!(script.run(line).stderr, "", "{line}");
    }
    for namespace in &case.namespaces {
        script.run(&format!("kubectl create namespace {namespace}"));
    }
    let before: VecSet<String> = items(&mut script).iter().map(uid).collect();
    script.run(&format!("kubectl create -f {}", case.path));
    for _ in 0..LOOKS {
        script.run(LOOK);
        let (words, well) = state(&mut script, &before);
        if well {
            return (words, true);
        }
    }
    state(&mut script, &before)
}

/// Plays every `PARTS`-th manifest from `part` on.
fn check(part: usize) {
    let root = corpus::folder();
    if !root.is_dir() {
        println!("skipped: no data at {}", root.display());
        return;
    }
    let files = files(&root);
    let mut wrong = Vec::new();
    for case in cases(&root).iter().skip(part).step_by(PARTS) {
        let (words, well) = play(case, &files);
        let reason = UNREACHED.iter().find(|(path, _)| *path == case.path).map(|(_, why)| *why);
        println!("{}: {words}{}", case.path, reason.map(|why| format!(" ({why})")).unwrap_or_default());
        if well == reason.is_some() {
            let what = if well { "needs no reason any more" } else { "did not reach what its author meant" };
            wrong.push(format!("{}: {what}: {words}", case.path));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The tests below share the work, so that they run beside each other.
const PARTS: usize = 4;

#[test]
fn manifests_reach_what_their_authors_meant_1() {
    check(0);
}

#[test]
fn manifests_reach_what_their_authors_meant_2() {
    check(1);
}

#[test]
fn manifests_reach_what_their_authors_meant_3() {
    check(2);
}

#[test]
fn manifests_reach_what_their_authors_meant_4() {
    check(3);
}
