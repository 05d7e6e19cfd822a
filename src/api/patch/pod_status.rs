//! The strategic merge patch with which a kubelet writes a pod's status. Models `PatchPodStatus` of
//! `k8s.io/kubernetes/pkg/util/pod/pod.go`.
//!
//! It is what changed from one status to the other, and is written out only for those who want its text: a pod that
//! still has the status from which the kubelet went out has the other one after it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::api::{Pod, PodStatus, Uid};

/// From the status that was last written to the one that is to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodStatusPatch {
    /// The pod; another one of the same name is not patched.
    pub uid: Uid,
    /// What the kubelet knows to be there.
    pub from: Arc<PodStatus>,
    /// What is to be there.
    pub to: Arc<PodStatus>,
}

/// The lists of a status that are merged, and by what.
const MERGED: &[(&str, &str)] = &[("conditions", "type"), ("hostIPs", "ip"), ("podIPs", "ip")];

impl PodStatusPatch {
    /// The pod after the patch, if nobody else has changed its status meanwhile; else the text decides.
    pub fn applied_to(&self, pod: &Pod) -> Option<Pod> {
        (pod.metadata.uid == self.uid && pod.status == *self.from)
            .then(|| Pod { status: (*self.to).clone(), ..pod.clone() })
    }

    /// Its text: fields and entries of merged lists that are no more are removed by name.
    pub fn to_value(&self) -> Value {
        let to_value = |s: &PodStatus| serde_json::to_value(s).expect("statuses have JSON forms");
        let (old, mut status) = (to_value(&self.from), to_value(&self.to));
        for key in old.as_object().into_iter().flat_map(|old| old.keys()) {
            if let Value::Object(new) = &mut status {
                new.entry(key.clone()).or_insert(Value::Null);
            }
        }
        for (list, key) in MERGED {
            let Some(entries) = status.get_mut(*list).and_then(Value::as_array_mut) else { continue };
            let before = old[*list].as_array().into_iter().flatten().map(|entry| &entry[*key]);
            let gone: Vec<&Value> = before.filter(|is| !entries.iter().any(|entry| entry[*key] == **is)).collect();
            entries.extend(gone.into_iter().map(|is| json!({"$patch": "delete", *key: is})));
        }
        // A condition loses its reason and its words when it has none any more.
        for condition in status["conditions"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            if !condition.contains_key("$patch") {
                condition.entry("reason").or_insert(Value::Null);
                condition.entry("message").or_insert(Value::Null);
            }
        }
        // The order of the conditions is the kubelet's, whoever wrote one first.
        let order: Vec<Value> = self.to.conditions.iter().map(|c| json!({"type": c.r#type})).collect();
        status["$setElementOrder/conditions"] = json!(order);
        json!({"metadata": {"uid": self.uid}, "status": status})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Kind, Object, decode, patch, schema};

    fn status(value: Value) -> PodStatus {
        serde_json::from_value(value).expect("a status")
    }

    /// By its text and by its meaning, a patch does the same.
    #[test]
    fn the_text_of_a_patch_does_what_the_patch_does() {
        let bare = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]});
        let waiting = json!({"phase": "Pending", "hostIP": "192.168.56.11", "hostIPs": [{"ip": "192.168.56.11"}],
            "conditions": [{"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": "no"},
                {"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "ContainerCreating"}}}]});
        let running = json!({"phase": "Running", "podIP": "10.244.1.2", "podIPs": [{"ip": "10.244.1.2"}],
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "a", "ready": true, "state": {"running": {}}}]});
        let all = [bare, waiting, running].map(status);
        for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (from, to))) {
            let mut pod = Pod { status: from.clone(), ..Pod::default() };
            pod.metadata.name = "web-0".into();
            pod.metadata.uid = Uid("u".into());
            let patch = PodStatusPatch {
                uid: pod.metadata.uid.clone(),
                from: Arc::new(from.clone()),
                to: Arc::new(to.clone()),
            };
            let short = patch.applied_to(&pod).expect("nobody else wrote");
            let value = Object::from(pod).to_value();
            let value = patch::strategic(&value, &patch.to_value(), &schema::of(Kind::Pod)).expect("it fits");
            let long = decode::object(Kind::Pod, value).expect("it fits");
            assert_eq!(Object::from(short), long);
        }
    }

    #[test]
    fn a_status_that_somebody_else_changed_is_left_to_the_text() {
        let mut pod = Pod::default();
        let (from, to) = (Arc::new(pod.status.clone()), Arc::new(status(json!({"phase": "Running"}))));
        let patch = PodStatusPatch { uid: pod.metadata.uid.clone(), from, to };
        assert!(patch.applied_to(&pod).is_some());
        pod.status.nominated_node_name = "worker1".into();
        assert_eq!(patch.applied_to(&pod), None);
    }
}
