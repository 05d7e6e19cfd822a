//! ConfigMaps and Secrets. Models `ValidateConfigMap`, `ValidateSecret` and their updates.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::error::{each, forbidden, invalid, required, too_long};
use super::names;
use crate::api::{ConfigMap, FieldError, Secret};

const MOST: usize = 1 << 20;
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// A new config map.
pub fn config_map(map: &ConfigMap, errors: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, value) in &map.data {
        each(&format!("data[{key}]"), key, names::config_key(key), errors);
        if map.binary_data.contains_key(key) {
            let why = "duplicate of key present in binaryData";
            errors.push(invalid(&format!("data[{key}]"), &json!(key), why));
        }
        size += value.len();
    }
    for (key, value) in &map.binary_data {
        each(&format!("binaryData[{key}]"), key, names::config_key(key), errors);
        size += value.len() / 4 * 3;
    }
    if size > MOST {
        errors.push(too_long("[]", MOST));
    }
}

/// A changed config map.
pub fn config_map_update(new: &ConfigMap, old: &ConfigMap, errors: &mut Vec<FieldError>) {
    if old.immutable == Some(true) {
        let why = "field is immutable when `immutable` is set";
        if new.immutable != Some(true) {
            errors.push(forbidden("immutable", why));
        }
        if new.data != old.data {
            errors.push(forbidden("data", why));
        }
        if new.binary_data != old.binary_data {
            errors.push(forbidden("binaryData", why));
        }
    }
    config_map(new, errors);
}

/// A new secret.
pub fn secret(secret: &Secret, errors: &mut Vec<FieldError>) {
    let mut size = 0;
    for (key, value) in &secret.data {
        each(&format!("data[{key}]"), key, names::config_key(key), errors);
        size += value.len() / 4 * 3;
    }
    if size > MOST {
        errors.push(too_long("data", MOST));
    }
    let has = |key: &str| secret.data.contains_key(key);
    let mut need = |key: &str| {
        if !secret.data.contains_key(key) {
            errors.push(required(&format!("data[{key}]"), ""));
        }
    };
    match secret.r#type.as_str() {
        "kubernetes.io/tls" => {
            need("tls.crt");
            need("tls.key");
        }
        "kubernetes.io/ssh-auth" => need("ssh-privatekey"),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            need("username");
            need("password");
        }
        "kubernetes.io/dockercfg" => docker(secret, ".dockercfg", errors),
        "kubernetes.io/dockerconfigjson" => docker(secret, ".dockerconfigjson", errors),
        "kubernetes.io/service-account-token" if account(secret).is_empty() => {
            errors.push(required(&format!("metadata.annotations[{ACCOUNT}]"), ""));
        }
        _ => {}
    }
}

/// The service account of a token.
fn account(secret: &Secret) -> &str {
    secret.metadata.annotations.get(ACCOUNT).map_or("", String::as_str)
}

fn docker(secret: &Secret, key: &str, errors: &mut Vec<FieldError>) {
    let field = format!("data[{key}]");
    let Some(value) = secret.data.get(key) else {
        errors.push(required(&field, ""));
        return;
    };
    let bytes = BASE64.decode(value.as_bytes()).unwrap_or_default();
    if serde_json::from_slice::<Value>(&bytes).is_err() {
        let why = match bytes.first() {
            Some(byte) => format!("invalid character '{}' looking for beginning of value", char::from(*byte)),
            None => "unexpected end of JSON input".into(),
        };
        errors.push(invalid(&field, &json!("<secret contents redacted>"), &why));
    }
}

/// A changed secret.
pub fn secret_update(new: &Secret, old: &Secret, errors: &mut Vec<FieldError>) {
    if new.r#type != old.r#type {
        errors.push(invalid("type", &json!(new.r#type), "field is immutable"));
    }
    if old.immutable == Some(true) {
        let why = "field is immutable when `immutable` is set";
        if new.immutable != Some(true) {
            errors.push(forbidden("immutable", why));
        }
        if new.data != old.data {
            errors.push(forbidden("data", why));
        }
    }
    secret(new, errors);
}
