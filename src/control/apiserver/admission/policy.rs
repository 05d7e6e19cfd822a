//! Policies: what must be true of requests, in CEL. Models the plugin ValidatingAdmissionPolicy
//! (`k8s.io/apiserver/pkg/admission/plugin/policy`).
//!
//! Differs: expressions that ask for rights (`authorizer`) fail, since they are not evaluated here.

use serde_json::{Map, Value, json};

use super::matching::{self, Asked};
use crate::api::custom::cel;
use crate::api::labels::Selector;
use crate::api::{
    Kind, KindOf, MatchCondition, Object, ParamKind, PolicyVariable, Status, ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding, Validation,
};
use crate::control::apiserver::registry::Env;

/// The longest message that an expression may make, in bytes.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// Judges a request. Answers the warnings of the policies that only warn.
///
/// # Errors
/// A policy denies it.
pub fn judge(asked: &Asked<'_>, env: &Env<'_>) -> Result<Vec<String>, Status> {
    let bindings = env.objects(Kind::ValidatingAdmissionPolicyBinding);
    let bindings: Vec<&ValidatingAdmissionPolicyBinding> =
        bindings.filter_map(|object| ValidatingAdmissionPolicyBinding::of(object).map(AsRef::as_ref)).collect();
    let mut warnings = Vec::new();
    let mut denied = None;
    for policy in env.objects(Kind::ValidatingAdmissionPolicy).filter_map(ValidatingAdmissionPolicy::of) {
        let spec = &policy.spec;
        let Some(constraints) = &spec.match_constraints else { continue };
        if !matching::matches(constraints, asked, env) {
            continue;
        }
        for binding in bindings.iter().filter(|binding| binding.spec.policy_name == policy.metadata.name) {
            if binding.spec.match_resources.as_ref().is_some_and(|of| !matching::matches(of, asked, env)) {
                continue;
            }
            for decision in decisions(policy, binding, asked, env) {
                let (name, by) = (&policy.metadata.name, &binding.metadata.name);
                let has = |action: &str| binding.spec.validation_actions.iter().any(|known| known == action);
                let said = &decision.message;
                if has("Warn") {
                    warnings.push(format!(
                        "Validation failed for ValidatingAdmissionPolicy '{name}' with binding '{by}': {said}"
                    ));
                }
                if has("Deny") && denied.is_none() {
                    let why = format!("ValidatingAdmissionPolicy '{name}' with binding '{by}' denied request: {said}");
                    denied = Some(refusal(asked, &why, decision.reason.as_deref().unwrap_or("Invalid")));
                }
            }
        }
    }
    match denied {
        Some(status) => Err(status),
        None => Ok(warnings),
    }
}

/// The answer to a request that a policy denies.
fn refusal(asked: &Asked<'_>, why: &str, reason: &str) -> Status {
    let mut status = Status::forbidden(asked.kind, asked.name(), why);
    status.reason = reason.to_owned();
    status.code = match reason {
        "Forbidden" => 403,
        "Unauthorized" => 401,
        "RequestEntityTooLarge" => 413,
        _ => 422,
    };
    if let Some(details) = &mut status.details {
        details["causes"] = json!([{"message": why}]);
    }
    status
}

/// Why a request is not as a policy wants it.
struct Decision {
    message: String,
    reason: Option<String>,
}

impl Decision {
    fn plain(message: String) -> Decision {
        Decision { message, reason: None }
    }
}

/// What a policy finds wrong, with each of its parameters.
fn decisions(
    policy: &ValidatingAdmissionPolicy,
    binding: &ValidatingAdmissionPolicyBinding,
    asked: &Asked<'_>,
    env: &Env<'_>,
) -> Vec<Decision> {
    let fails = policy.spec.failure_policy.as_deref() != Some("Ignore");
    match parameters(policy, binding, asked, env) {
        Err(why) if fails => vec![Decision::plain(why)],
        Err(_) => Vec::new(),
        Ok(params) => params.into_iter().flat_map(|param| judged(policy, asked, param, env, fails)).collect(),
    }
}

/// The parameters of a binding; without any kind of them, nothing once.
fn parameters(
    policy: &ValidatingAdmissionPolicy,
    binding: &ValidatingAdmissionPolicyBinding,
    asked: &Asked<'_>,
    env: &Env<'_>,
) -> Result<Vec<Value>, String> {
    let (Some(kind), Some(param)) = (&policy.spec.param_kind, &binding.spec.param_ref) else {
        return Ok(vec![Value::Null]);
    };
    let Some(found) = kind_of(kind, env) else {
        let ParamKind { api_version, kind, .. } = kind;
        return Err(format!(
            "failed to configure policy: failed to find resource referenced by paramKind: '{api_version}, Kind={kind}'"
        ));
    };
    let namespace = match (found.info().namespaced, param.namespace.as_str()) {
        (false, _) => "",
        (true, "") => asked.namespace,
        (true, namespace) => namespace,
    };
    let chosen = |object: &&Object| match &param.selector {
        Some(selector) => Selector::from(selector).matches(&object.meta().labels),
        None => object.meta().name == param.name,
    };
    let all: Vec<Value> = env.objects_in(found, namespace).filter(chosen).map(Object::plain_value).collect();
    let action = param.parameter_not_found_action.as_deref().unwrap_or("Deny");
    if all.is_empty() && action == "Deny" {
        return Err("failed to configure binding: no params found for policy binding with `Deny` \
                    parameterNotFoundAction"
            .into());
    }
    Ok(all)
}

/// The kind of parameters: one of the server's own, or one that a definition describes.
fn kind_of(of: &ParamKind, env: &Env<'_>) -> Option<Kind> {
    let is = |kind: &Kind| kind.info().api_version() == of.api_version && kind.info().kind == of.kind;
    env.caches.keys().copied().find(is)
}

fn judged(
    policy: &ValidatingAdmissionPolicy,
    asked: &Asked<'_>,
    param: Value,
    env: &Env<'_>,
    fails: bool,
) -> Vec<Decision> {
    let spec = &policy.spec;
    let mut facts = Facts::new(asked, param, env);
    match facts.conditions(&spec.match_conditions) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(why) => return if fails { vec![Decision::plain(why)] } else { Vec::new() },
    }
    facts.work_out(&spec.variables);
    let decide = |validation: &Validation| {
        let said = validation.expression.trim();
        match facts.evaluate(&validation.expression) {
            Ok(Value::Bool(true)) => None,
            Ok(_) => {
                let message = facts.message(validation).unwrap_or_else(|| match validation.message.trim() {
                    "" => format!("failed expression: {said}"),
                    message => message.to_owned(),
                });
                Some(Decision { message, reason: validation.reason.clone() })
            }
            Err(why) => {
                let message = format!("expression '{}' resulted in error: {why}", validation.expression);
                fails.then(|| Decision::plain(message))
            }
        }
    };
    spec.validations.iter().filter_map(decide).collect()
}

/// What expressions can speak of.
struct Facts {
    names: Vec<(&'static str, Value)>,
    variables: Map<String, Value>,
    /// Variables that have no value, and why.
    broken: Vec<(String, String)>,
}

impl Facts {
    fn new(asked: &Asked<'_>, param: Value, env: &Env<'_>) -> Facts {
        let value = |object: Option<&Object>| object.map_or(Value::Null, Object::plain_value);
        let names = vec![
            ("object", value(asked.object)),
            ("oldObject", value(asked.old)),
            ("request", asked.request()),
            ("params", param),
            ("namespaceObject", value(env.namespace.as_ref())),
        ];
        Facts { names, variables: Map::new(), broken: Vec::new() }
    }

    fn evaluate(&self, text: &str) -> Result<Value, String> {
        let mut scope = self.names.clone();
        scope.push(("variables", Value::Object(self.variables.clone())));
        let result = cel::parse(text).and_then(|expr| cel::evaluate(&expr, &mut scope));
        result.map_err(|why| {
            let missing = why.strip_prefix("no such key: ").unwrap_or("");
            match self.broken.iter().find(|(name, _)| name == missing) {
                Some((name, why)) => format!("composited variable {name:?} fails to evaluate: {why}"),
                None => why,
            }
        })
    }

    /// Whether all conditions hold; one that does not outweighs those that fail.
    fn conditions(&self, conditions: &[MatchCondition]) -> Result<bool, String> {
        let mut failed = None;
        for condition in conditions {
            match self.evaluate(&condition.expression) {
                Ok(Value::Bool(true)) => {}
                Ok(_) => return Ok(false),
                Err(why) => failed = failed.or(Some(why)),
            }
        }
        failed.map_or(Ok(true), Err)
    }

    fn work_out(&mut self, variables: &[PolicyVariable]) {
        for variable in variables {
            match self.evaluate(&variable.expression) {
                Ok(value) => _ = self.variables.insert(variable.name.clone(), value),
                Err(why) => self.broken.push((variable.name.clone(), why)),
            }
        }
    }

    /// What `messageExpression` says, if it says something in one line.
    fn message(&self, validation: &Validation) -> Option<String> {
        if validation.message_expression.is_empty() {
            return None;
        }
        let said = self.evaluate(&validation.message_expression).ok()?;
        let said = said.as_str()?.trim();
        let fits = !said.is_empty() && !said.contains('\n') && said.len() <= LONGEST_MESSAGE;
        fits.then(|| said.to_owned())
    }
}
