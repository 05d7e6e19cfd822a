//! Whose fields are whose after a write, and server-side apply. Models `fieldmanager.go` of
//! `k8s.io/apimachinery/pkg/util/managedfields/internal` and the `applyPatcher` of `k8s.io/apiserver/pkg/endpoints/handlers/patch.go`.
//!
//! There, a write of the `scale` sub-resource by apply is known; here it is refused.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::managed::{Author, ManagedFields, apply, before_creation, manager_of};
use crate::api::{Body, Kind, Object, PatchType, Request, Status, Subresource, Verb, decode, schema};
use crate::control::apiserver::ApiServer;
use crate::control::apiserver::call::{CallNo, Door};
use crate::control::apiserver::change::Plan;
use crate::sim::Time;

const APPLY: Verb = Verb::Patch(PatchType::Apply);

/// The name of a sub-resource in managed fields; empty for the object itself.
fn subresource(request: &Request) -> &'static str {
    match request.subresource {
        Some(Subresource::Status) => "status",
        Some(Subresource::Scale) => "scale",
        Some(Subresource::EphemeralContainers) => "ephemeralcontainers",
        Some(Subresource::Resize) => "resize",
        Some(Subresource::Finalize) => "finalize",
        _ => "",
    }
}

impl ApiServer {
    fn author(&self, no: CallNo, request: &Request, now: Time) -> Author {
        let manager = manager_of(&request.options.field_manager, &self.call(no).agent);
        Author { manager, subresource: subresource(request), time: self.calendar(now) }
    }

    /// The managed fields of a new object.
    pub(super) fn managed_after_create(
        &self,
        no: CallNo,
        request: &Request,
        object: &Object,
        now: Time,
    ) -> ManagedFields {
        let given = &object.meta().managed_fields;
        if request.verb == APPLY {
            return given.clone();
        }
        let by = self.author(no, request, now);
        match &request.body {
            Body::Object(submitted) if !given.is_given() => given.created(submitted, by),
            _ => {
                let mut submitted = object.clone();
                submitted.meta_mut().managed_fields = ManagedFields::default();
                given.created(&submitted, by)
            }
        }
    }

    /// Before a change: managed fields are those that are there, unless the client says otherwise. Components of the cluster
    /// send theirs back as they found them.
    pub(super) fn settle_managed(&self, no: CallNo, request: &Request, new: &mut Object, current: &Object) {
        if request.verb == APPLY {
            return;
        }
        let there = &current.meta().managed_fields;
        let given = &new.meta().managed_fields;
        let from_outside = matches!(self.call(no).door, Door::Http(_)) && request.subresource.is_none();
        let says_otherwise = from_outside && given.is_given() && given.entries(new) != there.entries(current);
        if !says_otherwise && given != there {
            new.meta_mut().managed_fields = there.clone();
        }
    }

    /// The managed fields of an object that changed.
    pub(super) fn managed_after_update(
        &self,
        no: CallNo,
        request: &Request,
        new: &Object,
        current: &Object,
        now: Time,
    ) -> ManagedFields {
        let had = &new.meta().managed_fields;
        if request.verb == APPLY {
            return had.clone();
        }
        let by = self.author(no, request, now);
        match &request.body {
            Body::PodStatus(patch) => had.status_changed(current, &patch.from, &patch.to, by),
            _ => had.changed(current, by),
        }
    }

    /// Server-side apply.
    pub(super) fn plan_apply(
        &mut self,
        no: CallNo,
        request: &Request,
        current: Option<&Object>,
        now: Time,
    ) -> Result<Plan, Status> {
        let config = self.checked_config(request, current)?;
        let info = request.kind.info();
        let version: Arc<str> = info.api_version().into();
        let nothing = || {
            let mut nothing = before_creation(request.kind);
            nothing["apiVersion"] = json!(&*version);
            nothing["kind"] = json!(info.kind);
            nothing
        };
        let live = current.map_or_else(nothing, Object::plain_value);
        let entries = current.map(|object| object.meta().managed_fields.entries(object)).unwrap_or_default();
        let (mut value, entries) = apply::apply(&apply::Apply {
            of: schema::of(request.kind),
            live: &live,
            config: &config,
            entries,
            manager: &request.options.field_manager,
            version: &version,
            subresource: subresource(request),
            force: request.options.force,
            now: self.calendar(now),
        })?;
        value["metadata"]["name"] = json!(&*request.name);
        let mut object = decode::object(request.kind, value)?;
        let managed = ManagedFields::of(entries);
        let Some(current) = current else {
            object.meta_mut().managed_fields = managed;
            let created = Request { body: Body::Object(object), ..request.clone() };
            return self.plan_create(no, &created, now);
        };
        let same = current.meta().managed_fields.entries(current) == managed.entries(&object);
        object.meta_mut().managed_fields = if same { current.meta().managed_fields.clone() } else { managed };
        self.plan_update(no, request, object, current, now)
    }

    /// What is applied, if it can be.
    fn checked_config(&self, request: &Request, current: Option<&Object>) -> Result<Value, Status> {
        let options = &request.options;
        if options.field_manager.is_empty() {
            return Err(Status {
                code: 422,
                reason: "Invalid".into(),
                message: "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch".into(),
                details: None,
            });
        }
        if request.subresource == Some(Subresource::Scale) {
            return Err(Status::bad_request("a scale cannot be applied here: apply the object, or update its scale"));
        }
        let config = request.body.patch().ok_or_else(|| Status::bad_request("a patch needs a body"))?;
        let info = request.kind.info();
        let (want, said) = (info.api_version(), config["apiVersion"].as_str().unwrap_or(""));
        if said != want {
            return Err(Status::bad_request(format!(
                "Incorrect version specified in apply patch. Specified patch version: {said}, expected: {want}"
            )));
        }
        if !config["metadata"]["managedFields"].is_null() {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let name = config["metadata"]["name"].as_str().unwrap_or("");
        if name != &*request.name {
            return Err(Status::bad_request(format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                request.name
            )));
        }
        if current.is_none() {
            if request.subresource.is_some() {
                return Err(Status::not_found(request.kind, &request.name));
            }
            let namespace = &request.namespace;
            if info.namespaced && self.cached(Kind::Namespace, "", namespace).is_none() {
                return Err(Status::not_found(Kind::Namespace, namespace));
            }
        }
        Ok((*config).clone())
    }
}
