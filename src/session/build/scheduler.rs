//! The scheduler's queue and decisions.
//!
//! Which plugin stands at which extension point: `pkg/scheduler/apis/config/v1/default_plugins.go` and what each of them
//! implements, of those that are simulated.

use crate::cluster::Cluster;
use crate::control::scheduler::decision::{Decision, NodeVerdict, Outcome, PluginScore, Preemption, Verdict};
use crate::control::scheduler::framework::{Code, PLUGINS};
use crate::control::scheduler::queue::{GATES, Place, Queued};
use crate::session::build::what_if::what_if;
use crate::session::build::{api_ref, object_ref};
use crate::session::protocol::SchedulerWant;
use crate::view::scheduler::{
    DecisionLine, DecisionView, NodeVerdictView, PluginDid, PointView, PreemptionView, QueuePlace, QueuedView,
    SchedulerView, ScoreView, VerdictView, WhatIfView,
};

/// The plugins that look only at nodes, and not at a pod before.
const NO_PRE_FILTER: &[&str] = &["NodeUnschedulable", "NodeName", "TaintToleration"];
/// The plugins that only score: all others look at nodes.
const NO_FILTER: &[&str] = &["NodeResourcesBalancedAllocation", "ImageLocality"];
/// The plugins that bring their scores into 0 to 100.
const NORMALISE: &[&str] = &["TaintToleration", "NodeAffinity", "PodTopologySpread", "InterPodAffinity"];

/// The scheduler, as much of it as is wanted.
pub fn scheduler(cluster: &Cluster, want: &SchedulerWant) -> SchedulerView {
    let scheduler = cluster.scheduler();
    let mut queue: Vec<QueuedView> = scheduler.queue().iter().map(|(_, queued)| waiting(queued)).collect();
    queue.sort_by(|a, b| (a.place, &a.pod).cmp(&(b.place, &b.pod)));
    let pod = want.pod.as_ref().and_then(|pod| api_ref(cluster, pod));
    let about = |decision: &Decision| pod.as_ref().is_none_or(|pod| decision.pod == *pod);
    let all = || scheduler.decisions().iter().rev().filter(|decision| about(decision));
    let limit = usize::try_from(want.limit).unwrap_or(usize::MAX);
    let decisions: Vec<DecisionLine> = all().take(limit).map(|decision| line(decision)).collect();
    let shown = all().find(|decision| want.at.is_none_or(|at| decision.at == at));
    SchedulerView {
        queue,
        more: u32::try_from(all().count().saturating_sub(decisions.len())).unwrap_or(u32::MAX),
        decisions,
        shown: shown.map(|decision| Box::new(in_full(decision))),
        what_if: pod.as_ref().zip(want.what_if.as_deref()).map(|(pod, text)| {
            what_if(cluster, pod, text)
                .map_or_else(WhatIfView::Problem, |decision| WhatIfView::Decision(Box::new(in_full(&decision))))
        }),
    }
}

fn waiting(queued: &Queued) -> QueuedView {
    let gated = queued.rejected_by.iter().any(|plugin| *plugin == GATES);
    let place = match queued.place() {
        Place::Active(..) => QueuePlace::Active,
        Place::Backoff(until, _) | Place::Errored(until, _) => QueuePlace::Backoff(until),
        Place::Unschedulable(since) if gated => QueuePlace::Gated(since),
        Place::Unschedulable(since) => QueuePlace::Unschedulable(since),
    };
    QueuedView {
        pod: object_ref(&queued.pod.key()),
        priority: queued.pod.pod.spec.priority.unwrap_or(0),
        place,
        attempts: queued.attempts,
        rejected_by: queued.rejected_by.iter().map(|plugin| (*plugin).to_owned()).collect(),
    }
}

fn line(decision: &Decision) -> DecisionLine {
    let node = match &decision.outcome {
        Outcome::Chosen(node) => Some(node.to_string()),
        Outcome::Unschedulable(_) => None,
    };
    DecisionLine { at: decision.at, pod: object_ref(&decision.pod), attempt: decision.attempt, node }
}

fn in_full(decision: &Decision) -> DecisionView {
    let scored = first_scores(decision);
    let mut nodes: Vec<NodeVerdictView> = decision.nodes.iter().map(verdict).collect();
    nodes.sort_by(|a, b| rank(a).cmp(&rank(b)));
    let line = line(decision);
    // The chosen one stands first among its equals.
    if let Some(at) = nodes.iter().position(|node| Some(&node.node) == line.node.as_ref()) {
        let chosen = nodes.remove(at);
        nodes.insert(0, chosen);
    }
    DecisionView {
        all: decision.all,
        evaluated: decision.evaluated,
        feasible: decision.feasible,
        points: points(decision),
        scorers: scored.iter().map(|score| (score.plugin.to_owned(), weight(score.plugin))).collect(),
        nodes,
        message: match &decision.outcome {
            Outcome::Chosen(_) => String::new(),
            Outcome::Unschedulable(message) => message.clone(),
        },
        preemption: preemption(&decision.preemption),
        line,
    }
}

/// The scores of a node that would do: all such nodes are scored by the same plugins.
fn first_scores(decision: &Decision) -> &[PluginScore] {
    let scores = decision.nodes.iter().find_map(|node| match &node.verdict {
        Verdict::Feasible { scores, .. } => Some(scores.as_slice()),
        Verdict::Rejected { .. } => None,
    });
    scores.unwrap_or_default()
}

fn weight(plugin: &str) -> i64 {
    PLUGINS.iter().find(|(known, _)| known.name() == plugin).map_or(0, |(_, weight)| *weight)
}

/// Best first, then by name; those that would not do last.
fn rank(node: &NodeVerdictView) -> (bool, i64, &str) {
    match node.verdict {
        VerdictView::Feasible { total, .. } => (false, -total, &node.node),
        VerdictView::Rejected { .. } => (true, 0, &node.node),
    }
}

fn verdict(node: &NodeVerdict) -> NodeVerdictView {
    let verdict = match &node.verdict {
        Verdict::Feasible { scores, total } => {
            let score = |s: &PluginScore| ScoreView { raw: s.raw, normalised: s.normalised, weighted: s.weighted };
            VerdictView::Feasible { scores: scores.iter().map(score).collect(), total: *total }
        }
        Verdict::Rejected { plugin, code, reasons } => VerdictView::Rejected {
            plugin: (*plugin).to_owned(),
            reasons: reasons.iter().map(ToString::to_string).collect(),
            preemptible: *code == Code::Unschedulable,
        },
    };
    NodeVerdictView { node: node.node.to_string(), verdict }
}

fn preemption(preemption: &Preemption) -> PreemptionView {
    match preemption {
        Preemption::Nothing => PreemptionView::Nothing,
        Preemption::Hopeless => PreemptionView::Hopeless,
        Preemption::Room { node, victims } => {
            PreemptionView::Room { node: node.to_string(), victims: victims.iter().map(object_ref).collect() }
        }
    }
}

/// What happened at each extension point.
fn points(decision: &Decision) -> Vec<PointView> {
    let chosen = matches!(decision.outcome, Outcome::Chosen(_));
    let refused = decision.refused.as_ref().map(|(plugin, _)| *plugin);
    let (filtered, gated) = (!decision.filters.is_empty(), refused == Some(GATES));
    let scored = !first_scores(decision).is_empty();
    let ran = |name: &str| (name.to_owned(), PluginDid::Ran);
    let point = |name: &str, reached: bool, plugins: Vec<(String, PluginDid)>| PointView {
        name: name.to_owned(),
        reached,
        plugins,
    };
    let left_in = |name: &str| decision.filters.contains(&name);
    let pre_filter = filters().filter(|name| !NO_PRE_FILTER.contains(name)).map(|name| match refused {
        Some(plugin) if plugin == name => (name.to_owned(), PluginDid::Rejected(1)),
        None if left_in(name) => ran(name),
        _ => (name.to_owned(), PluginDid::Skipped),
    });
    let filter = filters().map(|name| match rejections(decision, name) {
        0 if left_in(name) => ran(name),
        0 => (name.to_owned(), PluginDid::Skipped),
        count => (name.to_owned(), PluginDid::Rejected(count)),
    });
    let scorers: Vec<&str> = first_scores(decision).iter().map(|score| score.plugin).collect();
    let score = PLUGINS.iter().filter(|(_, weight)| *weight > 0).map(|(plugin, _)| match plugin.name() {
        name if scorers.contains(&name) => ran(name),
        name => (name.to_owned(), PluginDid::Skipped),
    });
    let normalise = NORMALISE.iter().filter(|name| scorers.contains(name)).map(|name| ran(name));
    let volumes = || if left_in("VolumeBinding") { vec![ran("VolumeBinding")] } else { Vec::new() };
    vec![
        point("PreEnqueue", true, vec![(GATES.into(), if gated { PluginDid::Rejected(1) } else { PluginDid::Ran })]),
        point("QueueSort", !gated, vec![ran("PrioritySort")]),
        point("PreFilter", filtered || refused.is_some() && !gated, pre_filter.collect()),
        point("Filter", filtered, filter.collect()),
        point("PostFilter", !chosen && !gated && decision.all > 0, vec![ran("DefaultPreemption")]),
        point("Score", scored, score.collect()),
        point("NormalizeScore", scored, normalise.collect()),
        point("Reserve", chosen, volumes()),
        point("PreBind", chosen, volumes()),
        point("Bind", chosen, vec![ran("DefaultBinder")]),
    ]
}

/// The plugins that look at nodes, in their order.
fn filters() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().map(|(plugin, _)| plugin.name()).filter(|name| !NO_FILTER.contains(name))
}

/// How many nodes a plugin rejected, of those that are told of.
fn rejections(decision: &Decision, name: &str) -> u32 {
    let by = |node: &&NodeVerdict| matches!(node.verdict, Verdict::Rejected { plugin, .. } if plugin == name);
    u32::try_from(decision.nodes.iter().filter(by).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::build::testing::world;
    use crate::view::ObjectRef;

    /// The view of a decision about a pod (the last one, or that of an attempt), after these lines were run.
    fn check(lines: &[&str], pod: &str, attempt: Option<u32>, expected: impl Fn(&SchedulerView)) {
        let world = world(lines);
        let mut want = SchedulerWant {
            pod: Some(ObjectRef::new("v1", "Pod", "default", pod)),
            limit: 10,
            ..SchedulerWant::default()
        };
        if let Some(attempt) = attempt {
            let lines = scheduler(&world.cluster, &want).decisions;
            want.at = lines.iter().find(|line| line.attempt == attempt).map(|line| line.at);
        }
        expected(&scheduler(&world.cluster, &want));
    }

    fn pod(name: &str, spec: &str) -> String {
        format!(
            "kubectl apply -f - <<'EOF'\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  {spec}\n  \
             containers: [{{name: c, image: nginx, resources: {{requests: {{cpu: 1500m}}}}}}]\nEOF"
        )
    }

    #[test]
    fn a_pod_that_fits_shows_the_scores_of_every_node_and_their_sum() {
        check(&["kubectl run web --image=nginx"], "web", None, |view| {
            let shown = view.shown.as_ref().expect("it was decided about");
            assert_eq!((shown.feasible, shown.message.as_str()), (2, ""));
            let scorers: Vec<&str> = shown.scorers.iter().map(|(name, _)| name.as_str()).collect();
            assert!(scorers.contains(&"NodeResourcesFit") && scorers.contains(&"TaintToleration"), "{scorers:?}");
            assert_eq!(shown.line.node.as_ref(), Some(&shown.nodes[0].node));
            for node in &shown.nodes {
                match &node.verdict {
                    VerdictView::Feasible { scores, total } => {
                        assert_eq!(scores.len(), scorers.len());
                        assert_eq!(scores.iter().map(|score| score.weighted).sum::<i64>(), *total);
                    }
                    VerdictView::Rejected { plugin, .. } => assert_eq!(plugin, "TaintToleration", "the master's taint"),
                }
            }
            let bound = shown.points.iter().find(|point| point.name == "Bind").expect("a point");
            assert!(bound.reached && view.queue.is_empty());
        });
    }

    #[test]
    fn a_pod_that_fits_nowhere_shows_who_rejected_each_node_and_waits() {
        check(&[&pod("big", "nodeSelector: {disk: ssd}")], "big", None, |view| {
            let shown = view.shown.as_ref().expect("it was decided about");
            assert!(shown.message.contains("node(s) didn't match Pod's node affinity/selector"), "{}", shown.message);
            assert!(shown.nodes.iter().any(|node| matches!(&node.verdict,
                VerdictView::Rejected { plugin, preemptible: false, .. } if plugin == "NodeAffinity")));
            let filter = shown.points.iter().find(|point| point.name == "Filter").expect("a point");
            let affinity = filter.plugins.iter().find(|(name, _)| name == "NodeAffinity").expect("a plugin");
            assert_eq!(affinity.1, PluginDid::Rejected(2));
            assert!(matches!(view.queue[0].place, QueuePlace::Unschedulable(_)));
            assert_eq!(view.queue[0].rejected_by, ["NodeAffinity", "TaintToleration"]);
        });
    }

    #[test]
    fn preemption_names_the_node_and_its_victims() {
        let class = "kubectl create priorityclass high --value=1000";
        let lines = [
            pod("low-1", ""),
            pod("low-2", ""),
            pod("low-3", ""),
            pod("low-4", ""),
            class.to_owned(),
            pod("vip", "priorityClassName: high"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        check(&lines, "vip", Some(1), |view| {
            let shown = view.shown.as_ref().expect("it was decided about");
            match &shown.preemption {
                PreemptionView::Room { victims, .. } => {
                    assert!(victims.len() == 1 && victims[0].name.starts_with("low-"), "{victims:?}");
                }
                other => panic!("no room was made: {other:?}"),
            }
            let post = shown.points.iter().find(|point| point.name == "PostFilter").expect("a point");
            assert!(post.reached);
            assert!(view.decisions[0].node.is_some(), "in the end it has a node: {:?}", view.decisions);
        });
    }
}
