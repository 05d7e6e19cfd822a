//! `kubectl set env`. Models `set_env.go` and its package `env`.

use serde_json::{Value, json};

use super::{pod_spec, split};
use crate::api::http::HttpRequest;
use crate::kubectl::ctx::{Ctx, Stop, fail};
use crate::kubectl::json::{at, entries, items, text, text_at};
use crate::kubectl::verb::change;
use crate::kubectl::verb::common::{self, Named};
use crate::workload::shell::expand::matches;

/// What is wanted of the variables.
struct Wanted {
    /// Set, each with its name.
    set: Vec<Value>,
    /// Removed.
    removed: Vec<String>,
}

/// Runs `set env`.
pub fn env(ctx: &mut Ctx<'_>) -> Result<u8, Stop> {
    let is_change = |word: &str| word.contains('=') || word.ends_with('-');
    let (resources, words) = split(&ctx.args().words, is_change);
    if resources.is_empty() && !ctx.reads_objects() {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    let given: Vec<String> = ctx.args().raw_list("env").iter().cloned().chain(words).collect();
    let mut wanted = read(ctx, &given)?;
    if ctx.args().given("from") {
        let found = from_object(ctx)?;
        wanted.set.extend(found);
    }
    common::check_dry_run(ctx)?;
    let named = common::named_objects(ctx, &resources)?;
    let only = ctx.args().text("containers").to_owned();
    if ctx.args().bool("list") && wanted.set.is_empty() && wanted.removed.is_empty() {
        return list(ctx, &named, &only);
    }
    let (manager, overwrites) = (ctx.args().text("field-manager").to_owned(), ctx.args().bool("overwrite"));
    let mut warnings = Vec::new();
    let code = change::each_edited(ctx, &named, &manager, false, |object, one| {
        let Some(spec) = pod_spec(object) else {
            return Err(format!("{} is not a pod or does not have a pod template", one.shown()));
        };
        let mut found = false;
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                if !matches(&only, text(container, "name")) {
                    continue;
                }
                found = true;
                let there =
                    |set: &&Value| items(container, &["env"]).iter().any(|e| text(e, "name") == text(set, "name"));
                if let Some(set) = wanted.set.iter().find(there).filter(|_| !overwrites) {
                    let name = text(set, "name");
                    let old = items(container, &["env"]).iter().find(|e| text(e, "name") == name);
                    let value = old.map_or("", |old| text(old, "value"));
                    let place = format!("{}/{}", one.resource.plural, one.name);
                    return Err(format!("{place} '{name}' already has a value ({value}), and --overwrite is false"));
                }
                update(container, &wanted);
            }
        }
        if !found {
            let place = format!("{}/{}", one.resource.kind, one.name);
            warnings.push(format!("Warning: {place} does not have any containers matching {only:?}\n"));
        }
        Ok("env updated")
    })?;
    for warning in warnings {
        ctx.print_err(warning);
    }
    Ok(code)
}

/// `NAME=value`, `NAME-`, and `-` for lines of standard input.
fn read(ctx: &Ctx<'_>, words: &[String]) -> Result<Wanted, Stop> {
    let mut wanted = Wanted { set: Vec::new(), removed: Vec::new() };
    let mut pairs: Vec<String> = Vec::new();
    for word in words {
        match word.as_str() {
            "-" => {
                let typed = String::from_utf8_lossy(ctx.stdin().unwrap_or_default()).into_owned();
                pairs.extend(typed.lines().map(str::trim).filter(|line| line.contains('=')).map(str::to_owned));
            }
            word if !word.contains('=') && word.ends_with('-') => {
                wanted.removed.push(word[..word.len() - 1].to_owned());
            }
            word => pairs.push(word.to_owned()),
        }
    }
    for pair in &pairs {
        let Some((name, value)) = pair.split_once('=') else {
            return fail(format!("unknown environment variable spec: {pair}"));
        };
        check_name(name)?;
        wanted.set.push(json!({"name": name, "value": value}));
    }
    for name in &wanted.removed {
        check_name(name)?;
        if wanted.set.iter().any(|set| text(set, "name") == name) {
            return fail("can not both modify and remove the same environment variable in the same command");
        }
    }
    Ok(wanted)
}

/// Refuses what no environment variable may be called (`validation.IsEnvVarName`).
fn check_name(name: &str) -> Result<(), Stop> {
    let known = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if name.chars().all(known) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
        return Ok(());
    }
    let why = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";
    fail(format!("{name:?} is not a valid key name: {why}"))
}

/// A variable for each key of the ConfigMap or Secret that `--from` names.
fn from_object(ctx: &mut Ctx<'_>) -> Result<Vec<Value>, Stop> {
    let word = ctx.args().text("from").to_owned();
    let targets = crate::kubectl::select::targets(ctx, &[word])?;
    let (keys, prefix) = (ctx.args().list("keys"), ctx.args().text("prefix").to_owned());
    let mut found = Vec::new();
    for target in targets {
        let Some(name) = &target.name else {
            return fail("resource(s) were provided, but no name was specified");
        };
        let kind = match target.resource.kind {
            "ConfigMap" => "configMapKeyRef",
            "Secret" => "secretKeyRef",
            _ => return fail("unsupported resource specified in --from"),
        };
        let path = format!("{}/{name}", target.resource.path(&ctx.namespace()));
        let object = ctx.json(HttpRequest::get(path))?;
        for (key, _) in entries(&object, &["data"]) {
            if !keys.is_empty() && !keys.iter().any(|wanted| *wanted == key) {
                continue;
            }
            let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_uppercase() } else { '_' };
            let variable: String = key.chars().map(plain).collect();
            if variable != *key {
                ctx.print_err(format!("Warning: key {key} transferred to {variable}\n"));
            }
            let source = json!({kind: {"name": name, "key": key}});
            found.push(json!({"name": format!("{prefix}{variable}"), "valueFrom": source}));
        }
    }
    Ok(found)
}

/// Variables that are there already keep their places.
fn update(container: &mut Value, wanted: &Wanted) {
    let old: Vec<Value> = items(container, &["env"]).to_vec();
    let mut env: Vec<Value> = Vec::new();
    for one in old.into_iter().filter(|one| !wanted.removed.iter().any(|name| name == text(one, "name"))) {
        let new = wanted.set.iter().rev().find(|set| text(set, "name") == text(&one, "name"));
        env.push(new.cloned().unwrap_or(one));
    }
    for set in &wanted.set {
        match env.iter_mut().find(|one| text(one, "name") == text(set, "name")) {
            Some(there) => *there = set.clone(),
            None => env.push(set.clone()),
        }
    }
    container["env"] = Value::Array(env);
}

/// `set env --list`: what each container has; with `--resolve` the values of what they are taken from.
fn list(ctx: &mut Ctx<'_>, named: &[Named], only: &str) -> Result<u8, Stop> {
    let resolves = ctx.args().bool("resolve");
    ctx.each(named.len() as u32, |ctx, i| {
        let one = &named[i as usize];
        let Some(mut object) = change::fetch(ctx, one)? else { return Ok(()) };
        let mut out = String::new();
        let spec = pod_spec(&mut object).cloned().unwrap_or_default();
        for container in items(&spec, &["containers"]).iter().chain(items(&spec, &["initContainers"])) {
            if !matches(only, text(container, "name")) {
                continue;
            }
            let kind = one.resource.kind;
            out.push_str(&format!("# {kind} {}, container {}\n", one.name, text(container, "name")));
            for variable in items(container, &["env"]) {
                let value = if resolves { resolved(ctx, one, variable)? } else { None };
                out.push_str(&match value {
                    Some(value) => format!("{}={value}\n", text(variable, "name")),
                    None => line(variable),
                });
            }
        }
        ctx.print(out);
        Ok(())
    })?;
    common::end_with_failures(ctx)
}

/// The value in the ConfigMap or Secret that a variable is taken from.
fn resolved(ctx: &mut Ctx<'_>, one: &Named, variable: &Value) -> Result<Option<String>, Stop> {
    let from = at(variable, &["valueFrom"]);
    let (source, plural) = match (at(from, &["configMapKeyRef"]), at(from, &["secretKeyRef"])) {
        (source, _) if !source.is_null() => (source, "configmaps"),
        (_, source) if !source.is_null() => (source, "secrets"),
        _ => return Ok(None),
    };
    let path = format!("/api/v1/namespaces/{}/{plural}/{}", one.namespace, text(source, "name"));
    let object = ctx.json(HttpRequest::get(path))?;
    let value = text_at(&object, &["data", text(source, "key")]).to_owned();
    Ok(Some(match plural {
        "secrets" => {
            let bytes = data_encoding::BASE64.decode(value.as_bytes()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => value,
    }))
}

/// A variable as a line of a shell, or what it comes from.
fn line(env: &Value) -> String {
    let name = text(env, "name");
    let from = at(env, &["valueFrom"]);
    let part = |of: &str, key: &str| text_at(from, &[of, key]).to_owned();
    let source = match from.as_object().and_then(|from| from.keys().next()).map(String::as_str) {
        Some(of @ "configMapKeyRef") => format!("configmap {}, key {}", part(of, "name"), part(of, "key")),
        Some(of @ "secretKeyRef") => format!("secret {}, key {}", part(of, "name"), part(of, "key")),
        Some(of @ "fieldRef") => format!("field path {}", part(of, "fieldPath")),
        Some(of @ "resourceFieldRef") => format!("resource field {}", part(of, "resource")),
        _ => return format!("{name}={}\n", text(env, "value")),
    };
    format!("# {name} from {source}\n")
}
