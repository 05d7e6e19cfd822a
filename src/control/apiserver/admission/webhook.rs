//! Webhooks: servers that are asked about requests. Models `k8s.io/apiserver/pkg/admission/plugin/webhook`.
//!
//! No program of the simulation is such a server. What a request meets is what it meets where a webhook is configured and its
//! server is missing: its Service is not there, or nothing is behind it. One that could be reached is not asked, and that is
//! an error too; `failurePolicy: Ignore` passes over all of them.

use super::matching::{self, Asked};
use crate::api::custom::cel;
use crate::api::{
    EndpointSlice, Kind, KindOf, MutatingWebhookConfiguration, Object, Status, ValidatingWebhookConfiguration, Webhook,
    WebhookService,
};
use crate::control::apiserver::registry::Env;

/// Asks the webhooks, those that change objects first.
///
/// # Errors
/// One that must answer cannot be asked.
pub fn ask(asked: &Asked<'_>, env: &Env<'_>) -> Result<(), Status> {
    let mutating = env.objects(Kind::MutatingWebhookConfiguration).filter_map(MutatingWebhookConfiguration::of);
    for configuration in mutating {
        ask_each(&configuration.webhooks, asked, env)?;
    }
    let validating = env.objects(Kind::ValidatingWebhookConfiguration).filter_map(ValidatingWebhookConfiguration::of);
    for configuration in validating {
        ask_each(&configuration.webhooks, asked, env)?;
    }
    Ok(())
}

fn ask_each(webhooks: &[Webhook], asked: &Asked<'_>, env: &Env<'_>) -> Result<(), Status> {
    let mut must = webhooks.iter().filter(|hook| hook.failure_policy.as_deref() != Some("Ignore"));
    let Some(hook) = must.find(|hook| is_for(hook, asked, env)) else { return Ok(()) };
    let (address, why) = failure(hook, env);
    let seconds = hook.timeout_seconds.unwrap_or(10);
    Err(Status::internal(&format!(
        "failed calling webhook {:?}: failed to call webhook: Post \"{address}?timeout={seconds}s\": {why}",
        hook.name
    )))
}

fn is_for(hook: &Webhook, asked: &Asked<'_>, env: &Env<'_>) -> bool {
    let holds = |expression: &str| {
        let value = |object: Option<&Object>| object.map_or(serde_json::Value::Null, Object::plain_value);
        let names = [("object", value(asked.object)), ("oldObject", value(asked.old)), ("request", asked.request())];
        cel::parse(expression).and_then(|expr| cel::evaluate(&expr, &mut names.to_vec())) == Ok(true.into())
    };
    hook.rules.iter().any(|rule| matching::is_about(rule, asked))
        && matching::selects(hook.namespace_selector.as_ref(), hook.object_selector.as_ref(), asked, env)
        && hook.match_conditions.iter().all(|condition| holds(&condition.expression))
}

/// Where the webhook is, and why it does not answer.
fn failure(hook: &Webhook, env: &Env<'_>) -> (String, String) {
    const UNSIMULATED: &str = "servers of webhooks are not simulated";
    let Some(service) = &hook.client_config.service else {
        return (hook.client_config.url.clone().unwrap_or_default(), UNSIMULATED.into());
    };
    let WebhookService { namespace, name, path, port, .. } = service;
    let path = path.as_deref().unwrap_or("/");
    let address = format!("https://{name}.{namespace}.svc:{}{path}", port.unwrap_or(443));
    let exists = env.objects_in(Kind::Service, namespace).any(|object| object.meta().name == *name);
    let is_of = |slice: &&EndpointSlice| slice.metadata.labels.get("kubernetes.io/service-name") == Some(name);
    let slices = env.objects_in(Kind::EndpointSlice, namespace).filter_map(EndpointSlice::of).map(AsRef::as_ref);
    let serves = slices.filter(is_of).flat_map(|slice| &slice.endpoints).any(|one| one.conditions.ready != Some(false));
    let why = match (exists, serves) {
        (false, _) => format!("service {name:?} not found"),
        (true, false) => format!("no endpoints available for service {name:?}"),
        (true, true) => UNSIMULATED.to_owned(),
    };
    (address, why)
}
