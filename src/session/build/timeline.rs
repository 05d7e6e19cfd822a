//! The run as a line.

use crate::cluster::{Cluster, Happened};
use crate::session::build::{happening, place_of};
use crate::session::protocol::TimelineWant;
use crate::sim::trace::Entry;
use crate::sim::{Span, Time};
use crate::view::{Bucket, EventLine, MarkKind, MarkView, NextView, Plane, TimelineView};

/// The line of the whole run so far; `end` is the latest moment ever reached.
pub fn timeline(cluster: &Cluster, want: &TimelineWant, end: Time) -> TimelineView {
    let trace = cluster.trace();
    let from = trace.iter().next().map_or(Time::ZERO, |entry| entry.at);
    let end = end.max(cluster.now());
    let count = u64::from(want.buckets.clamp(1, 2_000));
    let width = Span((end.since(from).0 / count).max(1));
    let mut buckets = vec![Bucket::default(); usize::try_from(count).expect("at most 2,000")];
    let mut marks = Vec::new();
    let until = want.until.unwrap_or(end);
    let mut events: Vec<EventLine> = Vec::new();
    let mut more = 0_u32;
    for entry in trace.iter().rev() {
        let at = usize::try_from(entry.at.since(from).0 / width.0).unwrap_or(usize::MAX).min(buckets.len() - 1);
        count_in(&mut buckets[at], happening::plane(entry));
        marks.extend(mark(entry));
        if entry.at <= until && want.limit > 0 && fits(cluster, entry, want) {
            if u32::try_from(events.len()).unwrap_or(u32::MAX) < want.limit {
                events.push(line(cluster, entry));
            } else {
                more = more.saturating_add(1);
            }
        }
    }
    marks.reverse();
    events.reverse();
    TimelineView { from, width, buckets, end, marks, events, more, next: next(cluster) }
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

fn mark(entry: &Entry<Happened>) -> Option<MarkView> {
    let (kind, label) = match &entry.event {
        Happened::Command(line) if line.starts_with("kubectl apply -f - ") => (MarkKind::Apply, line),
        Happened::Command(line) => (MarkKind::Command, line),
        Happened::Fault(words) => (MarkKind::Fault, words),
        _ => return None,
    };
    let label = label.lines().next().unwrap_or_default().to_owned();
    Some(MarkView { at: entry.at, kind, label })
}

fn count_in(bucket: &mut Bucket, plane: Plane) {
    let counter = match plane {
        Plane::Control => &mut bucket.control,
        Plane::Storage => &mut bucket.storage,
        Plane::Data => &mut bucket.data,
        Plane::Fault => &mut bucket.fault,
    };
    *counter = counter.saturating_add(1);
}

fn next(cluster: &Cluster) -> Option<NextView> {
    let (actor, wake) = cluster.wakes().next()?;
    Some(NextView {
        at: wake.at.max(cluster.now()),
        place: place_of(cluster, actor),
        why: happening::wait_for(wake.why),
    })
}
