//! `kubectl top node|pod`: what nodes and pods use.
//!
//! Models `k8s.io/kubectl/pkg/cmd/top` and `k8s.io/kubectl/pkg/metricsutil`.

use std::cmp::Reverse;

use serde_json::Value;

use crate::api::http::HttpRequest;
use crate::api::{Quantity, Timestamp};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::json::{at, items, text_at};
use crate::kubectl::print::columns::Columns;
use crate::sim::VecMap;

const API: &str = "/apis/metrics.k8s.io/v1beta1";
/// Pods that are older should have metrics, in seconds (`metricsCreationDelay`).
const DELAY: i64 = 120;
const MIB: i64 = 1 << 20;

/// CPU and memory.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    cpu: Quantity,
    memory: Quantity,
}

/// `kubectl top node`.
pub fn node(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let name = name(ctx, "node [NAME | -l label]")?;
    if !name.is_empty() && !ctx.args().text("selector").is_empty() {
        return fail("only one of NAME or --selector can be provided");
    }
    available(ctx)?;
    let path = if name.is_empty() { format!("{API}/nodes") } else { format!("{API}/nodes/{name}") };
    let answer = ask(ctx, path, "nodes", &name)?;
    let mut measured = all(&answer, &name);
    if measured.is_empty() {
        return fail("metrics not available yet");
    }
    let path = if name.is_empty() { "/api/v1/nodes".to_owned() } else { format!("/api/v1/nodes/{name}") };
    let mut request = HttpRequest::get(path);
    select(ctx, &mut request);
    let answer = ctx.json(request)?;
    let field = if ctx.args().bool("show-capacity") { "capacity" } else { "allocatable" };
    let amount = |node: &Value, what: &str| quantity(at(node, &["status", field, what]));
    let mut has: VecMap<String, Used> = all(&answer, &name)
        .iter()
        .map(|node| (own_name(node), Used { cpu: amount(node, "cpu"), memory: amount(node, "memory") }))
        .collect();
    sort(ctx, &mut measured, |node| usage(at(node, &["usage"])), own_name);
    let mut columns = Columns::for_tables();
    if !ctx.args().bool("no-headers") {
        columns.write("NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\t\n");
    }
    for node in &measured {
        let (used, has) = (usage(at(node, &["usage"])), has.remove(&own_name(node)).unwrap_or_default());
        columns.write(&format!(
            "{}\t{}m\t{}%\t{}Mi\t{}%\t\n",
            own_name(node),
            used.cpu.millis(),
            percent(used.cpu, has.cpu),
            used.memory.units() / MIB,
            percent(used.memory, has.memory)
        ));
    }
    for name in has.keys() {
        columns.write(&format!("{name}\t<unknown>\t<unknown>\t<unknown>\t<unknown>\t\n"));
    }
    ctx.print(columns.flush());
    Ok(0)
}

/// `kubectl top pod`.
pub fn pod(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let name = name(ctx, "pod [NAME | -l label]")?;
    let selects = |flag: &str| !ctx.args().text(flag).is_empty();
    if !name.is_empty() && (selects("selector") || selects("field-selector")) {
        return fail("only one of NAME or selector can be provided");
    }
    available(ctx)?;
    let everywhere = ctx.args().bool("all-namespaces");
    let namespace = ctx.namespace();
    let collection = if everywhere { "/pods".to_owned() } else { format!("/namespaces/{namespace}/pods") };
    let path = if name.is_empty() { format!("{API}{collection}") } else { format!("{API}{collection}/{name}") };
    let answer = ask(ctx, path, "pods", &name)?;
    let mut measured = all(&answer, &name);
    if measured.is_empty() {
        why_nothing(ctx, &format!("/api/v1{collection}"))?;
        let place = if everywhere { String::new() } else { format!(" in {namespace} namespace.") };
        ctx.print_err(format!("No resources found{place}\n"));
        return Ok(0);
    }
    let own_place = |pod: &Value| (text_at(pod, &["metadata", "namespace"]).to_owned(), own_name(pod));
    sort(ctx, &mut measured, whole, own_place);
    let text = pods_table(ctx, &measured);
    ctx.print(text);
    Ok(0)
}

fn pods_table(ctx: &Ctx<'_>, measured: &[Value]) -> String {
    let flag = |name: &str| ctx.args().bool(name);
    let (containers, everywhere) = (flag("containers"), flag("all-namespaces"));
    let mut columns = Columns::for_tables();
    let mut before = String::new();
    if everywhere {
        before.push_str("NAMESPACE\t");
    }
    if containers {
        before.push_str("POD\t");
    }
    if !flag("no-headers") {
        columns.write(&format!("{before}NAME\tCPU(cores)\tMEMORY(bytes)\t\n"));
    }
    let line = |before: &str, name: &str, used: Used| {
        format!("{before}{name}\t{}m\t{}Mi\t\n", used.cpu.millis(), used.memory.units() / MIB)
    };
    let mut total = Used::default();
    for pod in measured {
        let place = if everywhere { format!("{}\t", text_at(pod, &["metadata", "namespace"])) } else { String::new() };
        if containers {
            let mut each = items(pod, &["containers"]).to_vec();
            let container_name = |c: &Value| text_at(c, &["name"]).to_owned();
            sort(ctx, &mut each, |c| usage(at(c, &["usage"])), container_name);
            let place = format!("{place}{}\t", own_name(pod));
            each.iter().for_each(|c| columns.write(&line(&place, &container_name(c), usage(at(c, &["usage"])))));
        } else {
            columns.write(&line(&place, &own_name(pod), whole(pod)));
        }
        let used = whole(pod);
        total = Used { cpu: total.cpu.plus(used.cpu), memory: total.memory.plus(used.memory) };
    }
    if flag("sum") {
        // Without headers upstream counts no columns before the name.
        let before = if flag("no-headers") { 0 } else { before.matches('\t').count() };
        columns.write(&format!("{}________\t________\t\n", "\t".repeat(before + 1)));
        columns.write(&line(&"\t".repeat(before), "", total));
    }
    columns.flush()
}

/// The name that the command line gives, if it gives one.
fn name(ctx: &Ctx<'_>, usage: &str) -> Result<String, Stop> {
    let sort = ctx.args().text("sort-by");
    if !matches!(sort, "" | "cpu" | "memory") {
        return fail("--sort-by accepts only cpu or memory");
    }
    match ctx.args().words.as_slice() {
        [] => Ok(String::new()),
        [name] => Ok(name.clone()),
        _ => {
            let command = ctx.args().command.path;
            fail(format!("{usage}\nSee 'kubectl {command} -h' for help and examples"))
        }
    }
}

/// Whether the server has the group.
fn available(ctx: &mut Ctx<'_>) -> Result<(), Stop> {
    let groups = ctx.json(HttpRequest::get("/apis"))?;
    let has = |group: &Value| {
        group["name"] == "metrics.k8s.io" && items(group, &["versions"]).iter().any(|v| v["version"] == "v1beta1")
    };
    if items(&groups, &["groups"]).iter().any(has) { Ok(()) } else { fail("Metrics API not available") }
}

/// Asks for metrics; a failure without words of its own gets client-go's.
fn ask(ctx: &mut Ctx<'_>, path: String, what: &str, name: &str) -> Result<Value, Stop> {
    let mut request = HttpRequest::get(path);
    if name.is_empty() {
        select(ctx, &mut request);
    }
    let answer = ctx.request(request)?;
    if answer.response.code == 503 {
        let of = if name.is_empty() { String::new() } else { format!(" {name}") };
        let text = format!(
            "Error from server (ServiceUnavailable): the server is currently unable to handle the request (get {what}.metrics.k8s.io{of})\n"
        );
        return Err(Stop::Fail(Failure { text, code: 1 }));
    }
    api_error::body_or_stop(&answer.response)
}

fn select(ctx: &Ctx<'_>, request: &mut HttpRequest) {
    for (flag, parameter) in [("selector", "labelSelector"), ("field-selector", "fieldSelector")] {
        let text = if flag == "selector" || ctx.args().command.path == "top pod" { ctx.args().text(flag) } else { "" };
        if !text.is_empty() {
            request.query.push((parameter.into(), text.into()));
        }
    }
}

/// There are no metrics: there are no pods, or they are too young, or something is wrong.
fn why_nothing(ctx: &mut Ctx<'_>, path: &str) -> Result<(), Stop> {
    let mut request = HttpRequest::get(path);
    select(ctx, &mut request);
    let pods = ctx.json(request)?;
    let pods = items(&pods, &["items"]);
    if pods.is_empty() {
        return Ok(());
    }
    for pod in pods {
        let made = text_at(pod, &["metadata", "creationTimestamp"]).parse::<Timestamp>().map_or(0, |at| at.0);
        let age = ctx.unix_now() - made;
        if age > DELAY {
            let (namespace, name) = (text_at(pod, &["metadata", "namespace"]), own_name(pod));
            let age = match (age / 3_600, age / 60 % 60, age % 60) {
                (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
                (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
            };
            return fail(format!("Metrics not available for pod {namespace}/{name}, age: {age}"));
        }
    }
    fail("metrics not available yet")
}

/// The objects of an answer: of a list, or the one that was asked for.
fn all(answer: &Value, name: &str) -> Vec<Value> {
    if name.is_empty() { items(answer, &["items"]).to_vec() } else { vec![answer.clone()] }
}

fn own_name(object: &Value) -> String {
    text_at(object, &["metadata", "name"]).to_owned()
}

fn quantity(value: &Value) -> Quantity {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn usage(value: &Value) -> Used {
    Used { cpu: quantity(&value["cpu"]), memory: quantity(&value["memory"]) }
}

/// What all containers of a pod use.
fn whole(pod: &Value) -> Used {
    items(pod, &["containers"])
        .iter()
        .map(|c| usage(at(c, &["usage"])))
        .fold(Used::default(), |sum, used| Used { cpu: sum.cpu.plus(used.cpu), memory: sum.memory.plus(used.memory) })
}

/// By name, or by what `--sort-by` says, most first.
fn sort<K: Ord>(ctx: &Ctx<'_>, all: &mut [Value], used: impl Fn(&Value) -> Used, name: impl Fn(&Value) -> K) {
    match ctx.args().text("sort-by") {
        "cpu" => all.sort_by_cached_key(|one| (Reverse(used(one).cpu.millis()), name(one))),
        "memory" => all.sort_by_cached_key(|one| (Reverse(used(one).memory.units()), name(one))),
        _ => all.sort_by_cached_key(name),
    }
}

/// The whole per cent that one amount is of another.
fn percent(used: Quantity, of: Quantity) -> i64 {
    let of = of.millis();
    if of == 0 { 0 } else { i64::try_from(i128::from(used.millis()) * 100 / i128::from(of)).unwrap_or(i64::MAX) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::http::{Chunk, HttpResponse};
    use crate::kubectl::testing::{answer, run};

    fn metrics(namespace: &str, name: &str, containers: &[(&str, &str, &str)]) -> Value {
        let one =
            |(name, cpu, memory): &(&str, &str, &str)| json!({"name": name, "usage": {"cpu": cpu, "memory": memory}});
        let containers: Vec<Value> = containers.iter().map(one).collect();
        json!({"metadata": {"name": name, "namespace": namespace}, "containers": containers})
    }

    /// A server with a metrics API, two pods and a node, one more of which is not measured.
    fn server(request: &HttpRequest) -> (HttpResponse, Vec<Chunk>) {
        let node = |name: &str| {
            json!({"metadata": {"name": name},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}, "capacity": {"cpu": "8", "memory": "8Gi"}}})
        };
        answer(
            200,
            match request.path.as_str() {
                "/apis" => json!({"groups": [{"name": "metrics.k8s.io", "versions": [{"version": "v1beta1"}]}]}),
                "/apis/metrics.k8s.io/v1beta1/nodes" => {
                    let usage = json!({"cpu": "251500u", "memory": "1Gi"});
                    json!({"items": [{"metadata": {"name": "a"}, "usage": usage}]})
                }
                "/api/v1/nodes" => json!({"items": [node("a"), node("b")]}),
                path if path.ends_with("/pods") && path.contains("metrics") => json!({"items": [
                    metrics("default", "web-b", &[("c", "1m", "30Mi"), ("a", "200500u", "1Mi")]),
                    metrics("default", "web-a", &[("c", "3m", "700Ki")]),
                ]}),
                _ => json!({"items": []}),
            },
        )
    }

    fn check(line: &str, want: &str) {
        let outcome = run(line, None, server);
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str(), outcome.code), (want, "", Some(0)), "{line}");
    }

    #[test]
    fn pods_are_shown_by_name_or_by_what_they_use() {
        check(
            "top pods",
            "NAME    CPU(cores)   MEMORY(bytes)   \nweb-a   3m           0Mi             \nweb-b   202m         31Mi            \n",
        );
        check("top pod --sort-by=cpu --no-headers", "web-b   202m   31Mi   \nweb-a   3m     0Mi    \n");
        check(
            "top pod --containers -A",
            "NAMESPACE   POD     NAME   CPU(cores)   MEMORY(bytes)   \ndefault     web-a   c      3m           0Mi             \ndefault     web-b   a      201m         1Mi             \ndefault     web-b   c      1m           30Mi            \n",
        );
        check(
            "top pod --sum",
            "NAME    CPU(cores)   MEMORY(bytes)   \nweb-a   3m           0Mi             \nweb-b   202m         31Mi            \n        ________     ________        \n        205m         31Mi            \n",
        );
    }

    #[test]
    fn nodes_are_shown_beside_what_they_have() {
        check(
            "top nodes",
            "NAME   CPU(cores)   CPU(%)      MEMORY(bytes)   MEMORY(%)   \na      252m         6%          1024Mi          12%         \nb      <unknown>    <unknown>   <unknown>       <unknown>   \n",
        );
        let capacity = run("top node --show-capacity --no-headers", None, server).stdout;
        assert!(capacity.starts_with("a     252m        3%  "), "{capacity}");
    }

    #[test]
    fn a_missing_api_and_missing_metrics_are_told_apart() {
        let told = |server: fn(&HttpRequest) -> Value| {
            let outcome = run("top pod", None, |request| answer(200, server(request)));
            (outcome.stderr, outcome.code)
        };
        assert_eq!(told(|_| json!({"groups": []})), ("error: Metrics API not available\n".into(), Some(1)));
        let young = |request: &HttpRequest| match request.path.as_str() {
            "/apis" => json!({"groups": [{"name": "metrics.k8s.io", "versions": [{"version": "v1beta1"}]}]}),
            "/api/v1/namespaces/default/pods" => json!({"items": [{"metadata": {"name": "web", "namespace": "default",
                "creationTimestamp": "2026-11-21T00:51:45Z"}}]}),
            _ => json!({"items": []}),
        };
        assert_eq!(told(young), ("error: metrics not available yet\n".into(), Some(1)));
        let old = |request: &HttpRequest| match request.path.as_str() {
            "/apis" => json!({"groups": [{"name": "metrics.k8s.io", "versions": [{"version": "v1beta1"}]}]}),
            "/api/v1/namespaces/default/pods" => json!({"items": [{"metadata": {"name": "web", "namespace": "default",
                "creationTimestamp": "2026-11-20T00:00:00Z"}}]}),
            _ => json!({"items": []}),
        };
        let (words, _) = told(old);
        assert!(words.starts_with("error: Metrics not available for pod default/web, age: "), "{words}");
        let none = |request: &HttpRequest| match request.path.as_str() {
            "/apis" => json!({"groups": [{"name": "metrics.k8s.io", "versions": [{"version": "v1beta1"}]}]}),
            _ => json!({"items": []}),
        };
        assert_eq!(told(none), ("No resources found in default namespace.\n".into(), Some(0)));
    }
}
