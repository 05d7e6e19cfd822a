//! What belongs to the chosen thing: lines from a workload, service or claim to its pods, and from a pod to all of these.

use std::collections::BTreeMap;

use super::{Picture, Rect};
use crate::session::protocol::Selection;
use crate::view::{ClusterView, ObjectRef, Place, PodView};

impl Picture {
    /// The lines, as paths of SVG.
    pub fn ties(&self, view: &ClusterView, selected: Option<&Selection>) -> Vec<String> {
        let chosen = match selected {
            Some(Selection::Object(object)) => object.clone(),
            Some(Selection::Place(Place::Pod { namespace, name })) => ObjectRef::new("v1", "Pod", namespace, name),
            _ => return Vec::new(),
        };
        let owners = Owners::of(view);
        let users = Users::of(self, view);
        let mut ties = Vec::new();
        for pod in &view.pods {
            let Some(there) = self.pods.get(&(pod.object.namespace.clone(), pod.object.name.clone())) else { continue };
            let mine = pod.object == chosen;
            let mut keepers = owners.of_pod(pod);
            let kept = keepers.contains(&chosen);
            keepers.retain(|keeper| self.shelf.contains_key(keeper));
            // A ReplicaSet has no box of its own: its lines begin at what owns it.
            let owned = keepers.into_iter().filter(|_| mine || kept);
            let used = users.of_pod(pod).into_iter().filter(|object| mine || **object == chosen).cloned();
            ties.extend(owned.chain(used).filter_map(|object| Some(curve(*self.shelf.get(&object)?, there.0))));
        }
        ties
    }
}

/// The services and claims on the shelf, each with a pod that it is for: its namespace and its name.
struct Users<'a>(BTreeMap<(&'a str, &'a str), Vec<&'a ObjectRef>>);

impl<'a> Users<'a> {
    fn of(picture: &Picture, view: &'a ClusterView) -> Users<'a> {
        let mut users = Users(BTreeMap::new());
        for service in view.services.iter().filter(|service| picture.shelf.contains_key(&service.object)) {
            let pods = service.backends.iter().filter_map(|full| full.split_once('/'));
            pods.for_each(|pod| users.0.entry(pod).or_default().push(&service.object));
        }
        for claim in view.claims.iter().filter(|claim| picture.shelf.contains_key(&claim.object)) {
            let pods = claim.pods.iter().map(|name| (claim.object.namespace.as_str(), name.as_str()));
            pods.for_each(|pod| users.0.entry(pod).or_default().push(&claim.object));
        }
        users
    }

    fn of_pod(&self, pod: &PodView) -> Vec<&'a ObjectRef> {
        let key = (pod.object.namespace.as_str(), pod.object.name.as_str());
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

/// From the lower edge of a box to the upper edge of a pod.
fn curve(from: Rect, to: Rect) -> String {
    let ((x, y), (u, v)) = ((from.centre().0, from.bottom()), (to.centre().0, to.y));
    let bend = ((v - y) / 2.0).max(12.0);
    format!("M{x:.1} {y:.1}C{x:.1} {:.1} {u:.1} {:.1} {u:.1} {v:.1}", y + bend, v - bend)
}

/// What owns what among the workloads.
struct Owners<'a>(BTreeMap<&'a ObjectRef, &'a ObjectRef>);

impl<'a> Owners<'a> {
    fn of(view: &'a ClusterView) -> Owners<'a> {
        Owners(view.workloads.iter().filter_map(|w| Some((&w.object, w.owner.as_ref()?))).collect())
    }

    /// The workloads above a pod, the nearest first.
    fn of_pod(&self, pod: &PodView) -> Vec<ObjectRef> {
        let mut chain = Vec::new();
        let mut next = pod.owner.as_ref();
        while let Some(owner) = next.filter(|owner| !chain.contains(*owner)) {
            chain.push(owner.clone());
            next = self.0.get(owner).copied();
        }
        chain
    }
}
