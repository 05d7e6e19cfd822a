//! How fast replicas may come and go: stabilisation windows and scaling policies.
//!
//! Models `pkg/controller/podautoscaler/horizontal.go` (`stabilizeRecommendation…`, `convertDesiredReplicas…`,
//! `calculateScale…LimitWithScalingRules`).

use crate::api::HpaScalingRules;
use crate::sim::{Span, Time};

/// `--horizontal-pod-autoscaler-downscale-stabilization`.
pub const DOWNSCALE_WINDOW: Span = Span::mins(5);

/// Without behaviour, replicas are at most so many times as many at once (`scaleUpLimitFactor`).
pub const UP_FACTOR: i32 = 2;

/// A number of replicas that was wanted at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recommendation {
    /// How many.
    pub replicas: i32,
    /// When.
    pub at: Time,
}

/// A change of the number of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// By how many.
    pub by: i32,
    /// When.
    pub at: Time,
}

/// What limits one direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rules {
    /// For how long past recommendations count.
    pub window: Span,
    /// How the policies are put together.
    pub select: Select,
    /// The policies.
    pub policies: Vec<Policy>,
}

/// How policies are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Select {
    /// The one that allows the most.
    #[default]
    Max,
    /// The one that allows the least.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A limit of change in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How much.
    pub amount: Amount,
    /// In what time.
    pub period: Span,
}

/// How much may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// So many pods.
    Pods(i32),
    /// So many per cent of what there was.
    Percent(i32),
}

impl Rules {
    /// What an autoscaler says, over the defaults of the direction.
    pub fn of(said: Option<&HpaScalingRules>, default: Rules) -> Rules {
        let Some(said) = said else { return default };
        let seconds = |count: i32| Span::secs(u64::try_from(count).unwrap_or(0));
        let policy = |policy: &crate::api::HpaScalingPolicy| Policy {
            amount: if policy.r#type == "Pods" { Amount::Pods(policy.value) } else { Amount::Percent(policy.value) },
            period: seconds(policy.period_seconds),
        };
        let select = match said.select_policy.as_deref() {
            Some("Min") => Select::Min,
            Some("Disabled") => Select::Disabled,
            _ => Select::Max,
        };
        let policies = said.policies.iter().map(policy).collect();
        Rules { window: said.stabilization_window_seconds.map_or(default.window, seconds), select, policies }
    }

    /// The longest period of a policy (`getLongestPolicyPeriod`).
    pub fn longest(&self) -> Span {
        self.policies.iter().map(|policy| policy.period).max().unwrap_or_default()
    }

    /// The default of scaling up: four pods or all over again in 15 seconds.
    pub fn up() -> Rules {
        let period = Span::secs(15);
        let policies =
            vec![Policy { amount: Amount::Pods(4), period }, Policy { amount: Amount::Percent(100), period }];
        Rules { window: Span::ZERO, select: Select::Max, policies }
    }

    /// The default of scaling down: everything in 15 seconds.
    pub fn down() -> Rules {
        let policies = vec![Policy { amount: Amount::Percent(100), period: Span::secs(15) }];
        Rules { window: DOWNSCALE_WINDOW, select: Select::Max, policies }
    }
}

/// What limited a number of replicas: the reason and the words of the condition ScalingLimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Nothing.
    Within,
    /// The least.
    TooFew,
    /// The most.
    TooMany,
    /// The rate upwards.
    Up,
    /// The rate downwards.
    Down,
}

impl Limit {
    /// The reason and the words.
    pub fn told(self) -> (&'static str, &'static str) {
        match self {
            Limit::Within => ("DesiredWithinRange", "the desired count is within the acceptable range"),
            Limit::TooFew => ("TooFewReplicas", "the desired replica count is less than the minimum replica count"),
            Limit::TooMany => ("TooManyReplicas", "the desired replica count is more than the maximum replica count"),
            Limit::Up => ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"),
            Limit::Down => {
                ("ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
            }
        }
    }
}

/// Time without a beginning: what lies before the start of the simulation is its start.
fn before(now: Time, span: Span) -> Time {
    Time(now.0.saturating_sub(span.0))
}

/// Remembers a recommendation, in the place of one that is too old if there is one.
fn remember(known: &mut Vec<Recommendation>, old: Option<usize>, new: Recommendation) {
    match old.and_then(|index| known.get_mut(index)) {
        Some(place) => *place = new,
        None => known.push(new),
    }
}

/// Without behaviour: no fewer than were wanted in the last five minutes (`stabilizeRecommendation`).
pub fn stabilize(known: &mut Vec<Recommendation>, desired: i32, now: Time) -> i32 {
    let cutoff = before(now, DOWNSCALE_WINDOW);
    let old = known.iter().rposition(|past| past.at < cutoff);
    let most = known.iter().filter(|past| past.at >= cutoff).map(|past| past.replicas).max();
    remember(known, old, Recommendation { replicas: desired, at: now });
    most.map_or(desired, |most| most.max(desired))
}

/// With behaviour: what both windows agree on (`stabilizeRecommendationWithBehaviors`).
pub fn stabilize_both(
    known: &mut Vec<Recommendation>,
    current: i32,
    desired: i32,
    (up, down): (Span, Span),
    now: Time,
) -> i32 {
    let (up_cutoff, down_cutoff) = (before(now, up), before(now, down));
    let least = known.iter().filter(|past| past.at > up_cutoff).map(|past| past.replicas).fold(desired, i32::min);
    let most = known.iter().filter(|past| past.at > down_cutoff).map(|past| past.replicas).fold(desired, i32::max);
    let old = known.iter().rposition(|past| past.at < up_cutoff && past.at < down_cutoff);
    remember(known, old, Recommendation { replicas: desired, at: now });
    current.max(least).min(most)
}

/// Without behaviour: within the bounds, and at most `factor` times as many or four (`convertDesiredReplicasWithRules`).
pub fn limit(current: i32, desired: i32, (min, max): (i32, i32), factor: i32) -> (i32, Limit) {
    if desired < min {
        return (min, Limit::TooFew);
    }
    let rate = current.saturating_mul(factor).max(4);
    let (most, why) = if max > rate { (rate, Limit::Up) } else { (max, Limit::TooMany) };
    if desired > most { (most, why) } else { (desired, Limit::Within) }
}

/// With behaviour: within the bounds and the policies (`convertDesiredReplicasWithBehaviorRate`).
pub fn limit_rate(
    (current, desired): (i32, i32),
    (min, max): (i32, i32),
    (up, down): (&Rules, &Rules),
    (ups, downs): (&[Change], &[Change]),
    now: Time,
) -> (i32, Limit) {
    if desired > current {
        let rate = up_limit(current, up, ups, downs, now).max(current);
        let (most, why) = if max > rate { (rate, Limit::Up) } else { (max, Limit::TooMany) };
        if desired > most {
            return (most, why);
        }
    } else if desired < current {
        let rate = down_limit(current, down, ups, downs, now).min(current);
        let (least, why) = if min < rate { (rate, Limit::Down) } else { (min, Limit::TooFew) };
        if desired < least {
            return (least, why);
        }
    }
    (desired, Limit::Within)
}

fn changed(changes: &[Change], period: Span, now: Time) -> i32 {
    let cutoff = before(now, period);
    changes.iter().filter(|change| change.at > cutoff).map(|change| change.by).sum()
}

/// How many there were when the period of a policy began.
fn at_start(current: i32, policy: &Policy, ups: &[Change], downs: &[Change], now: Time) -> i32 {
    current - changed(ups, policy.period, now) + changed(downs, policy.period, now)
}

fn up_limit(current: i32, rules: &Rules, ups: &[Change], downs: &[Change], now: Time) -> i32 {
    let allowed = rules.policies.iter().map(|policy| {
        let start = at_start(current, policy, ups, downs, now);
        match policy.amount {
            Amount::Pods(count) => start.saturating_add(count),
            Amount::Percent(percent) => (f64::from(start) * (1.0 + f64::from(percent) / 100.0)).ceil() as i32,
        }
    });
    match rules.select {
        Select::Disabled => current,
        Select::Min => allowed.min().unwrap_or(i32::MAX),
        Select::Max => allowed.max().unwrap_or(i32::MIN),
    }
}

fn down_limit(current: i32, rules: &Rules, ups: &[Change], downs: &[Change], now: Time) -> i32 {
    let allowed = rules.policies.iter().map(|policy| {
        let start = at_start(current, policy, ups, downs, now);
        match policy.amount {
            Amount::Pods(count) => start.saturating_sub(count),
            Amount::Percent(percent) => (f64::from(start) * (1.0 - f64::from(percent) / 100.0)) as i32,
        }
    });
    match rules.select {
        Select::Disabled => current,
        Select::Min => allowed.max().unwrap_or(i32::MIN),
        Select::Max => allowed.min().unwrap_or(i32::MAX),
    }
}
