//! Schemas and levels of priority and fairness. Models `pkg/apis/flowcontrol/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, unsupported};
use super::names;
use crate::api::{
    FieldError, FlowSchema, LimitedPriorityLevelConfiguration, PriorityLevelConfiguration, QueuingConfiguration,
};
use crate::sim::VecSet;

const MOST_PRECEDENCE: i32 = 10_000;
const MOST_QUEUES: i32 = 10_000_000;
const MOST_HASH_BITS: u32 = 60;
const VERBS: [&str; 9] = ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

/// A schema.
pub fn schema(schema: &FlowSchema, errors: &mut Vec<FieldError>) {
    let spec = &schema.spec;
    let field = "spec.matchingPrecedence";
    let precedence = spec.matching_precedence;
    if precedence <= 0 {
        errors.push(invalid(field, &json!(precedence), "must be a positive value"));
    }
    if precedence > MOST_PRECEDENCE {
        errors.push(invalid(field, &json!(precedence), &format!("must not be greater than {MOST_PRECEDENCE}")));
    }
    if precedence == 1 && schema.metadata.name != "exempt" {
        let why = "only the schema named 'exempt' may have matchingPrecedence 1";
        errors.push(invalid(field, &json!(precedence), why));
    }
    if let Some(method) = &spec.distinguisher_method
        && !matches!(method.r#type.as_str(), "ByNamespace" | "ByUser")
    {
        errors.push(unsupported("spec.distinguisherMethod.type", &method.r#type, &["ByNamespace", "ByUser"]));
    }
    match spec.priority_level_configuration.name.as_str() {
        "" => errors.push(required("spec.priorityLevelConfiguration.name", "must reference a priority level")),
        name => each("spec.priorityLevelConfiguration.name", name, names::dns_subdomain(name), errors),
    }
    for (at, rule) in spec.rules.iter().enumerate() {
        let list = |name: &str| rule.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let field = format!("spec.rules[{at}]");
        if list("subjects").is_empty() {
            errors.push(required(&format!("{field}.subjects"), "subjects must contain at least one value"));
        }
        for (at, one) in list("subjects").iter().enumerate() {
            subject(one, &format!("{field}.subjects[{at}]"), errors);
        }
        if list("resourceRules").is_empty() && list("nonResourceRules").is_empty() {
            let why = "at least one of resourceRules and nonResourceRules has to be non-empty";
            errors.push(required(&field, why));
        }
        for (at, one) in list("resourceRules").iter().enumerate() {
            resource_rule(one, &format!("{field}.resourceRules[{at}]"), errors);
        }
        for (at, one) in list("nonResourceRules").iter().enumerate() {
            url_rule(one, &format!("{field}.nonResourceRules[{at}]"), errors);
        }
    }
    conditions(schema.status.conditions.iter().map(|condition| condition.r#type.as_str()), errors);
}

fn conditions<'a>(types: impl Iterator<Item = &'a str>, errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, ty) in types.enumerate() {
        let field = format!("status.conditions[{at}].type");
        if !seen.insert(ty) {
            errors.push(duplicate(&field, &json!(ty)));
        }
        if ty.is_empty() {
            errors.push(required(&field, "must not be empty"));
        }
    }
}

/// Who asks: the field of its kind, and no other.
fn subject(subject: &Value, field: &str, errors: &mut Vec<FieldError>) {
    const KINDS: [(&str, &str); 3] = [("Group", "group"), ("ServiceAccount", "serviceAccount"), ("User", "user")];
    let kind = subject["kind"].as_str().unwrap_or("");
    let Some((_, own)) = KINDS.iter().find(|(known, _)| *known == kind) else {
        return errors.push(unsupported(&format!("{field}.kind"), kind, &KINDS.map(|(kind, _)| kind)));
    };
    let inner = format!("{field}.{own}");
    let name = subject[*own]["name"].as_str().unwrap_or("");
    if subject[*own].is_null() {
        errors.push(required(&inner, &format!("{own} is required when subject kind is '{kind}'")));
    } else if name.is_empty() {
        errors.push(required(&format!("{inner}.name"), ""));
    } else if kind == "ServiceAccount" && name != "*" {
        each(&format!("{inner}.name"), name, names::dns_subdomain(name), errors);
    }
    if kind == "ServiceAccount" && !subject[*own].is_null() {
        match subject[*own]["namespace"].as_str().unwrap_or("") {
            "" => errors.push(required(&format!("{inner}.namespace"), "must specify namespace for service account")),
            space => each(&format!("{inner}.namespace"), space, names::dns_label(space), errors),
        }
    }
    for (kind, other) in KINDS.iter().filter(|(_, other)| other != own && !subject[*other].is_null()) {
        let why = format!("{other} is forbidden when subject kind is not '{kind}'");
        errors.push(forbidden(&format!("{field}.{other}"), &why));
    }
}

/// The words of a list.
fn words(rule: &Value, name: &str) -> Vec<String> {
    serde_json::from_value(rule[name].clone()).unwrap_or_default()
}

fn verbs(rule: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let verbs = words(rule, "verbs");
    let field = format!("{field}.verbs");
    if verbs.is_empty() {
        errors.push(required(&field, "verbs must contain at least one value"));
    } else if verbs.iter().any(|verb| verb == "*") {
        alone(&verbs, &field, "verbs", errors);
    } else if verbs.iter().any(|verb| !VERBS.contains(&verb.as_str())) {
        let supported: Vec<String> = VERBS.iter().map(|verb| format!("{verb:?}")).collect();
        errors.push(FieldError {
            reason: "FieldValueNotSupported",
            field,
            message: format!("Unsupported value: {}: supported values: {}", json!(verbs), supported.join(", ")),
        });
    }
}

/// `*` stands alone.
fn alone(words: &[String], field: &str, of: &str, errors: &mut Vec<FieldError>) {
    if words.len() > 1 && words.iter().any(|word| word == "*") {
        errors.push(invalid(field, &json!(words), &format!("if '*' is present, must not specify other {of}")));
    }
}

fn resource_rule(rule: &Value, field: &str, errors: &mut Vec<FieldError>) {
    verbs(rule, field, errors);
    for (name, one, of) in [("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")] {
        let all = words(rule, name);
        let field = format!("{field}.{name}");
        if all.is_empty() {
            errors.push(required(&field, &format!("resource rules must supply at least one {one}")));
        }
        alone(&all, &field, of, errors);
    }
    let spaces = words(rule, "namespaces");
    let field = format!("{field}.namespaces");
    if spaces.is_empty() && rule["clusterScope"] != true {
        let why = "resource rules that are not cluster scoped must supply at least one namespace";
        errors.push(required(&field, why));
    } else if spaces.iter().any(|space| space == "*") {
        alone(&spaces, &field, "namespaces", errors);
    } else {
        for (at, space) in spaces.iter().enumerate() {
            for why in names::dns_label(space) {
                let why = format!("each member of this list must be '*' or a DNS-1123 label; {why}");
                errors.push(invalid(&format!("{field}[{at}]"), &json!(space), &why));
            }
        }
    }
}

fn url_rule(rule: &Value, field: &str, errors: &mut Vec<FieldError>) {
    verbs(rule, field, errors);
    let urls = words(rule, "nonResourceURLs");
    let field = format!("{field}.nonResourceURLs");
    if urls.is_empty() {
        errors.push(required(&field, "nonResourceURLs must contain at least one value"));
    } else if urls.iter().any(|url| url == "*") {
        alone(&urls, &field, "non-resource URLs", errors);
    } else {
        for (at, url) in urls.iter().enumerate() {
            if let Some(why) = wrong_path(url) {
                errors.push(invalid(&format!("{field}[{at}]"), &json!(url), why));
            }
        }
    }
}

fn wrong_path(path: &str) -> Option<&'static str> {
    let stars = path.matches('*').count();
    match path {
        "" => Some("must not be empty"),
        "/" => None,
        _ if !path.starts_with('/') => Some("must start with slash"),
        _ if path.contains(' ') => Some("must not contain white-space"),
        _ if path.contains("//") => Some("must not contain double slash"),
        _ if stars > 1 || (stars == 1 && !path.ends_with("/*")) => Some("wildcard can only do suffix matching"),
        _ => None,
    }
}

/// A level.
pub fn level(level: &PriorityLevelConfiguration, errors: &mut Vec<FieldError>) {
    let spec = &level.spec;
    if (level.metadata.name == "exempt") != (spec.r#type == "Exempt") {
        let why = "type must be 'Exempt' if and only if name is 'exempt'";
        errors.push(invalid("spec.type", &json!(spec.r#type), why));
    }
    match spec.r#type.as_str() {
        "Exempt" => {
            if spec.limited.is_some() {
                errors.push(forbidden("spec.limited", "must be nil if the type is not Limited"));
            }
            let exempt = spec.exempt.as_ref();
            shares(exempt.and_then(|exempt| exempt.nominal_concurrency_shares), "spec.exempt", true, errors);
            percent(exempt.and_then(|exempt| exempt.lendable_percent), "spec.exempt.lendablePercent", errors);
        }
        "Limited" => {
            if spec.exempt.is_some() {
                errors.push(forbidden("spec.exempt", "must be nil if the type is Limited"));
            }
            match &spec.limited {
                Some(of) => limited(of, errors),
                None => errors.push(required("spec.limited", "must not be empty when type is Limited")),
            }
        }
        other => errors.push(unsupported("spec.type", other, &["Exempt", "Limited"])),
    }
    let types = level.status.get("conditions").and_then(Value::as_array).into_iter().flatten();
    conditions(types.map(|condition| condition["type"].as_str().unwrap_or("")), errors);
}

fn shares(shares: Option<i32>, field: &str, zero: bool, errors: &mut Vec<FieldError>) {
    let Some(shares) = shares.filter(|shares| *shares < i32::from(!zero)) else { return };
    let why = if zero { "must be a non-negative integer" } else { "must be positive" };
    errors.push(invalid(&format!("{field}.nominalConcurrencyShares"), &json!(shares), why));
}

fn percent(percent: Option<i32>, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(percent) = percent.filter(|percent| !(0..=100).contains(percent)) {
        errors.push(invalid(field, &json!(percent), "must be between 0 and 100, inclusive"));
    }
}

fn limited(limited: &LimitedPriorityLevelConfiguration, errors: &mut Vec<FieldError>) {
    let field = "spec.limited";
    shares(limited.nominal_concurrency_shares, field, true, errors);
    percent(limited.lendable_percent, "spec.limited.lendablePercent", errors);
    if let Some(most) = limited.borrowing_limit_percent.filter(|most| *most < 0) {
        let why = "if specified, must be a non-negative integer";
        errors.push(invalid("spec.limited.borrowingLimitPercent", &json!(most), why));
    }
    let field = "spec.limited.limitResponse";
    let queues = limited.limit_response.queuing.as_ref();
    match (limited.limit_response.r#type.as_str(), queues) {
        ("Reject", Some(_)) => {
            let why = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(forbidden(&format!("{field}.queuing"), why));
        }
        ("Queue", None) => {
            let why = "must not be empty if limited.limitResponse.type is Limited";
            errors.push(required(&format!("{field}.queuing"), why));
        }
        ("Queue", Some(queues)) => queuing(queues, &format!("{field}.queuing"), errors),
        ("Reject", None) => {}
        (other, _) => errors.push(unsupported(&format!("{field}.type"), other, &["Queue", "Reject"])),
    }
}

fn queuing(queuing: &QueuingConfiguration, field: &str, errors: &mut Vec<FieldError>) {
    let mut wrong = |name: &str, value: i32, why: &str| {
        errors.push(invalid(&format!("{field}.{name}"), &json!(value), why));
    };
    let (queues, hand) = (queuing.queues, queuing.hand_size);
    if queuing.queue_length_limit <= 0 {
        wrong("queueLengthLimit", queuing.queue_length_limit, "must be positive");
    }
    if queues <= 0 {
        wrong("queues", queues, "must be positive");
    } else if queues > MOST_QUEUES {
        wrong("queues", queues, &format!("must not be greater than {MOST_QUEUES}"));
    }
    if hand <= 0 {
        wrong("handSize", hand, "must be positive");
    } else if hand > queues {
        wrong("handSize", hand, &format!("should not be greater than queues ({queues})"));
    } else {
        let bits = entropy(queues, hand);
        if bits > MOST_HASH_BITS {
            let why = format!(
                "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {MOST_HASH_BITS}"
            );
            wrong("handSize", hand, &why);
        }
    }
}

/// How many bits it takes to deal a hand of so many queues (`RequiredEntropyBits`).
fn entropy(queues: i32, hand: i32) -> u32 {
    if queues == 1 {
        return 0;
    }
    let bits = f64::from(queues).log2() * f64::from(hand);
    bits.ceil() as u32
}
