//! What the controller remembers of each autoscaler: what it wanted and what it changed, as long as that counts.
//!
//! Models the maps `recommendations`, `scaleUpEvents` and `scaleDownEvents` of `pkg/controller/podautoscaler/horizontal.go`.
//! Differs: a change whose write failed is remembered too; who could tell: policies, right after such a failure.

use crate::api::{HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior};
use crate::control::controller::horizontal::behaviour::{
    Change, Limit, Recommendation, Rules, UP_FACTOR, limit, limit_rate, stabilize, stabilize_both,
};
use crate::sim::Time;

/// What is remembered of an autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memory {
    recommendations: Vec<Recommendation>,
    ups: Vec<Change>,
    downs: Vec<Change>,
}

/// A number of replicas that may be set, and what was done to get there: the reasons and words of the conditions AbleToScale
/// and ScalingLimited, and whether the latter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Normal {
    /// How many.
    pub replicas: i32,
    /// How the past counted.
    pub stabilized: (&'static str, &'static str),
    /// What limited it.
    pub limit: Limit,
    /// Whether it was limited.
    pub limited: bool,
}

const READY: (&str, &str) = ("ReadyForNewScale", "recommended size matches current size");
const DOWN: (&str, &str) = (
    "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
);
const UP: (&str, &str) = (
    "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
);

/// The rules of an autoscaler for up and down.
fn rules(behavior: &HorizontalPodAutoscalerBehavior) -> (Rules, Rules) {
    (Rules::of(behavior.scale_up.as_ref(), Rules::up()), Rules::of(behavior.scale_down.as_ref(), Rules::down()))
}

impl Memory {
    /// The first look: what there is was wanted (`recordInitialRecommendation`).
    pub fn begin(&mut self, replicas: i32, now: Time) {
        if self.recommendations.is_empty() {
            self.recommendations.push(Recommendation { replicas, at: now });
        }
    }

    /// From what the metrics want to what may be set (`normalizeDesiredReplicas…`).
    pub fn normalize(
        &mut self,
        hpa: &HorizontalPodAutoscaler,
        (current, desired): (i32, i32),
        bounds: (i32, i32),
        now: Time,
    ) -> Normal {
        let known = &mut self.recommendations;
        let (stable, how, (replicas, limit)) = match &hpa.spec.behavior {
            None => {
                let stable = stabilize(known, desired, now);
                (stable, DOWN, limit(current, stable, bounds, UP_FACTOR))
            }
            Some(behavior) => {
                let (up, down) = rules(behavior);
                let stable = stabilize_both(known, current, desired, (up.window, down.window), now);
                let limited = limit_rate((current, stable), bounds, (&up, &down), (&self.ups, &self.downs), now);
                (stable, if desired >= current { UP } else { DOWN }, limited)
            }
        };
        let stabilized = if stable == desired { READY } else { how };
        Normal { replicas, stabilized, limit, limited: replicas != stable }
    }

    /// Replicas are changed (`storeScaleEvent`).
    pub fn changed(&mut self, hpa: &HorizontalPodAutoscaler, (from, to): (i32, i32), now: Time) {
        let Some(behavior) = &hpa.spec.behavior else { return };
        let (up, down) = rules(behavior);
        let (changes, longest) =
            if to > from { (&mut self.ups, up.longest()) } else { (&mut self.downs, down.longest()) };
        changes.retain(|change| now.since(change.at) < longest);
        changes.push(Change { by: (to - from).abs(), at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{HpaScalingPolicy, HpaScalingRules, Object, defaults};
    use crate::sim::Span;

    fn secs(at: u64) -> Time {
        Time::ZERO + Span::secs(at)
    }

    /// What may be set after these wishes, each at its second, from so many replicas.
    fn check(hpa: &HorizontalPodAutoscaler, current: i32, wishes: &[(u64, i32)], want: (i32, &str, &str, bool)) {
        let mut memory = Memory::default();
        memory.begin(current, secs(1));
        let mut last = None;
        for (at, desired) in wishes {
            last = Some(memory.normalize(hpa, (current, *desired), (1, 10), secs(*at)));
        }
        let last = last.expect("there are wishes");
        assert_eq!((last.replicas, last.stabilized.0, last.limit.told().0, last.limited), want, "{wishes:?}");
    }

    #[test]
    fn fewer_are_only_set_after_five_minutes() {
        let hpa = HorizontalPodAutoscaler::default();
        check(&hpa, 7, &[(15, 1)], (7, "ScaleDownStabilized", "DesiredWithinRange", false));
        check(&hpa, 7, &[(15, 1), (299, 1)], (7, "ScaleDownStabilized", "DesiredWithinRange", false));
        check(&hpa, 7, &[(15, 1), (302, 1)], (1, "ReadyForNewScale", "DesiredWithinRange", false));
    }

    #[test]
    fn more_are_limited_by_what_there_is_and_by_the_most() {
        let hpa = HorizontalPodAutoscaler::default();
        check(&hpa, 1, &[(15, 7)], (4, "ReadyForNewScale", "ScaleUpLimit", true));
        check(&hpa, 7, &[(15, 12)], (10, "ReadyForNewScale", "TooManyReplicas", true));
        check(&hpa, 1, &[(15, 0)], (1, "ScaleDownStabilized", "DesiredWithinRange", false));
    }

    /// An autoscaler with these rules and the defaults.
    fn behaving(behavior: HorizontalPodAutoscalerBehavior) -> HorizontalPodAutoscaler {
        let mut hpa = HorizontalPodAutoscaler::default();
        hpa.spec.behavior = Some(behavior);
        let mut object = Object::from(hpa);
        defaults::apply(&mut object);
        object.get::<HorizontalPodAutoscaler>().expect("it stays one").as_ref().clone()
    }

    #[test]
    fn a_window_of_its_own_counts_instead() {
        let rules = HpaScalingRules { stabilization_window_seconds: Some(30), ..Default::default() };
        let hpa = behaving(HorizontalPodAutoscalerBehavior { scale_down: Some(rules), ..Default::default() });
        check(&hpa, 7, &[(15, 3)], (7, "ScaleDownStabilized", "DesiredWithinRange", false));
        check(&hpa, 7, &[(15, 3), (32, 3)], (3, "ReadyForNewScale", "DesiredWithinRange", false));
    }

    #[test]
    fn a_policy_limits_how_many_come_in_its_period() {
        let policy = HpaScalingPolicy { r#type: "Pods".into(), value: 2, period_seconds: 60, ..Default::default() };
        let up = HpaScalingRules { policies: vec![policy], ..Default::default() };
        let hpa = behaving(HorizontalPodAutoscalerBehavior { scale_up: Some(up), ..Default::default() });
        let mut memory = Memory::default();
        memory.begin(1, Time::ZERO);
        let first = memory.normalize(&hpa, (1, 8), (1, 10), secs(15));
        assert_eq!((first.replicas, first.limit.told().0), (3, "ScaleUpLimit"));
        memory.changed(&hpa, (1, 3), secs(15));
        assert_eq!(memory.normalize(&hpa, (3, 8), (1, 10), secs(30)).replicas, 3);
        assert_eq!(memory.normalize(&hpa, (3, 8), (1, 10), secs(76)).replicas, 5);
    }
}
