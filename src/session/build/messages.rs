//! Messages whose flight overlaps the time since the last update.

use crate::cluster::{Cluster, Happened, Said};
use crate::session::build::packet_flights::packet_flights;
use crate::session::build::{happening, object_ref, place_of, plane_of};
use crate::sim::trace::Entry;
use crate::sim::{Time, VecMap};
use crate::view::{Fate, Happening, LinkLoad, MessageKind, MessageView, MessagesView, Place, Plane};

/// The longest flight that is looked for: messages sent earlier have arrived.
const LONGEST_FLIGHT: crate::sim::Span = crate::sim::Span::secs(2);

/// The messages that were under way between `since` and now.
pub fn messages(cluster: &Cluster, since: Time) -> MessagesView {
    let from = since - LONGEST_FLIGHT;
    let recent = cluster.trace().iter().rev().take_while(|entry| entry.at >= from);
    let mut view = MessagesView::default();
    let mut summed: VecMap<(Place, Place, Plane), u32> = VecMap::new();
    for entry in recent {
        let Happened::Sent { from, to, arrives_at, lost, what } = &entry.event else { continue };
        if *arrives_at < since {
            continue;
        }
        let plane = if *lost { Plane::Fault } else { plane_of(*from, *to) };
        let (from, to) = (place_of(cluster, *from), place_of(cluster, *to));
        if from == to {
            continue;
        }
        if view.messages.len() >= usize::try_from(MessagesView::MOST).expect("small") {
            *summed.entry((from, to, plane)).or_default() += 1;
            continue;
        }
        view.messages.push(MessageView {
            id: entry.id,
            from,
            to,
            plane,
            kind: kind_of(what),
            label: label_of(cluster, entry),
            sent_at: entry.at,
            arrives_at: *arrives_at,
            size: match what {
                Said::Http { size, .. } => *size,
                _ => 0,
            },
            fate: if *lost { Fate::Lost } else { Fate::Arrives },
            object: happening::object(entry).map(object_ref),
            cause: entry.cause,
            packet: None,
        });
    }
    view.messages.extend(packet_flights(cluster, from, since));
    view.messages.sort_by_key(|message| message.sent_at);
    view.summed = summed.into_iter().map(|((from, to, plane), count)| LinkLoad { from, to, plane, count }).collect();
    view
}

fn kind_of(what: &Said) -> MessageKind {
    match what {
        Said::Call { .. } | Said::Http { .. } => MessageKind::Request,
        Said::Response { .. } => MessageKind::Response,
        Said::Watch { .. } => MessageKind::Watch,
        Said::EtcdRead(_)
        | Said::EtcdWrite(_)
        | Said::EtcdDelete(_)
        | Said::EtcdReply { .. }
        | Said::EtcdEvents { .. }
        | Said::Raft { .. } => MessageKind::Storage,
        Said::Local(_) => MessageKind::Local,
    }
}

/// Upstream's words for a message.
fn label_of(cluster: &Cluster, entry: &Entry<Happened>) -> String {
    match happening::happening(cluster, entry) {
        Happening::Request { method, path } => format!("{method} {path}"),
        Happening::Response { code, path, .. } => format!("{code} {path}").trim_end().to_owned(),
        Happening::Watched { event, object } if object.name.is_empty() => event,
        Happening::Watched { event, object } => format!("{event} {}", object.short()),
        Happening::Put { key, revision: 0 } => format!("put {key}"),
        Happening::Put { key, revision } | Happening::Told { key, revision } => format!("{key} @ {revision}"),
        Happening::Removed { key, .. } => format!("delete {key}"),
        Happening::Read { key } => format!("get {key}").trim_end().to_owned(),
        Happening::Other(words) => words,
        _ => String::new(),
    }
}
