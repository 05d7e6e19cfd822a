//! Webhooks and policies. Models `pkg/apis/admissionregistration/validation/validation.go` and
//! `k8s.io/apiserver/pkg/util/webhook/validation.go`.
//!
//! Expressions are read, and not checked for the types of what they speak of.

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, too_many, unsupported};
use super::{names, selector};
use crate::api::custom::cel;
use crate::api::define::Rest;
use crate::api::{
    AuditAnnotation, FieldError, MatchCondition, MatchResources, MutatingAdmissionPolicy,
    MutatingAdmissionPolicyBinding, ParamKind, ParamRef, PolicyVariable, RuleWithOperations, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, Validation, Webhook, WebhookService,
};
use crate::sim::VecSet;

const FAILURE_POLICIES: [&str; 2] = ["Fail", "Ignore"];
const MATCH_POLICIES: [&str; 2] = ["Equivalent", "Exact"];
const SIDE_EFFECTS: [&str; 2] = ["None", "NoneOnDryRun"];
const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];
const REINVOCATIONS: [&str; 2] = ["IfNeeded", "Never"];
const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
const ACTIONS: [&str; 3] = ["Audit", "Deny", "Warn"];
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];
const MOST_CONDITIONS: usize = 64;
const MOST_ANNOTATIONS: usize = 20;
/// Words that no variable may be called.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

fn one_of(field: &str, word: Option<&String>, words: &[&str], errors: &mut Vec<FieldError>) {
    if let Some(word) = word.filter(|word| !words.contains(&word.as_str())) {
        errors.push(unsupported(field, word, words));
    }
}

/// All webhooks of a configuration.
pub fn webhooks(webhooks: &[Webhook], errors: &mut Vec<FieldError>) {
    let mut seen = VecSet::new();
    for (at, hook) in webhooks.iter().enumerate() {
        let field = format!("webhooks[{at}]");
        webhook(hook, &field, errors);
        reviews(&hook.admission_review_versions, &format!("{field}.admissionReviewVersions"), errors);
        if !hook.name.is_empty() && !seen.insert(&hook.name) {
            errors.push(duplicate(&format!("{field}.name"), &json!(hook.name)));
        }
    }
}

fn webhook(hook: &Webhook, field: &str, errors: &mut Vec<FieldError>) {
    qualified(&hook.name, &format!("{field}.name"), errors);
    for (at, one) in hook.rules.iter().enumerate() {
        rule(one, &format!("{field}.rules[{at}]"), errors);
    }
    one_of(&format!("{field}.failurePolicy"), hook.failure_policy.as_ref(), &FAILURE_POLICIES, errors);
    one_of(&format!("{field}.matchPolicy"), hook.match_policy.as_ref(), &MATCH_POLICIES, errors);
    match &hook.side_effects {
        None => errors.push(required(&format!("{field}.sideEffects"), "must specify one of None, NoneOnDryRun")),
        word => one_of(&format!("{field}.sideEffects"), word.as_ref(), &SIDE_EFFECTS, errors),
    }
    if let Some(seconds) = hook.timeout_seconds.filter(|seconds| !(1..=30).contains(seconds)) {
        let why = "the timeout value must be between 1 and 30 seconds";
        errors.push(invalid(&format!("{field}.timeoutSeconds"), &json!(seconds), why));
    }
    for (name, of) in [("namespaceSelector", &hook.namespace_selector), ("objectSelector", &hook.object_selector)] {
        if let Some(of) = of {
            selector::label_selector(of, &format!("{field}.{name}"), errors);
        }
    }
    one_of(&format!("{field}.reinvocationPolicy"), hook.reinvocation_policy.as_ref(), &REINVOCATIONS, errors);
    let client = &hook.client_config;
    match (&client.url, &client.service) {
        (Some(url), None) => self::url(url, &format!("{field}.clientConfig.url"), errors),
        (None, Some(of)) => service(of, &format!("{field}.clientConfig.service"), errors),
        _ => errors.push(required(&format!("{field}.clientConfig"), "exactly one of url or service is required")),
    }
    conditions(&hook.match_conditions, &format!("{field}.matchConditions"), errors);
}

/// A name of at least three parts: `images.policy.example.com` (`IsFullyQualifiedName`).
fn qualified(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        return errors.push(required(field, ""));
    }
    let wrong = names::dns_subdomain(name);
    if !wrong.is_empty() {
        return errors.push(invalid(field, &json!(name), &wrong.join(",")));
    }
    if name.split('.').count() < 3 {
        errors.push(invalid(field, &json!(name), "should be a domain with at least three segments separated by dots"));
    }
}

fn reviews(versions: &[String], field: &str, errors: &mut Vec<FieldError>) {
    if versions.is_empty() {
        return errors.push(required(field, "must specify one of v1, v1beta1"));
    }
    let mut seen = VecSet::new();
    for (at, version) in versions.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if !seen.insert(version) {
            errors.push(invalid(&field, &json!(version), "duplicate version"));
            continue;
        }
        each(&field, version, names::dns_1035_label(version), errors);
    }
    if !versions.iter().any(|version| REVIEWS.contains(&version.as_str())) {
        errors.push(invalid(field, &json!(versions), "must include at least one of v1, v1beta1"));
    }
}

/// The address of a webhook outside.
fn url(text: &str, field: &str, errors: &mut Vec<FieldError>) {
    const FORM: &str = "; desired format: https://host[/path]";
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    if scheme != "https" {
        let why = format!("'https' is the only allowed URL scheme{FORM}");
        errors.push(invalid(field, &json!(scheme), &why));
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = if scheme.is_empty() { "" } else { rest.split('/').next().unwrap_or("") };
    let (user, host) = host.rsplit_once('@').map_or((None, host), |(user, host)| (Some(user), host));
    if host.is_empty() {
        errors.push(invalid(field, &json!(host), &format!("host must be specified{FORM}")));
    }
    let wrong = [
        (user.unwrap_or(""), "user information is not permitted in the URL"),
        (fragment, "fragments are not permitted in the URL"),
        (query, "query parameters are not permitted in the URL"),
    ];
    for (part, why) in wrong.into_iter().filter(|(part, _)| !part.is_empty()) {
        errors.push(invalid(field, &json!(part), why));
    }
}

/// The Service in front of a webhook.
fn service(service: &WebhookService, field: &str, errors: &mut Vec<FieldError>) {
    if service.name.is_empty() {
        errors.push(required(&format!("{field}.name"), "service name is required"));
    }
    if service.namespace.is_empty() {
        errors.push(required(&format!("{field}.namespace"), "service namespace is required"));
    }
    let wrong = names::port_number(service.port.unwrap_or(443));
    if !wrong.is_empty() {
        let why = format!("port is not valid: {}", wrong.join(", "));
        errors.push(invalid(&format!("{field}.port"), &json!(service.port), &why));
    }
    path(service.path.as_deref().unwrap_or(""), &format!("{field}.path"), errors);
}

fn path(path: &str, field: &str, errors: &mut Vec<FieldError>) {
    let mut wrong = |why: &str| errors.push(invalid(field, &json!(path), why));
    match path {
        "" | "/" => return,
        "//" => return wrong("segment[0] may not be empty"),
        _ => {}
    }
    if !path.starts_with('/') {
        wrong("must start with a '/'");
    }
    let inner = path.get(1..).unwrap_or("");
    for (at, step) in inner.strip_suffix('/').unwrap_or(inner).split('/').enumerate() {
        if step.is_empty() {
            wrong(&format!("segment[{at}] may not be empty"));
            continue;
        }
        for why in names::dns_subdomain(step) {
            wrong(&format!("segment[{at}]: {why}"));
        }
    }
}

/// Nothing, or more than one word beside `*`.
fn listed(words: &[String], field: &str, of: &str, errors: &mut Vec<FieldError>) {
    if words.is_empty() {
        errors.push(required(field, ""));
    }
    if words.len() > 1 && words.iter().any(|word| word == "*") {
        let why = format!("if '*' is present, must not specify other {of}");
        errors.push(invalid(field, &json!(words), &why));
    }
}

fn rule(rule: &RuleWithOperations, field: &str, errors: &mut Vec<FieldError>) {
    listed(&rule.operations, &format!("{field}.operations"), "operations", errors);
    for (at, operation) in rule.operations.iter().enumerate() {
        one_of(&format!("{field}.operations[{at}]"), Some(operation), &OPERATIONS, errors);
    }
    listed(&rule.api_groups, &format!("{field}.apiGroups"), "API groups", errors);
    listed(&rule.api_versions, &format!("{field}.apiVersions"), "API versions", errors);
    for (at, _) in rule.api_versions.iter().enumerate().filter(|(_, version)| version.is_empty()) {
        errors.push(required(&format!("{field}.apiVersions[{at}]"), ""));
    }
    resources(&rule.resources, &format!("{field}.resources"), errors);
    one_of(&format!("{field}.scope"), rule.scope.as_ref(), &SCOPES, errors);
}

/// `pods`, `pods/status`, `pods/*`, `*/scale`, `*`, `*/*`.
fn resources(resources: &[String], field: &str, errors: &mut Vec<FieldError>) {
    if resources.is_empty() {
        errors.push(required(field, ""));
    }
    let (mut whole, mut everywhere) = (VecSet::new(), VecSet::new());
    for (at, resource) in resources.iter().enumerate() {
        let field = format!("{field}[{at}]");
        if resource.is_empty() {
            errors.push(required(&field, ""));
            continue;
        }
        let Some((name, sub)) = resource.split_once('/') else { continue };
        if whole.contains(&name) {
            let why = format!("if '{name}/*' is present, must not specify {resource}");
            errors.push(invalid(&field, &json!(resource), &why));
        }
        if everywhere.contains(&sub) {
            let why = format!("if '*/{sub}' is present, must not specify {resource}");
            errors.push(invalid(&field, &json!(resource), &why));
        }
        if sub == "*" {
            whole.insert(name);
        }
        if name == "*" {
            everywhere.insert(sub);
        }
    }
    let has = |word: &str| resources.iter().any(|resource| resource == word);
    if resources.len() > 1 && has("*/*") {
        errors.push(invalid(field, &json!(resources), "if '*/*' is present, must not specify other resources"));
    }
    let plain = resources.iter().rfind(|resource| !resource.contains('/'));
    if has("*") && plain.is_some_and(|resource| resource != "*") {
        let why = "if '*' is present, must not specify other resources without subresources";
        errors.push(invalid(field, &json!(resources), why));
    }
}

fn conditions(conditions: &[MatchCondition], field: &str, errors: &mut Vec<FieldError>) {
    if conditions.len() > MOST_CONDITIONS {
        errors.push(too_many(field, conditions.len(), MOST_CONDITIONS));
    }
    let mut seen = VecSet::new();
    for (at, condition) in conditions.iter().enumerate() {
        let field = format!("{field}[{at}]");
        expression(&condition.expression, &format!("{field}.expression"), "", errors);
        if condition.name.is_empty() {
            errors.push(required(&format!("{field}.name"), ""));
            continue;
        }
        each(&format!("{field}.name"), &condition.name, names::qualified_name(&condition.name), errors);
        if !seen.insert(&condition.name) {
            errors.push(duplicate(&format!("{field}.name"), &json!(condition.name)));
        }
    }
}

/// An expression in CEL.
fn expression(text: &str, field: &str, missing: &str, errors: &mut Vec<FieldError>) {
    if text.trim().is_empty() {
        return errors.push(required(field, missing));
    }
    if let Err(why) = cel::parse(text) {
        errors.push(invalid(field, &json!(text), &format!("compilation failed: {why}")));
    }
}

/// A new or changed policy.
pub fn policy(policy: &ValidatingAdmissionPolicy, errors: &mut Vec<FieldError>) {
    let spec = &policy.spec;
    one_of("spec.failurePolicy", spec.failure_policy.as_ref(), &FAILURE_POLICIES, errors);
    constraints(spec.param_kind.as_ref(), spec.match_constraints.as_ref(), errors);
    conditions(&spec.match_conditions, "spec.matchConditions", errors);
    variables(&spec.variables, errors);
    if spec.validations.is_empty() && spec.audit_annotations.is_empty() {
        let why = "validations or auditAnnotations must contain at least one item";
        errors.extend(["spec.validations", "spec.auditAnnotations"].map(|field| required(field, why)));
    }
    for (at, one) in spec.validations.iter().enumerate() {
        validation(one, &format!("spec.validations[{at}]"), errors);
    }
    annotations(&policy.metadata.name, &spec.audit_annotations, errors);
}

/// What a policy is about; at least one rule says for what types its expressions are.
fn constraints(param: Option<&ParamKind>, constraints: Option<&MatchResources>, errors: &mut Vec<FieldError>) {
    if let Some(param) = param {
        param_kind(param, errors);
    }
    let Some(constraints) = constraints else { return errors.push(required("spec.matchConstraints", "")) };
    match_resources(constraints, "spec.matchConstraints", errors);
    if constraints.resource_rules.is_empty() {
        errors.push(required("spec.matchConstraints.resourceRules", ""));
    }
}

fn param_kind(param: &ParamKind, errors: &mut Vec<FieldError>) {
    let field = "spec.paramKind.apiVersion";
    let parts: Vec<&str> = param.api_version.split('/').collect();
    match parts.as_slice() {
        [""] => errors.push(required(field, "")),
        [version] | [_, version] => {
            let group = if parts.len() == 2 { parts[0] } else { "" };
            let wrong = names::dns_subdomain(group);
            if !group.is_empty() && !wrong.is_empty() {
                errors.push(invalid(field, &json!(group), &wrong.join(",")));
            }
            let wrong = names::dns_1035_label(version);
            if version.is_empty() {
                errors.push(invalid(field, &json!(param.api_version), "version must be specified"));
            } else if !wrong.is_empty() {
                errors.push(invalid(field, &json!(version), &wrong.join(",")));
            }
        }
        _ => {
            let why = format!("unexpected GroupVersion string: {}", param.api_version);
            errors.push(invalid(field, &json!(param.api_version), &why));
        }
    }
    let wrong = names::dns_1035_label(&param.kind.to_lowercase());
    if param.kind.is_empty() {
        errors.push(required("spec.paramKind.kind", ""));
    } else if !wrong.is_empty() {
        let why = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
        errors.push(invalid("spec.paramKind.kind", &json!(param.kind), &why));
    }
}

fn match_resources(of: &MatchResources, field: &str, errors: &mut Vec<FieldError>) {
    one_of(&format!("{field}.matchPolicy"), of.match_policy.as_ref(), &MATCH_POLICIES, errors);
    for (name, labels) in [("namespaceSelector", &of.namespace_selector), ("objectSelector", &of.object_selector)] {
        if let Some(labels) = labels {
            selector::label_selector(labels, &format!("{field}.{name}"), errors);
        }
    }
    for (name, rules) in [("resourceRules", &of.resource_rules), ("excludeResourceRules", &of.exclude_resource_rules)] {
        for (at, one) in rules.iter().enumerate() {
            let field = format!("{field}.{name}[{at}]");
            let mut seen = VecSet::new();
            for (at, name) in one.resource_names.iter().enumerate() {
                let field = format!("{field}.resourceNames[{at}]");
                each(&field, name, names::path_segment(name), errors);
                if !seen.insert(name) {
                    errors.push(duplicate(&field, &json!(name)));
                }
            }
            rule(one, &field, errors);
        }
    }
}

fn variables(variables: &[PolicyVariable], errors: &mut Vec<FieldError>) {
    for (at, variable) in variables.iter().enumerate() {
        let field = format!("spec.variables[{at}]");
        if variable.name.trim().is_empty() {
            errors.push(required(&format!("{field}.name"), "name is not specified"));
        } else if !is_identifier(&variable.name) {
            errors.push(invalid(&format!("{field}.name"), &json!(variable.name), "name is not a valid CEL identifier"));
        }
        expression(&variable.expression, &format!("{field}.expression"), "expression is not specified", errors);
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&name)
}

fn validation(validation: &Validation, field: &str, errors: &mut Vec<FieldError>) {
    expression(&validation.expression, &format!("{field}.expression"), "expression is not specified", errors);
    let (said, worked_out) = (&validation.message, &validation.message_expression);
    if !worked_out.is_empty() && worked_out.trim().is_empty() {
        errors.push(invalid(
            &format!("{field}.messageExpression"),
            &json!(worked_out),
            "must be non-empty if specified",
        ));
    } else if !worked_out.is_empty() {
        expression(worked_out, &format!("{field}.messageExpression"), "", errors);
    }
    if !said.is_empty() && said.trim().is_empty() {
        errors.push(invalid(&format!("{field}.message"), &json!(said), "message must be non-empty if specified"));
    } else if said.trim().contains(['\n', '\r']) {
        errors.push(invalid(&format!("{field}.message"), &json!(said), "message must not contain line breaks"));
    }
    one_of(&format!("{field}.reason"), validation.reason.as_ref(), &REASONS, errors);
}

fn annotations(name: &str, annotations: &[AuditAnnotation], errors: &mut Vec<FieldError>) {
    let field = "spec.auditAnnotations";
    if annotations.len() > MOST_ANNOTATIONS {
        let why = format!("must not have more than {MOST_ANNOTATIONS} auditAnnotations");
        errors.push(invalid(field, &json!(annotations), &why));
    }
    let mut seen = VecSet::new();
    for (at, annotation) in annotations.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let key = format!("{name}/{}", annotation.key);
        if name.is_empty() {
            let why = "requires metadata.name be non-empty";
            errors.push(invalid(&format!("{field}.key"), &json!(annotation.key), why));
        } else {
            each(&format!("{field}.key"), &key, names::qualified_name(&key), errors);
        }
        let missing = "valueExpression is not specified";
        expression(&annotation.value_expression, &format!("{field}.valueExpression"), missing, errors);
        if !seen.insert(&annotation.key) {
            errors.push(duplicate(&format!("{field}.key"), &json!(annotation.key)));
        }
    }
}

/// A binding of a policy. The field of its resources has a slip of the pen in upstream's errors.
pub fn binding(binding: &ValidatingAdmissionPolicyBinding, errors: &mut Vec<FieldError>) {
    let spec = &binding.spec;
    bound(&spec.policy_name, spec.param_ref.as_ref(), spec.match_resources.as_ref(), errors);
    let field = "spec.validationActions";
    let mut seen = VecSet::new();
    for (at, action) in spec.validation_actions.iter().enumerate() {
        one_of(&format!("{field}[{at}]"), Some(action), &ACTIONS, errors);
        if !seen.insert(action.as_str()) {
            errors.push(duplicate(&format!("{field}[{at}]"), &json!(action)));
        }
    }
    if seen.contains(&"Deny") && seen.contains(&"Warn") {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API \
                   response and headers serves no purpose)";
        errors.push(invalid(field, &json!(spec.validation_actions), why));
    }
    if spec.validation_actions.is_empty() {
        errors.push(required(field, "at least one validation action is required"));
    }
}

fn bound(policy: &str, param: Option<&ParamRef>, of: Option<&MatchResources>, errors: &mut Vec<FieldError>) {
    match policy {
        "" => errors.push(required("spec.policyName", "")),
        name => each("spec.policyName", name, names::dns_subdomain(name), errors),
    }
    if let Some(param) = param {
        param_ref(param, errors);
    }
    if let Some(of) = of {
        match_resources(of, "spec.matchResouces", errors);
    }
}

fn param_ref(param: &ParamRef, errors: &mut Vec<FieldError>) {
    let field = "spec.paramRef";
    let both = "name and selector are mutually exclusive";
    if !param.name.is_empty() {
        each(&format!("{field}.name"), &param.name, names::path_segment(&param.name), errors);
        if param.selector.is_some() {
            errors.push(forbidden(&format!("{field}.name"), both));
        }
    }
    if let Some(labels) = &param.selector {
        selector::label_selector(labels, &format!("{field}.selector"), errors);
        if !param.name.is_empty() {
            errors.push(forbidden(&format!("{field}.selector"), both));
        }
    }
    if param.name.is_empty() && param.selector.is_none() {
        errors.push(required(field, "one of name or selector must be specified"));
    }
    let field = format!("{field}.parameterNotFoundAction");
    match param.parameter_not_found_action.as_deref() {
        None | Some("") => errors.push(required(&field, "")),
        Some("Deny" | "Allow") => {}
        Some(other) => errors.push(unsupported(&field, other, &["Deny", "Allow"])),
    }
}

/// A policy that changes requests.
pub fn mutating(policy: &MutatingAdmissionPolicy, errors: &mut Vec<FieldError>) {
    let spec = &policy.spec;
    one_of("spec.failurePolicy", spec.failure_policy.as_ref(), &FAILURE_POLICIES, errors);
    constraints(spec.param_kind.as_ref(), spec.match_constraints.as_ref(), errors);
    conditions(&spec.match_conditions, "spec.matchConditions", errors);
    variables(&spec.variables, errors);
    if spec.mutations.is_empty() {
        errors.push(required("spec.mutations", "mutations must contain at least one item"));
    }
    for (at, one) in spec.mutations.iter().enumerate() {
        mutation(one, &format!("spec.mutations[{at}]"), errors);
    }
    match spec.reinvocation_policy.as_str() {
        "" => errors.push(required("spec.reinvocationPolicy", "")),
        word => one_of("spec.reinvocationPolicy", Some(&word.to_owned()), &REINVOCATIONS, errors),
    }
}

/// A change: the one that its kind tells, and no other.
fn mutation(mutation: &Rest, field: &str, errors: &mut Vec<FieldError>) {
    const KINDS: [(&str, &str); 2] = [("ApplyConfiguration", "applyConfiguration"), ("JSONPatch", "jsonPatch")];
    let kind = mutation.get("patchType").and_then(Value::as_str).unwrap_or("");
    if kind.is_empty() {
        return errors.push(required(&format!("{field}.patchType"), ""));
    }
    if !KINDS.iter().any(|(known, _)| *known == kind) {
        return errors.push(unsupported(&format!("{field}.patchType"), kind, &KINDS.map(|(kind, _)| kind)));
    }
    for (known, name) in KINDS {
        let field = format!("{field}.{name}");
        match mutation.get(name) {
            Some(_) if known != kind => {
                let why = format!("{name} must not be specified when patchType is {kind}");
                errors.push(invalid(&field, &json!("{}"), &why));
            }
            None if known == kind => {
                errors.push(required(&field, &format!("must be specified when patchType is {kind}")));
            }
            Some(of) if of["expression"].as_str().unwrap_or("").trim().is_empty() => {
                errors.push(required(&format!("{field}.expression"), "expression is not specified"));
            }
            _ => {}
        }
    }
}

/// A binding of such a policy.
pub fn mutating_binding(binding: &MutatingAdmissionPolicyBinding, errors: &mut Vec<FieldError>) {
    let spec = &binding.spec;
    bound(&spec.policy_name, spec.param_ref.as_ref(), spec.match_resources.as_ref(), errors);
}
