//! PersistentVolumeClaims. Models `ValidatePersistentVolumeClaim`, `ValidatePersistentVolumeClaimUpdate` and
//! `ValidatePersistentVolumeClaimStatusUpdate` of `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::error::{each, forbidden, immutable, invalid, required, unsupported};
use super::{diff, go_form, names, selector};
use crate::api::{FieldError, PersistentVolumeClaim, PersistentVolumeClaimSpec, Quantity};
use crate::sim::VecMap;

const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];
const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// A new claim.
pub fn create(claim: &PersistentVolumeClaim, errors: &mut Vec<FieldError>) {
    spec(&claim.spec, "spec", false, errors);
}

/// A claim's spec, at `field`; the groups of its sources are taken as they are if they were there already.
pub fn spec(spec: &PersistentVolumeClaimSpec, field: &str, any_group: bool, errors: &mut Vec<FieldError>) {
    let at = |name: &str| format!("{field}.{name}");
    if spec.access_modes.is_empty() {
        errors.push(required(&at("accessModes"), "at least 1 access mode is required"));
    }
    if let Some(of) = &spec.selector {
        selector::label_selector(of, &at("selector"), errors);
    }
    access_modes(&spec.access_modes, &at("accessModes"), errors);
    match spec.resources.requests.get("storage") {
        None => errors.push(required(&at("resources[storage]"), "")),
        Some(storage) => positive(*storage, &at("resources[storage]"), errors),
    }
    if let Some(class) = spec.storage_class_name.as_deref().filter(|class| !class.is_empty()) {
        each(&at("storageClassName"), class, names::dns_subdomain(class), errors);
    }
    volume_mode(spec.volume_mode.as_deref(), &at("volumeMode"), errors);
    for name in ["dataSource", "dataSourceRef"] {
        if let Some(source) = spec.rest.get(name) {
            data_source(source, &at(name), any_group, errors);
        }
    }
    two_sources(spec, field, errors);
    attributes_class(spec, field, errors);
}

/// Access modes.
pub fn access_modes(modes: &[String], field: &str, errors: &mut Vec<FieldError>) {
    let alone = modes.iter().any(|mode| mode == "ReadWriteOncePod");
    let mut others = false;
    for mode in modes {
        match mode.as_str() {
            "ReadWriteOncePod" => {}
            mode if MODES.contains(&mode) => others = true,
            mode => errors.push(unsupported(field, mode, &MODES)),
        }
    }
    if alone && others {
        errors.push(forbidden(field, "may not use ReadWriteOncePod with other access modes"));
    }
}

/// A volume mode, if there is one.
pub fn volume_mode(mode: Option<&str>, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(mode) = mode.filter(|mode| !VOLUME_MODES.contains(mode)) {
        errors.push(unsupported(field, mode, &VOLUME_MODES));
    }
}

/// `must be greater than zero`.
pub fn positive(amount: Quantity, field: &str, errors: &mut Vec<FieldError>) {
    if amount.sign() <= 0 {
        errors.push(invalid(field, &json!(amount.to_string()), "must be greater than zero"));
    }
}

/// The class of attributes of a claim's spec, at `field`.
pub fn attributes_class(spec: &PersistentVolumeClaimSpec, field: &str, errors: &mut Vec<FieldError>) {
    let class = text(spec.rest.get(ATTRIBUTES));
    if let Some(class) = class.filter(|class| !class.is_empty()) {
        each(&format!("{field}.volumeAttributesClassName"), class, names::dns_subdomain(class), errors);
    }
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

fn data_source(source: &Value, field: &str, any_group: bool, errors: &mut Vec<FieldError>) {
    let of = |name: &str| text(source.get(name)).unwrap_or("");
    for name in ["name", "kind"] {
        if of(name).is_empty() {
            errors.push(required(&format!("{field}.{name}"), ""));
        }
    }
    let group = of("apiGroup");
    if group.is_empty() && of("kind") != "PersistentVolumeClaim" {
        let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(invalid(field, &json!(of("kind")), why));
    }
    if !group.is_empty() && !any_group {
        each(&format!("{field}.apiGroup"), group, names::dns_subdomain(group), errors);
    }
    if !of("namespace").is_empty() {
        each(&format!("{field}.namespace"), of("namespace"), names::dns_label(of("namespace")), errors);
    }
}

/// The two ways of naming a source must name the same one.
fn two_sources(spec: &PersistentVolumeClaimSpec, field: &str, errors: &mut Vec<FieldError>) {
    let (old, new) = (spec.rest.get("dataSource"), spec.rest.get("dataSourceRef"));
    let Some(reference) = new else { return };
    if !text(reference.get("namespace")).unwrap_or("").is_empty() {
        if old.is_some() {
            let why = "may not be specified when dataSourceRef.namespace is specified";
            errors.push(invalid(&format!("{field}.dataSource"), &form(old), why));
        }
    } else if old.is_some_and(|old| ["apiGroup", "kind", "name"].iter().any(|n| old.get(n) != reference.get(n))) {
        let why = "must match dataSourceRef";
        errors.push(invalid(&format!("{field}.dataSource"), &form(old), why));
    }
}

fn form(source: Option<&Value>) -> Value {
    let of = |name: &str| source.and_then(|s| s.get(name)).cloned().unwrap_or(Value::Null);
    json!({"APIGroup": of("apiGroup"), "Kind": of("kind"), "Name": of("name")})
}

/// A changed claim: bound ones may ask for more, and for another class of attributes.
pub fn update(new: &PersistentVolumeClaim, old: &PersistentVolumeClaim, errors: &mut Vec<FieldError>) {
    let had_source = ["dataSource", "dataSourceRef"].iter().any(|name| {
        let source = old.spec.rest.get(*name);
        source.is_some_and(|source| source.get("apiGroup").is_some_and(|group| !group.is_null()))
    });
    spec(&new.spec, "spec", had_source, errors);
    let (mut now, mut had) = (new.spec.clone(), old.spec.clone());
    // It is given its volume once.
    if had.volume_name.is_empty() {
        had.volume_name.clone_from(&now.volume_name);
    }
    class_kept(new, old, &mut now, errors);
    if new.status.phase == "Bound" {
        if let (Some(request), Some(before)) =
            (now.resources.requests.get_mut("storage"), had.resources.requests.get("storage"))
        {
            *request = *before;
        }
        match had.rest.get(ATTRIBUTES) {
            Some(class) => _ = now.rest.insert(ATTRIBUTES.into(), class.clone()),
            None => _ = now.rest.remove(ATTRIBUTES),
        }
    }
    if now != had {
        let of = |spec: &PersistentVolumeClaimSpec| go_form::of("PersistentVolumeClaimSpec", spec);
        let why = format!(
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{}",
            diff::forms(&of(&had), &of(&now))
        );
        errors.push(forbidden("spec", &why));
    }
    resize(new, old, errors);
    immutable("volumeMode", &new.spec.volume_mode, &old.spec.volume_mode, errors);
    attributes_kept(new, old, errors);
}

const ATTRIBUTES: &str = "volumeAttributesClassName";

/// The class stays; a claim without one is given it once, and it may move from the annotation to its field.
fn class_kept(
    new: &PersistentVolumeClaim,
    old: &PersistentVolumeClaim,
    now: &mut PersistentVolumeClaimSpec,
    errors: &mut Vec<FieldError>,
) {
    let annotation = |claim: &PersistentVolumeClaim| claim.metadata.annotations.get(CLASS).cloned();
    let (was, is) = (annotation(old), annotation(new));
    let unset = old.spec.storage_class_name.is_none() && new.spec.storage_class_name.is_some();
    let from_annotation = unset && was.is_some() && new.spec.storage_class_name == was;
    if from_annotation && (is.is_none() || is == was) {
        now.storage_class_name = None;
        return;
    }
    let field = format!("metadata.annotations.{CLASS}");
    immutable(&field, &is.unwrap_or_default(), &was.clone().unwrap_or_default(), errors);
    if unset && (was.is_none() || from_annotation) {
        now.storage_class_name = None;
    }
}

/// What is asked for may become less after an expansion that failed, but more than there is.
fn resize(new: &PersistentVolumeClaim, old: &PersistentVolumeClaim, errors: &mut Vec<FieldError>) {
    let storage = |list: &VecMap<String, Quantity>| list.get("storage").copied().unwrap_or_default();
    let (now, before) = (storage(&new.spec.resources.requests), storage(&old.spec.resources.requests));
    if now.minus(before).sign() < 0 && now.minus(storage(&old.status.capacity)).sign() <= 0 {
        errors.push(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
    }
}

/// A class of attributes that is in force cannot be taken away.
fn attributes_kept(new: &PersistentVolumeClaim, old: &PersistentVolumeClaim, errors: &mut Vec<FieldError>) {
    let class = |claim: &PersistentVolumeClaim| text(claim.spec.rest.get(ATTRIBUTES)).map(str::to_owned);
    let current = text(new.status.rest.get("currentVolumeAttributesClassName"));
    if class(old).is_some() && class(new).is_none() && current.is_some() {
        let why = "update to nil is forbidden when status.currentVolumeAttributesClassName is not nil";
        errors.push(forbidden("spec.volumeAttributesClassName", why));
    }
}

/// A changed claim's status.
pub fn update_status(new: &PersistentVolumeClaim, errors: &mut Vec<FieldError>) {
    if new.spec.access_modes.is_empty() {
        errors.push(required("Spec.accessModes", ""));
    }
    for (name, amount) in &new.status.capacity {
        if amount.sign() < 0 {
            let field = format!("status.capacity[{name}]");
            errors.push(invalid(&field, &json!(amount.to_string()), "must be greater than or equal to 0"));
        }
    }
    for (field, of) in
        [("status.allocatedResourceStatuses", "allocatedResourceStatuses"), (ALLOCATED, "allocatedResources")]
    {
        let Some(list) = new.status.rest.get(of).and_then(Value::as_object) else { continue };
        for (name, value) in list {
            if !resource_is_known(name) {
                errors.push(unsupported(field, name, &["storage"]));
                continue;
            }
            let amount = value.as_str().and_then(|text| text.parse::<Quantity>().ok());
            if of == "allocatedResources" && amount.is_some_and(|amount| amount.sign() < 0) {
                let value = json!(value.as_str());
                errors.push(invalid(&format!("{field}[{name}]"), &value, "must be greater than or equal to 0"));
            }
        }
    }
}

const ALLOCATED: &str = "status.allocatedResources";

/// Storage, or somebody's own.
fn resource_is_known(name: &str) -> bool {
    name == "storage" || name.split_once('/').is_some_and(|(prefix, _)| !prefix.ends_with("kubernetes.io"))
}
