//! What checks can see of a cluster.

use serde_json::Value;

use crate::sim::{Time, VecMap};

/// A point in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The virtual time.
    pub at: Time,
    /// etcd's revision.
    pub revision: u64,
}

/// What checks can see.
pub trait Facts {
    /// All objects of a resource (its plural name) as JSON, in every namespace; `None` if there is no such resource.
    fn objects(&self, resource: &str) -> Option<Vec<Value>>;
    /// The objects of a resource as they were at `since` and after every change from then on, as far back as etcd remembers.
    fn history(&self, resource: &str, since: Moment) -> Vec<Vec<Value>>;
    /// The packets that arrived, of those that are remembered.
    fn packets(&self) -> Vec<PacketFact>;
    /// What etcd holds under a prefix.
    fn keys(&self, prefix: &str) -> Vec<KeyFact>;
    /// Whether a process runs, on a node if it is one of a node's; `None` if there is no such process.
    fn runs(&self, process: &str, node: Option<&str>) -> Option<bool>;
    /// The names of a node's devices.
    fn devices(&self, node: &str) -> Vec<String>;
    /// A node's routes, a line each, as `ip route` prints them.
    fn routes(&self, node: &str) -> Vec<String>;
    /// What the scheduler decided of a pod, oldest first.
    fn decisions(&self, pod: &str) -> Vec<DecisionFact>;
    /// Now.
    fn now(&self) -> Moment;
}

/// A packet that arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketFact {
    /// When it was sent.
    pub sent: Time,
    /// The labels of the pod that sent it; empty if no pod did.
    pub from: VecMap<String, String>,
    /// The labels of the pod that got it; empty if no pod did.
    pub to: VecMap<String, String>,
    /// The devices that it passed.
    pub devices: Vec<String>,
    /// The destination to which it was first sent was a service's.
    pub via_service: Option<String>,
    /// The port to which it was first sent; 0 if it has none.
    pub port: u16,
}

/// A key of etcd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFact {
    /// The key.
    pub key: String,
    /// Its value as text.
    pub value: String,
    /// How often it was written since it was made.
    pub version: u64,
}

/// A decision of the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionFact {
    /// The node that it chose.
    pub chosen: Option<String>,
    /// The nodes that it rejected, each with the plugin that did.
    pub rejected: Vec<(String, String)>,
}
