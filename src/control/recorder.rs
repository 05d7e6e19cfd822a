//! Records events: what a component reports about an object, as `core/v1` Events.
//!
//! Models `client-go/tools/record/event.go` and `events_cache.go` (the correlator: repeats are counted by a patch, ten
//! similar ones within ten minutes become one "(combined from similar events)", a token bucket of 25 per object drops
//! floods) and, for [`Style::Series`], `client-go/tools/events/event_broadcaster.go`. Differences: names are made unique
//! within a component by counting nanoseconds up; an Event whose hour of life is over is created anew without asking first.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::api::{Body, Event, EventSource, Kind, Object, ObjectMeta, ObjectReference, PatchType, Request, Uid, Verb};
use crate::control::Calendar;
use crate::sim::{Span, Time, VecSet, digest_of};

/// Similar events within this time are combined.
const AGGREGATE_WITHIN: Span = Span::secs(600);
/// So many similar events are combined.
const AGGREGATE_FROM: u64 = 10;
/// A flood's bucket: so many at once, then one every [`REFILL`].
const BURST: u64 = 25;
const REFILL: Span = Span::secs(300);
/// An Event's life in the API server.
const TTL: Span = Span::mins(60);
/// An event series ends when nothing of its kind happened for so long.
const SERIES: Span = Span::mins(6);
/// How many observations are remembered.
const REMEMBERED: usize = 4_096;
const PREFIX: &str = "(combined from similar events): ";

/// How a component writes its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Style {
    /// With `source`, `count` and timestamps, as controllers and the kubelet do.
    Counted,
    /// With `eventTime`, `action` and a series, as the scheduler does (`events.k8s.io/v1`).
    Series,
}

/// What makes events similar: who they are about, type and reason. What tells most topics apart comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Topic {
    uid: Uid,
    reason: String,
    r#type: String,
    field_path: String,
    name: String,
    namespace: String,
    kind: String,
}

/// The Event that stands for an observation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seen {
    name: Arc<str>,
    first: Time,
    last: Time,
    /// When it was written last; `None` if it never was.
    written: Option<Time>,
    count: i32,
}

/// Messages of one topic within [`AGGREGATE_WITHIN`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Aggregate {
    last: Time,
    messages: VecSet<Arc<str>>,
}

/// What is left of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Bucket {
    /// In units of nanoseconds of refilling.
    credit: u64,
    at: Time,
}

/// Turns what a component reports into requests. One per component (per controller, per kubelet).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recorder {
    calendar: Calendar,
    component: String,
    host: String,
    style: Style,
    last_nanos: u64,
    seen: BTreeMap<(Arc<Topic>, Arc<str>), Seen>,
    aggregates: BTreeMap<Arc<Topic>, Aggregate>,
    /// By `name namespace kind type`.
    buckets: BTreeMap<String, Bucket>,
}

/// A reference to an object, as events carry it.
pub fn involved(object: &Object) -> ObjectReference {
    let meta = object.meta();
    ObjectReference {
        kind: object.kind().info().kind.to_owned(),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        api_version: object.kind().info().api_version(),
        resource_version: meta.resource_version,
        ..ObjectReference::default()
    }
}

impl Recorder {
    /// A recorder for a component (`kubelet`, `deployment-controller`) on a host (empty for none).
    pub fn new(calendar: Calendar, component: &str, host: &str) -> Recorder {
        Recorder::with_style(calendar, component, host, Style::Counted)
    }

    /// A recorder that writes in a certain style.
    pub fn with_style(calendar: Calendar, component: &str, host: &str, style: Style) -> Recorder {
        Recorder {
            calendar,
            component: component.to_owned(),
            host: host.to_owned(),
            style,
            last_nanos: 0,
            seen: BTreeMap::new(),
            aggregates: BTreeMap::new(),
            buckets: BTreeMap::new(),
        }
    }

    /// The requests that report an event: one creation or one patch, or nothing when the object floods.
    pub fn event(
        &mut self,
        now: Time,
        involved: ObjectReference,
        r#type: &str,
        reason: &str,
        message: &str,
    ) -> Vec<Request> {
        self.action(now, involved, r#type, reason, "", message)
    }

    /// As [`Recorder::event`], with what was being done (`Binding`, `Scheduling`).
    pub fn action(
        &mut self,
        now: Time,
        involved: ObjectReference,
        r#type: &str,
        reason: &str,
        action: &str,
        message: &str,
    ) -> Vec<Request> {
        let topic = Arc::new(Topic {
            uid: involved.uid.clone(),
            reason: reason.to_owned(),
            r#type: r#type.to_owned(),
            field_path: involved.field_path.clone(),
            name: involved.name.clone(),
            namespace: involved.namespace.clone(),
            kind: involved.kind.clone(),
        });
        self.forget_the_oldest();
        let request = match self.style {
            Style::Series => Some(self.in_series(now, topic, &involved, action, message)),
            Style::Counted => self.counted(now, topic, &involved, message),
        };
        request.into_iter().collect()
    }

    fn counted(&mut self, now: Time, topic: Arc<Topic>, involved: &ObjectReference, message: &str) -> Option<Request> {
        let (message, key) = self.aggregated(now, &topic, message);
        // What is not written is counted all the same, and told with the next one that is.
        let admitted = self.admitted(now, involved, &topic.r#type);
        let key = (Arc::clone(&topic), key);
        let known = self.seen.get(&key).cloned();
        let seen = match known {
            Some(seen) => Seen { last: now, count: seen.count + 1, ..seen },
            None => Seen { name: self.event_name(now, involved), first: now, last: now, written: None, count: 1 },
        };
        if !admitted {
            self.seen.insert(key, seen);
            return None;
        }
        let fresh = seen.written.is_none_or(|at| now.since(at) >= TTL);
        let seen = Seen { written: Some(now), ..seen };
        self.seen.insert(key, seen.clone());
        if !fresh {
            let patch = json!({
                "count": seen.count, "lastTimestamp": self.calendar.timestamp(now), "message": &*message,
            });
            return Some(patch_event(&namespace_of(involved), &seen.name, patch));
        }
        let combined = message.starts_with(PREFIX);
        let mut event = self.new_event(&seen.name, &topic, involved, &message);
        event.source =
            EventSource { component: self.component.clone(), host: self.host.clone(), ..EventSource::default() };
        event.reporting_instance.clone_from(&self.host);
        if combined {
            // The aggregate is made of the source alone.
            event.reporting_component.clear();
            event.reporting_instance.clear();
        }
        event.first_timestamp = Some(self.calendar.timestamp(seen.first));
        event.last_timestamp = Some(self.calendar.timestamp(now));
        event.count = seen.count;
        Some(Request::create(event))
    }

    fn in_series(
        &mut self,
        now: Time,
        topic: Arc<Topic>,
        involved: &ObjectReference,
        action: &str,
        message: &str,
    ) -> Request {
        let version = involved.resource_version.map_or(0, |version| version.0);
        let key = (Arc::clone(&topic), format!("{action} {version}").into());
        if let Some(seen) = self.seen.get_mut(&key).filter(|seen| now.since(seen.last) < SERIES) {
            seen.count += 1;
            seen.last = now;
            let series = json!({"count": seen.count, "lastObservedTime": self.calendar.micros(now)});
            return patch_event(&namespace_of(involved), &seen.name.clone(), json!({ "series": series }));
        }
        let seen = Seen { name: self.event_name(now, involved), first: now, last: now, written: Some(now), count: 1 };
        let mut event = self.new_event(&seen.name, &topic, involved, message);
        event.action = action.to_owned();
        event.event_time = Some(self.calendar.micros(now));
        event.reporting_instance = format!("{}-{}", self.component, self.host);
        self.seen.insert(key, seen);
        Request::create(event)
    }

    fn new_event(&self, name: &str, topic: &Topic, involved: &ObjectReference, message: &str) -> Event {
        Event {
            metadata: ObjectMeta { name: name.to_owned(), namespace: namespace_of(involved), ..ObjectMeta::default() },
            involved_object: involved.clone(),
            reporting_component: self.component.clone(),
            reason: topic.reason.clone(),
            message: message.to_owned(),
            r#type: topic.r#type.clone(),
            ..Event::default()
        }
    }

    /// The message, combined if there are many of its topic, and the key under which it is counted.
    fn aggregated(&mut self, now: Time, topic: &Arc<Topic>, message: &str) -> (Arc<str>, Arc<str>) {
        let topic = match topic.field_path.as_str() {
            "" => Arc::clone(topic),
            _ => Topic { field_path: String::new(), ..Topic::clone(topic) }.into(),
        };
        let message: Arc<str> = message.into();
        let aggregate = self.aggregates.entry(topic).or_default();
        if now.since(aggregate.last) > AGGREGATE_WITHIN {
            aggregate.messages.clear();
        }
        aggregate.last = now;
        aggregate.messages.insert(Arc::clone(&message));
        if (aggregate.messages.len() as u64) < AGGREGATE_FROM {
            return (Arc::clone(&message), message);
        }
        aggregate.messages.pop_first();
        (format!("{PREFIX}{message}").into(), PREFIX.into())
    }

    /// Whether the token bucket of the object and the type (Normal, Warning) has one left; takes it.
    fn admitted(&mut self, now: Time, involved: &ObjectReference, r#type: &str) -> bool {
        let key = [&*involved.name, &involved.namespace, &involved.kind, r#type].join(" ");
        let full = REFILL.0 * BURST;
        let bucket = self.buckets.entry(key).or_insert(Bucket { credit: full, at: now });
        bucket.credit = bucket.credit.saturating_add(now.since(bucket.at).0).min(full);
        bucket.at = now;
        let admitted = bucket.credit >= REFILL.0;
        if admitted {
            bucket.credit -= REFILL.0;
        }
        admitted
    }

    /// `<object>.<16 hexadecimal digits>`: the time in nanoseconds. Components differ by a share of a tenth of a
    /// millisecond, so that two that report on one object at one time do not take each other's name.
    fn event_name(&mut self, now: Time, involved: &ObjectReference) -> Arc<str> {
        let share = digest_of(&(self.component.as_str(), self.host.as_str())).0 % 100_000;
        let nanos = (self.calendar.nanos(now) + share).max(self.last_nanos + 1);
        self.last_nanos = nanos;
        format!("{}.{nanos:016x}", involved.name).into()
    }

    /// Keeps what is remembered bounded: the older half goes when there is too much.
    fn forget_the_oldest(&mut self) {
        if self.seen.len() > REMEMBERED {
            let middle = median(self.seen.values().map(|seen| seen.last));
            self.seen.retain(|_, seen| seen.last > middle);
        }
        if self.aggregates.len() > REMEMBERED {
            let middle = median(self.aggregates.values().map(|aggregate| aggregate.last));
            self.aggregates.retain(|_, aggregate| aggregate.last > middle);
        }
        if self.buckets.len() > REMEMBERED {
            let middle = median(self.buckets.values().map(|bucket| bucket.at));
            self.buckets.retain(|_, bucket| bucket.at > middle);
        }
    }
}

fn median(times: impl Iterator<Item = Time>) -> Time {
    let mut times: Vec<Time> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or(Time::ZERO)
}

/// Events about cluster-scoped objects are kept in `default`.
fn namespace_of(involved: &ObjectReference) -> String {
    if involved.namespace.is_empty() { "default".to_owned() } else { involved.namespace.clone() }
}

fn patch_event(namespace: &str, name: &str, patch: serde_json::Value) -> Request {
    let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Event, namespace, name);
    request.body = Body::Value(patch.into());
    request
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Timestamp;

    fn recorder() -> Recorder {
        Recorder::new(Calendar::new(Timestamp(1_767_225_600)), "deployment-controller", "")
    }

    fn web() -> ObjectReference {
        ObjectReference {
            kind: "Deployment".into(),
            namespace: "default".into(),
            name: "web".into(),
            ..ObjectReference::default()
        }
    }

    fn created(request: &Request) -> &Event {
        match &request.body {
            Body::Object(Object::Event(event)) => event,
            other => panic!("not a creation: {other:?}"),
        }
    }

    #[test]
    fn an_event_is_named_after_its_object_and_the_time() {
        let requests = recorder().event(Time(5), web(), "Normal", "ScalingReplicaSet", "Scaled up");
        let event = created(&requests[0]);
        assert_eq!(event.count, 1);
        assert_eq!(event.source.component, "deployment-controller");
        assert_eq!(event.reporting_component, "deployment-controller");
        let digits = event.metadata.name.strip_prefix("web.").expect("named after the object");
        assert_eq!(digits.len(), 16);
        let nanos = u64::from_str_radix(digits, 16).expect("hexadecimal");
        assert_eq!(nanos / 1_000_000_000, 1_767_225_600);
    }

    #[test]
    fn a_repeated_event_is_counted_by_a_patch() {
        let mut recorder = recorder();
        recorder.event(Time(0), web(), "Normal", "Same", "again");
        let requests = recorder.event(Time(9_000_000_000), web(), "Normal", "Same", "again");
        assert_eq!(requests[0].verb, Verb::Patch(PatchType::Strategic));
        let Body::Value(patch) = &requests[0].body else { panic!("a patch has a value") };
        assert_eq!(patch["count"], 2);
        assert_eq!(patch["lastTimestamp"], "2026-01-01T00:00:09Z");
    }

    #[test]
    fn the_tenth_similar_event_is_combined_with_those_that_follow() {
        let mut recorder = recorder();
        let mut last = Vec::new();
        for n in 0..12 {
            last = recorder.event(Time(n), web(), "Normal", "ScalingReplicaSet", &format!("from {n}"));
            if n == 9 {
                let event = created(&last[0]);
                assert_eq!(event.message, "(combined from similar events): from 9");
                assert_eq!(
                    (event.source.component.as_str(), event.reporting_component.as_str()),
                    ("deployment-controller", "")
                );
            }
        }
        let Body::Value(patch) = &last[0].body else { panic!("a patch has a value") };
        assert_eq!(patch["count"], 3);
        assert_eq!(patch["message"], "(combined from similar events): from 11");
    }

    #[test]
    fn a_flood_about_one_object_is_dropped_after_twenty_five() {
        let mut recorder = recorder();
        let sent: usize = (0..40).map(|n| recorder.event(Time(n), web(), "Normal", "Same", "again").len()).sum();
        assert_eq!(sent, 25);
        // Warnings have a bucket of their own, and what was dropped is counted when the next one is written.
        assert_eq!(recorder.event(Time(41), web(), "Warning", "Other", "words").len(), 1);
        let later = recorder.event(Time(301_000_000_000), web(), "Normal", "Same", "again");
        let Body::Value(patch) = &later[0].body else { panic!("a patch has a value") };
        assert_eq!(patch["count"], 41);
    }

    #[test]
    fn the_scheduler_writes_a_series() {
        let mut recorder = Recorder::with_style(Calendar::default(), "default-scheduler", "master1", Style::Series);
        let first = recorder.action(Time(0), web(), "Warning", "FailedScheduling", "Scheduling", "no");
        let event = created(&first[0]);
        assert_eq!((event.count, event.source.component.as_str()), (0, ""));
        assert_eq!(event.reporting_instance, "default-scheduler-master1");
        let second = recorder.action(Time(1), web(), "Warning", "FailedScheduling", "Scheduling", "no");
        let Body::Value(patch) = &second[0].body else { panic!("a patch has a value") };
        assert_eq!(patch["series"]["count"], 2);
    }
}
