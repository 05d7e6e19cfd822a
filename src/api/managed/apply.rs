//! Server-side apply: a manager's configuration laid over an object. Models `Updater.Apply` of
//! `sigs.k8s.io/structured-merge-diff/merge/update.go` and what `managedfields/internal` wraps around it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::managed::set::{FieldSet, shown};
use crate::api::managed::walk::{self, Comparison};
use crate::api::managed::{Entry, Operation, sort};
use crate::api::schema::Struct;
use crate::api::{Status, Timestamp};

/// The annotation in which `kubectl apply` keeps what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager that takes over what `kubectl apply` without `--server-side` owns.
const KUBECTL: &str = "kubectl";

/// What is applied to what, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Apply<'a> {
    /// The kind's struct.
    pub of: Struct,
    /// What is there, without its managed fields.
    pub live: &'a Value,
    /// What is applied.
    pub config: &'a Value,
    /// Whose fields are whose.
    pub entries: &'a [Entry],
    /// Who applies.
    pub manager: &'a Arc<str>,
    /// The version of the API.
    pub version: &'a Arc<str>,
    /// Through which sub-resource; empty for the object itself.
    pub subresource: &'static str,
    /// Whether fields of others are taken from them.
    pub force: bool,
    /// When.
    pub now: Timestamp,
}

/// A field that is somebody else's.
type Conflict = (Entry, Vec<String>);

/// What comes of it: the object, and whose fields are whose.
///
/// # Errors
/// The configuration does not fit, or fields are somebody else's.
pub fn apply(apply: &Apply<'_>) -> Result<(Value, Vec<Entry>), Status> {
    let done = match attempt(apply, apply.force)? {
        Ok(done) => done,
        Err(conflicts) => {
            let mut left = conflicts;
            if **apply.manager == *KUBECTL
                && let Some(own) = last_applied(apply)
            {
                left.retain(|(_, path)| !own.has(path));
            }
            if !left.is_empty() {
                return Err(conflict(&left));
            }
            attempt(apply, true)?.map_err(|left| conflict(&left))?
        }
    };
    let (mut object, entries) = done;
    let annotation = &mut object["metadata"]["annotations"][LAST_APPLIED];
    if **apply.manager == *KUBECTL && annotation.as_str().is_some_and(|text| !text.is_empty()) {
        *annotation = json!(format!("{}\n", without_annotation(apply.config)));
    } else {
        remove_null_annotation(&mut object);
    }
    Ok((object, entries))
}

/// Indexing for writing leaves `null` behind where nothing was.
fn remove_null_annotation(object: &mut Value) {
    let Some(meta) = object["metadata"].as_object_mut() else { return };
    if let Some(Value::Object(annotations)) = meta.get_mut("annotations") {
        annotations.retain(|_, value| !value.is_null());
        if annotations.is_empty() {
            meta.remove("annotations");
        }
    }
}

fn without_annotation(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(Value::Object(annotations)) = config["metadata"].get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
    }
    config
}

/// The object and whose fields are whose, or the fields that are somebody else's.
type Attempt = Result<(Value, Vec<Entry>), Vec<Conflict>>;

fn attempt(apply: &Apply<'_>, force: bool) -> Result<Attempt, Status> {
    let mut given = walk::fields(apply.of, apply.config).map_err(|why| unfit(apply, &why))?;
    walk::strip(&mut given);
    let mut entries = apply.entries.to_vec();
    let mut own = Entry {
        manager: Arc::clone(apply.manager),
        operation: Operation::Apply,
        api_version: Arc::clone(apply.version),
        time: Some(apply.now),
        subresource: apply.subresource.into(),
        fields: given,
    };
    let last = entries.iter().position(|entry| entry.is_of(&own)).map(|at| entries.remove(at));
    let merged = walk::merge(apply.of, apply.live, apply.config);
    let object = match &last {
        Some(last) => pruned(apply.of, &merged, &last.fields, &own, &entries),
        None => merged,
    };
    let found = walk::compare(apply.of, apply.live, &object);
    let conflicts = take(&mut entries, &found, force);
    if !conflicts.is_empty() {
        return Ok(Err(conflicts));
    }
    if let Some(last) = last
        && found.is_same()
        && last.fields == own.fields
    {
        own.time = last.time;
    }
    entries.push(own);
    entries.retain(|entry| !entry.fields.is_empty());
    sort(&mut entries);
    Ok(Ok((object, entries)))
}

/// Takes what changed from its managers; without force, nothing is taken and the conflicts are told.
fn take(entries: &mut [Entry], found: &Comparison, force: bool) -> Vec<Conflict> {
    let changed = found.changed();
    if !force {
        let of = |entry: &Entry| {
            let paths = entry.fields.intersection(&changed).paths();
            paths.into_iter().map(|path| (entry.clone(), path)).collect::<Vec<_>>()
        };
        let conflicts: Vec<Conflict> = entries.iter().flat_map(of).collect();
        if !conflicts.is_empty() {
            return conflicts;
        }
    }
    for entry in entries {
        entry.fields = entry.fields.difference(&changed).difference(&found.removed);
    }
    Vec::new()
}

/// The merged object without what this manager applied last time and does not apply any more, unless another applier does.
fn pruned(of: Struct, merged: &Value, last: &FieldSet, own: &Entry, entries: &[Entry]) -> Value {
    let all = |value: &Value| walk::fields(of, value).unwrap_or_default();
    let appliers = entries.iter().filter(|entry| entry.operation == Operation::Apply);
    let managed = appliers.fold(own.fields.clone(), |sum, entry| sum.union(&entry.fields));
    let merged_set = all(merged);
    let cut = walk::without(of, merged, last);
    let back = walk::without(of, merged, &merged_set.difference(&all(&cut).union(&managed)));
    let gone = merged_set.difference(&all(&back)).intersection(last);
    walk::without(of, merged, &gone)
}

/// What `kubectl apply` applied last and is still so.
fn last_applied(apply: &Apply<'_>) -> Option<FieldSet> {
    let text = apply.live["metadata"]["annotations"][LAST_APPLIED].as_str()?;
    let applied: Value = serde_json::from_str(text).ok()?;
    (applied["apiVersion"].as_str() == Some(apply.version)).then_some(())?;
    let set = walk::fields(apply.of, &applied).ok()?;
    let found = walk::compare(apply.of, &applied, apply.live);
    Some(set.difference(&found.changed()).difference(&found.removed))
}

fn unfit(apply: &Apply<'_>, why: &str) -> Status {
    let text = |name: &str| apply.config["metadata"][name].as_str().unwrap_or("");
    let kind = apply.config["kind"].as_str().unwrap_or("");
    Status {
        code: 500,
        reason: String::new(),
        message: format!(
            "failed to create typed patch object ({}/{}; {}, Kind={kind}): {why}",
            text("namespace"),
            text("name"),
            apply.version
        ),
        details: None,
    }
}

/// How a message names a manager.
fn named(entry: &Entry) -> String {
    let mut words = format!("{:?}", &*entry.manager);
    if !entry.subresource.is_empty() {
        words += &format!(" with subresource {:?}", &*entry.subresource);
    }
    if entry.operation == Operation::Update {
        words += &format!(" using {}", entry.api_version);
    }
    words
}

fn conflict(conflicts: &[Conflict]) -> Status {
    let message = match conflicts {
        [(entry, path)] => format!("Apply failed with 1 conflict: conflict with {}: {}", named(entry), shown(path)),
        many => {
            let mut managers: Vec<String> = many.iter().map(|(entry, _)| named(entry)).collect();
            managers.sort_unstable();
            managers.dedup();
            let of = |manager: &String| {
                let theirs = many.iter().filter(|(entry, _)| named(entry) == *manager);
                let paths = theirs.map(|(_, path)| format!("- {}", shown(path)));
                std::iter::once(format!("conflicts with {manager}:")).chain(paths).collect::<Vec<_>>()
            };
            let lines: Vec<String> = managers.iter().flat_map(of).collect();
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    let causes: Vec<Value> = conflicts
        .iter()
        .map(|(entry, path)| {
            json!({"reason": "FieldManagerConflict", "message": format!("conflict with {}", named(entry)), "field": shown(path)})
        })
        .collect();
    Status { code: 409, reason: "Conflict".into(), message, details: Some(json!({"causes": causes})) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, schema};

    /// Applies one configuration after the other; what is there in the end, or the words of the failure.
    fn check(steps: &[(&str, bool, Value)], end: Result<Value, &str>) {
        let of = schema::of(Kind::ConfigMap);
        let (mut live, mut entries) = (json!({"metadata": {}}), Vec::new());
        let mut failed = None;
        for (manager, force, data) in steps {
            let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data});
            let (manager, version): (Arc<str>, Arc<str>) = ((*manager).into(), "v1".into());
            let all = entries.clone();
            let step = Apply {
                of,
                live: &live,
                config: &config,
                entries: &all,
                manager: &manager,
                version: &version,
                subresource: "",
                force: *force,
                now: Timestamp(0),
            };
            match apply(&step) {
                Ok((object, managed)) => (live, entries) = (object, managed),
                Err(status) => failed = Some(status.message),
            }
        }
        match end {
            Ok(data) => assert_eq!((failed, &live["data"]), (None, &data)),
            Err(words) => assert_eq!(failed.as_deref(), Some(words)),
        }
    }

    #[test]
    fn what_is_not_applied_any_more_is_removed_unless_another_applies_it() {
        check(&[("a", false, json!({"x": "1", "y": "1"})), ("a", false, json!({"x": "1"}))], Ok(json!({"x": "1"})));
        check(
            &[
                ("a", false, json!({"x": "1", "y": "1"})),
                ("b", false, json!({"y": "1"})),
                ("a", false, json!({"x": "1"})),
            ],
            Ok(json!({"x": "1", "y": "1"})),
        );
    }

    #[test]
    fn what_another_manages_is_a_conflict_or_taken_by_force() {
        let steps = |force| [("a", false, json!({"x": "1", "y": "1"})), ("b", force, json!({"x": "2", "y": "2"}))];
        check(&steps(true), Ok(json!({"x": "2", "y": "2"})));
        check(&steps(false), Err("Apply failed with 2 conflicts: conflicts with \"a\":\n- .data.x\n- .data.y"));
        check(
            &[("a", false, json!({"x": "1"})), ("b", false, json!({"x": "2"}))],
            Err("Apply failed with 1 conflict: conflict with \"a\": .data.x"),
        );
    }
}
