//! The horizontal pod autoscaler: as many replicas as the metrics ask for.
//!
//! Models `pkg/controller/podautoscaler/horizontal.go`. An autoscaler is looked at every 15 seconds, whatever happens
//! meanwhile. Differs: the target is read from the cache, not asked of the API server.

pub mod behaviour;
pub mod calculator;
mod metrics;

use std::sync::Arc;

use serde_json::json;

use crate::api::{
    Body, CrossVersionObjectReference, Deployment, HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition,
    HorizontalPodAutoscalerStatus, Kind, LabelSelector, MetricStatus, Object, ObjectRef, ObjectReference, ReplicaSet,
    ReplicationController, Request, StatefulSet, Status, Subresource, Timestamp, Verb,
};
use crate::control::cache::{Cache, Change};
use crate::control::controller::Setup;
use crate::control::reconciler::{ApiCall, Context, Failed, Note, Plan, ReconcileError, Reconciler, about};
use crate::control::selector;
use crate::sim::Span;

/// `--horizontal-pod-autoscaler-sync-period`.
const PERIOD: Span = Span::secs(15);
/// The replicas of an autoscaler that does not say how many it needs.
const LEAST: i32 = 1;
/// Names the call that scales.
const RESCALE: &str = "FailedUpdateScale";

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HorizontalController;

impl HorizontalController {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        HorizontalController
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
    reason: &'static str,
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

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let Some(hpa) = cx.cache.get_ref::<HorizontalPodAutoscaler>(key) else { return Ok(Plan::nothing()) };
        let mut round = Round::new(hpa, cx);
        round.look();
        round.plan.look_again(cx.now + PERIOD);
        Ok(round.plan)
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
    plan: Plan,
}

impl<'a> Round<'a> {
    fn new(hpa: &'a Arc<HorizontalPodAutoscaler>, cx: &'a Context<'a>) -> Self {
        let about = about(Object::HorizontalPodAutoscaler(Arc::clone(hpa)));
        Round { hpa, cx, about, status: hpa.status.clone(), plan: Plan::nothing() }
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
        let (least, most) = (self.hpa.spec.min_replicas.unwrap_or(LEAST), self.hpa.spec.max_replicas);
        self.status.current_replicas = scale.replicas;
        if scale.replicas == 0 && least != 0 {
            let words = "scaling is disabled since the replica count of the target is zero";
            self.set("ScalingActive", false, "ScalingDisabled", words.into());
            self.settle(0, None);
        } else if scale.replicas > most {
            let reason = "Current number of replicas above Spec.MaxReplicas";
            self.rescale(scale, &Rescale { replicas: most, reason });
        } else if scale.replicas < least {
            let reason = "Current number of replicas below Spec.MinReplicas";
            self.rescale(scale, &Rescale { replicas: least, reason });
        } else {
            self.measure(scale);
        }
    }

    /// Asks the metrics (`computeReplicasForMetrics`).
    fn measure(&mut self, scale: &Scale) {
        if selector::is_empty(&scale.selector) {
            self.warn("SelectorRequired", "selector is required".into());
            let words = "the HPA target's scale is missing a selector";
            self.set("ScalingActive", false, "InvalidSelector", words.into());
            return self.write();
        }
        let specs = &self.hpa.spec.metrics;
        let failures: Vec<metrics::Unmeasured> =
            specs.iter().map(|spec| metrics::measure(spec, &self.hpa.metadata.namespace)).collect();
        for failure in &failures {
            self.warn(failure.reason, failure.why.clone());
        }
        self.status.current_metrics = Some(vec![MetricStatus::default(); specs.len()]);
        if let Some(first) = failures.first() {
            let words = format!("the HPA was unable to compute the replica count: {}", first.why);
            self.set("ScalingActive", false, first.reason, words);
            let (count, why) = (failures.len(), &first.whole);
            let words = format!("invalid metrics ({count} invalid out of {}), first error is: {why}", specs.len());
            self.warn("FailedComputeMetricsReplicas", words);
        }
        self.write();
    }

    fn rescale(&mut self, scale: &Scale, to: &Rescale) {
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
        self.settle(to.replicas, Some(self.cx.timestamp()));
    }

    /// The outcome of a look that needed no metrics (`setStatus`).
    fn settle(&mut self, desired: i32, scaled: Option<Timestamp>) {
        self.status.desired_replicas = desired;
        self.status.current_metrics = None;
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
