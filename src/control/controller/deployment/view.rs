//! A Deployment with its ReplicaSets, and what is to become of them.
//!
//! The pure parts change the wanted sizes in here; what changed becomes calls, each with its events.

use std::sync::Arc;

use crate::api::{Deployment, Object, ReplicaSet, Request};
use crate::control::controller::deployment::{hash, limits};
use crate::control::reconciler::{ApiCall, Note, about};

/// The annotations by which a Deployment remembers on its ReplicaSets.
pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// The most pods that the Deployment may have had.
pub const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// A ReplicaSet and the size that it is to have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Set {
    /// As it is.
    pub original: Arc<ReplicaSet>,
    /// `spec.replicas` as it will be.
    pub replicas: i32,
    /// Every scaling: from and to.
    pub scalings: Vec<(i32, i32)>,
    /// Whether its annotations of size are to be written.
    pub annotate: bool,
}

/// A Deployment with its ReplicaSets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sets {
    /// The Deployment.
    pub deployment: Arc<Deployment>,
    /// Oldest first.
    pub sets: Vec<Set>,
    /// Which of them has the Deployment's template.
    pub new: Option<usize>,
}

impl Set {
    /// Whether it has, or is to have, pods (`FilterActiveReplicaSets`).
    pub fn active(&self) -> bool {
        self.replicas > 0
    }

    /// How many of its pods are available.
    pub fn available(&self) -> i32 {
        self.original.status.available_replicas
    }

    /// A number in an annotation.
    pub fn annotation(&self, name: &str) -> Option<i32> {
        self.original.metadata.annotations.get(name)?.parse().ok()
    }

    /// Gives it another size. Whether that is a change.
    pub fn scale(&mut self, replicas: i32) -> bool {
        self.annotate = true;
        if replicas == self.replicas {
            return false;
        }
        self.scalings.push((self.replicas, replicas));
        self.replicas = replicas;
        true
    }

    fn age(&self) -> (Option<crate::api::Timestamp>, &str) {
        (self.original.metadata.creation_timestamp, &self.original.metadata.name)
    }
}

impl Sets {
    /// Finds the ReplicaSet that has the Deployment's template: the oldest one, if there are several.
    pub fn new(deployment: &Arc<Deployment>, owned: Vec<Arc<ReplicaSet>>) -> Sets {
        let set = |original: Arc<ReplicaSet>| Set {
            replicas: original.spec.replicas,
            original,
            scalings: Vec::new(),
            annotate: false,
        };
        let mut sets: Vec<Set> = owned.into_iter().map(set).collect();
        sets.sort_by(|a, b| a.age().cmp(&b.age()));
        let new =
            sets.iter().position(|set| hash::same_template(&set.original.spec.template, &deployment.spec.template));
        Sets { deployment: Arc::clone(deployment), sets, new }
    }

    /// The ReplicaSet with the Deployment's template.
    pub fn newest(&self) -> Option<&Set> {
        self.sets.get(self.new?)
    }

    /// All others, oldest first.
    pub fn old(&self) -> impl DoubleEndedIterator<Item = &Set> {
        let new = self.new;
        self.sets.iter().enumerate().filter(move |(index, _)| Some(*index) != new).map(|(_, set)| set)
    }

    /// All others, oldest first.
    pub fn old_mut(&mut self) -> impl Iterator<Item = &mut Set> {
        let new = self.new;
        self.sets.iter_mut().enumerate().filter(move |(index, _)| Some(*index) != new).map(|(_, set)| set)
    }

    /// The sum of the sizes.
    pub fn size(&self) -> i32 {
        self.sets.iter().map(|set| set.replicas).sum()
    }

    /// Gives the newest another size. Whether that is a change.
    pub fn scale_new(&mut self, replicas: i32) -> bool {
        self.new.is_some_and(|index| self.sets[index].scale(replicas))
    }

    /// The updates of the ReplicaSets that changed, each recording its scalings.
    pub fn changed(&self) -> Vec<ApiCall> {
        self.sets.iter().filter_map(|set| self.update(set)).collect()
    }

    fn update(&self, set: &Set) -> Option<ApiCall> {
        let wanted = self.deployment.spec.replicas;
        let most = wanted.saturating_add(limits::max_surge(&self.deployment));
        let stale = set.annotate && (set.annotation(DESIRED) != Some(wanted) || set.annotation(MAX) != Some(most));
        if set.scalings.is_empty() && !stale {
            return None;
        }
        let mut updated = set.original.as_ref().clone();
        updated.spec.replicas = set.replicas;
        updated.metadata.annotations.insert(DESIRED.into(), wanted.to_string());
        updated.metadata.annotations.insert(MAX.into(), most.to_string());
        let about = about(Object::Deployment(Arc::clone(&self.deployment)));
        let mut call = ApiCall::new(Request::update(updated));
        for (from, to) in &set.scalings {
            let way = if to > from { "up" } else { "down" };
            let words = format!("Scaled {way} replica set {} from {from} to {to}", set.original.metadata.name);
            call = call.on_done(Note::normal(about.clone(), "ScalingReplicaSet", words));
        }
        Some(call)
    }
}
