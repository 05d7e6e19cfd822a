//! Upstream's tables of validation: an object, perhaps its old form, and the exact errors.
//!
//! Objects are judged as they are given. Our structs fill in what is missing as they are read, so what is missing is first
//! written out as Go's zero ([`as_given`]); what has no such form in our structs is told in [`not_for_us`].

use kubarium::api::validate;
use serde_json::{Value, json};

use super::object;

/// Why a case says nothing about us.
fn not_for_us(function: &str, case: &Value) -> Option<&'static str> {
    let errors = case["errors"].to_string();
    let input = case["input"].to_string();
    let any = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    if function == "ValidatePodResize" {
        return Some("a sub-resource that is not served");
    }
    if any(&input, &["windowsOptions", "\"os\":{\"name\":\"windows\"}", "\"hostProcess\""]) {
        return Some("windows");
    }
    if any(&input, &["resourceClaims", "resourceClaimStatuses", "extendedResourceClaimStatus"]) {
        return Some("dynamic resource allocation");
    }
    if errors.contains("spec.selector: Invalid value: {}: empty selector") {
        return Some("our structs cannot tell an empty selector from a missing one");
    }
    if any(&errors, &["terminationGracePeriodSeconds: Required", "spec.replicas: Required"]) {
        return Some("a number that our structs always have");
    }
    let old = &case["old"]["spec"];
    if function == "ValidateJobUpdate" && old["suspend"] != true {
        let (had, has) = (&old["template"], &case["input"]["spec"]["template"]);
        if had != has && !any(&errors, &["spec.template: Invalid"]) {
            return Some("an option of upstream's test that is not told");
        }
    }
    let labels = &case["input"]["spec"]["template"]["metadata"]["labels"];
    if function == "ValidateJob" && labels.get("batch.kubernetes.io/job-name").is_none() {
        return Some("an option of upstream's test that is not told");
    }
    if function == "ValidateSecretUpdate" && input.contains("\"namespace\":\"openshift-") {
        return Some("a distribution's own rule");
    }
    if function == "ValidateDaemonSetUpdate" && errors.contains("templateGeneration") {
        return Some("a number that the server sets itself");
    }
    let status = &case["input"]["status"];
    let bound = !case["input"]["spec"]["nodeName"].is_null();
    let nominated = status["nominatedNodeName"] != case["old"]["status"]["nominatedNodeName"];
    if function == "ValidatePodStatusUpdate" && bound && nominated && !errors.contains("already bound") {
        return Some("a gate that is on");
    }
    if errors.contains("supported values: \\\"PreferClose\\\"\"") {
        return Some("a gate that is on");
    }
    if any(&errors, &["feature gate is disabled", "field can not be less than previous value"]) {
        return Some("a gate that is on");
    }
    unknown_gate(function, case, &input)
}

/// Cases that pass upstream only with a gate or an option that the data does not tell, and by what they are known.
fn unknown_gate(function: &str, case: &Value, input: &str) -> Option<&'static str> {
    let new = case["old"].is_null();
    let fine = case["errors"].as_array().is_none_or(Vec::is_empty);
    let zeros = input.contains("\"001.002.003") || input.contains("\"010.010.");
    if fine && new && zeros {
        return Some("the gate StrictIPCIDRValidation is off");
    }
    let zero = |object: &Value| object["spec"]["minReplicas"] == 0;
    if fine && zero(&case["input"]) && !zero(&case["old"]) {
        return Some("the gate HPAScaleToZero is on");
    }
    let terms = case["input"].pointer("/spec/nodeAffinity/required");
    if fine && new && terms.is_some_and(|terms| terms.to_string().contains("[\"-1\"]")) {
        return Some("an option that lets values of node affinity be no labels");
    }
    let errors = case["errors"].to_string();
    let named = function.starts_with("ValidateService") || function.starts_with("ValidateIngress");
    if named && errors.contains("a DNS-1035 label") {
        return Some("the gate RelaxedServiceNameValidation is off");
    }
    let spec = &case["input"]["spec"];
    if function.starts_with("ValidateCSIDriver") && spec["seLinuxMount"].is_null() && !errors.contains("seLinuxMount") {
        return Some("the gate SELinuxMountReadWriteOncePod is off");
    }
    if errors.contains("preventPodSchedulingIfMissing: Required") {
        return Some("the gate VolumeLimitScaling is on");
    }
    if errors.contains("restartPolicy: Forbidden: may not be set for non-init containers") {
        return Some("the gate ContainerRestartRules is off");
    }
    if function == "ValidatePodUpdate" && errors.contains("- \\\"TerminationGracePeriodSeconds\\\": -1") {
        return Some("the data has the old pod as it was read back: with 1 for -1");
    }
    let levels = |pod: &Value| pod["spec"]["resources"].is_object();
    (function == "ValidatePodUpdate" && levels(&case["input"])).then_some("resources of whole pods are looked at")
}

/// Runs a case; `None` if it says nothing about us.
pub fn replay(case: &Value) -> Option<bool> {
    let function = case["func"].as_str()?;
    let new = object(&as_given(&case["input"]))?;
    if let Some(why) = not_for_us(function, case) {
        if std::env::var_os("CONFORMANCE_VERBOSE").is_some() {
            println!("  {function}: skipped, {why}");
        }
        return None;
    }
    let errors = match object(&as_given(&case["old"])) {
        Some(old) if function == "ValidatePodEphemeralContainersUpdate" => validate::update_ephemeral(&new, &old),
        Some(old) if function.contains("Status") => validate::update_status(&new, &old),
        Some(old) => validate::update(&new, &old),
        None => validate::create(&new),
    };
    let mut got: Vec<String> = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
    // These functions look at nothing else.
    let fields: &[&str] = match function {
        "ValidatePodSpecificAnnotationUpdates" => &["metadata.annotations"],
        "ValidateServiceClusterIPsRelatedFields" => &["spec.clusterIP", "spec.ipFamil"],
        "ValidateNodeResources" => &["status.capacity", "status.allocatable"],
        _ => &[""],
    };
    got.retain(|error| fields.iter().any(|field| error.starts_with(field)));
    let mut want: Vec<String> =
        case["errors"].as_array()?.iter().filter_map(|e| e.as_str().map(str::to_owned)).collect();
    let in_order = got == want;
    got.sort();
    want.sort();
    if std::env::var_os("CONFORMANCE_VERBOSE").is_some() {
        if got != want {
            let lost: Vec<&String> = want.iter().filter(|e| !got.contains(e)).collect();
            let more: Vec<&String> = got.iter().filter(|e| !want.contains(e)).collect();
            println!("  {function}: lost {lost:#?}, more {more:#?} of {}", case["input"]);
        } else if !in_order {
            println!("  {function}: another order");
        }
    }
    Some(got == want)
}

/// The object with Go's zeros where our structs would fill something in.
fn as_given(value: &Value) -> Value {
    let mut object = value.clone();
    if let Some(version) = object.pointer_mut("/metadata/resourceVersion")
        && version.as_str().is_some_and(|text| !text.is_empty() && text.parse::<u64>().is_err())
    {
        // Ours are numbers.
        *version = json!("1");
    }
    let kind = value["kind"].as_str().unwrap_or("").to_owned();
    each(&mut object, "subsets", |subset| {
        each(subset, "ports", |port| zeros(port, &[("protocol", json!(""))]));
    });
    let Some(spec) = object.get_mut("spec") else { return object };
    match kind.as_str() {
        "Pod" => pod_spec(spec),
        "CronJob" => {
            zeros(spec, &[("concurrencyPolicy", json!(""))]);
            template(spec.pointer_mut("/jobTemplate/spec/template"));
        }
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            workload(&kind, spec);
        }
        "Service" => {
            zeros(spec, &["type", "sessionAffinity"].map(|name| (name, json!(""))));
            each(spec, "ports", |port| zeros(port, &[("protocol", json!(""))]));
        }
        _ => {}
    }
    object
}

fn template(template: Option<&mut Value>) {
    if let Some(fields) = template.and_then(Value::as_object_mut) {
        pod_spec(fields.entry("spec").or_insert_with(|| json!({})));
    }
}

fn workload(kind: &str, spec: &mut Value) {
    if kind == "StatefulSet" {
        zeros(spec, &[("podManagementPolicy", json!(""))]);
        if let Some(policy) = spec.get_mut("persistentVolumeClaimRetentionPolicy") {
            zeros(policy, &["whenDeleted", "whenScaled"].map(|name| (name, json!(""))));
        }
    }
    if matches!(kind, "StatefulSet" | "DaemonSet" | "Deployment") {
        let name = if kind == "Deployment" { "strategy" } else { "updateStrategy" };
        zeros(spec, &[(name, json!({}))]);
        zeros(&mut spec[name], &[("type", json!(""))]);
        if let Some(update) = spec[name].get_mut("rollingUpdate").filter(|_| kind != "StatefulSet") {
            zeros(update, &["maxUnavailable", "maxSurge"].map(|name| (name, json!(0))));
        }
    }
    template(spec.get_mut("template"));
}

fn zeros(value: &mut Value, of: &[(&str, Value)]) {
    if let Some(fields) = value.as_object_mut() {
        for (name, zero) in of {
            if fields.get(*name).is_none_or(Value::is_null) {
                fields.insert((*name).to_owned(), zero.clone());
            }
        }
    }
}

fn pod_spec(spec: &mut Value) {
    let words = ["restartPolicy", "dnsPolicy", "schedulerName"];
    zeros(spec, &words.map(|name| (name, json!(""))));
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, list, container);
    }
}

fn container(container: &mut Value) {
    let words = ["terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy"];
    zeros(container, &words.map(|name| (name, json!(""))));
    each(container, "ports", |port| zeros(port, &[("protocol", json!(""))]));
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name) {
            let numbers = ["timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
            zeros(probe, &numbers.map(|name| (name, json!(0))));
            if let Some(get) = probe.get_mut("httpGet") {
                zeros(get, &["path", "scheme"].map(|name| (name, json!(""))));
            }
        }
    }
    each(container, "env", |var| {
        if let Some(of) = var.pointer_mut("/valueFrom/fieldRef") {
            zeros(of, &[("apiVersion", json!(""))]);
        }
    });
}

fn each(value: &mut Value, list: &str, what: fn(&mut Value)) {
    value.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(what);
}

/// So many things are wrong with a new address or range.
pub fn address(case: &Value) -> Option<bool> {
    let case = &case["value"];
    let given = if case["ipAddress"].is_null() { &case["ipRange"] } else { &case["ipAddress"] };
    let errors = validate::create(&object(given)?);
    let ok = case["expectedErrors"] == errors.len();
    if !ok {
        println!("{given}: {errors:?}");
    }
    Some(ok)
}

/// What is wrong with a changed range.
pub fn changed_ranges(case: &Value) -> Option<bool> {
    let errors = validate::update(&object(&case["new"])?, &object(&case["old"])?);
    let told: Vec<String> = errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    let wanted: Vec<&str> =
        case["expectedErrs"].as_array().into_iter().flatten().filter_map(|error| error["error"].as_str()).collect();
    let ok = told == wanted;
    if !ok {
        println!("{}: {told:?} instead of {wanted:?}", case["name"]);
    }
    Some(ok)
}
