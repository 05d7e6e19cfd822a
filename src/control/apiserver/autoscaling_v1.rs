//! `autoscaling/v1`, the older form of autoscalers: it knows a target of CPU utilization, and keeps what else there is in
//! annotations. Models `pkg/apis/autoscaling/v1/conversion.go`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::api::{
    HorizontalPodAutoscalerBehavior, HorizontalPodAutoscalerCondition, HpaScalingRules, Object, Quantity, decode,
};

/// The version on the wire.
pub const VERSION: &str = "autoscaling/v1";

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";
/// The target of CPU utilization if there is no metric at all.
const CPU_PERCENT: i64 = 80;

/// Whether a group and version are this form.
pub fn is(group: &str, version: &str) -> bool {
    (group, version) == ("autoscaling", "v1")
}

/// The older form of an autoscaler; of any other object, its own.
pub fn down(object: &Object) -> Value {
    let mut value = object.to_value();
    let Object::HorizontalPodAutoscaler(hpa) = object else { return value };
    value["apiVersion"] = json!(VERSION);
    let metrics = value["spec"]["metrics"].take();
    let cpu = |metric: &&Value| metric["type"] == "Resource" && metric["resource"]["name"] == "cpu";
    let percent = |metric: &&Value| cpu(metric) && metric["resource"]["target"]["averageUtilization"].is_i64();
    let all = metrics.as_array().map(Vec::as_slice).unwrap_or_default();
    let target = all.iter().find(cpu).map(|m| m["resource"]["target"]["averageUtilization"].clone());
    let others: Vec<Old> = all.iter().filter(|m| !percent(m)).map(Old::spec).collect();
    let statuses = value["status"]["currentMetrics"].take();
    let measured = statuses.as_array().map(Vec::as_slice).unwrap_or_default();
    let used = measured.iter().rfind(cpu).map(|m| m["resource"]["current"]["averageUtilization"].clone());
    for (part, fields) in [("spec", &["metrics", "behavior"][..]), ("status", &["currentMetrics", "conditions"])] {
        if let Value::Object(part) = &mut value[part] {
            fields.iter().for_each(|field| _ = part.remove(*field));
        }
    }
    if let Some(target) = target.filter(Value::is_i64) {
        value["spec"]["targetCPUUtilizationPercentage"] = target;
    }
    if let Some(used) = used.filter(Value::is_i64) {
        value["status"]["currentCPUUtilizationPercentage"] = used;
    }
    value["status"]["currentReplicas"] = json!(hpa.status.current_replicas);
    let mut note = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            value["metadata"]["annotations"][name] = json!(text);
        }
    };
    note(METRICS, (!others.is_empty()).then(|| written(&others)));
    let measured: Vec<Old> = measured.iter().map(Old::status).collect();
    note(CURRENT, (!measured.is_empty()).then(|| written(&measured)));
    let conditions: Vec<Condition> = hpa.status.conditions.iter().map(Condition::of).collect();
    note(CONDITIONS, (!conditions.is_empty()).then(|| written(&conditions)));
    note(BEHAVIOR, hpa.spec.behavior.as_ref().map(|behavior| written(&Behavior::of(behavior))));
    value
}

/// Today's form of an autoscaler in the older one.
///
/// # Errors
/// It is no object, or an annotation holds no JSON.
pub fn up(value: &mut Value) -> Result<(), String> {
    decode::shaped(value, "v1.HorizontalPodAutoscaler")?;
    value["apiVersion"] = json!("autoscaling/v2");
    let mut notes = Notes::taken(value)?;
    let mut metrics = Vec::new();
    if let Some(percent) = taken(&mut value["spec"], "targetCPUUtilizationPercentage").filter(|p| !p.is_null()) {
        metrics.push(cpu(percent));
    }
    metrics.append(&mut notes.metrics);
    if metrics.is_empty() {
        metrics.push(cpu(json!(CPU_PERCENT)));
    }
    if value["spec"].is_null() {
        value["spec"] = json!({});
    }
    if let Value::Object(spec) = &mut value["spec"] {
        spec.insert("metrics".into(), Value::Array(metrics));
        if let Some(behavior) = notes.behavior {
            spec.insert("behavior".into(), behavior);
        }
    }
    let used = taken(&mut value["status"], "currentCPUUtilizationPercentage").filter(|p| !p.is_null());
    if notes.current.is_empty()
        && let Some(used) = used
    {
        notes.current.push(json!({
            "type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": used}},
        }));
    }
    if !notes.current.is_empty() {
        value["status"]["currentMetrics"] = Value::Array(notes.current);
    }
    if !notes.conditions.is_null() {
        value["status"]["conditions"] = notes.conditions;
    }
    Ok(())
}

fn taken(part: &mut Value, field: &str) -> Option<Value> {
    part.as_object_mut().and_then(|part| part.remove(field))
}

fn cpu(percent: Value) -> Value {
    let target = json!({"type": "Utilization", "averageUtilization": percent});
    json!({"type": "Resource", "resource": {"name": "cpu", "target": target}})
}

fn written<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("metrics have JSON forms: their keys are texts")
}

/// What the annotations of the older form hold, in today's form.
#[derive(Default)]
struct Notes {
    metrics: Vec<Value>,
    current: Vec<Value>,
    conditions: Value,
    behavior: Option<Value>,
}

impl Notes {
    /// Takes the annotations out of an object.
    fn taken(value: &mut Value) -> Result<Notes, String> {
        let mut notes = Notes::default();
        let Some(Value::Object(all)) = value.pointer_mut("/metadata/annotations") else { return Ok(notes) };
        let mut take = |name: &str| match all.remove(name) {
            Some(Value::String(text)) => serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()),
            _ => Ok(Value::Null),
        };
        let list = |value: Value, today: fn(&Value) -> Value| match value {
            Value::Array(items) => items.iter().map(today).collect(),
            _ => Vec::new(),
        };
        notes.metrics = list(take(METRICS)?, spec_today);
        notes.current = list(take(CURRENT)?, status_today);
        notes.conditions = take(CONDITIONS)?;
        notes.behavior = Some(lower(take(BEHAVIOR)?)).filter(|behavior| !behavior.is_null());
        if all.is_empty() {
            taken(&mut value["metadata"], "annotations");
        }
        Ok(notes)
    }
}

/// Keys with a small first letter: the annotation of the behaviour has Go's names.
fn lower(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(name, v)| (small(&name), lower(v))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.into_iter().map(lower).collect(),
        other => other,
    }
}

fn small(name: &str) -> String {
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

/// A metric or its status in the older form: its fields in Go's order.
#[derive(Serialize)]
struct Old {
    r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Source>,
    #[serde(rename = "containerResource", skip_serializing_if = "Option::is_none")]
    container_resource: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external: Option<Source>,
}

/// A source: names and values in the order of upstream's struct.
type Source = Ordered;

/// A JSON object whose fields keep their order.
struct Ordered(Vec<(&'static str, Value)>);

impl Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().filter(|(_, v)| !v.is_null()).map(|(name, value)| (name, value)))
    }
}

impl Old {
    fn spec(metric: &Value) -> Old {
        Old::of(metric, "target", ["targetValue", "targetAverageValue", "targetAverageUtilization"])
    }

    fn status(metric: &Value) -> Old {
        Old::of(metric, "current", ["currentValue", "currentAverageValue", "currentAverageUtilization"])
    }

    fn of(metric: &Value, values: &str, [whole, mean, percent]: [&'static str; 3]) -> Old {
        let source = |name: &str| metric.get(name).filter(|source| !source.is_null());
        let resource = |s: &Value| {
            vec![
                ("name", s["name"].clone()),
                (percent, s[values]["averageUtilization"].clone()),
                (mean, s[values]["averageValue"].clone()),
            ]
        };
        let or_zero = |value: &Value| if value.is_null() { json!("0") } else { value.clone() };
        Old {
            r#type: metric["type"].as_str().unwrap_or("").into(),
            object: source("object").map(|s| {
                Ordered(vec![
                    ("target", s["describedObject"].clone()),
                    ("metricName", s["metric"]["name"].clone()),
                    (whole, or_zero(&s[values]["value"])),
                    ("selector", s["metric"]["selector"].clone()),
                    ("averageValue", s[values]["averageValue"].clone()),
                ])
            }),
            pods: source("pods").map(|s| {
                Ordered(vec![
                    ("metricName", s["metric"]["name"].clone()),
                    (mean, or_zero(&s[values]["averageValue"])),
                    ("selector", s["metric"]["selector"].clone()),
                ])
            }),
            resource: source("resource").map(|s| Ordered(resource(s))),
            container_resource: source("containerResource").map(|s| {
                let mut fields = resource(s);
                fields.push(("container", s["container"].clone()));
                Ordered(fields)
            }),
            external: source("external").map(|s| {
                Ordered(vec![
                    ("metricName", s["metric"]["name"].clone()),
                    ("metricSelector", s["metric"]["selector"].clone()),
                    (whole, s[values]["value"].clone()),
                    (mean, s[values]["averageValue"].clone()),
                ])
            }),
        }
    }
}

/// A condition, its fields in Go's order.
#[derive(Serialize)]
struct Condition<'a> {
    r#type: &'a str,
    status: &'a str,
    #[serde(rename = "lastTransitionTime")]
    last_transition_time: Option<crate::api::Timestamp>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
}

impl Condition<'_> {
    fn of(condition: &HorizontalPodAutoscalerCondition) -> Condition<'_> {
        Condition {
            r#type: &condition.r#type,
            status: &condition.status,
            last_transition_time: condition.last_transition_time,
            reason: &condition.reason,
            message: &condition.message,
        }
    }
}

/// Behaviour as upstream writes it down: its internal struct, with Go's names.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Behavior<'a> {
    scale_up: Option<Rules<'a>>,
    scale_down: Option<Rules<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rules<'a> {
    stabilization_window_seconds: Option<i32>,
    select_policy: Option<&'a str>,
    policies: Vec<Policy<'a>>,
    tolerance: Option<Quantity>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy<'a> {
    r#type: &'a str,
    value: i32,
    period_seconds: i32,
}

impl Behavior<'_> {
    fn of(behavior: &HorizontalPodAutoscalerBehavior) -> Behavior<'_> {
        Behavior {
            scale_up: behavior.scale_up.as_ref().map(Rules::of),
            scale_down: behavior.scale_down.as_ref().map(Rules::of),
        }
    }
}

impl Rules<'_> {
    fn of(rules: &HpaScalingRules) -> Rules<'_> {
        let policy = |p: &'_ crate::api::HpaScalingPolicy| (p.value, p.period_seconds);
        let policies = rules.policies.iter().map(|p| {
            let (value, period_seconds) = policy(p);
            Policy { r#type: &p.r#type, value, period_seconds }
        });
        Rules {
            stabilization_window_seconds: rules.stabilization_window_seconds,
            select_policy: rules.select_policy.as_deref(),
            policies: policies.collect(),
            tolerance: rules.tolerance,
        }
    }
}

fn spec_today(old: &Value) -> Value {
    today(old, "target", ["targetValue", "targetAverageValue", "targetAverageUtilization"])
}

fn status_today(old: &Value) -> Value {
    today(old, "current", ["currentValue", "currentAverageValue", "currentAverageUtilization"])
}

/// A metric or its status of the older form in today's.
fn today(old: &Value, values: &str, [whole, mean, percent]: [&str; 3]) -> Value {
    let word = old["type"].as_str().unwrap_or("");
    let name = small(word);
    let source = &old[&name];
    if source.is_null() {
        return json!({"type": word});
    }
    let mut measure = Map::new();
    let average = if name == "object" { "averageValue" } else { mean };
    for (field, from) in [("value", whole), ("averageValue", average), ("averageUtilization", percent)] {
        let zero = field == "value" && source[from] == "0";
        if !source[from].is_null() && !zero {
            measure.insert(field.into(), source[from].clone());
        }
    }
    if values == "target" {
        let kind = if measure.contains_key("averageUtilization") {
            "Utilization"
        } else if measure.contains_key("averageValue") {
            "AverageValue"
        } else {
            "Value"
        };
        measure.insert("type".into(), json!(kind));
    }
    let mut new = Map::new();
    new.insert(values.into(), measure.into());
    match name.as_str() {
        "resource" => _ = new.insert("name".into(), source["name"].clone()),
        "containerResource" => {
            new.insert("name".into(), source["name"].clone());
            new.insert("container".into(), source["container"].clone());
        }
        _ => {
            let selector = if name == "external" { &source["metricSelector"] } else { &source["selector"] };
            let mut metric = json!({"name": source["metricName"]});
            if !selector.is_null() {
                metric["selector"] = selector.clone();
            }
            new.insert("metric".into(), metric);
            if name == "object" {
                new.insert("describedObject".into(), source["target"].clone());
            }
        }
    }
    json!({"type": word, name: new})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, defaults};

    fn object(mut value: Value) -> Object {
        if value["apiVersion"] == VERSION {
            up(&mut value).expect("annotations hold JSON");
        }
        let mut object = Object::from_value(Kind::HorizontalPodAutoscaler, value).expect("well-formed");
        defaults::apply(&mut object);
        object
    }

    #[test]
    fn a_target_of_cpu_goes_to_a_metric_and_back() {
        let value = json!({
            "apiVersion": VERSION, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
                "targetCPUUtilizationPercentage": 50},
        });
        let object = object(value);
        assert_eq!(object.to_value()["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 50);
        let back = down(&object);
        assert_eq!(back["spec"]["targetCPUUtilizationPercentage"], 50);
        assert_eq!(back["status"], json!({"currentReplicas": 0, "desiredReplicas": 0}));
        assert!(back["metadata"].get("annotations").is_none());
        assert!(back["spec"].get("metrics").is_none());
    }

    #[test]
    fn other_metrics_and_behaviour_go_to_annotations_and_back() {
        let object = object(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
            "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"},
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
                "metrics": [
                    {"type": "Resource", "resource": {"name": "memory",
                        "target": {"type": "Utilization", "averageUtilization": 60}}},
                    {"type": "Pods", "pods": {"metric": {"name": "packets"},
                        "target": {"type": "AverageValue", "averageValue": "1k"}}},
                ]},
        }));
        let old = down(&object);
        let notes = &old["metadata"]["annotations"];
        assert_eq!(
            notes[METRICS],
            r#"[{"type":"Resource","resource":{"name":"memory","targetAverageUtilization":60}},{"type":"Pods","pods":{"metricName":"packets","targetAverageValue":"1k"}}]"#
        );
        let behavior = notes[BEHAVIOR].as_str().expect("a text");
        assert!(behavior.starts_with(
            r#"{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}"#
        ));
        assert_eq!(super::tests::object(old), object);
    }
}
