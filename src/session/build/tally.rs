//! What of the trace has been counted so far, so that a timeline does not count everything at every look.

use crate::cluster::{Cluster, Happened};
use crate::session::build::happening;
use crate::share::{Action, Logged};
use crate::sim::VecMap;
use crate::sim::trace::Entry;
use crate::sim::{EventId, Span, Time};
use crate::view::{Bucket, MarkKind, MarkView, Plane};

/// The width of what is counted together.
const GRAIN: Span = Span::millis(1);

/// Counts of everything that the trace has ever held, and the marks.
#[derive(Default)]
pub struct Tally {
    next: EventId,
    grains: VecMap<u64, Bucket>,
    marks: Vec<(EventId, MarkView)>,
}

impl Tally {
    /// Counts what has happened since the last time.
    pub fn take_in(&mut self, cluster: &Cluster) {
        for entry in cluster.trace().since(self.next) {
            count(self.grains.entry(entry.at.0 / GRAIN.0).or_default(), happening::plane(entry), 1);
            self.marks.extend(mark(entry).map(|mark| (entry.id, mark)));
        }
        // After a rewind it was all counted before.
        self.next = self.next.max(cluster.trace().next_id());
    }

    /// What was counted from entry `from` on never happens: the run took another way there, at the present of `cluster`.
    pub fn cut(&mut self, cluster: &Cluster, from: EventId) {
        if self.next <= from {
            return;
        }
        let grain = cluster.now().0 / GRAIN.0;
        self.grains.retain(|at, _| *at < grain);
        let last = cluster.trace().iter().rev().skip_while(|entry| entry.id >= from);
        for entry in last.take_while(|entry| entry.at.0 / GRAIN.0 >= grain) {
            count(self.grains.entry(entry.at.0 / GRAIN.0).or_default(), happening::plane(entry), 1);
        }
        self.marks.retain(|(id, _)| *id < from);
        self.next = from;
    }

    /// What the learner did and what broke up to the present of `cluster`, in order.
    pub fn marks(&self, cluster: &Cluster) -> Vec<MarkView> {
        let next = cluster.trace().next_id();
        self.marks.iter().filter(|(id, _)| *id < next).map(|(_, mark)| mark.clone()).collect()
    }

    /// When the first thing happened.
    pub fn from(&self) -> Time {
        self.grains.first_key_value().map_or(Time::ZERO, |(grain, _)| Time(grain * GRAIN.0))
    }

    /// The counts in `buckets` buckets of `width` each.
    pub fn buckets(&self, buckets: u64, width: Span) -> Vec<Bucket> {
        let from = self.from();
        let mut sums = vec![Bucket::default(); usize::try_from(buckets).unwrap_or(1)];
        for (grain, bucket) in &self.grains {
            let at = usize::try_from(Time(grain * GRAIN.0).since(from).0 / width.0).unwrap_or(usize::MAX);
            let last = sums.len() - 1;
            for plane in Plane::ALL {
                count(&mut sums[at.min(last)], plane, bucket.of(plane));
            }
        }
        sums
    }

    /// How much happened on these planes (none: on all) up to `until`.
    pub fn count(&self, planes: &[Plane], until: Time) -> u32 {
        let wanted = |plane: &Plane| planes.is_empty() || planes.contains(plane);
        let grains = self.grains.range(..=until.0 / GRAIN.0);
        grains.map(|(_, bucket)| Plane::ALL.iter().filter(|p| wanted(p)).map(|p| bucket.of(*p)).sum::<u32>()).sum()
    }
}

fn count(bucket: &mut Bucket, plane: Plane, by: u32) {
    let counter = match plane {
        Plane::Control => &mut bucket.control,
        Plane::Storage => &mut bucket.storage,
        Plane::Data => &mut bucket.data,
        Plane::Fault => &mut bucket.fault,
    };
    *counter = counter.saturating_add(by);
}

fn mark(entry: &Entry<Happened>) -> Option<MarkView> {
    match &entry.event {
        Happened::Command(line) => Some(mark_of_line(entry.at, line)),
        Happened::Fault(words) => Some(MarkView { at: entry.at, kind: MarkKind::Fault, label: words.to_string() }),
        _ => None,
    }
}

fn mark_of_line(at: Time, line: &str) -> MarkView {
    let kind = if line.starts_with("kubectl apply -f - ") { MarkKind::Apply } else { MarkKind::Command };
    MarkView { at, kind, label: line.lines().next().unwrap_or_default().to_owned() }
}

/// The mark of what is done later on the line that is lived again.
pub fn mark_ahead(logged: &Logged) -> Option<MarkView> {
    match &logged.what {
        Action::Line { line, .. } => Some(mark_of_line(logged.at, line)),
        Action::Fault(words) => Some(MarkView { at: logged.at, kind: MarkKind::Fault, label: words.clone() }),
        Action::Interrupt => None,
    }
}
