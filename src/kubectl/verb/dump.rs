//! `kubectl cluster-info dump`: what somebody else needs to look for an error.
//!
//! Models `k8s.io/kubectl/pkg/cmd/clusterinfo/clusterinfo_dump.go`.

use serde_json::Value;

use crate::api::http::HttpRequest;
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text};
use crate::kubectl::object;
use crate::kubectl::print::output::{self, Output};
use crate::kubectl::resource;

/// The resources of a namespace, and the names of their files.
const OF_NAMESPACE: &[(&str, &str)] = &[
    ("events", "events"),
    ("replicationcontrollers", "replication-controllers"),
    ("services", "services"),
    ("daemonsets", "daemonsets"),
    ("deployments", "deployments"),
    ("replicasets", "replicasets"),
    ("pods", "pods"),
];

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let mut dump = Dump { output: output::parse(ctx)?, printed: 0 };
    dump.list(ctx, "nodes", "", "nodes")?;
    for namespace in namespaces(ctx)? {
        let mut pods = Value::Null;
        for (plural, file) in OF_NAMESPACE {
            pods = dump.list(ctx, plural, &namespace, &format!("{namespace}/{file}"))?;
        }
        for pod in items(&pods, &["items"]) {
            logs(ctx, pod)?;
        }
    }
    if let Some(folder) = folder(ctx) {
        ctx.print(format!("Cluster info dumped to {folder}\n"));
    }
    Ok(0)
}

fn namespaces(ctx: &mut Ctx<'_>) -> Result<Vec<String>, Stop> {
    if ctx.args().bool("all-namespaces") {
        let list = ctx.json(HttpRequest::get("/api/v1/namespaces"))?;
        return Ok(items(&list, &["items"]).iter().map(|item| object::name(item).to_owned()).collect());
    }
    let named = ctx.args().list("namespaces");
    Ok(if named.is_empty() { vec!["kube-system".into(), ctx.namespace()] } else { named })
}

/// Where the files go; none if everything is printed.
fn folder(ctx: &Ctx<'_>) -> Option<String> {
    let folder = ctx.args().text("output-directory");
    (!folder.is_empty() && folder != "-").then(|| folder.trim_end_matches('/').to_owned())
}

/// Prints a text, or puts it into a file.
fn give(ctx: &mut Ctx<'_>, file: &str, content: String) {
    match folder(ctx) {
        Some(folder) => ctx.write_file(&format!("{folder}/{file}"), Some(content.into_bytes())),
        None => ctx.print(content),
    }
}

struct Dump {
    output: Output,
    printed: u32,
}

impl Dump {
    fn list(&mut self, ctx: &mut Ctx<'_>, plural: &str, namespace: &str, file: &str) -> Result<Value, Stop> {
        let resource = resource::by_plural(plural).expect("the table has them");
        let mut list = ctx.json(HttpRequest::get(resource.path(namespace)))?;
        if !ctx.args().bool("show-managed-fields") && self.output.hides_managed_fields() {
            list = object::without_managed_fields(list);
        }
        if self.output == Output::Name {
            return fail(format!("list types are not supported by name printing: *v1.{}List", resource.kind));
        }
        let mut content = match self.output.print(&list) {
            Ok(content) => content,
            Err(failed) => return fail(failed.why),
        };
        self.printed += 1;
        let kind = match self.output {
            Output::Yaml => "yaml",
            Output::TypedJson => "json",
            _ => "txt",
        };
        if self.output == Output::Yaml && self.printed > 1 {
            content.insert_str(0, "---\n");
        }
        give(ctx, &format!("{file}.{kind}"), content);
        Ok(list)
    }
}

/// The logs of the containers of a pod.
fn logs(ctx: &mut Ctx<'_>, pod: &Value) -> Result<(), Stop> {
    let (namespace, name) = (object::namespace(pod).to_owned(), object::name(pod).to_owned());
    let lists = ["initContainers", "containers"];
    let containers = lists.iter().flat_map(|list| items(pod, &["spec", list])).map(|container| text(container, "name"));
    let mut all = String::new();
    for container in containers {
        let mut request = HttpRequest::get(format!("/api/v1/namespaces/{namespace}/pods/{name}/log"));
        request.accept = "application/json, */*".into();
        request.query.push(("container".into(), container.into()));
        let answer = ctx.request(request)?.response;
        let said = match answer.is_success() {
            true => String::from_utf8_lossy(&answer.body).into_owned(),
            false => format!("Request log error: {}\n", api_error::bare_message(&answer)),
        };
        let of = format!("logs for container {container} of pod {namespace}/{name} ====\n");
        all.push_str(&format!("==== START {of}{said}==== END {of}"));
    }
    give(ctx, &format!("{namespace}/{name}/logs.txt"), all);
    Ok(())
}
