//! The rules of webhooks, policies, levels of requests, devices and addresses. Models `strategy.go` of
//! `pkg/registry/{admissionregistration,flowcontrol,resource,networking}`.

use std::sync::Arc;

use crate::api::{Condition, FlowSchemaCondition, Kind, Object, Timestamp};
use crate::control::apiserver::boot::fairness;
use crate::control::apiserver::registry::Env;

/// Whether a kind has a `status` sub-resource.
pub fn has_status(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ValidatingAdmissionPolicy
            | Kind::FlowSchema
            | Kind::PriorityLevelConfiguration
            | Kind::ServiceCIDR
            | Kind::ResourceClaim
    )
}

/// What a creation does besides.
pub fn prepare_new(object: &mut Object, env: &Env<'_>) {
    match object {
        Object::ValidatingAdmissionPolicy(o) => _ = fresh!(o),
        Object::FlowSchema(o) => {
            let schema = fresh!(o);
            let level = &schema.spec.priority_level_configuration.name;
            let exists = fairness::is_level(level)
                || env.objects(Kind::PriorityLevelConfiguration).any(|known| known.meta().name == *level);
            schema.status.conditions = vec![dangling(level, exists, env.now)];
        }
        Object::PriorityLevelConfiguration(o) => _ = fresh!(o),
        Object::ServiceCIDR(o) => {
            let range = Arc::make_mut(o);
            range.status.conditions =
                if range.metadata.name == "kubernetes" { vec![ready(env.now)] } else { Vec::new() };
        }
        Object::ResourceClaim(o) => Arc::make_mut(o).status = Default::default(),
        Object::ValidatingWebhookConfiguration(_)
        | Object::MutatingWebhookConfiguration(_)
        | Object::ValidatingAdmissionPolicyBinding(_)
        | Object::MutatingAdmissionPolicy(_)
        | Object::MutatingAdmissionPolicyBinding(_)
        | Object::DeviceClass(_)
        | Object::ResourceSlice(_) => object.meta_mut().generation = 1,
        _ => {}
    }
}

/// The server takes addresses from the range that it was started with.
fn ready(now: Timestamp) -> Condition {
    Condition {
        r#type: "Ready".into(),
        status: "True".into(),
        last_transition_time: Some(now),
        message: "Kubernetes default Service CIDR is ready".into(),
        ..Condition::default()
    }
}

/// Whether the level of a schema is missing.
fn dangling(level: &str, exists: bool, now: Timestamp) -> FlowSchemaCondition {
    let (status, reason, end) = match exists {
        true => ("False", "Found", "and it exists"),
        false => ("True", "NotFound", "but there is no such object"),
    };
    FlowSchemaCondition {
        r#type: "Dangling".into(),
        status: status.into(),
        last_transition_time: Some(now),
        reason: reason.into(),
        message: format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?} {end}"),
        ..FlowSchemaCondition::default()
    }
}

/// What a change does besides.
pub fn prepare_change(new: &mut Object, old: &Object, status: bool) {
    match (new, old) {
        (Object::ValidatingAdmissionPolicy(n), Object::ValidatingAdmissionPolicy(o)) => split!(n, o, status),
        (Object::FlowSchema(n), Object::FlowSchema(o)) => split!(n, o, status),
        (Object::PriorityLevelConfiguration(n), Object::PriorityLevelConfiguration(o)) => split!(n, o, status),
        (Object::ServiceCIDR(n), Object::ServiceCIDR(o)) => part!(n, o, status),
        (Object::ResourceClaim(n), Object::ResourceClaim(o)) => part!(n, o, status),
        (Object::ValidatingWebhookConfiguration(n), Object::ValidatingWebhookConfiguration(o)) => {
            count!(n, o, webhooks)
        }
        (Object::MutatingWebhookConfiguration(n), Object::MutatingWebhookConfiguration(o)) => count!(n, o, webhooks),
        (Object::ValidatingAdmissionPolicyBinding(n), Object::ValidatingAdmissionPolicyBinding(o)) => {
            count!(n, o, spec)
        }
        (Object::MutatingAdmissionPolicy(n), Object::MutatingAdmissionPolicy(o)) => count!(n, o, spec),
        (Object::MutatingAdmissionPolicyBinding(n), Object::MutatingAdmissionPolicyBinding(o)) => count!(n, o, spec),
        (Object::DeviceClass(n), Object::DeviceClass(o)) => count!(n, o, spec),
        (Object::ResourceSlice(n), Object::ResourceSlice(o)) => count!(n, o, spec),
        _ => {}
    }
}
