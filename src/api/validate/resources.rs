//! What pods and containers use. Models `ValidateContainerResourceRequirements` and `validatePodResources` of
//! `pkg/apis/core/validation/validation.go`.

use serde_json::json;

use super::error::{each, forbidden, invalid, required, unsupported};
use super::names;
use crate::api::{FieldError, PodSpec, Quantity, ResourceRequirements, usage};
use crate::sim::VecMap;

/// Resources of all sorts that need no prefix; containers have only the first three.
const STANDARD: [&str; 20] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "configmaps",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];

const HUGE: &str = "hugepages-";

fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// Whether more may be promised than there is.
fn is_shared(name: &str) -> bool {
    is_native(name) && !name.starts_with(HUGE)
}

/// The name of a resource of a container.
pub fn name(resource: &str, field: &str, errors: &mut Vec<FieldError>) {
    let wrong = names::qualified_name(resource);
    if !wrong.is_empty() {
        return each(field, resource, wrong, errors);
    }
    let mut refuse = |why: &str| errors.push(invalid(field, &json!(resource), why));
    let huge = resource.starts_with(HUGE);
    if !resource.contains('/') {
        if !STANDARD.contains(&resource) && !huge {
            refuse("must be a standard resource type or fully qualified");
        }
        if !STANDARD[..3].contains(&resource) && !huge {
            refuse("must be a standard resource for containers");
        }
    } else if !is_native(resource) && resource.starts_with("requests.") {
        refuse("doesn't follow extended resource name standard");
    }
}

/// The name of a resource of a pod as a whole.
fn name_of_pods(resource: &str, field: &str, errors: &mut Vec<FieldError>) {
    let wrong = names::qualified_name(resource);
    if !wrong.is_empty() {
        return each(field, resource, wrong, errors);
    }
    if !resource.contains('/') && !STANDARD.contains(&resource) && !resource.starts_with(HUGE) {
        errors.push(invalid(field, &json!(resource), "must be a standard resource type or fully qualified"));
    } else if !ResourceRequirements::is_of_pods(resource) {
        errors.push(unsupported(field, resource, &["cpu", HUGE, "memory"]));
    }
}

/// What a pod uses as a whole: no less than its containers ask for, and none of them may use more.
pub fn of_pod(spec: &PodSpec, field: &str, errors: &mut Vec<FieldError>) {
    let Some(own) = &spec.resources else { return };
    if spec.rest.get("os").is_some_and(|os| os["name"] == "windows") {
        return errors.push(forbidden(field, "may not be set for a windows pod"));
    }
    if own.rest.get("claims").is_some_and(|claims| claims.as_array().is_some_and(|claims| !claims.is_empty())) {
        errors.push(forbidden(&format!("{field}.claims"), "may not be set for Resources at pod-level"));
    }
    lists(own, name_of_pods, field, errors);
    let mut covered = |list: &str, have: &VecMap<String, Quantity>, (name, sum): (&String, &Quantity)| {
        if let Some(amount) = have.get(name).filter(|amount| sum.minus(**amount).sign() > 0) {
            let why = format!("must be greater than or equal to aggregate container {list} of {sum}");
            errors.push(invalid(&format!("{field}.{list}[{name}]"), &json!(amount.to_string()), &why));
        }
    };
    usage::requests_of_containers(spec).iter().for_each(|one| covered("requests", &own.requests, one));
    let limits = usage::limits_of_containers(spec);
    limits.iter().filter(|(name, _)| name.starts_with(HUGE)).for_each(|one| covered("limits", &own.limits, one));
    for (at, container) in spec.containers.iter().enumerate() {
        for (name, limit) in &container.resources.limits {
            let Some(most) = own.limits.get(name).filter(|most| limit.minus(**most).sign() > 0) else { continue };
            let why = format!("must be less than or equal to pod limits of {most}");
            let field = format!("{field}.containers[{at}][{name}].limits");
            errors.push(invalid(&field, &json!(limit.to_string()), &why));
        }
    }
}

fn amount(resource: &str, amount: Quantity, field: &str, errors: &mut Vec<FieldError>) {
    let value = json!(amount.to_string());
    if amount.sign() < 0 {
        errors.push(invalid(field, &value, "must be greater than or equal to 0"));
    }
    let whole = !STANDARD[..3].contains(&resource);
    if whole && amount.millis() % 1_000 != 0 {
        errors.push(invalid(field, &value, "must be an integer"));
    }
    let page = resource.strip_prefix(HUGE).and_then(|size| size.parse::<Quantity>().ok());
    if let Some(page) = page.filter(|page| page.units() > 0)
        && amount.units() % page.units() != 0
    {
        let why = format!("{amount} is not positive integer multiple of {page}");
        errors.push(invalid(field, &value, &why));
    }
}

/// What a container uses at most (`limits`), and what is kept for it (`requests`).
pub fn requirements(of: &ResourceRequirements, field: &str, errors: &mut Vec<FieldError>) {
    lists(of, name, field, errors);
}

/// A rule about the name of a resource.
type Name = fn(&str, &str, &mut Vec<FieldError>);

fn lists(of: &ResourceRequirements, name: Name, field: &str, errors: &mut Vec<FieldError>) {
    let mut list = |name_of: &str, list: &VecMap<String, Quantity>| {
        for (resource, quantity) in list {
            let field = format!("{field}.{name_of}[{resource}]");
            name(resource, &field, errors);
            amount(resource, *quantity, &field, errors);
        }
    };
    list("limits", &of.limits);
    list("requests", &of.requests);
    for (resource, request) in &of.requests {
        let Some(limit) = of.limits.get(resource) else {
            if !is_shared(resource) {
                let why = "Limit must be set for non overcommitable resources";
                errors.push(required(&format!("{field}.limits"), why));
            }
            continue;
        };
        let relation = match request.minus(*limit).sign() {
            0 => continue,
            _ if !is_shared(resource) => "equal to",
            1 => "less than or equal to",
            _ => continue,
        };
        let why = format!("must be {relation} {resource} limit of {limit}");
        errors.push(invalid(&format!("{field}.requests"), &json!(request.to_string()), &why));
    }
    let any = |test: fn(&str) -> bool| of.limits.keys().chain(of.requests.keys()).any(|resource| test(resource));
    if any(|resource| resource.starts_with(HUGE)) && !any(|resource| matches!(resource, "cpu" | "memory")) {
        errors.push(forbidden(field, "HugePages require cpu or memory"));
    }
}
