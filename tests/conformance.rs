//! Upstream's own tables against this implementation. The data is not part of the project: `$KUBARIUM_CONFORMANCE` says where
//! it is (default `../shared/conformance`); without it, everything is skipped with a word about why.
//!
//! One line of [`TABLES`] is one table. `All` must pass whole; `AtLeast` says how many cases pass today.

#[path = "conformance/control.rs"]
mod control;
#[path = "conformance/network.rs"]
mod network;
#[path = "conformance/scheduling.rs"]
mod scheduling;
#[path = "conformance/validation.rs"]
mod validation;

use std::path::PathBuf;

use kubarium::api::{Kind, Object, Quantity, Timestamp, duration};
use kubarium::control::apiserver::table;
use serde_json::{Value, json};

/// How much of a table must pass.
#[derive(Clone, Copy)]
enum Want {
    All,
    AtLeast(usize),
}

type Check = fn(&Value) -> Option<bool>;

const TABLES: &[(&str, Want, Check)] = &[
    ("e1_get_pods", Want::All, narrow_pod),
    ("e2_get_pods_sidecars", Want::All, narrow_pod),
    ("e3_get_pods_wide", Want::All, wide_pod),
    ("e4_get_pods_conditions", Want::All, narrow_pod),
    ("e5_get_pods_golden", Want::All, golden_pod),
    ("extra__apimachinery__pkg__util__duration__duration__TestHumanDuration", Want::All, human_duration),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParse__L396", Want::AtLeast(46), quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityString__L745", Want::All, quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParseEmit__L805", Want::All, quantity),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeRole", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeStatus", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintService", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintServiceLoadBalancer", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintStatefulSet", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintDaemonSet", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintJob", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintCronJob", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintReplicationController", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPersistentVolume", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPersistentVolumeClaim", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintStorageClass", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintControllerRevision", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintDeployment", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintReplicaSet", Want::All, printed),
    ("h1_validation_core", Want::AtLeast(1133), validation::replay),
    ("h1_validation_apps", Want::All, validation::replay),
    ("h1_validation_batch", Want::All, validation::replay),
    ("h1_validation_storage", Want::All, validation::replay),
    ("extra__pkg__printers__internalversion__printers__TestPrintHPA", Want::All, printed),
    ("h1_validation_autoscaling", Want::AtLeast(52), validation::replay),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodDisruptionBudget", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPriorityClass", Want::All, printed),
    ("h1_validation_scheduling", Want::All, validation::replay),
    ("extra__pkg__printers__internalversion__printers__TestPrintServiceAccount", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintRoleBinding", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintClusterRoleBinding", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintIngressClass", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNetworkPolicy", Want::All, printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodTemplate", Want::All, printed),
    ("h1_validation_networking", Want::AtLeast(61), validation::replay),
    ("h1_validation_rbac", Want::All, validation::replay),
];

fn folder() -> PathBuf {
    std::env::var_os("KUBARIUM_CONFORMANCE").map_or_else(|| PathBuf::from("../shared/conformance"), PathBuf::from)
}

#[test]
fn upstreams_tables_pass() {
    let tables = folder().join("tables");
    if !tables.is_dir() {
        println!("skipped: no data at {}", tables.display());
        return;
    }
    let mut failed = Vec::new();
    for (name, want, check) in TABLES {
        let Ok(text) = std::fs::read_to_string(tables.join(format!("{name}.json"))) else {
            println!("{name}: skipped: not there");
            continue;
        };
        let data: Value = serde_json::from_str(&text).expect("a table is JSON");
        let mut cases = data["cases"].as_array().expect("a table has cases").clone();
        // The printers' objects were made while they were dumped: some are younger than the table.
        if name.contains("__TestPrint") {
            for case in &mut cases {
                let objects = PRINTED.iter().filter_map(|field| case[*field]["metadata"]["creationTimestamp"].as_str());
                let made = objects.filter_map(|text| text.parse::<Timestamp>().ok()).max().unwrap_or_default();
                case["now"] = json!(made.max(now(&data)));
            }
        }
        let results: Vec<Option<bool>> = cases.iter().map(check).collect();
        let looked_at = results.iter().flatten().count();
        let passed = results.iter().flatten().filter(|ok| **ok).count();
        println!("{name}: {passed}/{looked_at} ({} not for us)", cases.len() - looked_at);
        let good = match want {
            Want::All => passed == looked_at,
            Want::AtLeast(least) => passed >= *least,
        };
        if !good {
            failed.push(*name);
        }
    }
    assert_eq!(failed, Vec::<&str>::new());
}

/// What came of a case of the control plane's tables.
enum Verdict {
    /// As upstream.
    Passed,
    /// Otherwise; in words.
    Failed(String),
    /// The data cannot tell, or it is out of scope; why.
    Skipped(&'static str),
}

/// The control plane's tables: all of a table must pass but the cases that say why they cannot.
#[test]
fn the_control_planes_tables_pass() {
    let tables = folder().join("tables");
    if !tables.is_dir() {
        println!("skipped: no data at {}", tables.display());
        return;
    }
    let mut failures = Vec::new();
    for (name, replay) in control::TABLES.iter().chain(scheduling::TABLES).chain(network::TABLES) {
        let Ok(text) = std::fs::read_to_string(tables.join(format!("{name}.json"))) else {
            println!("{name}: skipped: not there");
            continue;
        };
        let table: Value = serde_json::from_str(&text).expect("a table is JSON");
        let cases = table["cases"].as_array().expect("a table has cases");
        let mut passed = 0;
        for (index, case) in cases.iter().enumerate() {
            let label = case["name"].as_str().map_or_else(|| index.to_string(), str::to_owned);
            match replay(&table, case) {
                Verdict::Passed => passed += 1,
                Verdict::Skipped(why) => println!("{name} [{label}]: skipped, {why}"),
                Verdict::Failed(words) => failures.push(format!("{name} [{label}]: {words}")),
            }
        }
        println!("{name}: {passed}/{}", cases.len());
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn object(value: &Value) -> Option<Object> {
    let kind = Kind::ALL.iter().copied().find(|k| value["kind"] == k.info().kind)?;
    let mut value = value.clone();
    // Upstream's tests have resource versions that no server gives.
    if value["metadata"]["resourceVersion"].as_str().is_some_and(|text| text.parse::<u64>().is_err()) {
        value["metadata"]["resourceVersion"] = json!("1");
    }
    Object::from_value(kind, value).ok()
}

fn now(case: &Value) -> Timestamp {
    case["now"].as_str().and_then(|t| t.parse().ok()).unwrap_or_default()
}

fn report(case: &Value, got: &Value, want: &Value) -> Option<bool> {
    if got != want && std::env::var_os("CONFORMANCE_VERBOSE").is_some() {
        println!("  {}: got {got}, want {want}", case["name"]);
    }
    Some(got == want)
}

fn row(case: &Value, value: &Value, wide: bool) -> Option<Value> {
    let object = object(value)?;
    let columns = table::columns(object.kind());
    let cells = table::cells(&object, now(case));
    let shown = columns.iter().zip(cells).filter(|(c, _)| wide || c.priority == 0).map(|(_, cell)| cell);
    Some(Value::Array(shown.collect()))
}

fn narrow_pod(case: &Value) -> Option<bool> {
    report(case, &json!([row(case, &case["input"], false)?]), &case["expected"])
}

fn wide_pod(case: &Value) -> Option<bool> {
    report(case, &json!([row(case, &case["input"], true)?]), &case["expected"])
}

/// The fields of the printers' tables that hold the object.
const PRINTED: &[&str] = &[
    "pod",
    "node",
    "service",
    "statefulSet",
    "daemonSet",
    "job",
    "cronjob",
    "rc",
    "pv",
    "pvc",
    "sc",
    "history",
    "deployment",
    "replicaSet",
    "hpa",
    "pc",
    "pdb",
    "serviceAccount",
    "binding",
    "ingressClass",
    "policy",
    "podTemplate",
];

/// Upstream's names of the fields that hold the object and what is expected of it differ from table to table.
fn printed(case: &Value) -> Option<bool> {
    let value = PRINTED.iter().map(|n| &case[*n]).find(|v| !v.is_null())?.clone();
    let want = if case["expect"].is_null() { &case["expected"] } else { &case["expect"] };
    let cells = &want[0]["cells"];
    let wide = cells
        .as_array()
        .is_some_and(|c| Some(c.len()) == row(case, &value, true).and_then(|r| r.as_array().map(Vec::len)));
    report(case, &row(case, &value, wide)?, cells)
}

fn golden_pod(case: &Value) -> Option<bool> {
    let line = |wide: bool| {
        let object = object(&case["input"])?;
        let columns = table::columns(object.kind());
        let cells = table::cells(&object, now(case));
        let shown: Vec<(usize, String)> = columns
            .iter()
            .zip(cells)
            .filter(|(c, _)| wide || c.priority == 0)
            .map(|(c, cell)| (c.name.len(), cell.as_str().unwrap_or("").to_owned()))
            .collect();
        let text: String =
            shown.iter().map(|(head, cell)| format!("{cell:<w$}   ", w = (*head).max(cell.len()))).collect();
        Some(text.trim_end().to_owned())
    };
    let got = json!({"get": line(false)?, "get_wide": line(true)?});
    report(case, &got, &case["expected"])
}

fn human_duration(case: &Value) -> Option<bool> {
    let text = case["d"].as_str()?;
    let mut seconds = 0_i64;
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' | '-' | '.' => digits.push(c),
            unit => {
                let n: i64 = digits.parse().ok()?;
                digits.clear();
                seconds += n * match unit {
                    'h' => 3_600,
                    'm' => 60,
                    's' => 1,
                    _ => return None,
                };
            }
        }
    }
    report(case, &json!(duration::human(seconds)), &case["want"])
}

fn quantity(case: &Value) -> Option<bool> {
    let text = case["in"].as_str().or(case["input"].as_str())?;
    let got = text.parse::<Quantity>().map(|q| q.to_string()).unwrap_or_default();
    report(case, &json!(got), &case["expect"])
}
