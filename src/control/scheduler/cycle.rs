//! One scheduling cycle: filter the nodes, score those that would do, choose the best.
//!
//! Models `pkg/scheduler/schedule_one.go` (`schedulePod`, `findNodesThatFitPod`, `prioritizeNodes`, `selectHost`), the
//! words of `framework/types.go` (`FitError`). Where no node would do, [`preemption`] looks for pods to make room of.

use crate::sim::{VecMap, VecSet};
use std::borrow::Cow;
use std::sync::Arc;

use crate::control::scheduler::decision::{DETAILED, NodeVerdict, PluginScore, Verdict};
use crate::control::scheduler::framework::{CycleState, PLUGINS, Plugin, PreFilter, Rejection};
use crate::control::scheduler::preemption::{self, Budget, Nomination};
use crate::control::scheduler::snapshot::{NodeInfo, PodInfo, Snapshot};
use crate::sim::Rng;

/// All nodes are looked at below this number.
const MIN_FEASIBLE: usize = 100;
const MIN_PERCENT: usize = 5;

/// What a cycle found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What was found of each node.
    pub nodes: Vec<NodeVerdict>,
    /// How many were looked at.
    pub evaluated: u32,
    /// How many would do.
    pub feasible: u32,
    /// The plugins that had something to filter.
    pub filters: Vec<&'static str>,
    /// The plugin that rejected the pod before any node was looked at, with its words.
    pub refused: Option<(&'static str, String)>,
    /// The chosen node, or why there is none.
    pub chosen: Result<Arc<str>, Unfit>,
}

impl Found {
    /// The pod is kept out of the queue (`PreEnqueue`).
    pub fn gated(plugin: &'static str) -> Found {
        let message = "Scheduling is blocked due to non-empty scheduling gates".to_owned();
        let unfit = Unfit { message, plugins: [plugin].into(), nomination: Nomination::Unchanged };
        Found { refused: Some((plugin, unfit.message.clone())), ..Found::nowhere(unfit) }
    }

    /// Nothing, before any node was looked at.
    fn nowhere(unfit: Unfit) -> Found {
        let (nodes, filters) = (Vec::new(), Vec::new());
        Found { nodes, evaluated: 0, feasible: 0, filters, refused: None, chosen: Err(unfit) }
    }
}

/// Why there is no node for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// Upstream's words.
    pub message: String,
    /// The plugins that rejected nodes.
    pub plugins: VecSet<&'static str>,
    /// What came of preemption.
    pub nomination: Nomination,
}

/// How many feasible nodes are enough (`numFeasibleNodesToFind`).
pub fn enough(nodes: usize) -> usize {
    if nodes < MIN_FEASIBLE {
        return nodes;
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(MIN_PERCENT);
    (nodes * percent / 100).max(MIN_FEASIBLE)
}

/// What a cycle knows beside the pod and the nodes.
#[derive(Debug)]
pub struct Search<'a> {
    /// Where the last search ended; it moves on.
    pub start: &'a mut u32,
    /// For ties.
    pub rng: &'a mut Rng,
    /// What plugins are told before.
    pub state: CycleState,
    /// The budgets of the pods that might have to go.
    pub budgets: Vec<Budget>,
}

/// Looks for a node for a pod.
pub fn schedule(pod: &PodInfo, nodes: &Snapshot, search: &mut Search<'_>) -> Found {
    if nodes.is_empty() {
        let message = "no nodes available to schedule pods".to_owned();
        let unfit = Unfit { message, plugins: VecSet::new(), nomination: Nomination::Unchanged };
        return Found::nowhere(unfit);
    }
    let plan = match pre_filter(pod, nodes, &mut search.state) {
        Ok(plan) => plan,
        Err((plugin, rejection)) => return rejected_by_all(nodes, plugin, &rejection),
    };
    let filtered = filter(pod, nodes, &plan, search);
    if filtered.feasible.is_empty() {
        return unfit(pod, nodes, &plan, &filtered, search);
    }
    let scores = score(pod, nodes, &filtered.feasible, &mut search.state);
    let totals = scores.totals(filtered.feasible.len());
    let best = select(&totals, search.rng);
    let chosen = Arc::clone(&filtered.feasible[best].name);
    let feasible = u32::try_from(filtered.feasible.len()).unwrap_or(u32::MAX);
    let nodes = verdicts(&filtered, &scores, &totals);
    let (evaluated, filters) = (filtered.evaluated, plan.names());
    Found { nodes, evaluated, feasible, filters, refused: None, chosen: Ok(chosen) }
}

/// No node would do: PostFilter looks for pods to make room of.
fn unfit(
    pod: &PodInfo,
    nodes: &Snapshot,
    plan: &FilterPlan,
    filtered: &Filtered<'_>,
    search: &mut Search<'_>,
) -> Found {
    let plugins = filtered.rejected.iter().map(|(_, plugin, _)| *plugin).collect();
    let rejections: Vec<&Rejection> = filtered.rejected.iter().map(|(.., rejection)| rejection).collect();
    let attempt = preemption::Attempt { pod, nodes, plan, state: &search.state, budgets: &search.budgets };
    let rejected = filtered.rejected.iter().map(|(node, _, rejection)| (node.clone(), rejection)).collect();
    let (nomination, words) = attempt.run(rejected, search.rng);
    let message = fit_error(nodes.len(), "", &rejections, &words);
    let found = Found::nowhere(Unfit { message, plugins, nomination });
    let nodes = verdicts(filtered, &Scores::default(), &[]);
    Found { nodes, evaluated: filtered.evaluated, filters: plan.names(), ..found }
}

/// What PreFilter left: the plugins that filter, and the nodes if only some are asked for.
pub struct FilterPlan {
    plugins: Vec<&'static dyn Plugin>,
    only: Option<(VecSet<String>, Vec<&'static str>)>,
}

struct Filtered<'a> {
    feasible: Vec<&'a Arc<NodeInfo>>,
    rejected: Vec<(Arc<str>, &'static str, Rejection)>,
    evaluated: u32,
}

impl FilterPlan {
    fn names(&self) -> Vec<&'static str> {
        self.plugins.iter().map(|plugin| plugin.name()).collect()
    }

    /// Whether a pod may run on a node, as it is and as it will be with the pods that room is being made for
    /// (`RunFilterPluginsWithNominatedPods`).
    ///
    /// # Errors
    /// The plugin that says no, and why.
    pub fn check(
        &self,
        pod: &PodInfo,
        node: &NodeInfo,
        nodes: &Snapshot,
        state: &CycleState,
    ) -> Result<(), (&'static str, Rejection)> {
        let priority = |pod: &PodInfo| pod.pod.spec.priority.unwrap_or(0);
        let ahead: Vec<&Arc<PodInfo>> = nodes
            .nominated(&node.name)
            .filter(|other| priority(other) >= priority(pod) && other.pod.metadata.uid != pod.pod.metadata.uid)
            .collect();
        if !ahead.is_empty() {
            let (mut node, mut state) = (node.clone(), state.clone());
            for other in ahead {
                node.add(Arc::clone(other));
                self.moved(pod, other, &node, nodes, 1, &mut state);
            }
            self.run(pod, &node, &state)?;
        }
        self.run(pod, node, state)
    }

    fn run(&self, pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Result<(), (&'static str, Rejection)> {
        self.plugins.iter().try_for_each(|plugin| plugin.filter(pod, node, state).map_err(|why| (plugin.name(), why)))
    }

    /// Tells every plugin of a pod that comes to a node (1) or goes (-1), as if.
    pub fn moved(
        &self,
        pod: &PodInfo,
        other: &PodInfo,
        node: &NodeInfo,
        nodes: &Snapshot,
        by: i64,
        state: &mut CycleState,
    ) {
        self.plugins.iter().for_each(|plugin| plugin.pod_moves(pod, other, node, nodes, by, state));
    }
}

fn pre_filter(
    pod: &PodInfo,
    nodes: &Snapshot,
    state: &mut CycleState,
) -> Result<FilterPlan, (&'static str, Rejection)> {
    let mut plan = FilterPlan { plugins: Vec::new(), only: None };
    for (plugin, _) in PLUGINS {
        match plugin.pre_filter(pod, nodes, state) {
            PreFilter::Skip => continue,
            PreFilter::Go => {}
            PreFilter::Reject(rejection) => return Err((plugin.name(), rejection)),
            PreFilter::Nodes(these) => {
                let (mut only, mut by) = plan.only.take().unwrap_or_else(|| (these.clone(), Vec::new()));
                only.retain(|node| these.contains(node));
                by.push(plugin.name());
                if only.is_empty() {
                    let words = format!("node(s) didn't satisfy plugin(s) {by:?} simultaneously").replace('"', "");
                    return Err((plugin.name(), Rejection::unresolvable(words)));
                }
                plan.only = Some((only, by));
            }
        }
        plan.plugins.push(*plugin);
    }
    Ok(plan)
}

fn filter<'a>(pod: &PodInfo, nodes: &'a Snapshot, plan: &FilterPlan, search: &mut Search<'_>) -> Filtered<'a> {
    let mut filtered = Filtered { feasible: Vec::new(), rejected: Vec::new(), evaluated: 0 };
    let all = nodes.len();
    let state = &search.state;
    // A node on which room was made for the pod is tried before all others.
    if let Some(node) = nodes.nomination(&pod.key()).and_then(|node| nodes.get(node))
        && plan.check(pod, node, nodes, state).is_ok()
    {
        filtered.evaluated = 1;
        filtered.feasible.push(node);
        return filtered;
    }
    if let Some((only, by)) = &plan.only {
        let words: Cow<'static, str> = format!("node(s) didn't satisfy plugin(s) {by:?}").replace('"', "").into();
        for node in nodes.nodes() {
            if only.contains(&*node.name) {
                look(pod, node, nodes, (plan, state), &mut filtered);
            } else {
                let rejection = Rejection::unresolvable(words.clone());
                filtered.rejected.push((Arc::clone(&node.name), by.first().copied().unwrap_or(""), rejection));
            }
        }
        return filtered;
    }
    let enough = enough(all);
    let from = *search.start as usize;
    for step in 0..all {
        let Some(node) = nodes.at((from + step) % all) else { continue };
        look(pod, node, nodes, (plan, state), &mut filtered);
        if filtered.feasible.len() >= enough {
            break;
        }
    }
    *search.start = u32::try_from((from + filtered.evaluated as usize) % all).unwrap_or(0);
    filtered
}

fn look<'a>(
    pod: &PodInfo,
    node: &'a Arc<NodeInfo>,
    nodes: &Snapshot,
    (plan, state): (&FilterPlan, &CycleState),
    filtered: &mut Filtered<'a>,
) {
    filtered.evaluated += 1;
    match plan.check(pod, node, nodes, state) {
        Err((plugin, rejection)) => filtered.rejected.push((Arc::clone(&node.name), plugin, rejection)),
        Ok(()) => filtered.feasible.push(node),
    }
}

/// What each plugin that scores says of every feasible node, in their order.
#[derive(Default)]
struct Scores(Vec<Column>);

/// The scores of one plugin.
struct Column {
    plugin: &'static str,
    weight: i64,
    raw: Vec<i64>,
    normalised: Vec<i64>,
}

impl Scores {
    /// The sum of each node.
    fn totals(&self, nodes: usize) -> Vec<i64> {
        let mut totals = vec![0; nodes];
        for Column { weight, normalised, .. } in &self.0 {
            totals.iter_mut().zip(normalised).for_each(|(total, score)| *total += score * weight);
        }
        totals
    }

    /// The scores of one node.
    fn of(&self, node: usize) -> Vec<PluginScore> {
        let score = |column: &Column| {
            let (raw, normalised) = (column.raw[node], column.normalised[node]);
            PluginScore { plugin: column.plugin, raw, normalised, weighted: normalised * column.weight }
        };
        self.0.iter().map(score).collect()
    }
}

/// The scores of every feasible node; none if there is only one.
fn score(pod: &PodInfo, nodes: &Snapshot, feasible: &[&Arc<NodeInfo>], state: &mut CycleState) -> Scores {
    let mut scores = Scores::default();
    if feasible.len() == 1 {
        return scores;
    }
    for (plugin, weight) in PLUGINS.iter().filter(|(_, weight)| *weight > 0) {
        if !plugin.pre_score(pod, feasible, nodes, state) {
            continue;
        }
        let raw: Vec<i64> = feasible.iter().map(|node| plugin.score(pod, node, nodes, state)).collect();
        let mut normalised = raw.clone();
        plugin.normalise(&mut normalised);
        scores.0.push(Column { plugin: plugin.name(), weight: *weight, raw, normalised });
    }
    scores
}

/// The best; among equals each is equally likely.
fn select(totals: &[i64], rng: &mut Rng) -> usize {
    let (mut best, mut equals) = (0, 1);
    for index in 1..totals.len() {
        if totals[index] > totals[best] {
            (best, equals) = (index, 1);
        } else if totals[index] == totals[best] {
            equals += 1;
            if rng.below(equals) == 0 {
                best = index;
            }
        }
    }
    best
}

/// What is told of the nodes: of the best of those that would do, then of those that would not.
fn verdicts(filtered: &Filtered<'_>, scores: &Scores, totals: &[i64]) -> Vec<NodeVerdict> {
    let mut best: Vec<usize> = (0..filtered.feasible.len()).collect();
    let total = |node: usize| totals.get(node).copied().unwrap_or(0);
    if best.len() > DETAILED {
        best.sort_by_key(|node| std::cmp::Reverse(total(*node)));
        best.truncate(DETAILED);
    }
    let verdict = |node: usize| Verdict::Feasible { scores: scores.of(node), total: total(node) };
    let mut verdicts: Vec<NodeVerdict> = best
        .into_iter()
        .map(|node| NodeVerdict { node: Arc::clone(&filtered.feasible[node].name), verdict: verdict(node) })
        .collect();
    let left = DETAILED.saturating_sub(verdicts.len());
    verdicts.extend(filtered.rejected.iter().take(left).map(|(node, plugin, rejection)| NodeVerdict {
        node: node.clone(),
        verdict: Verdict::Rejected { plugin, code: rejection.code, reasons: rejection.reasons.clone() },
    }));
    verdicts
}

/// A plugin rejected the pod before any node was looked at.
fn rejected_by_all(nodes: &Snapshot, plugin: &'static str, rejection: &Rejection) -> Found {
    let words = rejection.reasons.join(", ");
    // PostFilter finds nothing of what PreFilter would have left it, and says so.
    let message = fit_error(nodes.len(), &words, &[], "not found");
    let unfit = Unfit { message, plugins: [plugin].into(), nomination: Nomination::Unchanged };
    Found { refused: Some((plugin, words)), ..Found::nowhere(unfit) }
}

/// The words of a failure: counts of reasons, sorted as text, then what PostFilter says (`FitError.Error`).
pub fn fit_error(nodes: usize, pre_filter: &str, rejections: &[&Rejection], post_filter: &str) -> String {
    let mut message = format!("0/{nodes} nodes are available:");
    if pre_filter.is_empty() {
        let mut counts: VecMap<&str, usize> = VecMap::new();
        for reason in rejections.iter().flat_map(|rejection| &rejection.reasons) {
            *counts.entry(reason).or_default() += 1;
        }
        let mut reasons: Vec<String> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        reasons.sort_unstable();
        if !reasons.is_empty() {
            message.push_str(&format!(" {}.", reasons.join(", ")));
        }
    } else {
        message.push_str(&format!(" {pre_filter}."));
    }
    if !post_filter.is_empty() {
        message.push_str(&format!(" {post_filter}"));
    }
    message
}
