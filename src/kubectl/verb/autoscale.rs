//! `kubectl autoscale`: a HorizontalPodAutoscaler for a workload.
//!
//! Models `k8s.io/kubectl/pkg/cmd/autoscale`.

use serde_json::{Value, json};

use super::common;
use super::create::{metadata, post, require};
use crate::api::Quantity;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::resource;
use crate::kubectl::select::NOTHING_NAMED;
use crate::kubectl::verb::apply::annotated;
use crate::kubectl::verb::change;

/// Runs the verb.
pub fn run(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    require(ctx, &["max"])?;
    let (least, most) = (ctx.args().int("min"), ctx.args().int("max"));
    if most < 1 {
        return fail(format!("--max=MAXPODS is required and must be at least 1, max: {most}"));
    }
    if most < least {
        return fail(format!("--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}"));
    }
    if !common::names_anything(ctx) {
        return fail(NOTHING_NAMED);
    }
    common::check_dry_run(ctx)?;
    let metrics = metrics(ctx)?;
    let words = ctx.args().words.clone();
    let named = common::named_objects(ctx, &words)?;
    let autoscalers = resource::by_plural("horizontalpodautoscalers").expect("the table has autoscalers");
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        if !matches!(one.resource.kind, "ReplicationController" | "Deployment" | "ReplicaSet" | "StatefulSet") {
            let of = one.resource;
            return fail(format!(
                "cannot autoscale a {}: could not find scale subresource for {}/{}, Resource={} in discovery information",
                of.kind, of.group, of.version, of.plural
            ));
        }
        let Some(live) = change::fetch(ctx, one)? else { return Ok(()) };
        let mut hpa = autoscaler(ctx, one.resource, &live, &metrics);
        if ctx.args().bool("save-config") {
            hpa = annotated(hpa);
        }
        let namespace = ctx.namespace();
        let made = if common::is_client_dry_run(ctx) { hpa } else { post(ctx, autoscalers, &namespace, hpa, "")? };
        output::changed(ctx, autoscalers, &made, "autoscaled")
    })?;
    common::end_with_failures(ctx)
}

fn autoscaler(ctx: &Ctx<'_>, target: &resource::Resource, live: &Value, metrics: &[Value]) -> Value {
    let name = match ctx.args().text("name") {
        "" => object::name(live),
        name => name,
    };
    let mut spec = json!({
        "maxReplicas": ctx.args().int("max"),
        "scaleTargetRef": {"apiVersion": target.group_version(), "kind": target.kind, "name": object::name(live)},
    });
    if ctx.args().int("min") > 0 {
        spec["minReplicas"] = json!(ctx.args().int("min"));
    }
    if !metrics.is_empty() {
        spec["metrics"] = json!(metrics);
    }
    json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata(ctx, name, true),
        "spec": spec, "status": {"currentMetrics": null, "desiredReplicas": 0},
    })
}

/// The metrics that flags ask for: `80%` of what pods request, or `500m` of each pod.
fn metrics(ctx: &Ctx<'_>) -> Result<Vec<Value>, Stop> {
    let mut found = Vec::new();
    let percent = ctx.args().int("cpu-percent");
    if percent >= 0 {
        found.push(resource_metric("cpu", &json!({"type": "Utilization", "averageUtilization": percent})));
    }
    for name in ["cpu", "memory"] {
        let text = ctx.args().text(name);
        if text.is_empty() {
            continue;
        }
        let target = match text.strip_suffix('%') {
            Some(number) => match number.parse::<i32>() {
                Ok(percent) => json!({"type": "Utilization", "averageUtilization": percent}),
                Err(_) => return fail(format!("invalid value for --{name}: {text}")),
            },
            None => match text.parse::<Quantity>() {
                Ok(amount) => json!({"type": "AverageValue", "averageValue": amount}),
                Err(_) => return fail(format!("invalid value for --{name}: {text}")),
            },
        };
        found.push(resource_metric(name, &target));
    }
    Ok(found)
}

fn resource_metric(name: &str, target: &Value) -> Value {
    json!({"type": "Resource", "resource": {"name": name, "target": target}})
}
