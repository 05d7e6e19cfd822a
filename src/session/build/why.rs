//! The chain of causes of an entry or an object: from the thing back to the command, fault or boot that started it.
//!
//! A chain follows causes. At a reconciliation it turns to what the object wants: the entry that wrote that (somebody's
//! `apply`), because a controller acts on what is wanted, whatever made it look.

use crate::api;
use crate::cluster::{Cluster, Happened};
use crate::session::build::{happening, object_ref};
use crate::sim::trace::Entry;
use crate::sim::{EventId, VecSet};
use crate::view::{WhyLink, WhyView};

/// The longest chain that is told.
const LONGEST: usize = 200;

/// The chain of an entry; `None` if it is forgotten.
pub fn chain(cluster: &Cluster, of: EventId) -> Option<WhyView> {
    let (links, forgotten) = links(cluster, of);
    (!links.is_empty()).then_some(WhyView { of, links, forgotten })
}

/// The chain of what an object wants, from the entry that last wrote it; empty if that is not known.
pub fn chain_of_object(cluster: &Cluster, object: &api::ObjectRef) -> Vec<WhyLink> {
    cluster.writers().of(object).map(|entry| links(cluster, entry).0).unwrap_or_default()
}

fn links(cluster: &Cluster, of: EventId) -> (Vec<WhyLink>, bool) {
    let mut links = Vec::new();
    let mut seen = VecSet::new();
    let mut next = Some(of);
    while let Some(id) = next.filter(|id| links.len() < LONGEST && seen.insert(*id)) {
        let Some(entry) = cluster.trace().get(id) else { return (links, true) };
        if is_told(entry) {
            links.push(link(cluster, entry));
        }
        next = before(entry);
    }
    (links, false)
}

/// What an entry came from.
fn before(entry: &Entry<Happened>) -> Option<EventId> {
    match &entry.event {
        Happened::Reconciled { spec: Some(spec), .. } => Some(*spec),
        _ => entry.cause,
    }
}

/// Answers and reads add nothing to a chain: what they led to does.
fn is_told(entry: &Entry<Happened>) -> bool {
    use crate::cluster::Said;
    !matches!(&entry.event, Happened::Sent { what: Said::EtcdRead(_) | Said::EtcdReply { written: None, .. }, .. })
}

/// One entry as a link.
pub fn link(cluster: &Cluster, entry: &Entry<Happened>) -> WhyLink {
    WhyLink {
        id: entry.id,
        at: entry.at,
        plane: happening::plane(entry),
        place: happening::place(cluster, entry),
        what: happening::happening(cluster, entry),
        object: happening::object(entry).map(object_ref),
    }
}
