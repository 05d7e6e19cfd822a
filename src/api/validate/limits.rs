//! LimitRanges and ResourceQuotas. Models `ValidateLimitRange` and `ValidateResourceQuota` of
//! `pkg/apis/core/validation/validation.go`.

use serde_json::json;

use super::error::{duplicate, each, forbidden, invalid, not_negative, required};
use super::names;
use crate::api::{
    FieldError, LimitRange, LimitRangeItem, Quantity, ResourceQuota, ResourceQuotaSpec,
    ScopedResourceSelectorRequirement,
};
use crate::sim::VecSet;

/// A ratio with six digits after the point, as Go's `%f` writes it.
pub fn ratio(over: i128, under: i128) -> String {
    let millionths = (over * 2_000_000 + under) / (2 * under);
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

fn greater(a: Quantity, b: Quantity) -> bool {
    a.minus(b).sign() > 0
}

/// A new or changed range.
pub fn range(range: &LimitRange, errors: &mut Vec<FieldError>) {
    let mut types = VecSet::new();
    for (at, item) in range.spec.limits.iter().enumerate() {
        let field = format!("spec.limits[{at}]");
        let kind = format!("{field}.type");
        each(&kind, &item.r#type, names::qualified_name(&item.r#type), errors);
        let standard = ["Pod", "Container", "PersistentVolumeClaim"];
        if !item.r#type.contains('/') && !standard.contains(&item.r#type.as_str()) {
            let why = "must be a standard limit type or fully qualified";
            errors.push(invalid(&kind, &json!(item.r#type), why));
        }
        if !types.insert(&item.r#type) {
            errors.push(duplicate(&kind, &json!(item.r#type)));
        }
        limits(item, &field, errors);
    }
}

fn limits(item: &LimitRangeItem, field: &str, errors: &mut Vec<FieldError>) {
    let lists = [
        ("max", &item.max),
        ("min", &item.min),
        ("default", &item.default),
        ("defaultRequest", &item.default_request),
        ("maxLimitRequestRatio", &item.max_limit_request_ratio),
    ];
    for (name, list) in lists {
        if item.r#type == "Pod" && name.starts_with("default") {
            if !list.is_empty() {
                let why = "may not be specified when `type` is 'Pod'";
                errors.push(forbidden(&format!("{field}.{name}"), why));
            }
            continue;
        }
        for key in list.keys() {
            each(&format!("{field}.{name}[{key}]"), key, names::qualified_name(key), errors);
        }
    }
    let bounded = item.min.contains_key("storage") || item.max.contains_key("storage");
    if item.r#type == "PersistentVolumeClaim" && !bounded {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(required(&format!("{field}.limits"), why));
    }
    let keys: VecSet<&String> = lists.iter().flat_map(|(_, list)| list.keys()).collect();
    keys.into_iter().for_each(|key| one_resource(item, key, field, errors));
}

fn one_resource(item: &LimitRangeItem, key: &str, field: &str, errors: &mut Vec<FieldError>) {
    let (min, max) = (item.min.get(key), item.max.get(key));
    let with_defaults = item.r#type != "Pod";
    let default = item.default.get(key).filter(|_| with_defaults);
    let request = item.default_request.get(key).filter(|_| with_defaults);
    let named = [
        ("min", "min value", min, "max value", max),
        ("defaultRequest", "min value", min, "default request value", request),
        ("defaultRequest", "default request value", request, "max value", max),
        ("defaultRequest", "default request value", request, "default limit value", default),
        ("default", "min value", min, "default value", default),
        ("default", "default value", default, "max value", max),
    ];
    for (list, small, low, great, high) in named {
        let (Some(low), Some(high)) = (low, high) else { continue };
        if greater(*low, *high) {
            let shown = if small == "min value" && list == "defaultRequest" { high } else { low };
            let why = format!("{small} {low} is greater than {great} {high}");
            errors.push(invalid(&format!("{field}.{list}[{key}]"), &json!(shown), &why));
        }
    }
    let Some(most) = item.max_limit_request_ratio.get(key) else { return };
    let path = format!("{field}.maxLimitRequestRatio[{key}]");
    if greater(Quantity::from_units(1), *most) {
        errors.push(invalid(&path, &json!(most), &format!("ratio {most} is less than 1")));
    }
    if let (Some(min), Some(max)) = (min.filter(|min| !min.is_zero()), max) {
        let (low, high) = (i128::from(min.millis()), i128::from(max.millis()));
        if i128::from(most.millis()) * low > high * 1_000 {
            let why = format!("ratio {most} is greater than max/min = {}", ratio(high, low));
            errors.push(invalid(&path, &json!(most), &why));
        }
    }
}

/// Resources that are counted.
const COUNTED: [&str; 9] = [
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];
/// Resources that are measured.
const MEASURED: [&str; 10] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];
/// Scopes without values.
const PLAIN_SCOPES: [&str; 5] =
    ["Terminating", "NotTerminating", "BestEffort", "NotBestEffort", "CrossNamespacePodAffinity"];
const CLASS_SCOPES: [&str; 2] = ["PriorityClass", "VolumeAttributesClass"];

/// A new quota.
pub fn quota(quota: &ResourceQuota, errors: &mut Vec<FieldError>) {
    for (name, value) in &quota.spec.hard {
        let field = format!("spec.hard[{name}]");
        resource_name(name, &field, errors);
        if value.sign() < 0 {
            not_negative(&field, value.units(), errors);
        }
        if COUNTED.contains(&name.as_str()) && value.millis() % 1_000 != 0 {
            errors.push(invalid(&field, &json!(value), "must be an integer"));
        }
    }
    scopes(&quota.spec, errors);
    let all = quota.spec.scope_selector.iter().flat_map(|selector| &selector.match_expressions);
    all.for_each(|one| scope(one, errors));
}

/// A changed quota.
pub fn quota_update(new: &ResourceQuota, old: &ResourceQuota, errors: &mut Vec<FieldError>) {
    quota(new, errors);
    if new.spec.scopes != old.spec.scopes {
        errors.push(invalid("spec.scopes", &json!(new.spec.scopes), "field is immutable"));
    }
}

fn resource_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    let wrong = names::qualified_name(name);
    if !wrong.is_empty() {
        return each(field, name, wrong, errors);
    }
    let huge = name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
    if name.contains('/') || huge || COUNTED.contains(&name) || MEASURED.contains(&name) {
        return;
    }
    if name != "storage" {
        errors.push(invalid(field, &json!(name), "must be a standard resource type or fully qualified"));
    }
    errors.push(invalid(field, &json!(name), "must be a standard resource for quota"));
}

fn scopes(spec: &ResourceQuotaSpec, errors: &mut Vec<FieldError>) {
    let field = "spec.scopes";
    let shown = json!(spec.scopes);
    let has = |word: &str| spec.scopes.iter().any(|scope| scope == word);
    let computed = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
    for scope in &spec.scopes {
        if !PLAIN_SCOPES.contains(&scope.as_str()) && !CLASS_SCOPES.contains(&scope.as_str()) {
            errors.push(invalid(field, &shown, "unsupported scope"));
        }
        for name in spec.hard.keys() {
            let fits = match scope.as_str() {
                "BestEffort" => name == "pods",
                "Terminating" | "NotTerminating" | "NotBestEffort" | "CrossNamespacePodAffinity" | "PriorityClass" => {
                    name == "pods"
                        || computed.contains(&name.as_str())
                        || !MEASURED.contains(&name.as_str()) && !COUNTED.contains(&name.as_str())
                }
                _ => true,
            };
            if !fits {
                errors.push(invalid(field, &shown, "unsupported scope applied to resource"));
            }
        }
    }
    if has("BestEffort") && has("NotBestEffort") || has("Terminating") && has("NotTerminating") {
        errors.push(invalid(field, &shown, "conflicting scopes"));
    }
}

fn scope(one: &ScopedResourceSelectorRequirement, errors: &mut Vec<FieldError>) {
    let field = |name: &str| format!("spec.scopeSelector.matchExpressions.{name}");
    let known = PLAIN_SCOPES.contains(&one.scope_name.as_str()) || CLASS_SCOPES.contains(&one.scope_name.as_str());
    if !known {
        errors.push(invalid(&field("scopeName"), &json!(one.scope_name), "unsupported scope"));
    }
    if PLAIN_SCOPES.contains(&one.scope_name.as_str()) && one.operator != "Exists" {
        let why = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
        errors.push(invalid(&field("operator"), &json!(one.operator), why));
    }
    match one.operator.as_str() {
        "In" | "NotIn" if one.values.is_empty() => {
            let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            errors.push(required(&field("values"), why));
        }
        "Exists" | "DoesNotExist" if !one.values.is_empty() => {
            let why = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
            errors.push(invalid(&field("values"), &json!(one.values), why));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(invalid(&field("operator"), &json!(other), "not a valid selector operator")),
    }
}
