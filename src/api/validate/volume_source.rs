//! The sources of volumes, as they are on the wire. Models `validateVolumeSource`, `ValidatePersistentVolumeSpec` and the
//! functions for one source that they call, in `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required, too_long, unsupported};
use super::{claim, meta, names, projected};
use crate::api::define::Rest;
use crate::api::{FieldError, PersistentVolumeClaimSpec, Quantity};

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];

/// The order in which upstream looks for the source of a pod's volume.
pub const OF_PODS: &[&str] = &[
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
];

/// The order in which upstream looks for the source of a PersistentVolume.
pub const OF_VOLUMES: &[&str] = &[
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

/// Looks at the first source and refuses the others.
pub fn only_one(rest: &Rest, order: &[&str], field: &str, errors: &mut Vec<FieldError>) {
    let persistent = order == OF_VOLUMES;
    let mut there = order.iter().filter_map(|name| Some((*name, rest.get(*name)?)));
    let Some((name, value)) = there.next() else {
        return errors.push(required(field, "must specify a volume type"));
    };
    // Upstream's name of this one's path.
    let shown = if persistent && name == "gcePersistentDisk" { "persistentDisk" } else { name };
    one(name, value, persistent, &format!("{field}.{shown}"), errors);
    for (name, _) in there {
        errors.push(forbidden(&format!("{field}.{name}"), "may not specify more than 1 volume type"));
    }
}

/// A text of a source; empty if it is not there.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

/// `Required value`, if a text is empty.
pub fn need(value: &Value, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if text(value, name).is_empty() {
        errors.push(required(&format!("{field}.{name}"), ""));
    }
}

/// The fields that a source cannot do without, where that is all there is to say first.
fn needed(source: &str) -> &'static [&'static str] {
    match source {
        "gitRepo" => &["repository"],
        "gcePersistentDisk" => &["pdName"],
        "awsElasticBlockStore" | "cinder" | "portworxVolume" => &["volumeID"],
        "secret" => &["secretName"],
        "configMap" => &["name"],
        "persistentVolumeClaim" => &["claimName"],
        "nfs" => &["server", "path"],
        "glusterfs" => &["endpoints", "path"],
        "azureFile" => &["secretName", "shareName"],
        "vsphereVolume" => &["volumePath"],
        "photonPersistentDisk" => &["pdID"],
        "scaleIO" => &["gateway", "system", "volumeName"],
        "azureDisk" => &["diskName", "diskURI"],
        "flexVolume" => &["driver"],
        _ => &[],
    }
}

fn one(name: &str, value: &Value, persistent: bool, field: &str, errors: &mut Vec<FieldError>) {
    for name in needed(name) {
        need(value, name, field, errors);
    }
    match name {
        "emptyDir" => empty_dir(value, field, errors),
        "hostPath" => host_path(value, field, errors),
        "local" => local(value, field, errors),
        "gitRepo" => descending_path(text(value, "directory"), &format!("{field}.directory"), errors),
        "gcePersistentDisk" | "awsElasticBlockStore" => range(value, "partition", 1, 255, field, errors),
        "secret" | "configMap" => {
            projected::mode(value, "defaultMode", field, errors);
            projected::items(value, field, errors);
        }
        "nfs" if !text(value, "path").starts_with('/') => {
            let path = text(value, "path");
            errors.push(invalid(&format!("{field}.path"), &json!(path), "must be an absolute path"));
        }
        "rbd" | "cephfs" => ceph(name, value, field, errors),
        "cinder" if value["secretRef"].is_object() => secret(&value["secretRef"], persistent, field, errors),
        "flocker" => flocker(value, field, errors),
        "fc" => fibre_channel(value, field, errors),
        "iscsi" => iscsi(value, field, errors),
        "quobyte" => quobyte(value, field, errors),
        "flexVolume" => flex(value, field, errors),
        "azureDisk" => azure_disk(value, field, errors),
        "storageos" => storage_os(value, persistent, field, errors),
        "downwardAPI" => {
            projected::mode(value, "defaultMode", field, errors);
            projected::files(value, field, errors);
        }
        "projected" => projected::sources(value, field, errors),
        "csi" if persistent => csi_volume(value, field, errors),
        "csi" => csi_inline(value, field, errors),
        "ephemeral" => ephemeral(value, field, errors),
        "image" => image(value, field, errors),
        _ => {}
    }
}

fn secret(reference: &Value, persistent: bool, field: &str, errors: &mut Vec<FieldError>) {
    need(reference, "name", &format!("{field}.secretRef"), errors);
    if persistent {
        need(reference, "namespace", &format!("{field}.secretRef"), errors);
    }
}

fn range(value: &Value, name: &str, least: i64, most: i64, field: &str, errors: &mut Vec<FieldError>) {
    let Some(number) = value[name].as_i64() else { return };
    if !(0..=most).contains(&number) {
        let why = format!("must be between {least} and {most}, inclusive");
        errors.push(invalid(&format!("{field}.{name}"), &json!(number), &why));
    }
}

fn empty_dir(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(limit) = value["sizeLimit"].as_str().and_then(|t| t.parse::<Quantity>().ok())
        && limit.sign() < 0
    {
        errors.push(forbidden(&format!("{field}.sizeLimit"), "SizeLimit field must be a valid resource quantity"));
    }
}

fn host_path(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let (path, kind) = (text(value, "path"), text(value, "type"));
    if path.is_empty() {
        return errors.push(required(&format!("{field}.path"), ""));
    }
    no_back_steps(path, &format!("{field}.path"), errors);
    if !HOST_PATH_TYPES.contains(&kind) {
        errors.push(unsupported(&format!("{field}.type"), kind, &HOST_PATH_TYPES));
    }
}

fn local(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match text(value, "path") {
        "" => errors.push(required(&format!("{field}.path"), "")),
        path => no_back_steps(path, &format!("{field}.path"), errors),
    }
}

fn ceph(name: &str, value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if value["monitors"].as_array().is_none_or(Vec::is_empty) {
        errors.push(required(&format!("{field}.monitors"), ""));
    }
    if name == "rbd" {
        need(value, "image", field, errors);
    }
}

fn flocker(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let (name, uuid) = (text(value, "datasetName"), text(value, "datasetUUID"));
    if name.is_empty() && uuid.is_empty() {
        errors.push(required(field, "one of datasetName and datasetUUID is required"));
    }
    if !name.is_empty() && !uuid.is_empty() {
        let why = "datasetName and datasetUUID can not be specified simultaneously";
        errors.push(invalid(field, &json!("resource"), why));
    }
    if name.contains('/') {
        errors.push(invalid(&format!("{field}.datasetName"), &json!(name), "must not contain '/'"));
    }
}

fn fibre_channel(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let some = |name: &str| value[name].as_array().is_some_and(|items| !items.is_empty());
    let names = format!("{field}.targetWWNs");
    match (some("targetWWNs"), some("wwids")) {
        (false, false) => {
            errors.push(required(&names, "must specify either targetWWNs or wwids, but not both"));
        }
        (true, true) => {
            let why = "targetWWNs and wwids can not be specified simultaneously";
            errors.push(invalid(&names, &value["targetWWNs"], why));
        }
        _ => {}
    }
    if some("targetWWNs") {
        if value["lun"].is_null() {
            errors.push(required(&format!("{field}.lun"), "lun is required if targetWWNs is specified"));
        }
        range(value, "lun", 0, 255, field, errors);
    }
}

fn iscsi(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    need(value, "targetPortal", field, errors);
    need(value, "iqn", field, errors);
    iscsi_name(text(value, "iqn"), &format!("{field}.iqn"), errors);
    iscsi_name(text(value, "initiatorName"), &format!("{field}.initiatorname"), errors);
    range(value, "lun", 0, 255, field, errors);
    let chap = ["chapAuthDiscovery", "chapAuthSession"].iter().any(|name| value[*name] == true);
    if chap && value["secretRef"].is_null() {
        errors.push(required(&format!("{field}.secretRef"), ""));
    }
}

/// `iqn.2001-04.com.example:storage`, `eui.` with sixteen or `naa.` with thirty-two letters and digits.
fn iscsi_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        return;
    }
    let word = |rest: &str, long: usize| rest.len() == long && rest.bytes().all(|b| b.is_ascii_alphanumeric());
    // Upstream's patterns take any letter where these two have their dot.
    let after = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.get(1..));
    let good = match name.get(..3) {
        Some("iqn") => is_iqn(name),
        Some("eui") => after("eui").is_some_and(|rest| word(rest, 16)),
        Some("naa") => after("naa").is_some_and(|rest| word(rest, 32)),
        _ => {
            let why = "must be valid format starting with iqn, eui, or naa";
            return errors.push(invalid(field, &json!(name), why));
        }
    };
    if !good {
        errors.push(invalid(field, &json!(name), "must be valid format"));
    }
}

/// `iqn.`, the month in which somebody had a name, the name backwards, and what they call the target.
fn is_iqn(name: &str) -> bool {
    let Some((date, rest)) = name.strip_prefix("iqn.").and_then(|rest| rest.split_once('.')) else { return false };
    let is_date = date.len() == 7
        && date.bytes().enumerate().all(|(at, byte)| if at == 4 { byte == b'-' } else { byte.is_ascii_digit() });
    let Some((authority, target)) = rest.split_once(':') else { return false };
    let is_authority = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    let is_target = |c: char| !matches!(c, '^' | ',' | ';' | '*' | '&' | '$' | '|') && !c.is_whitespace();
    is_date
        && !authority.is_empty()
        && authority.bytes().all(is_authority)
        && !target.is_empty()
        && target.chars().all(is_target)
}

fn quobyte(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    const PAIRS: &str = "must be a host:port pair or multiple pairs separated by commas";
    let registry = text(value, "registry");
    if registry.is_empty() {
        errors.push(required(&format!("{field}.registry"), PAIRS));
    } else if text(value, "tenant").len() >= 65 {
        let why = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(required(&format!("{field}.tenant"), why));
    } else {
        for _ in registry.split(',').filter(|pair| !pair.contains(':')) {
            errors.push(invalid(&format!("{field}.registry"), &json!(registry), PAIRS));
        }
    }
    need(value, "volume", field, errors);
}

fn flex(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for key in value["options"].as_object().into_iter().flatten().map(|(key, _)| key) {
        let owner = format!(".{}", key.split('/').next().unwrap_or("").to_lowercase());
        if owner.ends_with(".kubernetes.io") || owner.ends_with(".k8s.io") {
            let why = "kubernetes.io and k8s.io namespaces are reserved";
            errors.push(invalid(&format!("{field}.options[{key}]"), &json!(key), why));
        }
    }
}

fn azure_disk(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (name, words) in
        [("cachingMode", ["None", "ReadOnly", "ReadWrite"]), ("kind", ["Dedicated", "Managed", "Shared"])]
    {
        if let Some(word) = value[name].as_str().filter(|word| !words.contains(word)) {
            errors.push(unsupported(&format!("{field}.{name}"), word, &words));
        }
    }
    let (Some(kind), uri) = (value["kind"].as_str(), text(value, "diskURI")) else { return };
    let (prefix, form) = match kind {
        "Managed" => (
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        ),
        _ => ("https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"),
    };
    if !uri.starts_with(prefix) {
        errors.push(unsupported(&format!("{field}.diskURI"), uri, &[form]));
    }
}

fn storage_os(value: &Value, persistent: bool, field: &str, errors: &mut Vec<FieldError>) {
    let (name, namespace) = (text(value, "volumeName"), text(value, "volumeNamespace"));
    if name.is_empty() {
        errors.push(required(&format!("{field}.volumeName"), ""));
    } else {
        each(&format!("{field}.volumeName"), name, names::dns_label(name), errors);
    }
    if !namespace.is_empty() {
        each(&format!("{field}.volumeNamespace"), namespace, names::dns_label(namespace), errors);
    }
    if value["secretRef"].is_object() {
        secret(&value["secretRef"], persistent, field, errors);
    }
}

/// A driver of the container storage interface.
fn driver(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let (name, field) = (text(value, "driver"), format!("{field}.driver"));
    if name.is_empty() {
        errors.push(required(&field, ""));
    }
    if name.len() > 63 {
        errors.push(too_long(&field, 63));
    }
    each(&field, name, names::dns_subdomain(&name.to_lowercase()), errors);
}

fn csi_volume(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    driver(value, field, errors);
    need(value, "volumeHandle", field, errors);
    for name in
        ["controllerPublishSecretRef", "controllerExpandSecretRef", "nodePublishSecretRef", "nodeExpandSecretRef"]
    {
        let reference = &value[name];
        if !reference.is_object() {
            continue;
        }
        let field = format!("{field}.{name}");
        need(reference, "name", &field, errors);
        let secret = text(reference, "name");
        if !secret.is_empty() {
            each(&format!("{field}.name"), secret, names::dns_subdomain(secret), errors);
        }
        need(reference, "namespace", &field, errors);
        let namespace = text(reference, "namespace");
        if !namespace.is_empty() {
            each(&format!("{field}.namespace"), namespace, names::dns_label(namespace), errors);
        }
    }
}

fn csi_inline(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    driver(value, field, errors);
    let reference = &value["nodePublishSecretRef"];
    if reference.is_object() {
        match text(reference, "name") {
            "" => errors.push(required(&format!("{field}.nodePublishSecretRef.name"), "")),
            name => each(&format!("{field}.name"), name, names::dns_subdomain(name), errors),
        }
    }
}

fn ephemeral(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let (template, field) = (&value["volumeClaimTemplate"], format!("{field}.volumeClaimTemplate"));
    if template.is_null() {
        return errors.push(required(&field, ""));
    }
    let of = |name: &str| serde_json::from_value(template["metadata"][name].clone()).unwrap_or_default();
    meta::annotations(&of("annotations"), &format!("{field}.metadata.annotations"), errors);
    meta::labels(&of("labels"), &format!("{field}.metadata.labels"), errors);
    for name in template["metadata"].as_object().into_iter().flatten().map(|(name, _)| name) {
        if !matches!(name.as_str(), "annotations" | "labels" | "creationTimestamp") {
            errors.push(forbidden(&format!("{field}.metadata.{name}"), "cannot be set"));
        }
    }
    let spec: PersistentVolumeClaimSpec = serde_json::from_value(template["spec"].clone()).unwrap_or_default();
    claim::spec(&spec, &format!("{field}.spec"), false, errors);
}

fn image(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    need(value, "reference", field, errors);
    let reference = text(value, "reference");
    if !reference.is_empty() && reference.trim() != reference {
        let why = "must not have leading or trailing whitespace";
        errors.push(invalid(&format!("{field}.reference"), &json!(reference), why));
    }
    let policy = text(value, "pullPolicy");
    if !policy.is_empty() && !PULL_POLICIES.contains(&policy) {
        errors.push(unsupported(&format!("{field}.pullPolicy"), policy, &PULL_POLICIES));
    }
}

/// A path below something: not absolute and not up again.
pub fn descending_path(path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if path.starts_with('/') {
        errors.push(invalid(field, &json!(path), "must be a relative path"));
    }
    no_back_steps(path, field, errors);
}

/// Such a path whose first part does not begin like one that goes up (`ValidateLocalNonReservedPath`).
pub fn plain_path(path: &str, field: &str, errors: &mut Vec<FieldError>) {
    descending_path(path, field, errors);
    if path.starts_with("..") && !path.starts_with("../") {
        errors.push(invalid(field, &json!(path), "must not start with '..'"));
    }
}

/// No part of a path goes up.
pub fn no_back_steps(path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if path.split('/').any(|part| part == "..") {
        errors.push(invalid(field, &json!(path), "must not contain '..'"));
    }
}
