//! `describe` of PersistentVolume, PersistentVolumeClaim and StorageClass.

use serde_json::Value;

use super::page::{self, Page};
use super::{events, volume};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, entries, items, plain, text, text_at};
use crate::kubectl::object;

fn finalizers(object: &Value) -> String {
    let all: Vec<&str> = items(object, &["metadata", "finalizers"]).iter().filter_map(Value::as_str).collect();
    format!("[{}]", all.join(" "))
}

/// `RWO,ROX,RWX,RWOP`, in that order.
fn modes(modes: &[Value]) -> String {
    let short =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let has = |word: &str| modes.iter().any(|mode| mode == word);
    short.iter().filter(|(word, _)| has(word)).map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

fn class(object: &Value) -> String {
    let annotation = text_at(object, &["metadata", "annotations", "volume.beta.kubernetes.io/storage-class"]);
    if annotation.is_empty() {
        text_at(object, &["spec", "storageClassName"]).to_owned()
    } else {
        annotation.to_owned()
    }
}

fn phase(object: &Value) -> String {
    match text_at(object, &["metadata", "deletionTimestamp"]) {
        "" => text_at(object, &["status", "phase"]).to_owned(),
        at => format!("Terminating (lasts {at})"),
    }
}

/// Describes a PersistentVolumeClaim with the pods that use it.
pub fn claim(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.pair(0, "StorageClass", class(object));
    page.pair(0, "Status", phase(object));
    page.pair(0, "Volume", text_at(object, &["spec", "volumeName"]));
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.pair(0, "Finalizers", finalizers(object));
    let bound = !text_at(object, &["spec", "volumeName"]).is_empty();
    let (capacity, access) = if bound {
        (plain(at(object, &["status", "capacity", "storage"])), modes(items(object, &["status", "accessModes"])))
    } else {
        (String::new(), String::new())
    };
    page.pair(0, "Capacity", capacity);
    page.pair(0, "Access Modes", access);
    page.pair(0, "VolumeMode", text_at(object, &["spec", "volumeMode"]));
    let pods = used_by(ctx, object)?;
    page.pair(0, "Used By", pods.first().map_or("<none>", String::as_str));
    pods.iter().skip(1).for_each(|pod| page.line(0, format!("\t{pod}")));
    events::append(ctx, &mut page, "PersistentVolumeClaim", object)?;
    Ok(page.finish())
}

fn used_by(ctx: &mut Ctx<'_>, claim: &Value) -> Result<Vec<String>, Stop> {
    let list = ctx.json(HttpRequest::get(format!("/api/v1/namespaces/{}/pods", object::namespace(claim))))?;
    let name = object::name(claim);
    let uses = |pod: &&Value| {
        let volumes = items(pod, &["spec", "volumes"]);
        volumes.iter().any(|volume| text_at(volume, &["persistentVolumeClaim", "claimName"]) == name)
    };
    Ok(items(&list, &["items"]).iter().filter(uses).map(|pod| object::name(pod).to_owned()).collect())
}

/// Describes a PersistentVolume.
pub fn volume(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
    page.pair(0, "Finalizers", finalizers(object));
    page.pair(0, "StorageClass", class(object));
    page.pair(0, "Status", phase(object));
    let claim = at(object, &["spec", "claimRef"]);
    let claim =
        if claim.is_null() { String::new() } else { format!("{}/{}", text(claim, "namespace"), text(claim, "name")) };
    page.pair(0, "Claim", claim);
    page.pair(0, "Reclaim Policy", text_at(object, &["spec", "persistentVolumeReclaimPolicy"]));
    page.pair(0, "Access Modes", modes(items(object, &["spec", "accessModes"])));
    page.pair(0, "VolumeMode", text_at(object, &["spec", "volumeMode"]));
    page.pair(0, "Capacity", plain(at(object, &["spec", "capacity", "storage"])));
    node_affinity(&mut page, at(object, &["spec", "nodeAffinity", "required"]));
    page.pair(0, "Message", text_at(object, &["status", "message"]));
    page.line(0, "Source:");
    for (label, value) in volume::lines(at(object, &["spec"])) {
        page.pair(2, &label, value);
    }
    events::append(ctx, &mut page, "PersistentVolume", object)?;
    Ok(page.finish())
}

fn node_affinity(page: &mut Page, required: &Value) {
    if required.is_null() {
        return page.pair(0, "Node Affinity", "<none>");
    }
    page.pair(0, "Node Affinity", "");
    let terms = items(required, &["nodeSelectorTerms"]);
    if terms.is_empty() {
        return page.pair(1, "Required Terms", "<none>");
    }
    page.pair(1, "Required Terms", "");
    for (index, term) in terms.iter().enumerate() {
        let told: Vec<String> = items(term, &["matchExpressions"])
            .iter()
            .map(|want| {
                let values: Vec<&str> = items(want, &["values"]).iter().filter_map(Value::as_str).collect();
                let operator = text(want, "operator").to_lowercase();
                let list = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(", ")) };
                format!("{} {operator}{list}", text(want, "key"))
            })
            .collect();
        page.pair(2, &format!("Term {index}"), told.first().map_or("<none>", String::as_str));
        told.iter().skip(1).for_each(|line| page.line(2, format!("\t{line}")));
    }
}

/// `a=b,c=d`, or `<none>`.
fn formatted(object: &Value, path: &[&str]) -> String {
    let all: Vec<String> =
        entries(object, path).iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or(""))).collect();
    if all.is_empty() { "<none>".into() } else { all.join(",") }
}

/// Describes a StorageClass.
pub fn storage_class(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    let default = text_at(object, &["metadata", "annotations", "storageclass.kubernetes.io/is-default-class"]);
    page.pair(0, "IsDefaultClass", if default == "true" { "Yes" } else { "No" });
    page.pair(0, "Annotations", formatted(object, &["metadata", "annotations"]));
    page.pair(0, "Provisioner", text(object, "provisioner"));
    page.pair(0, "Parameters", formatted(object, &["parameters"]));
    let expansion = at(object, &["allowVolumeExpansion"]);
    page.pair(0, "AllowVolumeExpansion", expansion.as_bool().map_or("<unset>", page::truth));
    let options: Vec<&str> = items(object, &["mountOptions"]).iter().filter_map(Value::as_str).collect();
    if options.is_empty() {
        page.pair(0, "MountOptions", "<none>");
    } else {
        page.line(0, "MountOptions:");
        options.iter().for_each(|option| page.line(1, option));
    }
    page.pair(0, "ReclaimPolicy", text(object, "reclaimPolicy"));
    page.pair(0, "VolumeBindingMode", text(object, "volumeBindingMode"));
    events::append(ctx, &mut page, "StorageClass", object)?;
    Ok(page.finish())
}
