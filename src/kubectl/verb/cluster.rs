//! `version`, `cluster-info`, `api-resources`, `api-versions`, `options`.

use serde_json::{Value, json};

use super::common;
use crate::api::http::HttpRequest;
use crate::api::yaml::to_yaml;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text, text_at};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::print::output;
use crate::kubectl::resource::{RESOURCES, Resource};

/// The version that this client models.
pub const VERSION: &str = "v1.36.2";

/// The kustomize that comes with it.
const KUSTOMIZE: &str = "v5.8.1";

/// `kubectl version`.
pub fn version(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let client = json!({"major": "1", "minor": "36", "gitVersion": VERSION, "platform": "linux/amd64"});
    let server = if ctx.args().bool("client") { Value::Null } else { ctx.json(HttpRequest::get("/version"))? };
    let mut all = json!({"clientVersion": client, "kustomizeVersion": KUSTOMIZE});
    if !server.is_null() {
        all["serverVersion"] = server.clone();
    }
    let text = match ctx.args().text("output") {
        "" if server.is_null() => format!("Client Version: {VERSION}\nKustomize Version: {KUSTOMIZE}\n"),
        "" => format!(
            "Client Version: {VERSION}\nKustomize Version: {KUSTOMIZE}\nServer Version: {}\n",
            text(&server, "gitVersion")
        ),
        "yaml" => to_yaml(&all),
        "json" => output::pretty(&all).replace("    ", "  "),
        _ => return fail("--output must be 'yaml' or 'json'"),
    };
    ctx.print(text);
    Ok(0)
}

/// `kubectl cluster-info`.
pub fn info(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let mut request = HttpRequest::get("/api/v1/namespaces/kube-system/services");
    request.query.push(("labelSelector".into(), "kubernetes.io/cluster-service=true".into()));
    let list = ctx.json(request)?;
    let server = ctx.server();
    let mut out = format!("Kubernetes control plane is running at {server}\n");
    for service in items(&list, &["items"]) {
        let name = text_at(service, &["metadata", "labels", "kubernetes.io/name"]);
        let own = text_at(service, &["metadata", "name"]);
        let shown = if name.is_empty() { own } else { name };
        let port = items(service, &["spec", "ports"]).first().map_or(String::new(), |p| match text(p, "name") {
            "" => String::new(),
            name => format!(":{name}"),
        });
        out.push_str(&format!(
            "{shown} is running at {server}/api/v1/namespaces/kube-system/services/{own}{port}/proxy\n"
        ));
    }
    out.push_str("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n");
    ctx.print(out);
    Ok(0)
}

fn verbs(resource: &Resource) -> Vec<&'static str> {
    let all = [
        ('c', "create"),
        ('d', "delete"),
        ('X', "deletecollection"),
        ('g', "get"),
        ('l', "list"),
        ('p', "patch"),
        ('u', "update"),
        ('w', "watch"),
    ];
    all.into_iter().filter(|(letter, _)| resource.verbs.contains(*letter)).map(|(_, verb)| verb).collect()
}

/// `kubectl api-resources`.
pub fn resources(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    if !ctx.args().words.is_empty() {
        let words = ctx.args().words.join(" ");
        return common::usage(ctx, &format!("unexpected arguments: [{words}]"));
    }
    let discovered = ctx.session().discovered.clone();
    let args = ctx.args();
    if !matches!(args.text("sort-by"), "" | "name" | "kind") {
        return fail("--sort-by accepts only name or kind");
    }
    let wide = match args.text("output") {
        "" | "name" => false,
        "wide" => true,
        other => return fail(format!("--output {other} is not available")),
    };
    let mut shown: Vec<&Resource> = Vec::new();
    for resource in RESOURCES.iter().chain(discovered) {
        let older = shown.iter().any(|r| r.kind == resource.kind && r.group == resource.group);
        let scope = !args.given("namespaced") || args.bool("namespaced") == resource.namespaced;
        let group = !args.given("api-group") || args.text("api-group") == resource.group;
        let can = args.list("verbs").iter().all(|v| verbs(resource).contains(&v.as_str()));
        let category = args.list("categories").iter().all(|c| c == "all" && resource.in_all);
        if !older && scope && group && can && category {
            shown.push(resource);
        }
    }
    shown.sort_by_key(|r| (r.group, r.plural));
    if args.text("sort-by") == "kind" {
        shown.sort_by_key(|r| r.kind);
    } else if args.text("sort-by") == "name" {
        shown.sort_by_key(|r| r.plural);
    }
    if args.text("output") == "name" {
        let lines: String = shown.iter().map(|r| format!("{}\n", r.plural_name())).collect();
        ctx.print(lines);
        return Ok(0);
    }
    let mut columns = Columns::for_tables();
    if !args.bool("no-headers") {
        columns.write(if wide {
            "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\tVERBS\tCATEGORIES\n"
        } else {
            "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND\n"
        });
    }
    for r in shown {
        let more = if wide {
            format!("\t{}\t{}", verbs(r).join(","), if r.in_all { "all" } else { "" })
        } else {
            String::new()
        };
        columns.write(&format!(
            "{}\t{}\t{}\t{}\t{}{more}\n",
            r.plural,
            r.short,
            r.group_version(),
            r.namespaced,
            r.kind
        ));
    }
    ctx.print(columns.flush());
    Ok(0)
}

/// `kubectl api-versions`.
pub fn versions(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let mut all: Vec<String> =
        RESOURCES.iter().chain(ctx.session().discovered.iter().copied()).map(Resource::group_version).collect();
    all.sort();
    all.dedup();
    ctx.print(all.iter().map(|v| format!("{v}\n")).collect::<String>());
    Ok(0)
}
