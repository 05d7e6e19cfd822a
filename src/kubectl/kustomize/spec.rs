//! A kustomization file: what may stand in it, and what it warns of.
//!
//! Models `api/types/kustomization.go` of kustomize.

use serde_json::Value;

use crate::api::yaml::read;
use crate::kubectl::json::text;

/// Every field, and of those that hold structs, the fields of these.
const FIELDS: &[(&str, &str)] = &[
    ("apiVersion", ""),
    ("kind", ""),
    ("metadata", ""),
    ("openapi", ""),
    ("namePrefix", ""),
    ("nameSuffix", ""),
    ("namespace", ""),
    ("commonLabels", ""),
    ("labels", "pairs includeSelectors includeTemplates fields"),
    ("commonAnnotations", ""),
    ("patchesStrategicMerge", ""),
    ("patchesJson6902", "path patch target options"),
    ("patches", "path patch target options"),
    ("images", "name newName tagSuffix newTag digest"),
    ("imageTags", "name newName tagSuffix newTag digest"),
    ("replacements", ""),
    ("replicas", "name count"),
    ("vars", ""),
    ("sortOptions", "order legacySortOptions"),
    ("resources", ""),
    ("components", ""),
    ("crds", ""),
    ("bases", ""),
    ("configMapGenerator", GENERATOR),
    ("secretGenerator", GENERATOR),
    ("helmGlobals", ""),
    ("helmCharts", ""),
    ("helmChartInflationGenerator", ""),
    ("generatorOptions", OPTIONS),
    ("configurations", ""),
    ("generators", ""),
    ("transformers", ""),
    ("validators", ""),
    ("buildMetadata", ""),
];

const GENERATOR: &str = "namespace name behavior literals files envs env options type";
const OPTIONS: &str = "labels annotations disableNameSuffixHash immutable";

/// Fields that work no more, or not here.
const NOT_HERE: &[&str] = &[
    "openapi",
    "replacements",
    "vars",
    "crds",
    "helmGlobals",
    "helmCharts",
    "helmChartInflationGenerator",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "buildMetadata",
];

/// Fields that are old, and what to use; in the order in which they are warned of.
const OLD: &[(&str, &str)] = &[
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
];

/// Reads a kustomization file; what it warns of goes to `warnings`.
pub fn read_file(root: &str, content: &[u8], warnings: &mut Vec<String>) -> Result<Value, String> {
    let value = read::read(&String::from_utf8_lossy(content)).map_err(|why| format!("invalid Kustomization: {why}"))?;
    let value = match value {
        Value::Null => Value::Object(serde_json::Map::new()),
        value => value,
    };
    check(&value)?;
    if value.as_object().is_some_and(|map| map.iter().all(|(name, value)| is_type(name) || is_empty(value))) {
        return Err("kustomization.yaml is empty".into());
    }
    for (old, new) in OLD {
        if !is_empty(&value[*old]) {
            warnings.push(format!(
                "# Warning: '{old}' is deprecated. Please use '{new}' instead. Run 'kustomize edit fix' to update your Kustomization automatically."
            ));
        }
    }
    check_kind(root, &value)?;
    match NOT_HERE.iter().find(|field| !is_empty(&value[**field])) {
        Some(field) => Err(format!("kustomization field {field:?} is not supported here")),
        None => Ok(value),
    }
}

fn is_type(name: &str) -> bool {
    matches!(name, "apiVersion" | "kind")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn check(value: &Value) -> Result<(), String> {
    let Some(map) = value.as_object() else {
        let kind = match value {
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            _ => "number",
        };
        return Err(format!(
            "invalid Kustomization: json: cannot unmarshal {kind} into Go value of type types.Kustomization"
        ));
    };
    let unknown = |name: &str| Err(format!("invalid Kustomization: json: unknown field {name:?}"));
    for (name, inner) in map {
        // Go takes fields in any case.
        let Some((_, fields)) = FIELDS.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)) else {
            return unknown(name);
        };
        let structs = match inner {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut names = structs.iter().filter_map(Value::as_object).flat_map(|map| map.keys());
        if !fields.is_empty()
            && let Some(name) = names.find(|name| !fields.split(' ').any(|field| field.eq_ignore_ascii_case(name)))
        {
            return unknown(name);
        }
    }
    Ok(())
}

fn check_kind(root: &str, value: &Value) -> Result<(), String> {
    let mut wrong = Vec::new();
    let kind = text(value, "kind");
    if !matches!(kind, "" | "Kustomization" | "Component") {
        wrong.push("kind should be Kustomization or Component".to_owned());
    }
    let version = if kind == "Component" { "v1alpha1" } else { "v1beta1" };
    let wanted = format!("kustomize.config.k8s.io/{version}");
    let given = text(value, "apiVersion");
    if !given.is_empty() && given != wanted {
        let kind = if kind.is_empty() { "Kustomization" } else { kind };
        wrong.push(format!("apiVersion for {kind} should be {wanted}"));
    }
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(format!("Failed to read kustomization file under {root}:\n{}", wrong.join("\n"))),
    }
}

/// The texts of a list of the file.
pub fn texts<'a>(value: &'a Value, field: &str) -> Vec<&'a str> {
    value[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The structs of a list of the file.
pub fn structs<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().map_or(&[], Vec::as_slice)
}
