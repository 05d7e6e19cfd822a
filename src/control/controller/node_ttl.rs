//! Tells the nodes how long what they got of ConfigMaps and Secrets may be used: the more nodes, the longer.
//!
//! Models `pkg/controller/ttl/ttl_controller.go`.

use serde_json::json;

use crate::api::{Kind, Node, ObjectRef, PatchType};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Plan, ReconcileError, Reconciler};

/// The annotation of a node.
const TTL: &str = "node.alpha.kubernetes.io/ttl";

/// Up to how many nodes how many seconds.
const BOUNDS: [(usize, u32); 5] = [(100, 0), (500, 15), (1_000, 30), (2_000, 60), (usize::MAX, 300)];

/// The controller.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeTtl;

impl NodeTtl {
    /// The controller.
    pub fn new(_: &Setup) -> Self {
        NodeTtl
    }
}

impl Reconciler for NodeTtl {
    const NAME: &'static str = "node-ttl-controller";
    const WORKERS: u32 = 5;
    const WATCHES: &'static [Kind] = &[Kind::Node];

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        let known = change.new.meta().annotations.contains_key(TTL);
        if change.deleted() || known && change.old.is_some() { Vec::new() } else { vec![change.new.reference()] }
    }

    fn reconcile(&self, key: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let Some(node) = cx.cache.get_ref::<Node>(key) else { return Ok(plan) };
        let count = cx.cache.all::<Node>().count();
        let seconds = BOUNDS.iter().find(|(most, _)| count <= *most).map_or(0, |(_, seconds)| *seconds).to_string();
        if node.metadata.annotations.get(TTL) != Some(&seconds) {
            let change = json!({"metadata": {"annotations": {TTL: seconds}}});
            plan.then(ApiCall::unless_gone(owner::patch_of(Kind::Node, &node.metadata, PatchType::Merge, change)));
        }
        Ok(plan)
    }
}
