//! Quotas: what a new object uses is charged to those of its namespace, and what a change uses more or less. Models
//! `k8s.io/apiserver/pkg/admission/plugin/resourcequota`.

use std::sync::Arc;

use crate::api::{Body, Charge, Kind, Object, Quantity, Request, ResourceQuota, Status, Subresource, Verb};
use crate::control::apiserver::registry::Env;
use crate::control::quota;

/// Whether a change of an object is charged: a resize of a pod, another type or size of others.
pub fn is_charged(kind: Kind, subresource: Option<Subresource>) -> bool {
    match subresource {
        None => matches!(kind, Kind::Service | Kind::PersistentVolumeClaim),
        Some(Subresource::Resize) => true,
        Some(_) => false,
    }
}

/// The next charge that an object, which was `old`, has to make after `made` others; `None` if they are all made.
///
/// # Errors
/// A container does not say what a quota makes it say.
pub fn charge(object: &Object, old: Option<&Object>, made: u32, env: &Env<'_>) -> Result<Option<Request>, Status> {
    let meta = object.meta();
    if meta.namespace.is_empty() || object.kind() == Kind::Event {
        return Ok(None);
    }
    let mut usage = quota::usage(object, env.now);
    if let Some(old) = old {
        for (name, amount) in quota::usage(old, env.now) {
            let known = usage.entry(name).or_insert(Quantity::from_units(0));
            *known = known.minus(amount);
        }
        usage.retain(|_, amount| !amount.is_zero());
        if usage.is_empty() {
            return Ok(None);
        }
    }
    let concerns = |quota: &&ResourceQuota| {
        quota.status.hard.keys().any(|name| usage.contains_key(name) || is_demanded(object, name))
            && quota::in_scopes(quota, object)
    };
    let quotas: Vec<&ResourceQuota> = env
        .objects_in(Kind::ResourceQuota, &meta.namespace)
        .filter_map(|object| match object {
            Object::ResourceQuota(quota) => Some(quota.as_ref()),
            _ => None,
        })
        .filter(concerns)
        .collect();
    let forbidden = |why: &str| Status::forbidden(object.kind(), super::name_of(meta), why);
    for known in &quotas {
        if let Object::Pod(pod) = object {
            quota::demands(known, pod).map_err(|why| forbidden(&why))?;
        }
        // Upstream looks at all quotas before it charges one.
        if made == 0 && quotas.len() > 1 {
            quota::take(&mut (*known).clone(), &usage).map_err(|why| forbidden(&why))?;
        }
    }
    let next = usize::try_from(made).ok().and_then(|made| quotas.get(made));
    Ok(next.map(|quota| {
        let mut request =
            Request::new(Verb::Update, Kind::ResourceQuota, &quota.metadata.namespace, &quota.metadata.name);
        request.subresource = Some(Subresource::Status);
        let name = super::name_of(meta).into();
        request.body = Body::Charge(Arc::new(Charge::Usage { kind: object.kind(), name, usage }));
        request.options.dry_run = env.dry_run;
        request
    }))
}

/// Whether a quota makes the containers of a pod say something about a resource.
fn is_demanded(object: &Object, resource: &str) -> bool {
    object.kind() == Kind::Pod && matches!(resource.rsplit('.').next(), Some("cpu" | "memory"))
}
