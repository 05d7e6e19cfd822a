//! Traces in plain words, for the scripted terminal: the chain of causes of an object, or the way of a packet.

use crate::api::Kind;
use crate::session::World;
use crate::session::build::{object_ref, packets, why};
use crate::sim::Time;
use crate::view::packet::Outcome;
use crate::view::{Happening, HopView, ObjectRef, PacketId, Place, Scope, WhyLink};

/// What is known of `name`: `packet N`, `from A to B` (the last request that went there; `first from A to B`: what opened its
/// conversation), `Kind/name`, or the name of an object; `None` if nothing is.
pub fn trace(world: &World, name: &str) -> Option<String> {
    let name = name.trim();
    if let Some(number) = name.strip_prefix("packet ") {
        return packet(world, number.trim().parse().ok()?);
    }
    let (first, between) = name.strip_prefix("first ").map_or((false, name), |rest| (true, rest));
    if let Some((from, to)) = between.strip_prefix("from ").and_then(|words| words.split_once(" to ")) {
        return request(world, first, from.trim(), to.trim());
    }
    let (kind, name) = name.split_once('/').map_or((None, name), |(kind, name)| (Some(kind), name));
    let fits = |k: &&Kind| {
        kind.is_none_or(|wanted| {
            let info = k.info();
            info.kind.eq_ignore_ascii_case(wanted) || info.plural == wanted || info.short.contains(&wanted)
        })
    };
    let object =
        Kind::ALL.iter().filter(fits).find_map(|kind| world.cluster.objects(*kind).find(|o| o.meta().name == name))?;
    let reference = object.reference();
    let links = why::chain_of_object(&world.cluster, &reference);
    let lines: Vec<String> = links.iter().map(|link| link_line(link, world.started)).collect();
    Some(format!("{}\n{}", object_ref(&reference).short(), lines.concat()))
}

fn link_line(link: &WhyLink, started: Time) -> String {
    let at = link.at.since(started);
    format!("  {at:>10}  {:<28} {}\n", place(&link.place), happening(&link.what))
}

/// A place in words.
fn place(place: &Place) -> String {
    match place {
        Place::Client => "client".into(),
        Place::Component { kind, host: Some(host) } => format!("{} on {host}", kind.name()),
        Place::Component { kind, host: None } => kind.name().into(),
        Place::Node(name) => name.clone(),
        Place::Pod { namespace, name } => format!("{namespace}/{name}"),
        Place::Registry => "registry".into(),
        Place::Outside => "network".into(),
    }
}

fn short(object: &ObjectRef) -> String {
    if object.name.is_empty() { object.kind.clone() } else { object.short() }
}

/// What happened, in words.
fn happening(what: &Happening) -> String {
    match what {
        Happening::Command(line) => format!("you ran: {}", line.lines().next().unwrap_or_default()),
        Happening::Applied(n) => format!("you applied {n} documents"),
        Happening::Booted => "the cluster was switched on".into(),
        Happening::Fault(words) => format!("fault: {words}"),
        Happening::Request { method, path } => format!("{method} {path}"),
        Happening::Response { code, method, path } => {
            format!("answered {code} {}", format!("{method} {path}").trim()).trim_end().to_owned()
        }
        Happening::Created(object) => format!("created {}", short(object)),
        Happening::Updated(object) => format!("changed {}", short(object)),
        Happening::Deleted(object) => format!("deleted {}", short(object)),
        Happening::Put { key, revision: 0 } => format!("writes {key}"),
        Happening::Put { key, revision } => format!("{key} at revision {revision}"),
        Happening::Told { key, revision } => format!("told a watch of {key} at revision {revision}"),
        Happening::Removed { key, revision: 0 } => format!("deletes {key}"),
        Happening::Removed { key, revision } => format!("{key} removed at revision {revision}"),
        Happening::Read { key } => format!("reads {key}").trim_end().to_owned(),
        Happening::Watched { event, object } => format!("watch told {event} {}", short(object)),
        Happening::Reconciled { controller, object } => format!("{controller} reconciled {}", short(object)),
        Happening::Bound { pod, node } => format!("bound {} to {node}", short(pod)),
        Happening::SandboxCreated { pod, ip } => format!("sandbox of {} with {ip}", short(pod)),
        Happening::Subnet { subnet, via } => format!("subnet {subnet} {via}").trim_end().to_owned(),
        Happening::ProxyRules(_) => "wrote its rules".into(),
        Happening::MessageLost { from, to } => format!("message from {} to {} was lost", place(from), place(to)),
        Happening::Woke(why) => format!("woke: {why:?}"),
        Happening::Other(words) => words.clone(),
        other => format!("{other:?}"),
    }
}

/// The way of the first packet of the last conversation between two ends, or of its largest, which is the request.
fn request(world: &World, first: bool, from: &str, to: &str) -> Option<String> {
    let is = |name: &str, wanted: &str| name == wanted || name.split_once('/').is_some_and(|(_, name)| name == wanted);
    let lines = packets::list(&world.cluster).packets;
    let between: Vec<_> = lines.iter().filter(|line| is(&line.from, from) && is(&line.to, to)).collect();
    let last = between.last()?.conversation;
    let mut of_last = between.iter().filter(|line| line.conversation == last);
    let shown = if first { of_last.next() } else { of_last.max_by_key(|line| line.size) };
    packet(world, shown?.id.0)
}

fn packet(world: &World, id: u64) -> Option<String> {
    let view = packets::packet(&world.cluster, PacketId(id))?;
    let head = format!("{} → {}: {}\n", view.line.from, view.line.to, view.line.info);
    let lines: Vec<String> = view.hops.iter().map(|hop| hop_line(hop, world.started)).collect();
    let end = match &view.line.outcome {
        Outcome::Dropped { reason, .. } => format!("   dropped: {reason:?}\n"),
        _ => String::new(),
    };
    Some(head + &lines.concat() + &end)
}

fn hop_line(hop: &HopView, started: Time) -> String {
    let number = hop.step.map_or_else(|| "  ".to_owned(), |step| format!("{:>2}", step.number()));
    let scope = match &hop.scope {
        Scope::Pod { name, .. } => name.clone(),
        Scope::Node(name) | Scope::Machine(name) => name.clone(),
        Scope::Wire => "wire".into(),
        Scope::Outside => "outside".into(),
    };
    let rule = hop.rule.as_deref().map(|rule| format!("  [{rule}]")).unwrap_or_default();
    let at = hop.at.since(started);
    format!("{number} {at:>12} {scope:<24} {:<14} {:?}{rule}\n", hop.device, hop.decision)
}
