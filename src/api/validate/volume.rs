//! The volumes of a pod. Models `ValidateVolumes` of `pkg/apis/core/validation/validation.go`. The sources are in `rest`.

use serde_json::json;

use super::error::{duplicate, each, required};
use super::{names, volume_source};
use crate::api::{FieldError, Volume};
use crate::sim::VecSet;

/// The volumes of a spec; the names of those that can be mounted.
pub fn volumes(volumes: &[Volume], field: &str, errors: &mut Vec<FieldError>) -> VecSet<String> {
    let mut names = VecSet::new();
    for (at, volume) in volumes.iter().enumerate() {
        let field = format!("{field}[{at}]");
        let before = errors.len();
        volume_source::only_one(&volume.rest, volume_source::OF_PODS, &field, errors);
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
