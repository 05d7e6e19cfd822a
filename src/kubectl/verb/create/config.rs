//! `create configmap`, `secret generic`, `namespace`, `serviceaccount`, `quota`, `priorityclass`.

use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use super::{Made, metadata, name};
use crate::api::Quantity;
use crate::api::validate::names;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::files::FileNode;
use crate::kubectl::object::content_hash;
use crate::kubectl::print::output::compact;

/// What the `--from-…` flags name, in order.
fn entries(ctx: &Ctx<'_>, kind: &str, name: &str) -> Result<Vec<(String, Vec<u8>)>, Stop> {
    let mut found: Vec<(String, Vec<u8>)> = Vec::new();
    if ["from-file", "from-literal"].iter().any(|flag| ctx.args().given(flag)) && ctx.args().given("from-env-file") {
        return fail("from-env-file cannot be combined with from-file or from-literal");
    }
    for source in ctx.args().list("from-file") {
        files(ctx, &source, &mut found)?;
    }
    for literal in ctx.args().raw_list("from-literal") {
        match literal.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                let bare = value.strip_prefix(['\'', '"']).and_then(|v| v.strip_suffix(['\'', '"'])).unwrap_or(value);
                found.push((key.to_owned(), bare.as_bytes().to_vec()));
            }
            _ => return fail(format!("invalid literal source {literal}, expected key=value")),
        }
    }
    for path in &ctx.args().list("from-env-file") {
        let Some(FileNode::File(content)) = ctx.file(path) else {
            return fail(format!("error reading {path}: no such file or directory"));
        };
        let text = String::from_utf8_lossy(content);
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            // A name alone means the variable of the environment, which nobody sets here.
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            let wrong = names::env_name(key);
            if !wrong.is_empty() {
                return fail(format!("{key:?} is not a valid key name: {}", wrong.join(";")));
            }
            found.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    for (i, (key, _)) in found.iter().enumerate() {
        if found[..i].iter().any(|(k, _)| k == key) {
            return fail(format!(
                "cannot add key {key:?}, another key by that name already exists in Data for {kind} {name:?}"
            ));
        }
        let ok = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if !ok {
            return fail(format!(
                "{key:?} is not a valid key name for a {kind}: a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
            ));
        }
    }
    Ok(found)
}

fn files(ctx: &Ctx<'_>, source: &str, found: &mut Vec<(String, Vec<u8>)>) -> Result<(), Stop> {
    let (key, path) = match source.split('=').collect::<Vec<_>>()[..] {
        [path] => (None, path),
        ["", path] => return fail(format!("key name for file path {path} missing")),
        [key, ""] => return fail(format!("file path for key name {key} missing")),
        [key, path] => (Some(key), path),
        _ => return fail("key names or file paths cannot contain '='"),
    };
    let base = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
    match ctx.file(path) {
        Some(FileNode::File(content)) => found.push((key.unwrap_or(base).to_owned(), content.clone())),
        Some(FileNode::Dir(names)) => {
            for name in names {
                if let Some(FileNode::File(content)) = ctx.file(&format!("{}/{name}", path.trim_end_matches('/'))) {
                    found.push((name.clone(), content.clone()));
                }
            }
        }
        None => return fail(format!("error reading {path}: no such file or directory")),
    }
    Ok(())
}

/// A config map.
pub fn config_map(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let (mut text, mut binary) = (Map::new(), Map::new());
    for (key, value) in entries(ctx, "ConfigMap", &name)? {
        match String::from_utf8(value) {
            Ok(value) => text.insert(key, Value::String(value)),
            Err(e) => binary.insert(key, Value::String(BASE64.encode(e.as_bytes()))),
        };
    }
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(ctx, &name, true)});
    if !text.is_empty() {
        object["data"] = Value::Object(text);
    }
    if !binary.is_empty() {
        object["binaryData"] = Value::Object(binary);
    }
    hashed(ctx, &mut object, &["data", "binaryData"]);
    Ok(Made { object, refusal: "failed to create configmap: " })
}

/// An opaque secret.
pub fn secret(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata(ctx, &name, true)});
    let found = entries(ctx, "Secret", &name)?;
    if !found.is_empty() {
        let data: Map<String, Value> = found.into_iter().map(|(k, v)| (k, Value::String(BASE64.encode(&v)))).collect();
        object["data"] = Value::Object(data);
    }
    if !ctx.args().text("type").is_empty() {
        object["type"] = json!(ctx.args().text("type"));
    }
    hashed(ctx, &mut object, &["data", "type"]);
    Ok(Made { object, refusal: "failed to create secret " })
}

/// `--append-hash`: the name gets a hash of what is in the object (`k8s.io/kubectl/pkg/util/hash`).
fn hashed(ctx: &Ctx<'_>, object: &mut Value, fields: &[&str]) {
    if !ctx.args().bool("append-hash") {
        return;
    }
    let mut hashed = json!({"kind": object["kind"], "name": object["metadata"]["name"]});
    for field in fields {
        match (object.get(*field), *field) {
            (Some(value), _) => hashed[*field] = value.clone(),
            (None, "data") => hashed["data"] = if fields.contains(&"type") { Value::Null } else { json!("") },
            (None, "type") => hashed["type"] = json!(""),
            _ => {}
        }
    }
    let name = format!("{}-{}", object["metadata"]["name"].as_str().unwrap_or(""), content_hash(&hashed));
    object["metadata"]["name"] = json!(name);
}

/// A secret for a registry of images.
pub fn registry_secret(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let value = |flag: &str| ctx.args().text(flag).to_owned();
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata(ctx, &name, true), "type": "kubernetes.io/dockerconfigjson"});
    if ctx.args().given("from-file") {
        let found = entries(ctx, "Secret", &name)?;
        let data: Map<String, Value> = found.into_iter().map(|(k, v)| (k, Value::String(BASE64.encode(&v)))).collect();
        object["data"] = Value::Object(data);
    } else {
        let needed = ["docker-username", "docker-password", "docker-server"];
        if needed.iter().any(|flag| ctx.args().text(flag).is_empty()) {
            return fail(
                "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
            );
        }
        let (user, password) = (value("docker-username"), value("docker-password"));
        let auth = BASE64.encode(format!("{user}:{password}").as_bytes());
        let email = match value("docker-email") {
            email if email.is_empty() => String::new(),
            email => format!(",\"email\":{}", compact(&json!(email))),
        };
        // In the order of upstream's struct.
        let config = format!(
            "{{\"auths\":{{{}:{{\"username\":{},\"password\":{}{email},\"auth\":\"{auth}\"}}}}}}",
            compact(&json!(value("docker-server"))),
            compact(&json!(user)),
            compact(&json!(password)),
        );
        object["data"] = json!({".dockerconfigjson": BASE64.encode(config.as_bytes())});
    }
    hashed(ctx, &mut object, &["data", "type"]);
    Ok(Made { object, refusal: "failed to create secret " })
}

/// A secret with a certificate and its key. That they belong together is not looked at: there is no cryptography here.
pub fn tls_secret(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let (cert, key) = (ctx.args().text("cert").to_owned(), ctx.args().text("key").to_owned());
    if key.is_empty() || cert.is_empty() {
        return fail("key and cert must be specified");
    }
    let mut data = json!({});
    for (path, entry, what) in [(cert, "tls.crt", "certificate"), (key, "tls.key", "key")] {
        let Some(FileNode::File(content)) = ctx.file(&path) else {
            return fail(format!("Cannot read file {path}, open {path}: no such file or directory"));
        };
        if !String::from_utf8_lossy(content).contains("-----BEGIN ") {
            return fail(format!("tls: failed to find any PEM data in {what} input"));
        }
        data[entry] = json!(BASE64.encode(content));
    }
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata(ctx, &name, true), "type": "kubernetes.io/tls", "data": data});
    hashed(ctx, &mut object, &["data", "type"]);
    Ok(Made { object, refusal: "failed to create secret " })
}

/// A namespace.
pub fn namespace(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(ctx, &name, false), "spec": {}, "status": {}});
    Ok(Made { object, refusal: "" })
}

/// A service account.
pub fn service_account(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(ctx, &name, true)});
    Ok(Made { object, refusal: "failed to create serviceaccount: " })
}

/// A resource quota.
pub fn quota(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let mut spec = json!({});
    for pair in ctx.args().text("hard").split(',').filter(|p| !p.is_empty()) {
        let Some((key, value)) = pair.split_once('=') else {
            return fail(format!("Invalid argument syntax {pair}, expected <resource>=<value>"));
        };
        if let Err(why) = value.parse::<Quantity>() {
            return fail(why);
        }
        spec["hard"][key] = json!(value);
    }
    let scopes: Vec<&str> = ctx.args().text("scopes").split(',').filter(|scope| !scope.is_empty()).collect();
    if !scopes.is_empty() {
        spec["scopes"] = json!(scopes);
    }
    let object = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata(ctx, &name, true), "spec": spec, "status": {}});
    Ok(Made { object, refusal: "failed to create quota: " })
}

/// A priority class.
pub fn priority_class(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let mut object = json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": metadata(ctx, &name, false),
        "value": ctx.args().int("value"), "preemptionPolicy": ctx.args().text("preemption-policy"),
    });
    if ctx.args().bool("global-default") {
        object["globalDefault"] = json!(true);
    }
    if !ctx.args().text("description").is_empty() {
        object["description"] = json!(ctx.args().text("description"));
    }
    Ok(Made { object, refusal: "failed to create priorityclass: " })
}
