//! The run as a line.

use crate::cluster::{Cluster, Happened};
use crate::session::build::tally::Tally;
use crate::session::build::{happening, place_of};
use crate::session::protocol::TimelineWant;
use crate::sim::trace::Entry;
use crate::sim::{Span, Time};
use crate::view::{EventLine, NextView, TimelineView};

/// The line of the whole run so far, which `tally` has counted; `end` is the latest moment ever reached. Branches are
/// the session's.
pub fn timeline(cluster: &Cluster, tally: &Tally, want: &TimelineWant, end: Time) -> TimelineView {
    let from = tally.from();
    let end = end.max(cluster.now());
    let count = u64::from(want.buckets.clamp(1, 2_000));
    let width = Span((end.since(from).0 / count).max(1));
    let until = want.until.unwrap_or(cluster.now());
    let (events, more) = if want.limit == 0 { (Vec::new(), 0) } else { listed(cluster, tally, want, until) };
    let (buckets, marks) = (tally.buckets(count, width), tally.marks(cluster));
    TimelineView { from, width, buckets, end, marks, events, more, next: next(cluster), branches: Vec::new() }
}

/// The last events that are wanted, and how many there are beside them.
fn listed(cluster: &Cluster, tally: &Tally, want: &TimelineWant, until: Time) -> (Vec<EventLine>, u32) {
    let limit = usize::try_from(want.limit).unwrap_or(usize::MAX);
    let entries = || cluster.trace().iter().rev().filter(|entry| entry.at <= until && fits(cluster, entry, want));
    let mut events: Vec<EventLine> = entries().take(limit).map(|entry| line(cluster, entry)).collect();
    events.reverse();
    let all = match want.place {
        None => tally.count(&want.planes, until),
        Some(_) => u32::try_from(entries().count()).unwrap_or(u32::MAX),
    };
    let more = all.saturating_sub(u32::try_from(events.len()).unwrap_or(u32::MAX));
    (events, more)
}

fn fits(cluster: &Cluster, entry: &Entry<Happened>, want: &TimelineWant) -> bool {
    (want.planes.is_empty() || want.planes.contains(&happening::plane(entry)))
        && want.place.as_ref().is_none_or(|wanted| {
            happening::place(cluster, entry) == *wanted
                || matches!(&entry.event, Happened::Sent { to, .. } if place_of(cluster, *to) == *wanted)
        })
}

fn line(cluster: &Cluster, entry: &Entry<Happened>) -> EventLine {
    EventLine {
        id: entry.id,
        at: entry.at,
        plane: happening::plane(entry),
        place: happening::place(cluster, entry),
        what: happening::happening(cluster, entry),
        caused: entry.cause.is_some(),
    }
}

fn next(cluster: &Cluster) -> Option<NextView> {
    let (actor, wake) = cluster.wakes().next()?;
    Some(NextView {
        at: wake.at.max(cluster.now()),
        place: place_of(cluster, actor),
        why: happening::wait_for(wake.why),
    })
}
