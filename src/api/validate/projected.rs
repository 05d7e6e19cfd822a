//! Files that volumes are made of: keys, fields of the pod, tokens. Models `validateProjectionSources`, `validateKeyToPath`,
//! `validateDownwardAPIVolumeFile` and `validateObjectFieldSelector` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{forbidden, invalid, invalid_form, required, unsupported};
use super::volume_source::{need, plain_path, text};
use super::{field_path, go_form, selector};
use crate::api::{FieldError, LabelSelector};
use crate::sim::VecSet;

const FIELDS: [&str; 5] =
    ["metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"];
const KEY_TYPES: [&str; 6] = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];
const TEN_MINUTES: i64 = 600;

/// The permissions of a file.
pub fn mode(value: &Value, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(mode) = value[name].as_i64()
        && !(0..=0o777).contains(&mode)
    {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(invalid(&format!("{field}.{name}"), &json!(mode), why));
    }
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    value[name].as_array().into_iter().flatten().enumerate()
}

/// Keys that become files.
pub fn items(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (at, item) in list(value, "items") {
        let field = format!("{field}.items[{at}]");
        need(item, "key", &field, errors);
        need(item, "path", &field, errors);
        plain_path(text(item, "path"), &format!("{field}.path"), errors);
        mode(item, "mode", &field, errors);
    }
}

/// Fields of the pod that become files; upstream's paths do not say which.
pub fn files(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (_, file) in list(value, "items") {
        need(file, "path", field, errors);
        plain_path(text(file, "path"), &format!("{field}.path"), errors);
        match (file["fieldRef"].is_object(), file["resourceFieldRef"].is_object()) {
            (true, both) => {
                let of = &file["fieldRef"];
                let at = format!("{field}.fieldRef");
                field_path::object(text(of, "fieldPath"), text(of, "apiVersion"), &FIELDS, &at, errors);
                if both {
                    let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                    errors.push(invalid(field, &json!("resource"), why));
                }
            }
            (false, true) => {
                field_path::resource(&file["resourceFieldRef"], true, &format!("{field}.resourceFieldRef"), errors);
            }
            (false, false) => errors.push(required(field, "one of fieldRef and resourceFieldRef is required")),
        }
        mode(file, "mode", field, errors);
    }
}

/// Several sources in one volume.
pub fn sources(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    mode(value, "defaultMode", field, errors);
    let mut paths = Paths::default();
    for (at, source) in list(value, "sources") {
        let field_of = format!("{field}.sources[{at}]");
        let mut count = 0;
        for name in
            ["secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate"]
        {
            let part = &source[name];
            if !part.is_object() {
                continue;
            }
            count += 1;
            let at = format!("{field_of}.{name}");
            match name {
                "secret" | "configMap" => {
                    need(part, "name", &at, errors);
                    items(part, &at, errors);
                    for (_, item) in list(part, "items") {
                        paths.add(text(item, "path"), text(part, "name"), field, errors);
                    }
                }
                "downwardAPI" => {
                    files(part, &at, errors);
                    list(part, "items").for_each(|(_, file)| {
                        paths.add(text(file, "path"), text(file, "path"), field, errors);
                    });
                }
                "serviceAccountToken" => token(part, field, &at, errors),
                "clusterTrustBundle" => {
                    trust_bundle(part, &at, errors);
                    paths.add(text(part, "path"), text(part, "path"), field, errors);
                }
                _ => certificate(part, field, &at, &mut paths, errors),
            }
        }
        if count > 1 {
            errors.push(forbidden(&field_of, "may not specify more than 1 volume type per source"));
        }
    }
}

/// The files of all sources.
#[derive(Default)]
struct Paths(VecSet<String>);

impl Paths {
    fn add(&mut self, path: &str, shown: &str, field: &str, errors: &mut Vec<FieldError>) {
        if !path.is_empty() && !self.0.insert(path.to_owned()) {
            errors.push(invalid(field, &json!(shown), "conflicting duplicate paths"));
        }
    }
}

fn token(part: &Value, volume: &str, field: &str, errors: &mut Vec<FieldError>) {
    let seconds = part["expirationSeconds"].as_i64().unwrap_or(0);
    let mut wrong = |why: &str| errors.push(invalid(&format!("{field}.expirationSeconds"), &json!(seconds), why));
    if seconds < TEN_MINUTES {
        wrong("may not specify a duration less than 10 minutes");
    }
    if seconds > 1 << 32 {
        wrong("may not specify a duration larger than 2^32 seconds");
    }
    // Upstream's path is the volume's.
    match text(part, "path") {
        "" => errors.push(required(&format!("{volume}.path"), "")),
        path => plain_path(path, &format!("{volume}.path"), errors),
    }
}

fn trust_bundle(part: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match (part["name"].as_str(), part["signerName"].as_str()) {
        (Some(_), Some(_)) => {
            let value = go_form::form("ClusterTrustBundleProjection", part);
            errors.push(invalid_form(field, &value, "only one of name and signerName may be used"));
        }
        (Some(name), None) => {
            if name.is_empty() {
                errors.push(required(&format!("{field}.name"), "must be a valid object name"));
            }
            if !part["labelSelector"].is_null() {
                let value = go_form::form("LabelSelector", &part["labelSelector"]);
                let why = "labelSelector must be unset if name is specified";
                errors.push(invalid_form(&format!("{field}.labelSelector"), &value, why));
            }
        }
        (None, Some(signer)) => {
            if signer.is_empty() {
                errors.push(required(&format!("{field}.signerName"), "must be a valid signer name"));
            }
            signer_name(signer, &format!("{field}.signerName"), errors);
            if let Ok(of) = serde_json::from_value::<LabelSelector>(part["labelSelector"].clone()) {
                selector::label_selector(&of, &format!("{field}.labelSelector"), errors);
            }
        }
        (None, None) => errors.push(required(field, "either name or signerName must be specified")),
    }
    need(part, "path", field, errors);
    plain_path(text(part, "path"), &format!("{field}.path"), errors);
}

/// `example.com/signer-name` (`ValidateSignerName`): a host with a dot and one part of a path.
fn signer_name(signer: &str, field: &str, errors: &mut Vec<FieldError>) {
    if signer.is_empty() {
        return errors.push(required(field, ""));
    }
    let parts: Vec<&str> = signer.split('/').collect();
    let [domain, path] = parts[..] else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        return errors.push(invalid(field, &json!(signer), why));
    };
    let mut wrong = |what: &str, value: &str, why: Vec<String>| {
        errors.extend(why.iter().map(|why| invalid(field, &json!(value), &format!("validating {what}: {why}"))));
    };
    wrong("label", domain, super::names::dns_subdomain(domain));
    if domain.split('.').count() < 2 {
        wrong("domain", domain, vec!["should be a domain with at least two segments separated by dots".into()]);
    }
    wrong("label", path, super::names::dns_subdomain(path));
}

fn certificate(part: &Value, volume: &str, field: &str, paths: &mut Paths, errors: &mut Vec<FieldError>) {
    signer_name(text(part, "signerName"), &format!("{field}.signerName"), errors);
    let key = text(part, "keyType");
    if !KEY_TYPES.contains(&key) {
        errors.push(unsupported(&format!("{field}.keyType"), key, &KEY_TYPES));
    }
    let mut some = false;
    for name in ["credentialBundlePath", "keyPath", "certificateChainPath"] {
        let path = text(part, name);
        if !path.is_empty() {
            some = true;
            plain_path(path, &format!("{field}.{name}"), errors);
            paths.add(path, path, volume, errors);
        }
    }
    if !some {
        let why = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath";
        errors.push(required(field, why));
    }
}
