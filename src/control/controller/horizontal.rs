//! The horizontal pod autoscaler: as many replicas as the metrics ask for.
//!
//! Models `pkg/controller/podautoscaler/horizontal.go`. An autoscaler is looked at every 15 seconds, whatever happens
//! meanwhile: it asks for the metrics of the pods, then decides. Differs: the target is read from the cache, not asked of the
//! API server, and the metrics API is asked once for all metrics of a look.

pub mod behaviour;
pub mod calculator;
mod memory;
mod metrics;

use std::sync::Arc;

use serde_json::json;

use crate::api::labels::Selector;
use crate::api::{
    Body, CrossVersionObjectReference, Deployment, HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerStatus, Kind, LabelSelector, MetricStatus, Object, ObjectRef, ObjectReference, ReplicaSet,
    ReplicationController, Request, Response, StatefulSet, Status, Subresource, Timestamp, Verb,
};
use crate::api::{Pod, Quantity};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::reconciler::{ApiCall, Context, Failed, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::selector;
use crate::sim::{Span, Time, VecMap};
use calculator::{Case, Startup, Tolerances};
use memory::Memory;
use metrics::{Proposal, Scene, Unmeasured};

/// `--horizontal-pod-autoscaler-sync-period`.
const PERIOD: Span = Span::secs(15);
/// The replicas of an autoscaler that does not say how many it needs.
const LEAST: i32 = 1;
/// `--horizontal-pod-autoscaler-tolerance`, in thousandths.
const TOLERANCE: i64 = 100;
/// `--horizontal-pod-autoscaler-cpu-initialization-period` and `--horizontal-pod-autoscaler-initial-readiness-delay`.
const STARTUP: Startup = Startup { cpu_initialization: 300, initial_readiness: 30 };
/// Names the call that scales.
const RESCALE: &str = "FailedUpdateScale";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HorizontalController {
    memories: VecMap<ObjectRef, Memory>,
}

impl HorizontalController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        HorizontalController { memories: VecMap::new() }
    }
}

/// What an autoscaler scales.
struct Scale {
    kind: Kind,
    replicas: i32,
    selector: LabelSelector,
}

/// How many there shall be, and why.
struct Rescale {
    replicas: i32,
    reason: String,
}

impl Reconciler for HorizontalController {
    const NAME: &'static str = "horizontal-pod-autoscaler";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[
        Kind::HorizontalPodAutoscaler,
        Kind::Deployment,
        Kind::ReplicaSet,
        Kind::ReplicationController,
        Kind::StatefulSet,
        Kind::Pod,
    ];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        match change.new_as::<HorizontalPodAutoscaler>() {
            Some(_) if !change.deleted() => vec![change.new.reference()],
            _ => Vec::new(),
        }
    }

    fn delay(&self, _: &Change) -> Span {
        PERIOD
    }

    fn observe(&mut self, change: &Change, _: &Cache, _: Time) -> Vec<Note> {
        if change.deleted() && change.kind() == Kind::HorizontalPodAutoscaler {
            self.memories.remove(&change.new.reference());
        }
        Vec::new()
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        if let Some(hpa) = cx.cache.get_ref::<HorizontalPodAutoscaler>(key) {
            plan.follows = true;
            plan.together(question(hpa, cx.cache).map(ApiCall::asking).into_iter().collect());
        }
        Ok(plan)
    }

    fn follow(&mut self, key: &ObjectRef, answers: &[Response], cx: &Context<'_>) -> Plan {
        let Some(hpa) = cx.cache.get_ref::<HorizontalPodAutoscaler>(key) else { return Plan::nothing() };
        let mut round = Round::new(hpa, cx);
        round.answer = answers.first();
        round.memory = self.memories.remove(key).unwrap_or_default();
        round.look();
        self.memories.insert(key.clone(), round.memory);
        round.plan.look_again(cx.now + PERIOD);
        round.plan
    }

    fn conclude(&self, key: &ObjectRef, failure: Option<&Failed>, cx: &Context<'_>) -> Plan {
        let Some(failed) = failure.filter(|failed| failed.tag == RESCALE) else { return Plan::nothing() };
        let Some(hpa) = cx.cache.get_ref::<HorizontalPodAutoscaler>(key) else { return Plan::nothing() };
        let mut round = Round::new(hpa, cx);
        let words = format!("the HPA controller was unable to update the target scale: {}", failed.status.message);
        round.set("AbleToScale", false, RESCALE, words);
        round.write();
        round.plan
    }
}

/// One look at an autoscaler.
struct Round<'a> {
    hpa: &'a Arc<HorizontalPodAutoscaler>,
    cx: &'a Context<'a>,
    about: ObjectReference,
    status: HorizontalPodAutoscalerStatus,
    /// What the metrics API answered, if it was asked.
    answer: Option<&'a Response>,
    memory: Memory,
    plan: Plan,
}

impl<'a> Round<'a> {
    fn new(hpa: &'a Arc<HorizontalPodAutoscaler>, cx: &'a Context<'a>) -> Self {
        let about = about(Object::HorizontalPodAutoscaler(Arc::clone(hpa)));
        let (status, memory, plan) = (hpa.status.clone(), Memory::default(), Plan::nothing());
        Round { hpa, cx, about, status, answer: None, memory, plan }
    }

    fn look(&mut self) {
        let target = &self.hpa.spec.scale_target_ref;
        let scale = match scale_of(target, &self.hpa.metadata.namespace, self.cx.cache) {
            Ok(scale) => scale,
            Err(why) => {
                self.warn("FailedGetScale", why.clone());
                let words = format!("the HPA controller was unable to get the target's current scale: {why}");
                self.set("AbleToScale", false, "FailedGetScale", words);
                return self.write();
            }
        };
        let words = "the HPA controller was able to get the target's current scale";
        self.set("AbleToScale", true, "SucceededGetScale", words.into());
        self.decide(&scale);
    }

    fn decide(&mut self, scale: &Scale) {
        let (least, most) = self.bounds();
        self.status.current_replicas = scale.replicas;
        self.memory.begin(scale.replicas, self.cx.now);
        if scale.replicas == 0 && least != 0 {
            let words = "scaling is disabled since the replica count of the target is zero";
            self.set("ScalingActive", false, "ScalingDisabled", words.into());
            self.settle(0, None, None);
        } else if scale.replicas > most {
            let reason = "Current number of replicas above Spec.MaxReplicas".into();
            self.rescale(scale, &Rescale { replicas: most, reason }, None);
        } else if scale.replicas < least {
            let reason = "Current number of replicas below Spec.MinReplicas".into();
            self.rescale(scale, &Rescale { replicas: least, reason }, None);
        } else {
            self.measure(scale);
        }
    }

    fn bounds(&self) -> (i32, i32) {
        (self.hpa.spec.min_replicas.unwrap_or(LEAST), self.hpa.spec.max_replicas)
    }

    /// Asks the metrics (`computeReplicasForMetrics`).
    fn measure(&mut self, scale: &Scale) {
        if selector::is_empty(&scale.selector) {
            self.warn("SelectorRequired", "selector is required".into());
            let words = "the HPA target's scale is missing a selector";
            self.set("ScalingActive", false, "InvalidSelector", words.into());
            return self.write();
        }
        let results = self.proposals(scale);
        let mut statuses = Vec::new();
        let mut failures: Vec<&Unmeasured> = Vec::new();
        let mut best: Option<&Proposal> = None;
        for result in &results {
            statuses.push(result.as_ref().map_or_else(|_| MetricStatus::default(), |found| found.status.clone()));
            match result {
                Ok(found) if best.is_none_or(|best| found.replicas > best.replicas) => best = Some(found),
                Ok(_) => {}
                Err(failure) => failures.push(failure),
            }
        }
        for failure in &failures {
            self.warn(failure.reason, failure.why.clone());
        }
        match (best, failures.first()) {
            // With a metric missing there may be more, but never fewer.
            (Some(best), failed) if failed.is_none() || best.replicas >= scale.replicas => {
                let words = format!("the HPA was able to successfully calculate a replica count from {}", best.name);
                self.set("ScalingActive", true, "ValidMetricFound", words);
                self.proposed(scale, best, statuses);
            }
            (_, failed) => {
                self.status.current_metrics = Some(statuses);
                if let Some(first) = failed {
                    let words = format!("the HPA was unable to compute the replica count: {}", first.why);
                    self.set("ScalingActive", false, first.reason, words);
                    let (count, all, why) = (failures.len(), results.len(), &first.whole);
                    let words = format!("invalid metrics ({count} invalid out of {all}), first error is: {why}");
                    self.warn("FailedComputeMetricsReplicas", words);
                }
                self.write();
            }
        }
    }

    /// What each metric asks for.
    fn proposals(&self, scale: &Scale) -> Vec<Result<Proposal, Unmeasured>> {
        let namespace = &self.hpa.metadata.namespace;
        let pods: Vec<&Pod> = (self.cx.cache.in_namespace::<Pod>(namespace))
            .filter(|pod| selector::matches(&scale.selector, &pod.metadata.labels))
            .map(AsRef::as_ref)
            .collect();
        let behavior = self.hpa.spec.behavior.as_ref();
        let tolerance = |rules: Option<&crate::api::HpaScalingRules>| {
            rules.and_then(|rules| rules.tolerance).map_or(TOLERANCE, Quantity::millis)
        };
        let tolerances = Tolerances {
            down: tolerance(behavior.and_then(|b| b.scale_down.as_ref())),
            up: tolerance(behavior.and_then(|b| b.scale_up.as_ref())),
        };
        let now = self.cx.timestamp();
        let case = Case { current: scale.replicas, pods: &pods, tolerances, startup: STARTUP, now };
        let scene = Scene { namespace, case, answer: self.answer };
        self.hpa.spec.metrics.iter().map(|spec| metrics::measure(spec, &scene)).collect()
    }

    /// The metrics ask for so many: what of that is done.
    fn proposed(&mut self, scale: &Scale, best: &Proposal, statuses: Vec<MetricStatus>) {
        let (current, desired) = (scale.replicas, best.replicas.max(0));
        let normal = self.memory.normalize(self.hpa, (current, desired), self.bounds(), self.cx.now);
        let (reason, words) = normal.stabilized;
        self.set("AbleToScale", true, reason, words.into());
        let (reason, words) = normal.limit.told();
        self.set("ScalingLimited", normal.limited, reason, words.into());
        if normal.replicas == current {
            return self.settle(current, None, Some(statuses));
        }
        let reason = match desired.cmp(&current) {
            std::cmp::Ordering::Greater => format!("{} above target", best.name),
            std::cmp::Ordering::Less => "All metrics below target".into(),
            std::cmp::Ordering::Equal => String::new(),
        };
        self.rescale(scale, &Rescale { replicas: normal.replicas, reason }, Some(statuses));
    }

    fn rescale(&mut self, scale: &Scale, to: &Rescale, metrics: Option<Vec<MetricStatus>>) {
        let (hpa, target) = (self.hpa, &self.hpa.spec.scale_target_ref);
        let mut request = Request::new(Verb::Update, scale.kind, &hpa.metadata.namespace, &target.name);
        request.subresource = Some(Subresource::Scale);
        let body = json!({
            "apiVersion": "autoscaling/v1", "kind": "Scale", "spec": {"replicas": to.replicas},
            "metadata": {"name": target.name, "namespace": hpa.metadata.namespace},
        });
        request.body = Body::Value(body.into());
        let words = format!("New size: {}; reason: {}", to.replicas, to.reason);
        let call = ApiCall::new(request)
            .tagged(RESCALE)
            .on_done(Note::normal(self.about.clone(), "SuccessfulRescale", words.clone()))
            .on_failed(Note::warning(self.about.clone(), "FailedRescale", format!("{words}; error: {{error}}")));
        self.plan.then(call);
        let words = format!("the HPA controller was able to update the target scale to {}", to.replicas);
        self.set("AbleToScale", true, "SucceededRescale", words);
        self.memory.changed(self.hpa, (scale.replicas, to.replicas), self.cx.now);
        self.settle(to.replicas, Some(self.cx.timestamp()), metrics);
    }

    /// The outcome of a look (`setStatus`); without metrics if none were needed.
    fn settle(&mut self, desired: i32, scaled: Option<Timestamp>, metrics: Option<Vec<MetricStatus>>) {
        self.status.desired_replicas = desired;
        self.status.current_metrics = metrics;
        self.status.last_scale_time = scaled.or(self.status.last_scale_time);
        self.write();
    }

    fn write(&mut self) {
        if self.status != self.hpa.status {
            let new = HorizontalPodAutoscaler { status: self.status.clone(), ..self.hpa.as_ref().clone() };
            self.plan.then(ApiCall::unless_gone(Request::update_status(new)));
        }
    }

    fn warn(&mut self, reason: &'static str, words: String) {
        self.plan.notes.push(Note::warning(self.about.clone(), reason, words));
    }

    /// Sets a condition (`setConditionInList`): the time of its transition changes only with its status.
    fn set(&mut self, r#type: &str, holds: bool, reason: &str, message: String) {
        let conditions = &mut self.status.conditions;
        let at = conditions.iter().position(|known| known.r#type == r#type).unwrap_or_else(|| {
            let fresh = HorizontalPodAutoscalerCondition { r#type: r#type.into(), ..Default::default() };
            conditions.push(fresh);
            conditions.len() - 1
        });
        let condition = &mut conditions[at];
        let status = if holds { "True" } else { "False" };
        if condition.status != status {
            condition.last_transition_time = Some(self.cx.timestamp());
        }
        condition.status = status.into();
        condition.reason = reason.into();
        condition.message = message;
    }
}

/// What the metrics API is to be asked before anything can be decided; `None` if nothing.
fn question(hpa: &HorizontalPodAutoscaler, cache: &Cache) -> Option<Request> {
    let namespace = &hpa.metadata.namespace;
    let scale = scale_of(&hpa.spec.scale_target_ref, namespace, cache).ok()?;
    let (least, most) = (hpa.spec.min_replicas.unwrap_or(LEAST), hpa.spec.max_replicas);
    let within = (least..=most).contains(&scale.replicas) && !selector::is_empty(&scale.selector);
    if !within || !hpa.spec.metrics.iter().any(metrics::is_resource) {
        return None;
    }
    let mut request = Request::new(Verb::List, Kind::Pod, namespace, "");
    request.subresource = Some(Subresource::Metrics);
    request.options.label_selector = Selector::from(&scale.selector).to_string();
    Some(request)
}

/// The scale of what an autoscaler names, or upstream's words about why there is none.
fn scale_of(target: &CrossVersionObjectReference, namespace: &str, cache: &Cache) -> Result<Scale, String> {
    let group = target.api_version.split_once('/').map_or("", |(group, _)| group);
    let Some(kind) = Kind::by_kind(group, &target.kind) else {
        return Err(format!("no matches for kind {:?} in group {group:?}", target.kind));
    };
    let of = ObjectRef { kind, namespace: namespace.into(), name: target.name.as_str().into() };
    let object = cache.object(&of).ok_or_else(|| Status::not_found(kind, &target.name).message)?;
    let (replicas, selector) = if let Some(d) = object.get::<Deployment>() {
        (d.spec.replicas, d.spec.selector.clone())
    } else if let Some(r) = object.get::<ReplicaSet>() {
        (r.spec.replicas, r.spec.selector.clone())
    } else if let Some(s) = object.get::<StatefulSet>() {
        (s.spec.replicas, s.spec.selector.clone())
    } else if let Some(r) = object.get::<ReplicationController>() {
        let match_labels = r.spec.selector.clone();
        (r.spec.replicas, LabelSelector { match_labels, ..LabelSelector::default() })
    } else {
        return Err(Status::no_such_resource().message);
    };
    Ok(Scale { kind, replicas, selector })
}
