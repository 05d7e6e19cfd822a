//! `kubectl set subject`. Models `set_subject.go`.

use serde_json::{Value, json};

use crate::api::http::Method;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{items, text};
use crate::kubectl::print::output;
use crate::kubectl::resource::Resource;
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::verb::change;
use crate::kubectl::verb::common::{self, Named};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Runs `set subject`.
pub fn subject(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let words = ctx.args().words.clone();
    if ctx.args().bool("all") && !ctx.args().text("selector").is_empty() {
        return fail("cannot set --all and --selector at the same time");
    }
    let local = ctx.args().bool("local");
    common::check_dry_run(ctx)?;
    if local && ctx.args().text("dry-run") == "server" {
        return fail(change::LOCAL_OR_SERVER);
    }
    if local && !ctx.reads_objects() {
        return fail(change::BY_FILES);
    }
    if words.is_empty() && !ctx.reads_objects() {
        return fail(NOTHING_NAMED);
    }
    let named = common::named_objects(ctx, &words)?;
    let files = change::documents(ctx, local);
    let mut live: Vec<Option<Value>> = Vec::new();
    for (i, one) in named.iter().enumerate() {
        live.push(match files.get(i) {
            Some(value) => Some(value.clone()),
            None => change::fetch(ctx, one)?,
        });
    }
    if !ctx.failures().is_empty() {
        return common::end_with_failures(ctx);
    }
    let subjects = subjects(ctx)?;
    ctx.each(named.len() as u32, |ctx, i| match &live[i as usize] {
        Some(before) => add(ctx, &named[i as usize], before, &subjects, local),
        None => Ok(()),
    })?;
    // Each of these errors names itself one, so all of them do.
    let text = match ctx.failures().as_slice() {
        [] => return Ok(0),
        [one] => format!("{}\n", one.trim_end()),
        many => many.concat(),
    };
    Err(Stop::Fail(Failure { text, code: 1 }))
}

/// The subjects of the flags.
fn subjects(ctx: &Ctx<'_>) -> Result<Vec<Value>, Stop> {
    let [users, groups, accounts] = ["user", "group", "serviceaccount"].map(|flag| ctx.args().list(flag));
    if users.is_empty() && groups.is_empty() && accounts.is_empty() {
        return fail("you must specify at least one value of user, group or serviceaccount");
    }
    let of = |kind: &'static str| move |name: String| json!({"apiGroup": GROUP, "kind": kind, "name": name});
    let mut all: Vec<Value> = users.into_iter().map(of("User")).collect();
    all.extend(groups.into_iter().map(of("Group")));
    for account in accounts {
        let (namespace, name) = match account.split(':').collect::<Vec<_>>()[..] {
            [_, ""] => return fail("serviceaccount must be <namespace>:<name>"),
            ["", name] => (ctx.namespace(), name),
            [namespace, name] => (namespace.to_owned(), name),
            _ => return fail("serviceaccount must be <namespace>:<name>"),
        };
        all.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}));
    }
    Ok(all)
}

/// Adds to a binding the subjects that it lacks.
fn add(ctx: &mut Ctx<'_>, one: &Named, before: &Value, subjects: &[Value], local: bool) -> Result<(), Stop> {
    if !matches!(one.resource.kind, "RoleBinding" | "ClusterRoleBinding") {
        let name = shown(one.resource, &one.name, local);
        ctx.note_failure(format!(
            "error: {name} setting subjects is only supported for RoleBinding/ClusterRoleBinding\n\n"
        ));
        return Ok(());
    }
    let had = items(before, &["subjects"]);
    let key = |subject: &Value| ["kind", "apiGroup", "namespace", "name"].map(|field| text(subject, field).to_owned());
    let new: Vec<Value> = subjects.iter().filter(|new| !had.iter().any(|had| key(had) == key(new))).cloned().collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut after = before.clone();
    after["subjects"] = json!([had, &new].concat());
    if local || common::is_client_dry_run(ctx) {
        let again = ctx.kept().is_empty();
        ctx.keep("printed");
        if ctx.args().text("output") == "yaml" && !again {
            ctx.print("---\n");
        }
        return output::changed(ctx, one.resource, &after, "subjects updated");
    }
    let patch = change::between(one.resource.kind, before, &after);
    let mut request = common::with_body(Method::Patch, one.path(), common::STRATEGIC, &patch);
    common::add_dry_run(ctx, &mut request);
    request.query.push(("fieldManager".into(), ctx.args().text("field-manager").into()));
    let answer = ctx.request(request)?.response;
    if !answer.is_success() {
        let said = api_error::bare_message(&answer);
        ctx.note_failure(format!("error: failed to patch subjects to rolebinding: {said}\n"));
        return Ok(());
    }
    let made = api_error::body_or_stop(&answer)?;
    output::changed(ctx, one.resource, &made, "subjects updated")
}

/// How upstream names an object (`Info.ObjectName`): one of a file by its kind, with a group the line ends.
fn shown(resource: &Resource, name: &str, local: bool) -> String {
    match (local, resource.group) {
        (false, _) => format!("{}/{name}", resource.plural),
        (true, "") => format!("{}/{name}", resource.kind_name()),
        (true, _) => format!("{}/{name}\n", resource.kind_name()),
    }
}
