//! `kubectl apply --prune`: what was applied once and is in no file any more is deleted.
//!
//! Models `k8s.io/kubectl/pkg/cmd/apply/prune.go` and `k8s.io/kubectl/pkg/util/prune`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::LAST_APPLIED;
use crate::api::http::{HttpRequest, Method};
use crate::kubectl::api_error;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{items, text_at};
use crate::kubectl::object;
use crate::kubectl::print::output;
use crate::kubectl::resource::{self, Resource};
use crate::kubectl::timestamp;
use crate::kubectl::verb::common::{self, with_body};
use crate::kubectl::verb::delete;

/// What is pruned unless `--prune-allowlist` says otherwise: in namespaces, and outside of them.
const DEFAULT: [&str; 16] = [
    "core/v1/ConfigMap",
    "core/v1/Endpoints",
    "core/v1/PersistentVolumeClaim",
    "core/v1/Pod",
    "core/v1/ReplicationController",
    "core/v1/Secret",
    "core/v1/Service",
    "batch/v1/Job",
    "batch/v1/CronJob",
    "networking.k8s.io/v1/Ingress",
    "apps/v1/DaemonSet",
    "apps/v1/Deployment",
    "apps/v1/ReplicaSet",
    "apps/v1/StatefulSet",
    "core/v1/Namespace",
    "core/v1/PersistentVolume",
];

/// The resources that are pruned; empty for the usual ones.
///
/// # Errors
/// `--prune-allowlist` is no list of `group/version/kind`, or names a kind that the server does not have.
pub fn resources(ctx: &Ctx<'_>) -> Result<Vec<&'static Resource>, Stop> {
    ctx.args().list("prune-allowlist").iter().map(|text| parse(ctx, text)).collect()
}

fn parse(ctx: &Ctx<'_>, text: &str) -> Result<&'static Resource, Stop> {
    let parts: Vec<&str> = text.split('/').collect();
    let [group, version, kind] = parts.as_slice() else {
        return fail(format!("invalid GroupVersionKind format: {text}, please follow <group/version/kind>"));
    };
    let group = if *group == "core" { "" } else { group };
    match resource::by_kind(&ctx.session().discovered, group, version, kind) {
        Some(resource) => Ok(resource),
        None => {
            let slash = if group.is_empty() { "" } else { "/" };
            fail(format!("no matches for kind {kind:?} in version \"{group}{slash}{version}\""))
        }
    }
}

/// Deletes what was applied once, has the labels, and is not among `applied`.
pub fn run(ctx: &mut Ctx<'_>, listed: &[&'static Resource], applied: &[Value]) -> Result<(), Stop> {
    let mut resources = listed.to_vec();
    if resources.is_empty() {
        resources = DEFAULT.iter().map(|text| parse(ctx, text)).collect::<Result<_, _>>()?;
        let time = timestamp::klog(ctx.session().epoch, ctx.now());
        // Said whether a namespace is named or not.
        ctx.print_err(format!(
            "W{time}       1 prune.go:71] Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the --namespace flag in a future release. To preserve the current behaviour, list the resources you want to target explicitly in the --prune-allowlist flag.\n"
        ));
    }
    let mut namespaces: BTreeSet<String> = applied.iter().map(|object| object::namespace(object).to_owned()).collect();
    namespaces.remove("");
    if ctx.args().given("namespace") {
        namespaces.insert(ctx.namespace());
    }
    let (inside, outside): (Vec<&Resource>, Vec<&Resource>) =
        resources.into_iter().partition(|resource| resource.namespaced);
    for namespace in &namespaces {
        for resource in &inside {
            prune(ctx, resource, namespace, applied)?;
        }
    }
    for resource in outside {
        prune(ctx, resource, "", applied)?;
    }
    Ok(())
}

fn prune(ctx: &mut Ctx<'_>, resource: &Resource, namespace: &str, applied: &[Value]) -> Result<(), Stop> {
    let scope = if resource.namespaced { "namespaced" } else { "nonNamespaced" };
    let group_version = match resource.group {
        "" => format!("/{}", resource.version),
        _ => resource.group_version(),
    };
    let refused =
        |why: String| fail(format!("error pruning {scope} object {group_version}, Kind={}: {why}", resource.kind));
    let mut request = HttpRequest::get(resource.path(namespace));
    common::add_selectors(ctx, &mut request);
    let answer = ctx.request(request)?.response;
    if !answer.is_success() {
        return refused(api_error::bare_message(&answer));
    }
    let list = api_error::body_or_stop(&answer)?;
    for object in items(&list, &["items"]) {
        let was_applied = !text_at(object, &["metadata", "annotations", LAST_APPLIED]).is_empty();
        if !was_applied || applied.iter().any(|other| object::uid(other) == object::uid(object)) {
            continue;
        }
        if !common::is_client_dry_run(ctx) {
            let path = resource.object_path(namespace, object::name(object));
            let grace = Some(ctx.args().int("grace-period")).filter(|seconds| *seconds >= 0);
            let mut request = with_body(Method::Delete, path, "application/json", &delete::options(ctx, grace));
            common::add_dry_run(ctx, &mut request);
            let answer = ctx.request(request)?.response;
            if !answer.is_success() {
                return refused(api_error::bare_message(&answer));
            }
        }
        let mut object = object.clone();
        object["apiVersion"] = resource.group_version().into();
        object["kind"] = resource.kind.into();
        output::changed(ctx, resource, &object, "pruned")?;
    }
    Ok(())
}
