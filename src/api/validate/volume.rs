//! Volumes. Models `ValidateVolumes` and `validateVolumeSource`. The sources are in `rest`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::{duplicate, each, forbidden, invalid, required, unsupported};
use super::names;
use crate::api::{FieldError, Quantity, Volume};

const HOST_PATH_TYPES: [&str; 8] =
    ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/// The volumes of a spec; the names of those that can be mounted.
pub fn volumes(volumes: &[Volume], field: &str, errors: &mut Vec<FieldError>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, volume) in volumes.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let before = errors.len();
        source(volume, &field, errors);
        let name = format!("{field}.name");
        if volume.name.is_empty() {
            errors.push(required(&name, ""));
        } else {
            each(&name, &volume.name, names::dns_label(&volume.name), errors);
        }
        if names.contains(&volume.name) {
            errors.push(duplicate(&name, &json!(volume.name)));
        }
        if errors.len() == before {
            names.insert(volume.name.clone());
        }
    }
    names
}

fn source(volume: &Volume, field: &str, errors: &mut Vec<FieldError>) {
    let mut sources = volume.rest.iter();
    let Some((name, value)) = sources.next() else {
        errors.push(required(field, "must specify a volume type"));
        return;
    };
    one(name, value, &format!("{field}.{name}"), errors);
    for (name, _) in sources {
        errors.push(forbidden(&format!("{field}.{name}"), "may not specify more than 1 volume type"));
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or("")
}

fn need(value: &Value, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if text(value, name).is_empty() {
        errors.push(required(&format!("{field}.{name}"), ""));
    }
}

fn one(name: &str, value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    match name {
        "emptyDir" => empty_dir(value, field, errors),
        "hostPath" => {
            need(value, "path", field, errors);
            no_back_steps(text(value, "path"), &format!("{field}.path"), errors);
            let kind = text(value, "type");
            if !HOST_PATH_TYPES.contains(&kind) {
                errors.push(unsupported(&format!("{field}.type"), kind, &HOST_PATH_TYPES));
            }
        }
        "secret" => {
            need(value, "secretName", field, errors);
            mode(value, "defaultMode", field, errors);
            items(value, field, errors);
        }
        "configMap" => {
            need(value, "name", field, errors);
            mode(value, "defaultMode", field, errors);
            items(value, field, errors);
        }
        "persistentVolumeClaim" => need(value, "claimName", field, errors),
        "nfs" => {
            need(value, "server", field, errors);
            need(value, "path", field, errors);
            let path = text(value, "path");
            if !path.is_empty() && !path.starts_with('/') {
                errors.push(invalid(&format!("{field}.path"), &json!(path), "must be an absolute path"));
            }
        }
        "downwardAPI" => mode(value, "defaultMode", field, errors),
        "projected" => mode(value, "defaultMode", field, errors),
        "gcePersistentDisk" => need(value, "pdName", field, errors),
        "awsElasticBlockStore" => need(value, "volumeID", field, errors),
        "csi" => need(value, "driver", field, errors),
        _ => {}
    }
}

fn empty_dir(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(limit) = value["sizeLimit"].as_str().and_then(|t| t.parse::<Quantity>().ok())
        && limit.sign() < 0
    {
        errors.push(forbidden(&format!("{field}.sizeLimit"), "SizeLimit field must be a valid resource quantity"));
    }
}

fn mode(value: &Value, name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(mode) = value[name].as_i64()
        && !(0..=0o777).contains(&mode)
    {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(invalid(&format!("{field}.{name}"), &json!(mode), why));
    }
}

fn items(value: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let Some(items) = value["items"].as_array() else { return };
    for (at, item) in items.iter().enumerate() {
        let field = format!("{field}.items[{at}]");
        need(item, "key", &field, errors);
        need(item, "path", &field, errors);
        relative(text(item, "path"), &format!("{field}.path"), errors);
        mode(item, "mode", &field, errors);
    }
}

fn relative(path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if path.starts_with('/') {
        errors.push(invalid(field, &json!(path), "must be a relative path"));
    }
    no_back_steps(path, field, errors);
    if path.starts_with("..") && !path.starts_with("../") {
        errors.push(invalid(field, &json!(path), "must not start with '..'"));
    }
}

fn no_back_steps(path: &str, field: &str, errors: &mut Vec<FieldError>) {
    if path.split('/').any(|part| part == "..") {
        errors.push(invalid(field, &json!(path), "must not contain '..'"));
    }
}
