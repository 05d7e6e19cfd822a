//! Webhooks, policies, and the levels of requests. Models `pkg/apis/{admissionregistration,flowcontrol,resource}/v1/defaults.go`.

use serde_json::{Value, json};

use crate::api::{
    FlowSchema, MatchResources, ParamRef, PriorityLevelConfiguration, ResourceClaimSpec, RuleWithOperations, Webhook,
};

/// Webhooks; those that change objects are asked once, unless they say otherwise.
pub fn webhooks(webhooks: &mut [Webhook], mutating: bool) {
    for hook in webhooks {
        hook.failure_policy.get_or_insert_with(|| "Fail".into());
        hook.match_policy.get_or_insert_with(|| "Equivalent".into());
        hook.namespace_selector.get_or_insert_default();
        hook.object_selector.get_or_insert_default();
        hook.timeout_seconds.get_or_insert(10);
        if mutating {
            hook.reinvocation_policy.get_or_insert_with(|| "Never".into());
        }
        if let Some(service) = &mut hook.client_config.service {
            service.port.get_or_insert(443);
        }
        rules(&mut hook.rules);
    }
}

fn rules(rules: &mut [RuleWithOperations]) {
    for rule in rules {
        rule.scope.get_or_insert_with(|| "*".into());
    }
}

/// What a policy or its binding is about.
pub fn match_resources(of: Option<&mut MatchResources>) {
    let Some(of) = of else { return };
    of.match_policy.get_or_insert_with(|| "Equivalent".into());
    of.namespace_selector.get_or_insert_default();
    of.object_selector.get_or_insert_default();
    rules(&mut of.resource_rules);
    rules(&mut of.exclude_resource_rules);
}

/// The parameters of a binding.
pub fn param_ref(param: Option<&mut ParamRef>) {
    if let Some(param) = param {
        param.parameter_not_found_action.get_or_insert_with(|| "Deny".into());
    }
}

/// A schema of requests.
pub fn schema(schema: &mut FlowSchema) {
    if schema.spec.matching_precedence == 0 {
        schema.spec.matching_precedence = 1000;
    }
}

/// A level of requests.
pub fn level(level: &mut PriorityLevelConfiguration) {
    if let Some(exempt) = &mut level.spec.exempt {
        exempt.nominal_concurrency_shares.get_or_insert(0);
        exempt.lendable_percent.get_or_insert(0);
    }
    let Some(limited) = &mut level.spec.limited else { return };
    limited.nominal_concurrency_shares.get_or_insert(30);
    limited.lendable_percent.get_or_insert(0);
    if let Some(queuing) = &mut limited.limit_response.queuing {
        for (number, default) in
            [(&mut queuing.hand_size, 8), (&mut queuing.queues, 64), (&mut queuing.queue_length_limit, 50)]
        {
            if *number == 0 {
                *number = default;
            }
        }
    }
}

/// A claim for devices: one of each, unless it says how many.
pub fn claim(spec: &mut ResourceClaimSpec) {
    let Some(Value::Array(requests)) = spec.devices.get_mut("requests") else { return };
    for request in requests {
        if let Some(exactly) = request.get_mut("exactly") {
            device(exactly);
        }
        for one in request.get_mut("firstAvailable").and_then(Value::as_array_mut).into_iter().flatten() {
            device(one);
        }
    }
}

fn device(device: &mut Value) {
    let Value::Object(fields) = device else { return };
    let mode = fields.entry("allocationMode").or_insert_with(|| json!("ExactCount"));
    if *mode == "ExactCount" {
        fields.entry("count").or_insert_with(|| json!(1));
    }
}
