//! The schemas and levels of requests that every server has. Models `k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap`.

use serde_json::{Value, json};

use super::meta;
use crate::api::{FlowSchema, Object, ObjectMeta, PriorityLevelConfiguration};

/// What is kept as it is here, unless somebody says otherwise.
const UPDATED: &str = "apf.kubernetes.io/autoupdate-spec";
/// A level: name, shares, percent that is lent, and queues with the size of a hand; without queues, what is too much is refused.
type Level = (&'static str, i32, i32, Option<(i32, i32)>);
const LEVELS: [Level; 7] = [
    ("catch-all", 5, 0, None),
    ("system", 30, 33, Some((64, 6))),
    ("node-high", 40, 25, Some((64, 6))),
    ("leader-election", 10, 0, Some((16, 4))),
    ("workload-high", 40, 50, Some((128, 6))),
    ("workload-low", 100, 90, Some((128, 6))),
    ("global-default", 20, 50, Some((128, 6))),
];

/// Whether a level is one of these.
pub(in crate::control::apiserver) fn is_level(name: &str) -> bool {
    name == "exempt" || LEVELS.iter().any(|(known, ..)| *known == name)
}

/// The levels, then the schemas.
pub(super) fn objects() -> Vec<Object> {
    let mut objects = vec![level("exempt", json!({"type": "Exempt", "exempt": {}}))];
    objects.extend(LEVELS.iter().map(|(name, shares, lent, queues)| {
        let response = match queues {
            None => json!({"type": "Reject"}),
            Some((queues, hand)) => {
                json!({"type": "Queue", "queuing": {"queues": queues, "handSize": hand, "queueLengthLimit": 50}})
            }
        };
        let limited = json!({"nominalConcurrencyShares": shares, "lendablePercent": lent, "limitResponse": response});
        level(name, json!({"type": "Limited", "limited": limited}))
    }));
    objects.extend(schemas());
    objects
}

fn named(name: &str) -> ObjectMeta {
    let mut meta = meta("", name);
    meta.annotations.insert(UPDATED.into(), "true".into());
    meta
}

fn level(name: &str, spec: Value) -> Object {
    let spec = serde_json::from_value(spec).expect("the levels are well formed");
    PriorityLevelConfiguration { metadata: named(name), spec, ..PriorityLevelConfiguration::default() }.into()
}

fn schema(name: &str, level: &str, precedence: i32, method: &str, rule: Value) -> Object {
    let mut spec = json!({
        "priorityLevelConfiguration": {"name": level}, "matchingPrecedence": precedence, "rules": [rule],
    });
    if !method.is_empty() {
        spec["distinguisherMethod"] = json!({"type": method});
    }
    let spec = serde_json::from_value(spec).expect("the schemas are well formed");
    FlowSchema { metadata: named(name), spec, ..FlowSchema::default() }.into()
}

fn group(name: &str) -> Value {
    json!({"kind": "Group", "group": {"name": name}})
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "user": {"name": name}})
}

/// Everything that these ask.
fn all_of(subjects: &[Value]) -> Value {
    json!({
        "subjects": subjects,
        "resourceRules": [
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": true, "namespaces": ["*"]},
        ],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    })
}

fn schemas() -> Vec<Object> {
    let everyone = [group("system:unauthenticated"), group("system:authenticated")];
    let system = json!({"kind": "ServiceAccount", "serviceAccount": {"namespace": "kube-system", "name": "*"}});
    let (manager, scheduler) = (user("system:kube-controller-manager"), user("system:kube-scheduler"));
    let probes = json!({
        "subjects": everyone,
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}],
    });
    let leases = |verbs: Value| json!({"verbs": verbs, "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "namespaces": ["*"]});
    let elections = json!({
        "subjects": [manager, scheduler, system], "resourceRules": [leases(json!(["get", "create", "update"]))],
    });
    let nodes = json!({
        "subjects": [group("system:nodes")],
        "resourceRules": [
            {
                "verbs": ["*"], "apiGroups": [""], "resources": ["nodes", "nodes/status"], "clusterScope": true,
                "namespaces": ["*"],
            },
            leases(json!(["*"])),
        ],
    });
    vec![
        schema("exempt", "exempt", 1, "", all_of(&[group("system:masters")])),
        schema("catch-all", "catch-all", 10_000, "ByUser", all_of(&everyone)),
        schema("probes", "exempt", 2, "", probes),
        schema("system-leader-election", "leader-election", 100, "ByUser", elections),
        schema("system-node-high", "node-high", 400, "ByUser", nodes),
        schema("system-nodes", "system", 500, "ByUser", all_of(&[group("system:nodes")])),
        schema("kube-controller-manager", "workload-high", 800, "ByNamespace", all_of(&[manager])),
        schema("kube-scheduler", "workload-high", 800, "ByNamespace", all_of(&[scheduler])),
        schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", all_of(&[system])),
        schema("service-accounts", "workload-low", 9_000, "ByUser", all_of(&[group("system:serviceaccounts")])),
        schema("global-default", "global-default", 9_900, "ByUser", all_of(&everyone)),
    ]
}
