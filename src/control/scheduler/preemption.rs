//! Preemption: pods of lower priority make room for a pod that fits nowhere.
//!
//! Models `pkg/scheduler/framework/preemption/preemption.go` and `plugins/defaultpreemption/default_preemption.go`. The
//! words before "preemption:" are those of dynamic resource allocation, which has nothing to give back here.

use crate::sim::{VecMap, VecSet};
use std::cmp::Reverse;
use std::sync::Arc;

use crate::api::labels::Selector;
use crate::control::scheduler::cycle::{FilterPlan, fit_error};
use crate::control::scheduler::framework::{Code, CycleState, Rejection};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::sim::Rng;

/// So many nodes are tried at least, if there are that many.
const MIN_CANDIDATES: usize = 100;
/// And so many per cent of all.
const MIN_PERCENT: usize = 10;

/// What a disruption budget allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The namespace of its pods.
    pub namespace: String,
    /// Its pods.
    pub selector: Selector,
    /// How many of them may go.
    pub allowed: i64,
    /// The pods that are going already.
    pub disrupted: VecSet<String>,
}

/// What came of preemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nomination {
    /// Nothing: what was nominated stays so.
    Unchanged,
    /// No node can be made to do: nothing is nominated.
    Cleared,
    /// Room is made on a node.
    Node {
        /// The node.
        node: Arc<str>,
        /// The pods that must go.
        victims: Vec<Arc<PodInfo>>,
    },
}

/// An attempt to make room for a pod.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The pod.
    pub pod: &'a PodInfo,
    /// The nodes.
    pub nodes: &'a Snapshot,
    /// The plugins that filter.
    pub plan: &'a FilterPlan,
    /// What they found out.
    pub state: &'a CycleState,
    /// The budgets.
    pub budgets: &'a [Budget],
}

/// A node that would do without some of its pods, the most important first.
struct Candidate {
    node: Arc<str>,
    victims: Vec<Arc<PodInfo>>,
    violations: usize,
}

fn priority(pod: &PodInfo) -> i64 {
    i64::from(pod.pod.spec.priority.unwrap_or(0))
}

/// The more important the less: by priority, then by how long it has run.
fn importance(pod: &PodInfo) -> (Reverse<i64>, i64) {
    (Reverse(priority(pod)), pod.pod.status.start_time.map_or(i64::MAX, |at| at.0))
}

const NEVER: &str = "not eligible due to preemptionPolicy=Never.";
const TERMINATING: &str = "not eligible due to a terminating pod on the nominated node.";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

fn told(words: &str) -> String {
    format!("no new claims to deallocate, preemption: {words}")
}

impl Attempt<'_> {
    /// Looks for a node, given why each is none. Answers what came of it and the words for the pod's event.
    pub fn run(&self, rejected: Vec<(Arc<str>, &Rejection)>, rng: &mut Rng) -> (Nomination, String) {
        if let Some(words) = self.not_eligible(&rejected) {
            return (Nomination::Unchanged, told(words));
        }
        let (hopeful, hopeless): (Vec<_>, Vec<_>) =
            rejected.into_iter().partition(|(_, rejection)| rejection.code == Code::Unschedulable);
        let mut verdicts = vec![Rejection::unresolvable(NOT_HELPFUL); hopeless.len()];
        let all = self.nodes.len();
        let enough = (all * MIN_PERCENT / 100).max(MIN_CANDIDATES);
        let from = if hopeful.is_empty() { 0 } else { rng.below(hopeful.len() as u64) as usize };
        let mut candidates = Vec::new();
        for step in 0..hopeful.len() {
            let (name, _) = &hopeful[(from + step) % hopeful.len()];
            let Some(node) = self.nodes.get(name) else { continue };
            match self.victims_on(node) {
                Ok(candidate) => candidates.push(candidate),
                Err(rejection) => verdicts.push(rejection),
            }
            if candidates.len() >= enough {
                break;
            }
        }
        match best(candidates) {
            Some(Candidate { node, victims, .. }) => (Nomination::Node { node, victims }, String::new()),
            None => {
                let words = fit_error(all, "", &verdicts.iter().collect::<Vec<_>>(), "");
                (Nomination::Cleared, told(&words))
            }
        }
    }

    /// Why the pod may not make others go (`PodEligibleToPreemptOthers`).
    fn not_eligible(&self, rejected: &[(Arc<str>, &Rejection)]) -> Option<&'static str> {
        if self.pod.pod.spec.preemption_policy.as_deref() == Some("Never") {
            return Some(NEVER);
        }
        let node = self.nodes.nomination(&self.pod.key())?;
        let hopeless = |(name, rejection): &(Arc<str>, &Rejection)| {
            name == node && rejection.code == Code::UnschedulableAndUnresolvable
        };
        if rejected.iter().any(hopeless) {
            return None;
        }
        let going = |other: &Arc<PodInfo>| {
            let by_us = |c: &crate::api::PodCondition| {
                c.r#type == "DisruptionTarget" && c.status == "True" && c.reason == "PreemptionByScheduler"
            };
            priority(other) < priority(self.pod)
                && other.pod.metadata.deletion_timestamp.is_some()
                && other.pod.status.conditions.iter().any(by_us)
        };
        self.nodes.get(node)?.pods.values().any(going).then_some(TERMINATING)
    }

    /// The pods that must go from a node (`SelectVictimsOnNode`): all of lower priority, less those that may stay.
    fn victims_on(&self, node: &NodeInfo) -> Result<Candidate, Rejection> {
        let mut lower: Vec<Arc<PodInfo>> =
            node.pods.values().filter(|other| priority(other) < priority(self.pod)).cloned().collect();
        if lower.is_empty() {
            return Err(Rejection::unresolvable(NO_VICTIMS));
        }
        let (mut node, mut state) = (node.clone(), self.state.clone());
        for other in &lower {
            node.remove(&other.key());
            self.plan.moved(self.pod, other, &node, self.nodes, -1, &mut state);
        }
        self.plan.check(self.pod, &node, self.nodes, &state).map_err(|(_, rejection)| rejection)?;
        lower.sort_by_key(|other| importance(other));
        let (violating, others) = self.split_by_budget(lower);
        let (mut victims, mut violations) = (Vec::new(), 0);
        let violating = violating.into_iter().map(|pod| (pod, true));
        for (other, violates) in violating.chain(others.into_iter().map(|pod| (pod, false))) {
            node.add(Arc::clone(&other));
            self.plan.moved(self.pod, &other, &node, self.nodes, 1, &mut state);
            if self.plan.check(self.pod, &node, self.nodes, &state).is_ok() {
                continue;
            }
            node.remove(&other.key());
            self.plan.moved(self.pod, &other, &node, self.nodes, -1, &mut state);
            violations += usize::from(violates);
            victims.push(other);
        }
        victims.sort_by_key(|other| importance(other));
        Ok(Candidate { node: Arc::clone(&node.name), victims, violations })
    }

    /// The pods whose going would break a budget, and the others (`filterPodsWithPDBViolation`).
    fn split_by_budget(&self, pods: Vec<Arc<PodInfo>>) -> (Vec<Arc<PodInfo>>, Vec<Arc<PodInfo>>) {
        let mut left: VecMap<usize, i64> = self.budgets.iter().map(|budget| budget.allowed).enumerate().collect();
        pods.into_iter().partition(|other| {
            let meta = &other.pod.metadata;
            let concerns = |budget: &Budget| {
                budget.namespace == meta.namespace
                    && !meta.labels.is_empty()
                    && !budget.selector.is_everything()
                    && budget.selector.matches(&meta.labels)
                    && !budget.disrupted.contains(&meta.name)
            };
            let mut violates = false;
            for (index, _) in self.budgets.iter().enumerate().filter(|(_, budget)| concerns(budget)) {
                let left = left.entry(index).or_default();
                *left -= 1;
                violates |= *left < 0;
            }
            violates
        })
    }
}

/// The node where least is lost (`pickOneNodeForPreemption`).
fn best(candidates: Vec<Candidate>) -> Option<Candidate> {
    let cost = |candidate: &Candidate| {
        let highest = candidate.victims.first().map_or(i64::MIN, |pod| priority(pod));
        // Priorities may be negative: each counts from the least there is.
        let sum: i64 = candidate.victims.iter().map(|pod| priority(pod) + i64::from(i32::MAX) + 1).sum();
        let oldest = |pod: &&Arc<PodInfo>| priority(pod) == highest;
        let starts = candidate.victims.iter().filter(oldest).map(|pod| importance(pod).1);
        (candidate.violations, highest, sum, candidate.victims.len(), Reverse(starts.min().unwrap_or(i64::MAX)))
    };
    candidates.into_iter().min_by_key(cost)
}
