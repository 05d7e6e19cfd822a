//! Node IPAM: gives every node a subnet for its pods, in order.
//!
//! Models `pkg/controller/nodeipam/ipam/range_allocator.go` and `cidrset`. One key stands for all nodes without a subnet, so
//! that no two of them are given the same one and no node is looked at twice.

use ipnet::Ipv4Net;
use serde_json::json;

use crate::api::{Kind, Node, Object, ObjectRef, PatchType};
use crate::control::cache::{Cache, Change};
use crate::control::controller::{Setup, owner};
use crate::control::reconciler::{ApiCall, Context, Note, Plan, ReconcileError, Reconciler, about};
use crate::sim::{Time, VecSet};

/// Node IPAM.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeIpam {
    cluster: Ipv4Net,
    mask: u8,
    /// Subnets in use, by their number.
    used: VecSet<u32>,
    /// Nodes without a subnet.
    without: VecSet<ObjectRef>,
}

impl NodeIpam {
    /// The controller.
    pub fn new(setup: &Setup) -> Self {
        NodeIpam {
            cluster: setup.cluster_cidr,
            mask: setup.node_cidr_mask_size,
            used: VecSet::new(),
            without: VecSet::new(),
        }
    }

    /// The number of a subnet of the cluster's network.
    fn number(&self, cidr: &str) -> Option<u32> {
        let net: Ipv4Net = cidr.parse().ok().filter(|net| self.cluster.contains(net))?;
        let offset = u32::from(net.network()) - u32::from(self.cluster.network());
        Some(offset >> (32 - u32::from(self.mask)).min(31))
    }

    /// The subnets that are free, in order.
    fn free(&self) -> impl Iterator<Item = Ipv4Net> {
        let count = 1_u64 << self.mask.saturating_sub(self.cluster.prefix_len()).min(31);
        let numbers = (0..u32::try_from(count).unwrap_or(u32::MAX)).filter(|number| !self.used.contains(number));
        numbers.filter_map(|number| {
            let address = u32::from(self.cluster.network()) | (number << (32 - u32::from(self.mask)).min(31));
            Ipv4Net::new(address.into(), self.mask).ok()
        })
    }
}

impl Reconciler for NodeIpam {
    const NAME: &'static str = "node-ipam-controller";
    const SOURCE: &'static str = "cidrAllocator";
    const WORKERS: u32 = 1;
    const WATCHES: &'static [Kind] = &[Kind::Node];

    fn observe(&mut self, change: &Change, _: &Cache, _: Time) -> Vec<Note> {
        let Some(node) = change.new_as::<Node>() else { return Vec::new() };
        let key = change.new.reference();
        let number = self.number(&node.spec.pod_cidr);
        if change.deleted() {
            self.without.remove(&key);
            number.map(|number| self.used.remove(&number));
        } else if node.spec.pod_cidr.is_empty() {
            self.without.insert(key);
        } else {
            self.without.remove(&key);
            self.used.extend(number);
        }
        Vec::new()
    }

    fn affected(&self, change: &Change, _: &Cache) -> Vec<ObjectRef> {
        let without = change.new_as::<Node>().is_some_and(|node| node.spec.pod_cidr.is_empty());
        let everyone = ObjectRef { kind: Kind::Node, namespace: "".into(), name: "".into() };
        if without || change.deleted() { vec![everyone] } else { Vec::new() }
    }

    fn reconcile(&self, _: &ObjectRef, cx: &Context<'_>) -> Result<Plan, ReconcileError> {
        let mut plan = Plan::nothing();
        let mut free = self.free();
        let mut calls = Vec::new();
        for key in &self.without {
            let Some(node) = cx.cache.get_ref::<Node>(key) else { continue };
            let Some(cidr) = free.next() else {
                let words = format!("Node {} status is now: CIDRNotAvailable", key.name);
                plan.notes.push(Note::normal(about(Object::Node(node.clone())), "CIDRNotAvailable", words));
                plan.retry = true;
                continue;
            };
            let patch = json!({"spec": {"podCIDR": cidr.to_string(), "podCIDRs": [cidr.to_string()]}});
            calls.push(ApiCall::unless_gone(owner::patch_of(Kind::Node, &node.metadata, PatchType::Strategic, patch)));
        }
        plan.together(calls);
        Ok(plan)
    }
}
