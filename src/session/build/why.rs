//! The chain of causes of an entry or an object: from the thing back to the command, fault or boot that started it.
//!
//! A chain follows causes. At a reconciliation there are two: what made the controller look, and what the object wants (the
//! entry that wrote it: somebody's `apply`). Why an object is as it is asks for what was wanted. Why something happened asks for
//! what was done since then (a pod was deleted, a node broke), if that made the controller look, and else for the same.

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
    let (links, forgotten) = links(cluster, of, Asks::Happened);
    (!links.is_empty()).then_some(WhyView { of, links, forgotten })
}

/// The chain of what an object wants, from the entry that last wrote it; empty if that is not known.
pub fn chain_of_object(cluster: &Cluster, object: &api::ObjectRef) -> Vec<WhyLink> {
    cluster.writers().of(object).map(|entry| links(cluster, entry, Asks::Wanted).0).unwrap_or_default()
}

/// What is asked.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    /// Why something happened.
    Happened,
    /// Why something is as it is.
    Wanted,
}

fn links(cluster: &Cluster, of: EventId, asks: Asks) -> (Vec<WhyLink>, bool) {
    let mut links = Vec::new();
    let mut seen = VecSet::new();
    let mut next = Some(of);
    while let Some(id) = next.filter(|id| links.len() < LONGEST && seen.insert(*id)) {
        let Some(entry) = cluster.trace().get(id) else { return (links, true) };
        if is_told(entry) {
            links.push(link(cluster, entry));
        }
        next = before(cluster, entry, asks);
    }
    (links, false)
}

/// What an entry came from.
fn before(cluster: &Cluster, entry: &Entry<Happened>, asks: Asks) -> Option<EventId> {
    match &entry.event {
        Happened::Reconciled { spec: Some(spec), .. } => {
            let asked = entry.cause.filter(|_| asks == Asks::Happened);
            let done_since = |cause: &EventId| {
                let root = cluster.trace().chain(*cause).last();
                let is_done = |event: &Happened| matches!(event, Happened::Command(_) | Happened::Fault(_));
                root.is_some_and(|root| root.id > *spec && is_done(&root.event))
            };
            asked.filter(done_since).or(Some(*spec))
        }
        _ => entry.cause,
    }
}

/// Answers and reads add nothing to a chain: what they led to does.
fn is_told(entry: &Entry<Happened>) -> bool {
    use crate::cluster::Said;
    !matches!(&entry.event, Happened::Sent { what: Said::EtcdRead(_) | Said::EtcdReply { wrote: false, .. }, .. })
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

#[cfg(test)]
mod tests {
    use crate::session::World;
    use crate::session::build::testing::{booted, run, world};
    use crate::session::build::{history, packets};
    use crate::sim::Span;
    use crate::view::detail::ChangeKind;
    use crate::view::{Happening, Outcome, PacketView};

    use super::*;

    /// What a chain began with.
    fn root(world: &World, of: Option<EventId>) -> Happening {
        let chain = chain(&world.cluster, of.expect("an entry")).expect("a chain");
        assert!(!chain.forgotten, "{:#?}", chain.links);
        chain.links.last().expect("a link").what.clone()
    }

    fn packet(world: &World, wanted: impl Fn(&PacketView) -> bool) -> PacketView {
        let list = packets::list(&world.cluster);
        let mut all = list.packets.iter().rev().filter_map(|line| packets::packet(&world.cluster, line.id));
        all.find(wanted).unwrap_or_else(|| panic!("no such packet in {:#?}", list.packets))
    }

    const CLIENT_AND_SERVER: [&str; 3] = [
        "kubectl run web --image=nginx --port=80 --expose",
        "kubectl run client --image=busybox -- sleep 1d",
        "kubectl exec client -- wget -qO- -T 2 web",
    ];

    #[test]
    fn a_packet_and_its_answer_were_sent_because_of_a_command() {
        let world = world(&CLIENT_AND_SERVER);
        let is_http = |from: &'static str| {
            move |p: &PacketView| p.line.protocol == "HTTP" && p.line.from.ends_with(from) && p.ended_by.is_none()
        };
        let command = Happening::Command(CLIENT_AND_SERVER[2].to_owned());
        assert_eq!(root(&world, packet(&world, is_http("client")).sent_by), command);
        assert_eq!(root(&world, packet(&world, is_http("web")).sent_by), command);
    }

    #[test]
    fn a_drop_names_the_fault_or_the_command_that_changed_what_ended_the_packet() {
        let [web, client, get] = CLIENT_AND_SERVER;
        let dropped = |p: &PacketView| matches!(p.line.outcome, Outcome::Dropped { .. }) && p.ended_by.is_some();
        let cut = world(&[web, client, "!fault link worker1 loss=100%", "!fault link worker2 loss=100%", get]);
        let why = root(&cut, packet(&cut, dropped).ended_by);
        assert!(matches!(&why, Happening::Fault(words) if words.starts_with("link worker")), "{why:?}");

        let gone = "kubectl delete pod web --now";
        let mut empty = booted("nodes=2 proxy=iptables");
        for line in [web, client, gone, get] {
            run(&mut empty, line);
            empty.run_until(empty.now() + Span::secs(10));
        }
        let refused = packet(&empty, |p| dropped(p) && p.line.protocol == "TCP");
        assert_eq!(root(&empty, refused.ended_by), Happening::Command(gone.to_owned()));
    }

    #[test]
    fn a_changed_field_names_who_changed_it_and_why() {
        let scale = "kubectl scale deployment web --replicas=3";
        let world = world(&["kubectl create deployment web --image=nginx", scale]);
        let of = |kind, name: &str| api::ObjectRef { kind, namespace: "default".into(), name: name.into() };
        let changes = history::changes(&world.cluster, &of(api::Kind::Deployment, "web"));
        assert_eq!(changes.last().map(|first| first.what), Some(ChangeKind::Created));
        let change = |path: &str, new: &str| {
            let found = changes.iter().find(|change| {
                change.fields.listed.iter().any(|field| field.path == path && field.new.as_deref() == Some(new))
            });
            found.unwrap_or_else(|| panic!("{path} never became {new}: {changes:#?}"))
        };
        let wanted = change("spec.replicas", "3");
        assert_eq!(root(&world, wanted.event), Happening::Command(scale.to_owned()));
        assert_eq!(wanted.by, Some(crate::view::Place::Client));
        let told = change("status.readyReplicas", "3");
        assert_eq!(root(&world, told.event), Happening::Command(scale.to_owned()));
        assert_ne!(told.by, wanted.by);
    }
}
