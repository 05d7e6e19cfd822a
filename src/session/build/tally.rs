//! What of the trace has been counted so far, so that a timeline does not count everything at every look.

use crate::cluster::{Cluster, Happened};
use crate::session::build::happening;
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
    marks: Vec<MarkView>,
}

impl Tally {
    /// Counts what has happened since the last time.
    pub fn take_in(&mut self, cluster: &Cluster) {
        for entry in cluster.trace().since(self.next) {
            count(self.grains.entry(entry.at.0 / GRAIN.0).or_default(), happening::plane(entry), 1);
            self.marks.extend(mark(entry));
        }
        self.next = cluster.trace().next_id();
    }

    /// What the learner did and what broke, in order.
    pub fn marks(&self) -> Vec<MarkView> {
        self.marks.clone()
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
    let (kind, label) = match &entry.event {
        Happened::Command(line) if line.starts_with("kubectl apply -f - ") => (MarkKind::Apply, line),
        Happened::Command(line) => (MarkKind::Command, line),
        Happened::Fault(words) => (MarkKind::Fault, words),
        _ => return None,
    };
    let label = label.lines().next().unwrap_or_default().to_owned();
    Some(MarkView { at: entry.at, kind, label })
}
