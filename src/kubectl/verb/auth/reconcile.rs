//! `kubectl auth reconcile`: roles and bindings get what a file grants and they lack.
//!
//! Models `k8s.io/kubectl/pkg/cmd/auth/reconcile.go` and `k8s.io/component-helpers/auth/rbac/reconciliation`.

use serde_json::{Value, json};

use crate::api::http::{HttpRequest, Method};
use crate::api::{Kind, Object, PolicyRule, decode, rule};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{at, items, object_at, text};
use crate::kubectl::object;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::verb::common;

/// An object that opts out of being reconciled says so with this annotation.
const OPTS_OUT: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// What an object becomes, and why.
struct Outcome {
    object: Value,
    operation: &'static str,
    protected: bool,
    /// Titles and the lines below them.
    details: Vec<(&'static str, Vec<String>)>,
}

/// Runs the verb.
pub fn reconcile(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.reads_objects() {
        return fail("must specify one of -f and -k");
    }
    if !ctx.args().words.is_empty() {
        return fail("no arguments are allowed");
    }
    common::check_dry_run(ctx)?;
    if ctx.args().text("dry-run") == "server" {
        return fail("--dry-run=server for command reconcile is not supported yet");
    }
    let output = output::parse(ctx)?;
    let documents = ctx.documents();
    let mut printed = 0_u32;
    for document in documents.iter() {
        let (value, resource) = match &document.content {
            Ok((value, resource)) => (value.clone(), *resource),
            Err(why) => return fail(why),
        };
        if resource.group != "rbac.authorization.k8s.io" {
            continue;
        }
        let outcome = one(ctx, value, resource)?;
        printed += 1;
        if output == Output::Yaml && printed > 1 {
            ctx.print("---\n");
        }
        told(ctx, &output, resource, &outcome)?;
    }
    common::end_with_failures(ctx)
}

fn told(ctx: &mut Ctx<'_>, output: &Output, resource: &Resource, outcome: &Outcome) -> Result<(), Stop> {
    let did = format!("reconciled{}", output::dry_run_note(ctx));
    output::print_changed(ctx, output, resource, &outcome.object, &did)?;
    if outcome.operation.is_empty() {
        return Ok(());
    }
    let caveat = if outcome.protected {
        ", but object opted out (rbac.authorization.kubernetes.io/autoupdate: false)"
    } else {
        ""
    };
    let mut text = format!("\treconciliation required {}{caveat}\n", outcome.operation);
    for (title, lines) in outcome.details.iter().filter(|(_, lines)| !lines.is_empty()) {
        text.push_str(&format!("\t{title}:\n"));
        text.extend(lines.iter().map(|line| format!("\t\t{line}\n")));
    }
    ctx.print_err(text);
    Ok(())
}

/// Reconciles one object.
fn one(ctx: &mut Ctx<'_>, mut expected: Value, resource: &'static Resource) -> Result<Outcome, Stop> {
    let namespace =
        common::into_namespace(ctx, resource, &mut expected).map_err(|text| Stop::Fail(Failure { text, code: 1 }))?;
    let path = resource.object_path(&namespace, object::name(&expected));
    let answer = ctx.request(HttpRequest::get(&path))?.response;
    if api_error::reason_if_failed(&answer) == "NotFound" {
        let details = details(ctx, resource, &expected, &json!({}))?;
        let object = create(ctx, resource, &namespace, expected)?;
        return Ok(Outcome { object, operation: "create", protected: false, details });
    }
    let existing = api_error::body_or_stop(&answer)?;
    let protected = at(&existing, &["metadata", "annotations", OPTS_OUT]) == &json!("false");
    let is_binding = resource.kind.ends_with("Binding");
    if is_binding && !same_role(&expected, &existing) {
        if protected || is_dry(ctx) {
            return Ok(Outcome { object: expected, operation: "recreate", protected, details: Vec::new() });
        }
        let answer = ctx.request(common::with_body(Method::Delete, path, "application/json", &json!({})))?.response;
        if !answer.is_success() && api_error::reason(&answer) != "NotFound" {
            return Err(api_error::stop(&answer));
        }
        let object = create(ctx, resource, &namespace, expected)?;
        return Ok(Outcome { object, operation: "recreate", protected, details: Vec::new() });
    }
    let details = details(ctx, resource, &expected, &existing)?;
    let mut object = merged(&expected, &existing);
    let mut changed = object != existing;
    for (field, value) in wanted(ctx, resource, &expected, &existing)? {
        changed = true;
        object[field] = value;
    }
    if !changed {
        return Ok(Outcome { object: existing, operation: "", protected, details: Vec::new() });
    }
    if !protected && !is_dry(ctx) {
        let answer = ctx.request(common::with_body(Method::Put, path, "application/json", &object))?.response;
        object = api_error::body_or_stop(&answer)?;
    }
    Ok(Outcome { object, operation: "update", protected, details })
}

fn is_dry(ctx: &Ctx<'_>) -> bool {
    common::is_client_dry_run(ctx)
}

fn same_role(a: &Value, b: &Value) -> bool {
    ["kind", "name"].iter().all(|field| at(a, &["roleRef", field]) == at(b, &["roleRef", field]))
}

/// Sends a new object; its namespace is made first if it is not there.
fn create(ctx: &mut Ctx<'_>, resource: &Resource, namespace: &str, object: Value) -> Result<Value, Stop> {
    if is_dry(ctx) {
        return Ok(object);
    }
    if resource.namespaced {
        let namespaces = resource::by_plural("namespaces").expect("the table has namespaces");
        let answer = ctx.request(HttpRequest::get(namespaces.object_path("", namespace)))?.response;
        if api_error::reason_if_failed(&answer) == "NotFound" {
            let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            ctx.json(common::with_body(Method::Post, namespaces.path(""), "application/json", &made))?;
        }
    }
    ctx.json(common::with_body(Method::Post, resource.path(namespace), "application/json", &object))
}

/// The object that is there with the labels and annotations that are expected.
fn merged(expected: &Value, existing: &Value) -> Value {
    let mut object = existing.clone();
    for field in ["labels", "annotations"] {
        for (key, value) in at(expected, &["metadata", field]).as_object().into_iter().flatten() {
            object_at(&mut object, &["metadata", field]).insert(key.clone(), value.clone());
        }
    }
    object
}

/// The fields that change beside the metadata, with what they become.
fn wanted(
    ctx: &Ctx<'_>,
    resource: &Resource,
    expected: &Value,
    existing: &Value,
) -> Result<Vec<(&'static str, Value)>, Stop> {
    let mut all = Vec::new();
    if resource.kind.ends_with("Binding") {
        let (missing, extra) = subjects(expected, existing);
        let removes = ctx.args().bool("remove-extra-subjects") && !extra.is_empty();
        let mut after = items(existing, &["subjects"]).to_vec();
        after.extend(missing.iter().cloned());
        after.retain(|subject| !removes || !extra.contains(subject));
        if !missing.is_empty() || removes {
            all.push(("subjects", json!(after)));
        }
        return Ok(all);
    }
    let selectors = |role: &Value| items(role, &["aggregationRule", "clusterRoleSelectors"]).to_vec();
    let missing: Vec<Value> =
        selectors(expected).into_iter().filter(|one| !selectors(existing).contains(one)).collect();
    if !missing.is_empty() {
        let all_selectors = [selectors(existing), missing].concat();
        all.push(("aggregationRule", json!({"clusterRoleSelectors": all_selectors})));
    }
    let (missing, extra) = (self::rules(resource, expected)?, self::rules(resource, existing)?);
    let (missing, extra) = (rule::missing(&extra, &missing), rule::missing(&missing, &extra));
    if ctx.args().bool("remove-extra-permissions") && !extra.is_empty() {
        all.push(("rules", expected["rules"].clone()));
    } else if !missing.is_empty() {
        let mut rules = items(existing, &["rules"]).to_vec();
        rules.extend(missing.iter().map(|rule| json!(rule)));
        all.push(("rules", json!(rules)));
    }
    Ok(all)
}

/// The subjects that are expected and missing, and those that are there and not expected.
fn subjects(expected: &Value, existing: &Value) -> (Vec<Value>, Vec<Value>) {
    let (wanted, had) = (items(expected, &["subjects"]), items(existing, &["subjects"]));
    let key = |subject: &Value| ["kind", "apiGroup", "name", "namespace"].map(|field| text(subject, field).to_owned());
    let without = |these: &[Value], those: &[Value]| {
        let other = |one: &&Value| !those.iter().any(|that| key(that) == key(one));
        these.iter().filter(other).cloned().collect()
    };
    (without(wanted, had), without(had, wanted))
}

fn rules(resource: &Resource, role: &Value) -> Result<Vec<PolicyRule>, Stop> {
    let kind = Kind::by_kind(resource.group, resource.kind).expect("the table has roles");
    let mut role = role.clone();
    if role["metadata"].is_null() {
        role["metadata"] = json!({});
    }
    match decode::object(kind, role) {
        Ok(Object::Role(role)) => Ok(role.rules.clone().unwrap_or_default()),
        Ok(Object::ClusterRole(role)) => Ok(role.rules.clone().unwrap_or_default()),
        Ok(_) => Ok(Vec::new()),
        Err(status) => fail(status.message),
    }
}

/// What is said of the difference.
fn details(
    ctx: &Ctx<'_>,
    resource: &Resource,
    expected: &Value,
    existing: &Value,
) -> Result<Vec<(&'static str, Vec<String>)>, Stop> {
    let [without_rules, without_subjects] =
        ["remove-extra-permissions", "remove-extra-subjects"].map(|flag| ctx.args().bool(flag));
    if resource.kind.ends_with("Binding") {
        let (missing, extra) = subjects(expected, existing);
        let lines = |all: Vec<Value>| all.iter().map(shown_subject).collect::<Vec<_>>();
        let extra = if without_subjects { lines(extra) } else { Vec::new() };
        return Ok(vec![("missing subjects added", lines(missing)), ("extra subjects removed", extra)]);
    }
    let (wanted, had) = (rules(resource, expected)?, rules(resource, existing)?);
    let lines = |all: Vec<PolicyRule>| all.iter().map(shown_rule).collect::<Vec<_>>();
    // What is new altogether is told as the file has it.
    let missing = if existing["kind"].is_null() { wanted.clone() } else { rule::missing(&had, &wanted) };
    let extra = if without_rules { lines(rule::missing(&wanted, &had)) } else { Vec::new() };
    Ok(vec![("missing rules added", lines(missing)), ("extra rules removed", extra)])
}

fn shown_rule(rule: &PolicyRule) -> String {
    let list = |words: &[String]| words.join(" ");
    format!(
        "{{Verbs:[{}] APIGroups:[{}] Resources:[{}] ResourceNames:[{}] NonResourceURLs:[{}]}}",
        list(&rule.verbs),
        list(&rule.api_groups),
        list(&rule.resources),
        list(&rule.resource_names),
        list(&rule.non_resource_urls)
    )
}

fn shown_subject(subject: &Value) -> String {
    let [kind, group, name, namespace] = ["kind", "apiGroup", "name", "namespace"].map(|field| text(subject, field));
    format!("{{Kind:{kind} APIGroup:{group} Name:{name} Namespace:{namespace}}}")
}
