//! What containers use. Models `ValidateContainerResourceRequirements` of `pkg/apis/core/validation/validation.go`.

use serde_json::json;

use super::error::{each, forbidden, invalid, required};
use super::names;
use crate::api::{FieldError, Quantity, ResourceRequirements};
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
