//! `kubectl auth`: `can-i`, `whoami`, `reconcile`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/auth`.

mod reconcile;

use serde_json::{Value, json};

use super::common;
use crate::api::http::Method;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::describe::access;
use crate::kubectl::json::{at, items, text_at};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource;

pub use reconcile::reconcile;

const REVIEWS: &str = "/apis/authorization.k8s.io/v1";
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// The verbs that kubectl knows for resources and for paths.
const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];
const PATH_VERBS: &[&str] = &["get", "put", "post", "head", "options", "delete", "patch", "*"];

fn asked(ctx: &mut Ctx<'_>, path: &str, body: &Value) -> Result<Value, Stop> {
    ctx.json(common::with_body(Method::Post, path.to_owned(), "application/json", body))
}

/// Runs `can-i`.
pub fn can_i(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    if ctx.args().bool("list") {
        return match words.is_empty() {
            true => list(ctx),
            false => fail("list option must be specified with no arguments"),
        };
    }
    let [verb, what] = words.as_slice() else {
        return fail(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        );
    };
    let spec = if what.starts_with('/') { path(ctx, verb, what)? } else { resource(ctx, verb, what) };
    if ctx.args().bool("no-headers") {
        return fail("--no-headers cannot be set without --list specified");
    }
    let kind = "SelfSubjectAccessReview";
    let body = json!({"kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec});
    let answer = asked(ctx, &format!("{REVIEWS}/selfsubjectaccessreviews"), &body)?;
    let allowed = at(&answer, &["status", "allowed"]) == &json!(true);
    if !ctx.args().bool("quiet") {
        let reason = text_at(&answer, &["status", "reason"]);
        let why = if reason.is_empty() || allowed { String::new() } else { format!(" - {reason}") };
        let word = if allowed { "yes" } else { "no" };
        ctx.print(format!("{word}{why}\n"));
    }
    Ok(u8::from(!allowed))
}

fn warn(ctx: &mut Ctx<'_>, words: String) {
    ctx.print_err(format!("Warning: {words}\n"));
}

/// The question about a path.
fn path(ctx: &mut Ctx<'_>, verb: &str, path: &str) -> Result<Value, Stop> {
    if !ctx.args().text("subresource").is_empty() {
        return fail("--subresource can not be used with NonResourceURL");
    }
    if !PATH_VERBS.contains(&verb) {
        warn(ctx, format!("verb '{verb}' is not a known verb\n"));
    }
    Ok(json!({"nonResourceAttributes": {"path": path, "verb": verb}}))
}

/// The question about a resource, `deployments.apps/web`.
fn resource(ctx: &mut Ctx<'_>, verb: &str, what: &str) -> Value {
    let (word, name) = what.split_once('/').unwrap_or((what, ""));
    let everywhere = ctx.args().bool("all-namespaces");
    let (group, plural) = match resource::named(&ctx.session().discovered, word) {
        Some(known) => {
            if !known.namespaced && !everywhere {
                let group = if known.group.is_empty() { String::new() } else { format!(" in group '{}'", known.group) };
                warn(ctx, format!("resource '{}' is not namespace scoped{group}\n", known.plural));
            }
            if !VERBS.contains(&verb) {
                warn(ctx, format!("verb '{verb}' is not a known verb\n"));
            }
            (known.group, known.plural)
        }
        None if word == "*" => ("*", "*"),
        None => {
            let (plural, group) = word.split_once('.').unwrap_or((word, ""));
            let of = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
            warn(ctx, format!("the server doesn't have a resource type '{plural}'{of}\n"));
            if !VERBS.contains(&verb) {
                warn(ctx, format!("verb '{verb}' is not a known verb\n"));
            }
            (group, plural)
        }
    };
    let namespace = if everywhere { String::new() } else { ctx.namespace() };
    let part = ctx.args().text("subresource").to_owned();
    let mut asked = json!({"verb": verb, "resource": plural});
    for (field, value) in [("namespace", namespace.as_str()), ("group", group), ("name", name), ("subresource", &part)]
    {
        if !value.is_empty() {
            asked[field] = json!(value);
        }
    }
    json!({"resourceAttributes": asked})
}

/// `can-i --list`: the rules that hold in the namespace.
fn list(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if ["quiet", "all-namespaces"].iter().any(|flag| ctx.args().bool(flag)) || ctx.args().given("subresource") {
        return fail("list option can't be specified with neither quiet, all-namespaces nor subresource options");
    }
    let kind = "SelfSubjectRulesReview";
    let spec = json!({"namespace": ctx.namespace()});
    let body = json!({"kind": kind, "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": spec});
    let answer = asked(ctx, &format!("{REVIEWS}/selfsubjectrulesreviews"), &body)?;
    let rules = |list: &str| items(&answer, &["status", list]).to_vec();
    let rows = access::rows(&[rules("resourceRules"), rules("nonResourceRules")].concat());
    let mut columns = Columns::for_tables();
    if !ctx.args().bool("no-headers") {
        columns.write(&format!("{}\n", access::RULES.join("\t")));
    }
    for row in rows {
        columns.write(&format!("{}\n", row.join("\t")));
    }
    ctx.print(columns.flush());
    Ok(0)
}

/// Runs `whoami`.
pub fn whoami(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let body = json!({"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1", "metadata": {}});
    let answer = asked(ctx, WHO, &body)?;
    let output = output::parse(ctx)?;
    if output == Output::Default {
        let who = at(&answer, &["status", "userInfo"]);
        let groups: Vec<&str> = items(who, &["groups"]).iter().filter_map(Value::as_str).collect();
        let mut columns = Columns::for_tables();
        columns.write("ATTRIBUTE\tVALUE\n");
        columns.write(&format!("Username\t{}\n", text_at(who, &["username"])));
        columns.write(&format!("Groups\t[{}]\n", groups.join(" ")));
        ctx.print(columns.flush());
        return Ok(0);
    }
    output.show(ctx, &answer)?;
    Ok(0)
}
