//! The cluster role aggregation controller: a ClusterRole with an aggregation rule has the rules of the roles that it selects.
//!
//! Models `pkg/controller/clusterroleaggregation/clusterroleaggregation_controller.go`.

use std::sync::Arc;

use crate::api::{ClusterRole, Kind, ObjectRef, PolicyRule, Request};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};
use crate::control::selector;

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleAggregation;

impl RoleAggregation {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        RoleAggregation
    }
}

impl Reconciler for RoleAggregation {
    const NAME: &'static str = "clusterrole-aggregation-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::ClusterRole];

    /// Every role that is put together from others: any may have to take over what changed.
    fn affected(&self, _: &Change, cache: &Cache) -> Vec<ObjectRef> {
        let together = cache.all::<ClusterRole>().filter(|role| role.aggregation_rule.is_some());
        together.map(|role| owner::reference(&**role)).collect()
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(role) = cx.cache.get_ref::<ClusterRole>(key) else { return Ok(plan) };
        let Some(rules) = aggregated(role, cx.cache).filter(|rules| role.rules.as_ref() != Some(rules)) else {
            return Ok(plan);
        };
        let changed = ClusterRole { rules: Some(rules), ..ClusterRole::clone(role) };
        plan.then(ApiCall::new(Request::update(changed)));
        Ok(plan)
    }
}

/// The rules of the roles that a role selects, selector by selector and by name, each once.
fn aggregated(role: &Arc<ClusterRole>, cache: &Cache) -> Option<Vec<PolicyRule>> {
    let selectors = &role.aggregation_rule.as_ref()?.cluster_role_selectors;
    let mut rules: Vec<PolicyRule> = Vec::new();
    for wanted in selectors {
        let others = cache.all::<ClusterRole>().filter(|other| other.metadata.name != role.metadata.name);
        for other in others.filter(|other| selector::matches(wanted, &other.metadata.labels)) {
            for rule in other.rules.iter().flatten() {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
    }
    Some(rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::WatchEventType;
    use crate::sim::Time;

    fn role(name: &str, verbs: &[&str], labels: &[(&str, &str)]) -> ClusterRole {
        let mut role = ClusterRole::default();
        role.metadata.name = name.into();
        role.metadata.labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let rule = |verb: &&str| PolicyRule { verbs: vec![(*verb).to_owned()], ..PolicyRule::default() };
        role.rules = Some(verbs.iter().map(rule).collect());
        role
    }

    #[test]
    fn a_role_has_each_rule_of_the_selected_ones_once() {
        let mut whole = role("whole", &[], &[("into", "whole")]);
        let selector = crate::api::LabelSelector {
            match_labels: [("into".to_owned(), "whole".to_owned())].into(),
            ..Default::default()
        };
        whole.aggregation_rule =
            Some(crate::api::AggregationRule { cluster_role_selectors: vec![selector], ..Default::default() });
        let mut cache = Cache::default();
        let parts = [
            role("b", &["get", "list"], &[("into", "whole")]),
            role("a", &["list", "watch"], &[("into", "whole")]),
            role("c", &["delete"], &[]),
            whole.clone(),
        ];
        for part in parts {
            cache.apply(WatchEventType::Added, part.into(), Time::ZERO);
        }
        let rules = aggregated(&Arc::new(whole), &cache).expect("it has an aggregation rule");
        let verbs: Vec<&str> = rules.iter().map(|rule| rule.verbs[0].as_str()).collect();
        assert_eq!(verbs, ["list", "watch", "get"]);
    }
}
