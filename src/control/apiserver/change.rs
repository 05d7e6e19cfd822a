//! What a write does: from the object that is there (if any) and a request to the object that will be there. Models
//! `Create`, `Update` of `k8s.io/apiserver/pkg/registry/generic/registry/store.go` and `rest/{create,update}.go`.

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Body, Kind, Object, PatchType, Request, ResourceVersion, ServiceAccount, Status, Subresource, Timestamp, Verb,
    validate,
};
use crate::control::apiserver::admission::Asked;
use crate::control::apiserver::authorizer::User;
use crate::control::apiserver::call::{CallNo, Door, Reply, Step};
use crate::control::apiserver::http::Presentation;
use crate::control::apiserver::registry::{self, Env};
use crate::control::apiserver::{ApiServer, admission, charge, escalation, patch_form, removal};
use crate::sim::Time;

/// Words of every optimistic conflict.
pub const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A transaction.
    Commit(Step),
    /// This request, and then what is to be done is worked out again.
    First(Box<Request>),
    /// Nothing: the answer is known.
    Answer(Reply),
}

impl ApiServer {
    /// Works out what a write does to what is there.
    pub(super) fn plan(&mut self, no: CallNo, current: Option<&Object>, now: Time) -> Result<Plan, Status> {
        let call = self.calls.get(&no).expect("a call under way is known");
        let request = call.request.clone();
        let clock = self.calendar(now);
        let asked = current.filter(|_| matches!(request.kind, Kind::Custom(_))).map(|o| o.in_version(request.kind));
        let current = asked.as_ref().or(current);
        match (request.verb, request.subresource) {
            (Verb::Create, None) => self.plan_create(no, &request, now),
            (Verb::Create, Some(Subresource::Binding)) => self.bind(&request, found(&request, current)?, clock),
            (Verb::Create, Some(Subresource::Eviction)) => {
                self.plan_eviction(no, &request, found(&request, current)?, clock)
            }
            (Verb::Update, _) if let Body::Charge(charge) = &request.body => {
                charge::plan(charge, found(&request, current)?, clock)
            }
            (Verb::Delete, _) => {
                let current = found(&request, current)?;
                let asker = self.asker(no);
                let asked = asker.as_ref().map(|user| admitted(&request, "DELETE", None, Some(current), user.as_ref()));
                let said = admission::consult(asked.as_ref(), &self.env(no, &request, now))?;
                self.warn(no, said);
                removal::plan(&request, current, clock)
            }
            (Verb::Update, Some(Subresource::Scale)) | (Verb::Patch(_), Some(Subresource::Scale)) => {
                self.plan_scale(no, &request, found(&request, current)?, now)
            }
            (Verb::Update, _) => {
                let Body::Object(new) = &request.body else {
                    return Err(Status::bad_request("an update needs an object"));
                };
                match current {
                    Some(current) => self.plan_update(no, &request, new.clone(), current, now),
                    None if request.subresource.is_none() && registry::creates_on_update(request.kind) => {
                        self.plan_create(no, &request, now)
                    }
                    None => Err(Status::not_found(request.kind, &request.name)),
                }
            }
            (Verb::Patch(PatchType::Apply), _) => self.plan_apply(no, &request, current, now),
            (Verb::Patch(how), _) => {
                let current = found(&request, current)?;
                let form = match &self.call(no).door {
                    Door::Http(form) => form.clone(),
                    _ => Presentation::default(),
                };
                let (new, warnings) = patch_form::patched(how, &request, current, &form)?;
                self.warn(no, warnings);
                self.plan_update(no, &request, new, current, now)
            }
            _ => Err(Status::method_not_allowed()),
        }
    }

    /// Words that go with the answer to a call.
    fn warn(&mut self, no: CallNo, words: Vec<String>) {
        if let Some(Door::Http(form)) = self.calls.get_mut(&no).map(|call| &mut call.door) {
            for words in words {
                // A call that waits for another is planned again.
                if !form.warnings.contains(&words) {
                    form.warnings.push(words);
                }
            }
        }
    }

    /// Refuses what would grant more than its author holds.
    fn no_escalation(&self, no: CallNo, request: &Request, new: &Object, old: Option<&Object>) -> Result<(), Status> {
        match &self.call(no).door {
            Door::Http(Presentation { user: Some(user), .. }) => escalation::check(self, user, request, new, old),
            _ => Ok(()),
        }
    }

    /// Who makes a call, for those who are in charge of it: nobody if there are none, or if it is the server itself; no name
    /// if it is the administrator.
    fn asker(&self, no: CallNo) -> Option<Option<User>> {
        let call = self.call(no);
        match &call.door {
            _ if !admission::is_anybody_in_charge(&self.caches) => None,
            Door::Internal => None,
            Door::Http(Presentation { user, .. }) => Some(user.clone()),
            Door::Part(_) | Door::Nobody => Some(None),
            Door::Typed => {
                let name = call.agent.split(['/', ' ']).next().unwrap_or("");
                let groups = vec!["system:authenticated".to_owned()];
                Some(Some(User { name: format!("system:{name}"), groups }))
            }
        }
    }

    fn env(&mut self, no: CallNo, request: &Request, now: Time) -> Env<'_> {
        let namespace = self.cached(Kind::Namespace, "", &request.namespace).cloned();
        let default_class = match request.kind {
            Kind::PersistentVolumeClaim => self.default_class(Kind::StorageClass, "storageclass.kubernetes.io"),
            Kind::Ingress => self.default_class(Kind::IngressClass, "ingressclass.kubernetes.io"),
            _ => None,
        };
        let account = self.account(request);
        Env {
            now: self.calendar(now),
            dry_run: request.options.dry_run,
            call: no,
            namespace,
            default_class,
            account,
            caches: &self.caches,
            rng: &mut self.rng,
            alloc: &mut self.alloc,
        }
    }

    /// The service account of the pod of a request.
    fn account(&self, request: &Request) -> Option<Arc<ServiceAccount>> {
        let Body::Object(Object::Pod(pod)) = &request.body else { return None };
        let name = [&pod.spec.service_account_name, &pod.spec.deprecated_service_account];
        let name = name.into_iter().find(|name| !name.is_empty()).map_or("default", String::as_str);
        self.cached(Kind::ServiceAccount, &request.namespace, name)?.get::<ServiceAccount>().cloned()
    }

    /// The class of claims or ingresses that name none: the youngest of those that are marked so.
    fn default_class(&self, kind: Kind, domain: &str) -> Option<String> {
        let key = format!("{domain}/is-default-class");
        let marked = |object: &&Object| {
            let mark = object.meta().annotations.get(&key);
            mark.is_some_and(|value| value == "true")
        };
        let classes = self.all_cached(kind).filter(marked);
        let youngest =
            classes.max_by_key(|class| (class.meta().creation_timestamp, std::cmp::Reverse(&class.meta().name)));
        youngest.map(|class| class.meta().name.clone())
    }

    pub(super) fn plan_create(&mut self, no: CallNo, request: &Request, now: Time) -> Result<Plan, Status> {
        let Body::Object(object) = &request.body else {
            return Err(Status::bad_request("a creation needs an object"));
        };
        let mut object = object.clone();
        let charges = self.call(no).charges;
        let managed = self.managed_after_create(no, request, &object, now);
        if let Some(Object::Namespace(namespace)) = self.cached(Kind::Namespace, "", &request.namespace) {
            let words = admission::pod_security::warnings(&object, namespace);
            self.warn(no, words);
        }
        let meta = object.meta_mut();
        meta.managed_fields = managed;
        if request.kind.info().namespaced {
            meta.namespace = request.namespace.to_string();
        }
        // It is the store that refuses, so a dry run does not.
        let versioned = meta.resource_version.is_some_and(|v| v.0 != 0);
        if versioned && request.verb == Verb::Create && !request.options.dry_run {
            return Err(Status {
                code: 500,
                reason: String::new(),
                message: "resourceVersion should not be set on objects to be created".into(),
                details: None,
            });
        }
        registry::default(&mut object);
        self.no_escalation(no, request, &object, None)?;
        let asker = self.asker(no);
        let mut env = self.env(no, request, now);
        admission::on_create(&mut object, &mut env)?;
        registry::fill_new(&mut object, &mut env);
        registry::prepare_new(&mut object, &mut env)?;
        let name = object.meta().name.clone();
        let errors = validate::create(&object);
        if !errors.is_empty() {
            return Err(Status::invalid(object.kind(), &name, &errors));
        }
        admission::check_new(&object, &env)?;
        let asked = asker.as_ref().map(|user| admitted(request, "CREATE", Some(&object), None, user.as_ref()));
        let said = admission::consult(asked.as_ref(), &env)?;
        if let Some(charge) = admission::quota::charge(&object, None, charges, &env)? {
            return Ok(Plan::First(charge.into()));
        }
        registry::allocate_new(&mut object, &mut env)?;
        self.warn(no, said);
        Ok(Plan::Commit(Step::Create(object)))
    }

    pub(super) fn plan_update(
        &mut self,
        no: CallNo,
        request: &Request,
        mut new: Object,
        current: &Object,
        now: Time,
    ) -> Result<Plan, Status> {
        let kind = request.kind;
        let (old, wanted) = (current.meta(), new.meta());
        let stored = old.resource_version;
        match wanted.resource_version {
            Some(version) if version.0 != 0 && Some(version) == stored => {}
            Some(version) if version.0 != 0 => return Err(Status::conflict(kind, &request.name, MODIFIED)),
            _ if !registry::unconditional_update(kind) => {
                let error = crate::api::validate::invalid(
                    "metadata.resourceVersion",
                    &json!("0x0"),
                    "must be specified for an update",
                );
                return Err(Status::invalid(kind, &request.name, &[error]));
            }
            _ => {}
        }
        if !wanted.uid.0.is_empty() && wanted.uid != old.uid {
            let why =
                format!("Precondition failed: UID in precondition: {}, UID in object meta: {}", wanted.uid, old.uid);
            return Err(Status::conflict(kind, &request.name, &why));
        }
        if !shares_spec(&new, current) {
            registry::default(&mut new);
        }
        registry::keep_identity(&mut new, current);
        self.no_escalation(no, request, &new, Some(current))?;
        self.settle_managed(no, request, &mut new, current);
        let charges = self.call(no).charges;
        let asker = self.asker(no);
        let mut env = self.env(no, request, now);
        if request.subresource.is_none() {
            admission::on_update(&mut new, current, &mut env)?;
        }
        registry::prepare_change(&mut new, current, request.subresource, &mut env)?;
        new.meta_mut().resource_version = stored;
        let errors = match request.subresource {
            Some(Subresource::Status) => validate::update_status(&new, current),
            Some(Subresource::Finalize) => Vec::new(),
            Some(Subresource::EphemeralContainers) => validate::update_ephemeral(&new, current),
            Some(Subresource::Resize) => validate::update_resize(&new, current),
            _ => validate::update(&new, current),
        };
        if !errors.is_empty() {
            return Err(Status::invalid(kind, &request.name, &errors));
        }
        match request.subresource {
            None => admission::check_changed(&new, &env)?,
            Some(Subresource::Resize) => admission::check_resized(&new, current, &env)?,
            _ => {}
        }
        let asked = asker.as_ref().map(|user| admitted(request, "UPDATE", Some(&new), Some(current), user.as_ref()));
        let said = admission::consult(asked.as_ref(), &env)?;
        if admission::quota::is_charged(kind, request.subresource)
            && let Some(charge) = admission::quota::charge(&new, Some(current), charges, &env)?
        {
            return Ok(Plan::First(charge.into()));
        }
        if request.subresource.is_none() {
            registry::allocate_change(&mut new, current, &mut env)?;
        }
        self.warn(no, said);
        if removal::done_by_update(&new, current) {
            return Ok(Plan::Commit(Step::Delete(new)));
        }
        if new == *current {
            return Ok(Plan::Answer(registry::written(request, new)));
        }
        let managed = self.managed_after_update(no, request, &new, current, now);
        new.meta_mut().managed_fields = managed;
        Ok(Plan::Commit(Step::Replace { object: new, then_delete: false }))
    }

    /// The `scale` sub-resource: only the number of replicas changes.
    fn plan_scale(&mut self, no: CallNo, request: &Request, current: &Object, now: Time) -> Result<Plan, Status> {
        let before = registry::scale::of(current).ok_or_else(Status::no_such_resource)?;
        let Body::Value(body) = &request.body else { return Err(Status::bad_request("a scale needs a body")) };
        let scale = match request.verb {
            Verb::Patch(how) => patch_form::apply(how, &before, body, None)?,
            _ => (**body).clone(),
        };
        if let Some(version) = scale["metadata"]["resourceVersion"].as_str().filter(|v| !v.is_empty() && *v != "0") {
            let stored = current.meta().resource_version.map(|v| v.to_string());
            if stored.as_deref() != Some(version) {
                return Err(Status::conflict(request.kind, &request.name, MODIFIED));
            }
        }
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        if replicas < 0 {
            let error = validate::invalid("spec.replicas", &json!(replicas), "must be greater than or equal to 0");
            return Err(registry::scale::invalid(&request.name, &[error]));
        }
        let mut new = current.clone();
        registry::scale::set(&mut new, i32::try_from(replicas).unwrap_or(i32::MAX));
        let mut plain = request.clone();
        plain.subresource = Some(Subresource::Scale);
        self.plan_update(no, &plain, new, current, now)
    }

    /// Binds a pod to a node. Models `assignPod` of `pkg/registry/core/pod/storage`.
    fn bind(&self, request: &Request, current: &Object, now: Timestamp) -> Result<Plan, Status> {
        let Object::Pod(pod) = current else { return Err(Status::no_such_resource()) };
        let node = match &request.body {
            Body::Binding(node) => node.to_string(),
            Body::Value(value) => value["target"]["name"].as_str().unwrap_or("").to_owned(),
            _ => String::new(),
        };
        let refuse = |why: String| Err(Status::conflict_of("pods/binding", &request.name, &why));
        if node.is_empty() {
            return Err(Status::bad_request("target.name: Required value"));
        }
        if pod.metadata.deletion_timestamp.is_some() {
            return refuse(format!("pod {} is being deleted, cannot be assigned to a host", pod.metadata.name));
        }
        if !pod.spec.node_name.is_empty() {
            return refuse(format!("pod {} is already assigned to node {:?}", pod.metadata.name, pod.spec.node_name));
        }
        let mut new = (**pod).clone();
        if let Some(node) = self.cached(Kind::Node, "", &node) {
            admission::topology_labels(&mut new.metadata, node.meta());
        }
        Arc::make_mut(&mut new.spec).node_name = node;
        new.status.nominated_node_name = String::new();
        registry::pod::set_condition(&mut new, "PodScheduled", "True", "", "", now);
        let mut object = Object::from(new);
        object.meta_mut().resource_version = Some(current.meta().resource_version.unwrap_or(ResourceVersion(0)));
        Ok(Plan::Commit(Step::Replace { object, then_delete: false }))
    }
}

/// Whether a pod has the very spec that is stored: then it has its defaults already.
fn shares_spec(new: &Object, current: &Object) -> bool {
    matches!((new, current), (Object::Pod(new), Object::Pod(current)) if Arc::ptr_eq(&new.spec, &current.spec))
}

/// A request as admission sees it.
fn admitted<'a>(
    request: &'a Request,
    operation: &'static str,
    object: Option<&'a Object>,
    old: Option<&'a Object>,
    user: Option<&'a User>,
) -> Asked<'a> {
    Asked {
        kind: request.kind,
        operation,
        namespace: &request.namespace,
        path_name: &request.name,
        subresource: request.subresource.map_or("", Subresource::as_str),
        object,
        old,
        user,
        dry_run: request.options.dry_run,
    }
}

fn found<'a>(request: &Request, current: Option<&'a Object>) -> Result<&'a Object, Status> {
    current.ok_or_else(|| Status::not_found(request.kind, &request.name))
}
