//! Upstream's own tables against this implementation. The data is not part of the project: `$KUBARIUM_CONFORMANCE` says where
//! it is (default `../shared/conformance`); without it, everything is skipped with a word about why.
//!
//! One line of a `TABLES` is one table; all of it must pass but what says why it cannot.

#[path = "conformance/control.rs"]
mod control;
#[path = "conformance/more.rs"]
mod more;
#[path = "conformance/network.rs"]
mod network;
#[path = "conformance/placing.rs"]
mod placing;
#[path = "conformance/scheduling.rs"]
mod scheduling;
#[path = "conformance/syncs.rs"]
mod syncs;
#[path = "conformance/told.rs"]
mod told;
#[path = "conformance/validation.rs"]
mod validation;

use std::path::PathBuf;

use kubarium::api::{Kind, Object, Quantity, Timestamp, duration};
use kubarium::control::apiserver::table;
use serde_json::{Value, json};

type Check = fn(&Value) -> Option<bool>;

const TABLES: &[(&str, Check)] = &[
    ("e1_get_pods", narrow_pod),
    ("e2_get_pods_sidecars", narrow_pod),
    ("e3_get_pods_wide", wide_pod),
    ("e4_get_pods_conditions", narrow_pod),
    ("e5_get_pods_golden", golden_pod),
    ("extra__apimachinery__pkg__util__duration__duration__TestHumanDuration", human_duration),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParse__L396", quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityString__L745", quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParseEmit__L805", quantity),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeRole", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeStatus", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintService", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintServiceLoadBalancer", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintStatefulSet", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintDaemonSet", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintJob", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintCronJob", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintReplicationController", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPersistentVolume", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPersistentVolumeClaim", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintStorageClass", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintControllerRevision", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintDeployment", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintReplicaSet", printed),
    ("extra__apimachinery__pkg__util__duration__duration__TestHumanDurationBoundaries", human_duration),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParse__L435", signed_quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParse__L492", signed_quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParse__L514", signed_quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityString__L776", quantity),
    ("extra__apimachinery__pkg__api__resource__quantity__TestQuantityParseEmit__L815", quantity),
    ("extra__pkg__printers__internalversion__printers__TestPrintConfigMap", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintEndpoint", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintEndpointSlice", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintEvent", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintLease", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNamespace", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeArch", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeContainerRuntimeVersion", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeExternalIP", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeInternalIP", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeKernelVersion", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeName", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNodeOSImage", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNonTerminatedPod", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPod", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodConditions", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodWithRestartableInitContainer", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodwide", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintSecret", printed),
    ("pkg__printers__internalversion__printers__TestPrintCertificateSigningRequest", printed),
    ("pkg__printers__internalversion__printers__TestPrintRuntimeClass", printed),
    ("pkg__printers__internalversion__printers__TestPrintVolumeAttributesClass", printed),
    ("pkg__printers__internalversion__printers__TestPrintServiceCIDR", printed),
    ("pkg__printers__internalversion__printers__TestPrintFlowSchema", printed),
    ("pkg__printers__internalversion__printers__TestPrintPriorityLevelConfiguration", printed),
    ("pkg__printers__internalversion__printers__TestPrintDeviceClass", printed),
    ("pkg__printers__internalversion__printers__TestPrintResourceClaim", printed),
    ("pkg__printers__internalversion__printers__TestPrintResourceClaimTemplate", printed),
    ("pkg__printers__internalversion__printers__TestPrintResourceSlice", printed),
    ("pkg__apis__networking__validation__validation__TestValidateIPAddress", validation::address),
    ("pkg__apis__networking__validation__validation__TestValidateServiceCIDR", validation::address),
    ("pkg__apis__networking__validation__validation__TestValidateServiceCIDRUpdate", validation::changed_ranges),
    ("h1_validation_core", validation::replay),
    ("h1_validation_apps", validation::replay),
    ("h1_validation_batch", validation::replay),
    ("h1_validation_storage", validation::replay),
    ("extra__pkg__printers__internalversion__printers__TestPrintHPA", printed),
    ("h1_validation_autoscaling", validation::replay),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodDisruptionBudget", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPriorityClass", printed),
    ("h1_validation_scheduling", validation::replay),
    ("extra__pkg__printers__internalversion__printers__TestPrintServiceAccount", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintRoleBinding", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintClusterRoleBinding", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintIngressClass", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintNetworkPolicy", printed),
    ("extra__pkg__printers__internalversion__printers__TestPrintPodTemplate", printed),
    ("h1_validation_networking", validation::replay),
    ("h1_validation_rbac", validation::replay),
];

fn folder() -> PathBuf {
    std::env::var_os("KUBARIUM_CONFORMANCE").map_or_else(|| PathBuf::from("../shared/conformance"), PathBuf::from)
}

/// The tables that say in words which case fails.
const REPLAYED: &[&[(&str, control::Replay)]] =
    &[control::TABLES, scheduling::TABLES, more::TABLES, placing::TABLES, syncs::TABLES, told::TABLES, network::TABLES];

/// Tables that are not replayed, and why.
const NOT_REPLAYED: &[(&str, &str)] = &[(
    "extra__pkg__printers__internalversion__printers__TestPrintComponentStatus",
    "a deprecated kind that no server of this version keeps and this one does not serve",
)];

#[test]
fn every_table_is_replayed_or_has_a_reason_why_not() {
    let Ok(entries) = std::fs::read_dir(folder().join("tables")) else {
        println!("skipped: no data at {}", folder().display());
        return;
    };
    let known: Vec<&str> = (TABLES.iter().map(|(name, _)| *name))
        .chain(REPLAYED.iter().copied().flatten().map(|(name, _)| *name))
        .chain(NOT_REPLAYED.iter().map(|(name, _)| *name))
        .collect();
    let names = entries.flatten().filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let forgotten: Vec<String> = names.filter(|name| !known.contains(&name.as_str())).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

/// The text of a table: from the data, or from the folder of further tables, if `$KUBARIUM_CONFORMANCE_MORE` names one.
fn text_of(name: &str) -> Option<String> {
    let more = std::env::var_os("KUBARIUM_CONFORMANCE_MORE").map(PathBuf::from);
    let mut folders = std::iter::once(folder().join("tables")).chain(more);
    folders.find_map(|folder| std::fs::read_to_string(folder.join(format!("{name}.json"))).ok())
}

#[test]
fn upstreams_tables_pass() {
    let tables = folder().join("tables");
    if !tables.is_dir() {
        println!("skipped: no data at {}", tables.display());
        return;
    }
    let mut failed = Vec::new();
    for (name, check) in TABLES {
        let Some(text) = text_of(name) else {
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
        if passed != looked_at {
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
    for (name, replay) in REPLAYED.iter().copied().flatten() {
        let Some(text) = text_of(name) else {
            println!("{name}: skipped: not there");
            continue;
        };
        let table: Value = serde_json::from_str(&text).expect("a table is JSON");
        let cases = table["cases"].as_array().expect("a table has cases");
        let mut passed = 0;
        for (index, case) in cases.iter().enumerate() {
            let named = ["name", "key", "Name", "desc"].iter().find_map(|field| case[*field].as_str());
            let label = named.map_or_else(|| index.to_string(), str::to_owned);
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
    "configMap",
    "endpoint",
    "endpointSlice",
    "event",
    "lease",
    "namespace",
    "ccc",
    "fs",
    "pl",
    "deviceClass",
    "resourceClaim",
    "resourceClaimTemplate",
    "resourceSlice",
    "secret",
    "csr",
    "vac",
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
                let n: i64 = digits.split('.').next()?.parse().ok()?;
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

/// The same amounts with a sign before them: upstream tries them so, too.
fn signed_quantity(case: &Value) -> Option<bool> {
    let (text, want) = (case["input"].as_str()?, case["expect"].as_str()?);
    let read = |text: String| text.parse::<Quantity>().map(|q| q.to_string()).unwrap_or_default();
    let less = if want == "0" { want.to_owned() } else { format!("-{want}") };
    report(case, &json!([read(format!("+{text}")), read(format!("-{text}"))]), &json!([want, less]))
}

fn quantity(case: &Value) -> Option<bool> {
    let text = case["in"].as_str().or(case["input"].as_str())?;
    let got = text.parse::<Quantity>().map(|q| q.to_string()).unwrap_or_default();
    report(case, &json!(got), &case["expect"])
}
