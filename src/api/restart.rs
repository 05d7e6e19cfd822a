//! Whether a container that has ended is started again: by its rules, by its own policy, or by its pod's. Models
//! `ContainerShouldRestart` of `pkg/api/v1/pod/util.go`.
//!
//! A rule with the action `RestartAllContainers` is taken as `Restart`: the others of the pod go on running here.

use serde_json::Value;

use super::{Container, PodSpec, RestartPolicy};

impl Container {
    /// Whether one that ended with `code` is started again in a pod of `spec`.
    pub fn restarts(&self, spec: &PodSpec, code: i32) -> bool {
        let rules = self.rest.get("restartPolicyRules").and_then(Value::as_array);
        if rules.into_iter().flatten().any(|rule| matches(rule, code)) {
            return true;
        }
        match self.restart_policy.as_ref().unwrap_or(&spec.restart_policy) {
            RestartPolicy::Never => false,
            RestartPolicy::OnFailure => code != 0,
            _ => true,
        }
    }
}

/// Whether a rule is about this code.
fn matches(rule: &Value, code: i32) -> bool {
    let of = &rule["exitCodes"];
    let listed = of["values"].as_array().is_some_and(|codes| codes.iter().any(|one| one.as_i64() == Some(code.into())));
    match of["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, policy: &str, rules: &str, code: i32, expected: bool) {
        let spec = PodSpec { restart_policy: spec.to_owned().into(), ..PodSpec::default() };
        let restart_policy = (!policy.is_empty()).then(|| policy.to_owned().into());
        let mut container = Container { restart_policy, ..Container::default() };
        container.rest.insert("restartPolicyRules".into(), serde_json::from_str(rules).expect("rules are JSON"));
        assert_eq!(container.restarts(&spec, code), expected, "{policy} {rules} after {code}");
    }

    #[test]
    fn rules_come_before_the_containers_policy_and_that_before_the_pods() {
        let on = |operator: &str| {
            format!(r#"[{{"action": "Restart", "exitCodes": {{"operator": "{operator}", "values": [42, 50]}}}}]"#)
        };
        check("Never", "Never", &on("In"), 42, true);
        check("Never", "Never", &on("In"), 43, false);
        check("Never", "Never", &on("NotIn"), 43, true);
        check("Never", "Never", &on("NotIn"), 42, false);
        check("Never", "Always", "[]", 0, true);
        check("Never", "OnFailure", "[]", 0, false);
        check("Never", "OnFailure", "[]", 1, true);
        check("Always", "Never", "[]", 1, false);
        check("Always", "", "[]", 0, true);
        check("OnFailure", "", "[]", 0, false);
        check("Never", "", "[]", 1, false);
    }
}
