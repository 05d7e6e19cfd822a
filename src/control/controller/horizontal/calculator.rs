//! How many replicas metrics ask for.
//!
//! Models `pkg/controller/podautoscaler/replica_calculator.go` and `metrics/utilization.go`. Amounts are in thousandths.
//! Ratios are floats, as upstream's, and never kept.

use crate::sim::{VecMap, VecSet};

use crate::api::{Pod, Timestamp};
use crate::control::controller::pods;

/// A measurement of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Measured {
    /// The amount, in thousandths.
    pub value: i64,
    /// When.
    pub at: Timestamp,
    /// Over how many seconds.
    pub window: i64,
}

/// A ratio of usage and target; never kept.
type Ratio = f64;

/// Measurements by pod.
pub type Measurements = VecMap<String, Measured>;

/// By how much, in thousandths, the ratio of usage and target may be off without consequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tolerances {
    /// Below.
    pub down: i64,
    /// Above.
    pub up: i64,
}

/// What the controller was told about how pods start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Startup {
    /// `--horizontal-pod-autoscaler-cpu-initialization-period`, in seconds.
    pub cpu_initialization: i64,
    /// `--horizontal-pod-autoscaler-initial-readiness-delay`, in seconds.
    pub initial_readiness: i64,
}

/// What came of a calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// How many replicas.
    pub replicas: i32,
    /// The usage in per cent of the requests, where that was asked for.
    pub utilization: i32,
    /// The usage, of a pod in the mean or in all, in thousandths.
    pub usage: i64,
}

impl Tolerances {
    /// Whether a ratio is close enough to one.
    fn bear(self, ratio: f64) -> bool {
        1.0 - self.down as f64 / 1_000.0 <= ratio && ratio <= 1.0 + self.up as f64 / 1_000.0
    }
}

/// The pods by what their measurements are worth (`groupPods`).
#[derive(Debug, Default)]
struct Groups {
    ready: i64,
    unready: VecSet<String>,
    missing: VecSet<String>,
    ignored: VecSet<String>,
}

impl Groups {
    fn of(pods: &[&Pod], measured: &Measurements, cpu: bool, startup: Startup, now: Timestamp) -> Groups {
        let mut groups = Groups::default();
        for pod in pods {
            let name = pod.metadata.name.clone();
            if pod.metadata.deletion_timestamp.is_some() || pod.status.phase == "Failed" {
                groups.ignored.insert(name);
            } else if pod.status.phase == "Pending" {
                groups.unready.insert(name);
            } else {
                match measured.get(&name) {
                    None => {
                        groups.missing.insert(name);
                    }
                    Some(m) if cpu && is_starting(pod, *m, startup, now) => {
                        groups.unready.insert(name);
                    }
                    Some(_) => groups.ready += 1,
                }
            }
        }
        groups
    }

    /// The measurements that count at first.
    fn drop_unready(&self, measured: &mut Measurements) {
        measured.retain(|name, _| !self.ignored.contains(name) && !self.unready.contains(name));
    }
}

/// Whether a pod's CPU usage says nothing yet: it starts, or was never ready.
fn is_starting(pod: &Pod, measured: Measured, startup: Startup, now: Timestamp) -> bool {
    let ready = pod.status.conditions.iter().find(|condition| condition.r#type == "Ready");
    let (Some(ready), Some(started)) = (ready, pod.status.start_time) else { return true };
    let since = ready.last_transition_time.unwrap_or_default();
    if started.0 + startup.cpu_initialization > now.0 {
        return ready.status == "False" || measured.at.0 < since.0 + measured.window;
    }
    ready.status == "False" && started.0 + startup.initial_readiness > since.0
}

/// Usage in per cent of requests: ratio to the target, the per cent, and a pod's usage in the mean.
fn utilization(
    measured: &Measurements,
    requests: &VecMap<String, i64>,
    target: i32,
) -> Result<(f64, i32, i64), String> {
    let (mut used, mut requested, mut count) = (0_i128, 0_i128, 0_i128);
    for (name, m) in measured {
        if let Some(request) = requests.get(name) {
            used += i128::from(m.value);
            requested += i128::from(*request);
            count += 1;
        }
    }
    if requested == 0 {
        return Err("no metrics returned matched known pods".into());
    }
    let percent = i32::try_from(used * 100 / requested).unwrap_or(i32::MAX);
    let mean = i64::try_from(used / count).unwrap_or(i64::MAX);
    Ok((f64::from(percent) / f64::from(target), percent, mean))
}

/// The mean of measurements in relation to a target.
fn usage(measured: &Measurements, target: i64) -> (f64, i64) {
    let total = measured.values().fold(0_i64, |sum, m| sum.saturating_add(m.value));
    let mean = total / i64::try_from(measured.len().max(1)).unwrap_or(i64::MAX);
    (mean as f64 / target as f64, mean)
}

fn ceil(value: f64) -> i32 {
    value.ceil() as i32
}

/// Everything that a calculation over pods needs.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// How many replicas there are.
    pub current: i32,
    /// The pods.
    pub pods: &'a [&'a Pod],
    /// How far off usage may be.
    pub tolerances: Tolerances,
    /// How pods start.
    pub startup: Startup,
    /// Now.
    pub now: Timestamp,
}

impl Case<'_> {
    /// For a utilisation of a resource, in per cent of what the pods request of it (`GetResourceReplicas`).
    ///
    /// # Errors
    /// Upstream's words about what is missing.
    pub fn resource(
        &self,
        measured: Measurements,
        requests: &VecMap<String, i64>,
        cpu: bool,
        target: i32,
    ) -> Result<Wanted, String> {
        self.resource_of(measured, &|| Ok(requests.clone()), cpu, target)
    }

    /// The same, with requests that are only looked at once there are measurements.
    ///
    /// # Errors
    /// Upstream's words about what is missing.
    pub fn resource_of(
        &self,
        mut measured: Measurements,
        requests: &dyn Fn() -> Result<VecMap<String, i64>, String>,
        cpu: bool,
        target: i32,
    ) -> Result<Wanted, String> {
        let groups = Groups::of(self.pods, &measured, cpu, self.startup, self.now);
        groups.drop_unready(&mut measured);
        if measured.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        let requests = &requests()?;
        let (ratio, percent, mean) = utilization(&measured, requests, target)?;
        let wanted = |replicas| Wanted { replicas, utilization: percent, usage: mean };
        let fallback = i64::from(target.max(100));
        let assumed = |name: &str| requests.get(name).copied().unwrap_or(0).saturating_mul(fallback) / 100;
        let again = |measured: &Measurements| Ok(utilization(measured, requests, target)?.0);
        Ok(wanted(self.settle(ratio, &groups, measured, &assumed, &again)?))
    }

    /// For an amount that each pod has, or that is measured of it (`GetMetricReplicas`, `GetRawResourceReplicas`).
    ///
    /// # Errors
    /// Upstream's words about what is missing.
    pub fn mean(&self, mut measured: Measurements, cpu: bool, target: i64) -> Result<Wanted, String> {
        let groups = Groups::of(self.pods, &measured, cpu, self.startup, self.now);
        groups.drop_unready(&mut measured);
        if measured.is_empty() {
            return Err("did not receive metrics for targeted pods (pods might be unready)".into());
        }
        let (ratio, mean) = usage(&measured, target);
        let again = |measured: &Measurements| Ok(usage(measured, target).0);
        let replicas = self.settle(ratio, &groups, measured, &|_| target, &again)?;
        Ok(Wanted { replicas, utilization: 0, usage: mean })
    }

    /// From a ratio to replicas: pods without measurements are assumed to speak against the change.
    fn settle(
        &self,
        ratio: Ratio,
        groups: &Groups,
        mut measured: Measurements,
        assumed: &dyn Fn(&str) -> i64,
        again: &dyn Fn(&Measurements) -> Result<Ratio, String>,
    ) -> Result<i32, String> {
        let grows_over_unready = !groups.unready.is_empty() && ratio > 1.0;
        if !grows_over_unready && groups.missing.is_empty() {
            if self.tolerances.bear(ratio) {
                return Ok(self.current);
            }
            return Ok(ceil(ratio * groups.ready as f64));
        }
        let assume = |value| Measured { value, at: self.now, window: 0 };
        if ratio < 1.0 {
            measured.extend(groups.missing.iter().map(|name| (name.clone(), assume(assumed(name)))));
        } else if ratio > 1.0 {
            measured.extend(groups.missing.iter().map(|name| (name.clone(), assume(0))));
        }
        if grows_over_unready {
            measured.extend(groups.unready.iter().map(|name| (name.clone(), assume(0))));
        }
        let new = again(&measured)?;
        if self.tolerances.bear(new) || (ratio < 1.0 && new > 1.0) || (ratio > 1.0 && new < 1.0) {
            return Ok(self.current);
        }
        let replicas = ceil(new * measured.len() as f64);
        let against = (new < 1.0 && replicas > self.current) || (new > 1.0 && replicas < self.current);
        Ok(if against { self.current } else { replicas })
    }

    /// For an amount in all, of an object or from outside (`GetObjectMetricReplicas`, `GetExternalMetricReplicas`).
    pub fn whole(&self, values: &[i64], target: i64) -> Wanted {
        let total = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
        let ratio = total as f64 / target as f64;
        let ready = self.pods.iter().filter(|pod| pod.status.phase == "Running" && pods::is_ready(pod)).count();
        let replicas = match self.current {
            0 => ceil(ratio),
            current if self.tolerances.bear(ratio) => current,
            _ => ceil(ratio * ready as f64),
        };
        Wanted { replicas, utilization: 0, usage: total }
    }

    /// For an amount in all, shared by the replicas (`GetObjectPerPodMetricReplicas`, `GetExternalPerPodMetricReplicas`).
    pub fn shared(&self, values: &[i64], target: i64) -> Wanted {
        let total = values.iter().fold(0_i64, |sum, value| sum.saturating_add(*value));
        let ratio = total as f64 / (target as f64 * f64::from(self.current));
        let replicas = if self.tolerances.bear(ratio) { self.current } else { ceil(total as f64 / target as f64) };
        let usage = (total as f64 / f64::from(self.current)).ceil() as i64;
        Wanted { replicas, utilization: 0, usage }
    }
}
