//! What pods want of other pods: affinity terms and topology spread constraints, made ready for the plugins.
//!
//! Models `pkg/scheduler/framework/types.go` (`AffinityTerm`, `getAffinityTerms`) and `plugins/podtopologyspread/common.go`.
//! `matchLabelKeys` is read here as upstream's API server reads it when a pod is created.

use serde_json::Value;

use crate::api::labels::{Operator, Requirement, Selector};
use crate::api::meta::Labels;
use crate::api::{LabelSelector, Pod};
use crate::sim::VecSet;

/// A term of pod affinity or anti-affinity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    namespaces: VecSet<String>,
    namespace_selector: Option<Selector>,
    selector: Option<Selector>,
    /// The label of nodes that says what is one place.
    pub topology_key: String,
}

/// A term with its weight.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WeightedTerm {
    /// The term.
    pub term: Term,
    /// 1 to 100.
    pub weight: i64,
}

/// Every term of a pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Affinity {
    /// Pods that must be near.
    pub required: Vec<Term>,
    /// Pods that must not be near.
    pub required_anti: Vec<Term>,
    /// Pods that had better be near.
    pub preferred: Vec<WeightedTerm>,
    /// Pods that had better not be near.
    pub preferred_anti: Vec<WeightedTerm>,
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constraint {
    /// By how many pods places may differ.
    pub max_skew: i64,
    /// The label of nodes that says what is one place.
    pub topology_key: String,
    /// Whether a node that would break it is no place (`DoNotSchedule`).
    pub hard: bool,
    /// The pods that count.
    pub selector: Selector,
    /// With fewer places than this, the emptiest counts as empty.
    pub min_domains: i64,
    /// Whether only nodes count that the pod's node affinity chooses.
    pub honour_affinity: bool,
    /// Whether only nodes count whose taints the pod tolerates.
    pub honour_taints: bool,
}

impl Term {
    fn of(value: &Value, pod: &Pod) -> Option<Term> {
        let texts = |field: &str| -> Vec<String> {
            value[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let namespace_selector = selector_of(&value["namespaceSelector"]);
        let mut namespaces: VecSet<String> = texts("namespaces").into_iter().collect();
        if namespaces.is_empty() && namespace_selector.is_none() {
            namespaces.insert(pod.metadata.namespace.clone());
        }
        let selector = selector_of(&value["labelSelector"]).map(|selector| {
            let with = merge_keys(selector, &texts("matchLabelKeys"), &pod.metadata.labels, Operator::In);
            merge_keys(with, &texts("mismatchLabelKeys"), &pod.metadata.labels, Operator::NotIn)
        });
        let topology_key = value["topologyKey"].as_str()?.to_owned();
        Some(Term { namespaces, namespace_selector, selector, topology_key })
    }

    /// Whether a pod in a namespace with these labels is meant.
    pub fn matches(&self, pod: &Pod, namespace: Option<&Labels>) -> bool {
        let none = Labels::new();
        let chosen = |s: &Selector| s.is_everything() || s.matches(namespace.unwrap_or(&none));
        let here =
            self.namespaces.contains(&pod.metadata.namespace) || self.namespace_selector.as_ref().is_some_and(chosen);
        here && self.selector.as_ref().is_some_and(|selector| selector.matches(&pod.metadata.labels))
    }
}

/// A selector as it stands in an object; no selector chooses nothing.
fn selector_of(value: &Value) -> Option<Selector> {
    if value.is_null() {
        return None;
    }
    let selector: LabelSelector = serde_json::from_value(value.clone()).ok()?;
    Some(Selector::from(&selector))
}

/// Adds `key in (value)` for the labels of a pod that are named.
fn merge_keys(selector: Selector, keys: &[String], labels: &Labels, operator: Operator) -> Selector {
    let found = keys.iter().filter_map(|key| Some((key, labels.get(key)?)));
    let more = found.map(|(key, value)| Requirement { key: key.clone(), operator, values: [value.clone()].into() });
    selector.and(more)
}

impl Affinity {
    /// The terms of a pod; `None` without any.
    pub fn of(pod: &Pod) -> Option<Affinity> {
        let rest = &pod.spec.affinity.as_ref()?.rest;
        let terms = |kind: &str, field: &str| -> Vec<&Value> {
            rest.get(kind).and_then(|v| v[field].as_array()).into_iter().flatten().collect()
        };
        let required = |kind: &str| -> Vec<Term> {
            let field = "requiredDuringSchedulingIgnoredDuringExecution";
            terms(kind, field).into_iter().filter_map(|term| Term::of(term, pod)).collect()
        };
        let preferred = |kind: &str| -> Vec<WeightedTerm> {
            let of = |value: &Value| {
                let term = Term::of(&value["podAffinityTerm"], pod)?;
                Some(WeightedTerm { term, weight: value["weight"].as_i64().unwrap_or(0) })
            };
            let field = "preferredDuringSchedulingIgnoredDuringExecution";
            terms(kind, field).into_iter().filter_map(of).collect()
        };
        let all = Affinity {
            required: required("podAffinity"),
            required_anti: required("podAntiAffinity"),
            preferred: preferred("podAffinity"),
            preferred_anti: preferred("podAntiAffinity"),
        };
        (all != Affinity::default()).then_some(all)
    }
}

impl Constraint {
    /// The constraints of a pod.
    pub fn all_of(pod: &Pod) -> Vec<Constraint> {
        let all = pod.spec.rest.get("topologySpreadConstraints").and_then(Value::as_array);
        all.into_iter().flatten().filter_map(|value| Constraint::of(value, pod)).collect()
    }

    fn of(value: &Value, pod: &Pod) -> Option<Constraint> {
        let keys: Vec<String> = value["matchLabelKeys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let selector = selector_of(&value["labelSelector"]).unwrap_or_else(Selector::nothing);
        Some(Constraint {
            max_skew: value["maxSkew"].as_i64()?,
            topology_key: value["topologyKey"].as_str()?.to_owned(),
            hard: value["whenUnsatisfiable"] == "DoNotSchedule",
            selector: merge_keys(selector, &keys, &pod.metadata.labels, Operator::In),
            min_domains: value["minDomains"].as_i64().unwrap_or(1),
            honour_affinity: value["nodeAffinityPolicy"] != "Ignore",
            honour_taints: value["nodeTaintsPolicy"] == "Honor",
        })
    }

    /// A soft constraint of the defaults of the scheduler.
    pub fn soft(max_skew: i64, topology_key: &str, selector: &Selector) -> Constraint {
        Constraint {
            max_skew,
            topology_key: topology_key.to_owned(),
            hard: false,
            selector: selector.clone(),
            min_domains: 1,
            honour_affinity: true,
            honour_taints: false,
        }
    }

    /// Whether a pod counts: one that is being deleted does not, and a selector that chooses everything counts nothing.
    pub fn counts(&self, pod: &Pod, namespace: &str) -> bool {
        pod.metadata.namespace == namespace
            && pod.metadata.deletion_timestamp.is_none()
            && !self.selector.is_everything()
            && self.selector.matches(&pod.metadata.labels)
    }
}
