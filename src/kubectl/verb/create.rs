//! `kubectl create`: objects from files, and the generators of common kinds.
//!
//! Models `k8s.io/kubectl/pkg/cmd/create`.

mod access;
mod config;
mod disruption;
mod ingress;
mod service;
mod token;
mod workload;

use serde_json::{Value, json};

use super::common::{self, Named, end_with_failures, with_body};
use crate::api::http::Method;
use crate::api::wire;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, object_at};
use crate::kubectl::manifest::Document;
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::verb::apply::{LAST_APPLIED, annotated};

/// What a generator made.
pub(super) struct Made {
    /// The object.
    pub object: Value,
    /// What stands before the server's refusal: `failed to create deployment: `; empty for the server's own words.
    pub refusal: &'static str,
}

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let path = ctx.args().command.path;
    if path == "create" {
        return from_files(ctx);
    }
    if path == "create token" {
        return token::run(ctx);
    }
    if matches!(path, "create secret" | "create service") {
        return super::help::run(ctx);
    }
    common::check_dry_run(ctx)?;
    output::parse(ctx)?;
    let made = match path.strip_prefix("create ").unwrap_or("") {
        "deployment" => workload::deployment(ctx)?,
        "job" => workload::job(ctx)?,
        "cronjob" => workload::cron_job(ctx)?,
        "service clusterip" => service::service(ctx, "ClusterIP")?,
        "service nodeport" => service::service(ctx, "NodePort")?,
        "service loadbalancer" => service::service(ctx, "LoadBalancer")?,
        "service externalname" => service::service(ctx, "ExternalName")?,
        "configmap" => config::config_map(ctx)?,
        "secret generic" => config::secret(ctx)?,
        "secret docker-registry" => config::registry_secret(ctx)?,
        "secret tls" => config::tls_secret(ctx)?,
        "namespace" => config::namespace(ctx)?,
        "serviceaccount" => config::service_account(ctx)?,
        "role" => access::role(ctx)?,
        "clusterrole" => access::cluster_role(ctx)?,
        "rolebinding" => access::role_binding(ctx)?,
        "clusterrolebinding" => access::cluster_role_binding(ctx)?,
        "ingress" => ingress::ingress(ctx)?,
        "poddisruptionbudget" => disruption::budget(ctx)?,
        "quota" => config::quota(ctx)?,
        "priorityclass" => config::priority_class(ctx)?,
        other => return fail(format!("kubectl create {other} is not here yet")),
    };
    send(ctx, made)
}

/// The one name that a generator takes.
pub(super) fn name(ctx: &Ctx<'_>) -> Result<String, Stop> {
    let before_dash = ctx.args().dash_at.map_or(ctx.args().words.len(), |n| n as usize);
    match &ctx.args().words[..before_dash] {
        [name] => Ok(name.clone()),
        words => common::usage(ctx, &format!("exactly one NAME is required, got {}", words.len())),
    }
}

/// The words after `--`, or after the name.
pub(super) fn command_after_name(ctx: &Ctx<'_>) -> Vec<String> {
    ctx.args().words.get(1..).unwrap_or_default().to_vec()
}

/// Refuses a command line without these flags.
pub(super) fn require(ctx: &Ctx<'_>, flags: &[&str]) -> Result<(), Stop> {
    let missing: Vec<String> = flags.iter().filter(|f| !ctx.args().given(f)).map(|f| format!("{f:?}")).collect();
    if missing.is_empty() { Ok(()) } else { fail(format!("required flag(s) {} not set", missing.join(", "))) }
}

/// Metadata with a name, and the namespace only if the command names one.
pub(super) fn metadata(ctx: &Ctx<'_>, name: &str, namespaced: bool) -> Value {
    let mut metadata = json!({"name": name});
    if namespaced && ctx.args().given("namespace") {
        metadata["namespace"] = json!(ctx.namespace());
    }
    metadata
}

/// Sends a generated object and prints what became of it.
pub(super) fn send(ctx: &mut Ctx<'_>, made: Made) -> Result<u8, Stop> {
    let (group, version) = object::group_version(&made.object);
    let kind = crate::kubectl::json::text(&made.object, "kind");
    let resource =
        resource::by_kind(&Vec::new(), group, version, kind).expect("generators make only kinds of the table");
    let mut value = made.object;
    if ctx.args().flag("save-config").is_some() && ctx.args().bool("save-config") {
        let text = wire::text(&value, None);
        object_at(&mut value, &["metadata", "annotations"]).insert(LAST_APPLIED.into(), json!(text));
    }
    if !common::is_client_dry_run(ctx) {
        let namespace = if resource.namespaced { ctx.namespace() } else { String::new() };
        value = post(ctx, resource, &namespace, value, made.refusal)?;
    }
    output::changed(ctx, resource, &value, "created")?;
    Ok(0)
}

/// Sends an object; a refusal ends the command.
pub(super) fn post(
    ctx: &mut Ctx<'_>,
    resource: &'static Resource,
    namespace: &str,
    mut value: Value,
    refusal: &str,
) -> Result<Value, Stop> {
    if resource.namespaced {
        object_at(&mut value, &["metadata"]).insert("namespace".into(), json!(namespace));
    }
    let mut request = with_body(Method::Post, resource.path(namespace), "application/json", &value);
    add_create_query(ctx, &mut request)?;
    let url = ctx.url(&request);
    let answer = ctx.request(request)?;
    if !answer.response.is_success() && !refusal.is_empty() {
        let said = api_error::bare_message(&answer.response);
        let unanswered = format!("Post {url:?}: {said}");
        return fail(format!("{refusal}{}", if answer.response.code == 0 { &unanswered } else { &said }));
    }
    api_error::body_or_stop(&answer.response)
}

fn add_create_query(ctx: &Ctx<'_>, request: &mut crate::api::http::HttpRequest) -> Result<(), Stop> {
    common::add_dry_run(ctx, request);
    request.query.push(("fieldManager".into(), ctx.args().text("field-manager").into()));
    if ctx.args().flag("validate").is_some() {
        request.query.push(("fieldValidation".into(), common::field_validation(ctx)?.into()));
    }
    Ok(())
}

/// `create -f`.
fn from_files(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.args().words.is_empty() {
        let words = ctx.args().words.join(" ");
        return common::usage(ctx, &format!("Unexpected args: [{words}]"));
    }
    if !ctx.reads_objects() {
        return fail("must specify one of -f and -k");
    }
    if !ctx.args().text("raw").is_empty() {
        if ctx.args().bool("edit") {
            return fail("--raw and --edit are mutually exclusive");
        }
        return super::raw::send(ctx, Method::Post);
    }
    common::check_dry_run(ctx)?;
    common::field_validation(ctx)?;
    output::parse(ctx)?;
    let documents = ctx.documents();
    if ctx.args().bool("edit") {
        return edited(ctx, &documents);
    }
    if documents.is_empty() {
        return fail("no objects passed to create");
    }
    ctx.each(documents.len() as u32, |ctx, i| {
        let document = &documents[i as usize];
        match &document.content {
            Ok((value, resource)) => one_file(ctx, &document.source, value.clone(), resource),
            Err(why) => {
                ctx.note_failure(format!("error: {why}\n"));
                Ok(())
            }
        }
    })?;
    end_with_failures(ctx)
}

/// `create --edit`: the editor is opened for one object after the other.
fn edited(ctx: &mut Ctx<'_>, documents: &[Document]) -> Result<u8, Stop> {
    ctx.each(documents.len() as u32, |ctx, i| {
        let document = &documents[i as usize];
        let text = match &document.content {
            Ok((value, resource)) => {
                let mut value = value.clone();
                match common::into_namespace(ctx, resource, &mut value) {
                    Ok(namespace) => {
                        let (name, source) = (object::name(&value).to_owned(), document.source.clone());
                        let named = Named { resource, namespace, name, source };
                        match super::edit::before_create(ctx, named, value) {
                            Err(Stop::Fail(failure)) => failure.text,
                            other => return other,
                        }
                    }
                    Err(text) => text,
                }
            }
            Err(why) => format!("error: {why}\n"),
        };
        ctx.note_failure(text);
        Ok(())
    })?;
    end_with_failures(ctx)
}

/// An object of a file as it is sent, and its namespace; what cannot be sent is noted and gives `None`.
pub(super) fn prepared(ctx: &mut Ctx<'_>, mut value: Value, resource: &'static Resource) -> Option<(Value, String)> {
    let namespace = match common::into_namespace(ctx, resource, &mut value) {
        Ok(namespace) => namespace,
        Err(text) => {
            ctx.note_failure(text);
            return None;
        }
    };
    // An object that says what was applied last says so anew (`CreateOrUpdateAnnotation`).
    let remembers = !at(&value, &["metadata", "annotations", LAST_APPLIED]).is_null();
    if ctx.args().bool("save-config") || remembers {
        value = annotated(value);
    }
    Some((value, namespace))
}

fn one_file(ctx: &mut Ctx<'_>, source: &str, value: Value, resource: &'static Resource) -> Result<(), Stop> {
    let Some((mut value, namespace)) = prepared(ctx, value, resource) else { return Ok(()) };
    if !common::is_client_dry_run(ctx) {
        let mut request = with_body(Method::Post, resource.path(&namespace), "application/json", &value);
        add_create_query(ctx, &mut request)?;
        let answer = ctx.request(request)?;
        if !answer.response.is_success() {
            let doing = format!("error when creating {source:?}");
            ctx.note_failure(api_error::message(&answer.response, Some(&doing)));
            return Ok(());
        }
        value = api_error::body_or_stop(&answer.response)?;
    }
    output::changed(ctx, resource, &value, "created")
}
