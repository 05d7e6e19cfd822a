//! Who acts as the leader must be it: no scheduler and no controller-manager asks for a change after its lease was taken over.

use kubarium::api::{Kind, Object, Verb};
use kubarium::cluster::{Actor, Cluster, Happened, Said};
use kubarium::control::apiserver::StoredValue;
use kubarium::etcd::KeyRange;
use kubarium::sim::EventId;

/// Looks at what was sent since it last looked.
#[derive(Default)]
pub struct Leaders {
    seen: Option<EventId>,
}

impl Leaders {
    /// Checks what has happened since the last time.
    pub fn check(&mut self, cluster: &Cluster) -> Result<(), String> {
        let seen = self.seen;
        self.seen = cluster.trace().iter().next_back().map(|entry| entry.id);
        let new = cluster.trace().iter().rev().take_while(|entry| Some(entry.id) != seen);
        for entry in new {
            let Happened::Sent { from, what: Said::Call { verb, object, .. }, .. } = &entry.event else { continue };
            let (lease, at) = match from {
                Actor::Scheduler(at) => ("kube-scheduler", at),
                Actor::ControllerManager(at) => ("kube-controller-manager", at),
                _ => continue,
            };
            let reads = matches!(verb, Verb::Get | Verb::List | Verb::Watch);
            if reads || matches!(object.kind, Kind::Lease | Kind::Event) {
                continue;
            }
            let holder = holder(cluster, lease);
            if !holder.starts_with(&format!("master{}_", at.0 + 1)) {
                return Err(format!("{from:?} asks for {verb:?} of {object} while {holder} holds {lease}"));
            }
        }
        Ok(())
    }
}

/// Who holds a lease by what etcd has committed.
fn holder(cluster: &Cluster, lease: &str) -> String {
    let key = format!("/registry/leases/kube-system/{lease}");
    let range = KeyRange::one(&key);
    match cluster.etcd_member().store().keys(&range).next().map(|kv| &kv.value) {
        Some(StoredValue::Object(Object::Lease(lease))) => lease.spec.holder_identity.clone().unwrap_or_default(),
        _ => String::new(),
    }
}
