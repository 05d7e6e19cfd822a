//! How an object came to be as it is: each revision that etcd still holds, the fields that it changed, who asked for it, and
//! the entry of the trace in which it was written.

use crate::api::{Object, ObjectRef};
use crate::cluster::{Cluster, Happened, Said};
use crate::session::build::{compare, happening};
use crate::sim::trace::Entry;
use crate::sim::{EventId, VecMap, VecSet};
use crate::view::Place;
use crate::view::detail::{ChangeKind, ChangeView};

/// The most changes that are told.
const MOST: usize = 40;

/// The changes of an object, newest first. Writes that change nothing that is told (a heartbeat) are left out.
pub fn changes(cluster: &Cluster, of: &ObjectRef) -> Vec<ChangeView> {
    let key = of.kind.etcd_key(&of.namespace, &of.name);
    let written = writes(cluster, &key);
    let mut changes = Vec::new();
    let mut before: Option<&Object> = None;
    let mut first = true;
    for version in cluster.etcd_member().store().history(&key) {
        let now = version.kv.and_then(|kv| kv.value.object());
        let what = match (version.kv, before) {
            (None, _) => ChangeKind::Deleted,
            (Some(kv), _) if kv.version == 1 => ChangeKind::Created,
            (Some(_), None) if first => ChangeKind::Unknown,
            (Some(_), _) => ChangeKind::Changed,
        };
        let fields = match what {
            ChangeKind::Changed => compare::fields(before, now),
            ChangeKind::Created | ChangeKind::Deleted | ChangeKind::Unknown => Default::default(),
        };
        if what != ChangeKind::Changed || fields.count() > 0 {
            let entry = written.get(&version.revision.0).copied();
            let by = entry.and_then(|entry| asked_by(cluster, entry.id));
            let (at, event) = (entry.map(|entry| entry.at), entry.map(|entry| entry.id));
            changes.push(ChangeView { revision: version.revision.0, at, what, by, fields, event });
        }
        (before, first) = (now, false);
    }
    changes.reverse();
    changes.truncate(MOST);
    changes
}

/// The entries in which etcd told that it had written a key, by revision, of the revisions that it still holds.
pub fn writes<'a>(cluster: &'a Cluster, key: &str) -> VecMap<u64, &'a Entry<Happened>> {
    let held: VecSet<u64> = cluster.etcd_member().store().history(key).map(|version| version.revision.0).collect();
    let replies = cluster.trace().iter().filter_map(|entry| match &entry.event {
        Happened::Sent { what: Said::EtcdReply { wrote: true, revision }, .. } => Some((*revision, entry)),
        _ => None,
    });
    replies.filter(|(revision, _)| held.contains(revision)).collect()
}

/// Who sent the request that an entry came from: of the API server, or of etcd itself.
fn asked_by(cluster: &Cluster, id: EventId) -> Option<Place> {
    let is_of_etcd = |what: &Said| matches!(what, Said::EtcdWrite(_) | Said::EtcdDelete(_));
    let mut asked = cluster.trace().chain(id).filter_map(|entry| match &entry.event {
        Happened::Sent { what, .. } if is_of_etcd(what) || matches!(what, Said::Call { .. } | Said::Http { .. }) => {
            Some((entry, is_of_etcd(what)))
        }
        _ => None,
    });
    let (write, _) = asked.next()?;
    let call = asked.next().filter(|(_, of_etcd)| !of_etcd).map(|(call, _)| call);
    Some(happening::place(cluster, call.unwrap_or(write)))
}
