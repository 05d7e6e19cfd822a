//! Defaults of autoscalers. Models `pkg/apis/autoscaling/v2/defaults.go`.

use crate::api::{
    HorizontalPodAutoscaler, HpaScalingPolicy, HpaScalingRules, MetricSpec, MetricTarget, ResourceMetricSource,
};

/// The share of its request that a pod should use if nothing is said.
const CPU_PERCENT: i32 = 80;

/// Fills in an autoscaler.
pub fn autoscaler(autoscaler: &mut HorizontalPodAutoscaler) {
    let spec = &mut autoscaler.spec;
    spec.min_replicas.get_or_insert(1);
    if spec.metrics.is_empty() {
        spec.metrics.push(cpu(CPU_PERCENT));
    }
    if let Some(behavior) = &mut spec.behavior {
        let (up, down) = (behavior.scale_up.take(), behavior.scale_down.take());
        behavior.scale_up = Some(filled(up, Some(0), &[("Pods", 4), ("Percent", 100)]));
        behavior.scale_down = Some(filled(down, None, &[("Percent", 100)]));
    }
}

/// The metric that a target of CPU utilization is.
fn cpu(percent: i32) -> MetricSpec {
    let target =
        MetricTarget { r#type: "Utilization".into(), average_utilization: Some(percent), ..MetricTarget::default() };
    let source = ResourceMetricSource { name: "cpu".into(), target, ..ResourceMetricSource::default() };
    MetricSpec { r#type: "Resource".into(), resource: Some(source), ..MetricSpec::default() }
}

/// Rules with upstream's defaults where they say nothing; the default policies are per 15 seconds.
fn filled(rules: Option<HpaScalingRules>, window: Option<i32>, policies: &[(&str, i32)]) -> HpaScalingRules {
    let mut rules = rules.unwrap_or_default();
    rules.stabilization_window_seconds = rules.stabilization_window_seconds.or(window);
    rules.select_policy.get_or_insert_with(|| "Max".into());
    if rules.policies.is_empty() {
        let policy = |(kind, value): &(&str, i32)| HpaScalingPolicy {
            r#type: (*kind).into(),
            value: *value,
            period_seconds: 15,
            ..HpaScalingPolicy::default()
        };
        rules.policies = policies.iter().map(policy).collect();
    }
    rules
}

#[cfg(test)]
mod tests {
    use crate::api::{HorizontalPodAutoscalerBehavior, Object, defaults};

    use super::*;

    #[test]
    fn an_autoscaler_that_says_nothing_wants_eighty_percent_of_the_cpu() {
        let mut object = Object::from(HorizontalPodAutoscaler::default());
        defaults::apply(&mut object);
        let value = object.to_value();
        assert_eq!(value["spec"]["minReplicas"], 1);
        assert_eq!(value["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
        assert!(value["spec"].get("behavior").is_none());
    }

    #[test]
    fn one_rule_of_behaviour_brings_the_other() {
        let mut hpa = HorizontalPodAutoscaler::default();
        hpa.spec.behavior = Some(HorizontalPodAutoscalerBehavior::default());
        autoscaler(&mut hpa);
        let behavior = hpa.spec.behavior.expect("it stays");
        let (up, down) = (behavior.scale_up.expect("filled"), behavior.scale_down.expect("filled"));
        assert_eq!((up.stabilization_window_seconds, up.policies.len()), (Some(0), 2));
        assert_eq!((down.stabilization_window_seconds, down.policies.len()), (None, 1));
        assert_eq!(down.select_policy.as_deref(), Some("Max"));
    }
}
