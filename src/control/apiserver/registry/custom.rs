//! The rules of custom resources. Models `pkg/registry/customresource/{strategy,status_strategy}.go` of
//! `k8s.io/apiextensions-apiserver`.

use crate::api::CustomResource;

/// What a creation does besides.
pub fn prepare_new(object: &mut CustomResource) {
    if object.kind.has_status() {
        object.fields.remove("status");
    }
    object.metadata.generation = 1;
}

/// What a change does besides.
pub fn prepare_change(new: &mut CustomResource, old: &CustomResource, status: bool) {
    if status {
        let changed = new.fields.remove("status");
        let managed = new.metadata.managed_fields.clone();
        (new.fields, new.metadata) = (old.fields.clone(), old.metadata.clone());
        new.metadata.managed_fields = managed;
        new.fields.remove("status");
        new.fields.extend(changed.map(|status| ("status".to_owned(), status)));
        return;
    }
    if new.kind.has_status() {
        new.fields.remove("status");
        new.fields.extend(old.fields.get("status").map(|status| ("status".to_owned(), status.clone())));
    }
    if new.fields != old.fields {
        new.metadata.generation = old.metadata.generation + 1;
    }
}
