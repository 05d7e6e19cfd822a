//! Events as the kubelet records them. Models `k8s.io/client-go/tools/record` (`events_cache.go`): equal events are counted
//! in one Event, and a source that repeats itself about one object is cut short (25 at once, then one every five minutes).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use crate::api::{Body, Event, EventSource, Kind, ObjectMeta, ObjectReference, PatchType, Request, Timestamp, Verb};
use crate::sim::{Span, Time};

/// How many events about one object may come at once.
const BURST: u64 = 25;
/// After how long another one may come.
const REFILL: Span = Span::secs(300);
/// How many different events are remembered.
const MOST: usize = 4_096;

/// Counts and names of events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recorder {
    component: &'static str,
    host: Arc<str>,
    epoch: i64,
    seen: BTreeMap<Key, Seen>,
    buckets: BTreeMap<ObjectReferenceKey, Bucket>,
    last_name: u64,
}

type ObjectReferenceKey = (String, String, String, String);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    object: ObjectReferenceKey,
    field: String,
    kind: String,
    reason: String,
    message: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seen {
    name: String,
    count: i32,
    at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Bucket {
    /// Tokens, in nanoseconds of refill.
    filled: u64,
    at: Time,
}

impl Recorder {
    /// A recorder of `component` on `host`.
    pub fn new(component: &'static str, host: &Arc<str>, epoch: i64) -> Recorder {
        Recorder { component, host: host.clone(), epoch, seen: BTreeMap::new(), buckets: BTreeMap::new(), last_name: 0 }
    }

    /// The request that records an event; `None` if there were too many.
    pub fn event(
        &mut self,
        about: ObjectReference,
        kind: &str,
        reason: &str,
        message: &str,
        now: Time,
    ) -> Option<Request> {
        let object = (about.kind.clone(), about.namespace.clone(), about.name.clone(), about.uid.to_string());
        if !self.allowed(&object, now) {
            return None;
        }
        let namespace = if about.namespace.is_empty() { "default".to_owned() } else { about.namespace.clone() };
        let stamp = Timestamp(self.epoch + i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        let key = Key {
            object,
            field: about.field_path.clone(),
            kind: kind.into(),
            reason: reason.into(),
            message: message.into(),
        };
        if let Some(seen) = self.seen.get_mut(&key) {
            seen.count += 1;
            seen.at = now;
            let mut request = Request::new(Verb::Patch(PatchType::Strategic), Kind::Event, &namespace, &seen.name);
            request.body = Body::Value(Arc::new(json!({"count": seen.count, "lastTimestamp": stamp.to_string()})));
            return Some(request);
        }
        let name = self.name(&about.name, now);
        if self.seen.len() >= MOST {
            let oldest = self.seen.iter().min_by_key(|(_, s)| s.at).map(|(k, _)| k.clone());
            oldest.map(|k| self.seen.remove(&k));
        }
        self.seen.insert(key, Seen { name: name.clone(), count: 1, at: now });
        let event = Event {
            metadata: ObjectMeta { name, namespace, ..ObjectMeta::default() },
            involved_object: about,
            source: EventSource {
                component: self.component.into(),
                host: self.host.to_string(),
                ..EventSource::default()
            },
            first_timestamp: Some(stamp),
            last_timestamp: Some(stamp),
            event_time: None,
            reporting_component: self.component.into(),
            reporting_instance: self.host.to_string(),
            reason: reason.into(),
            message: message.into(),
            count: 1,
            r#type: kind.into(),
            ..Event::default()
        };
        Some(Request::create(event))
    }

    /// `web-0.18a2b3c4d5e6f708`: the object and the nanosecond; two events of one nanosecond have different names.
    fn name(&mut self, object: &str, now: Time) -> String {
        let unix = u64::try_from(self.epoch).unwrap_or(0).saturating_mul(1_000_000_000).saturating_add(now.0);
        self.last_name = unix.max(self.last_name + 1);
        format!("{object}.{:016x}", self.last_name)
    }

    fn allowed(&mut self, object: &ObjectReferenceKey, now: Time) -> bool {
        let full = BURST * REFILL.0;
        let bucket = self.buckets.entry(object.clone()).or_insert(Bucket { filled: full, at: now });
        bucket.filled = bucket.filled.saturating_add(now.since(bucket.at).0).min(full);
        bucket.at = now;
        let allowed = bucket.filled >= REFILL.0;
        if allowed {
            bucket.filled -= REFILL.0;
        }
        if self.buckets.len() > MOST {
            self.buckets.retain(|_, b| b.filled.saturating_add(now.since(b.at).0) < full);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_events_are_counted_and_too_many_are_dropped() {
        let mut recorder = Recorder::new("kubelet", &"n1".into(), 0);
        let about = || ObjectReference { kind: "Pod".into(), name: "p".into(), ..ObjectReference::default() };
        let first = recorder.event(about(), "Normal", "Pulled", "x", Time(7)).expect("the first is allowed");
        assert_eq!(first.verb, Verb::Create);
        let second = recorder.event(about(), "Normal", "Pulled", "x", Time(8)).expect("the second is allowed");
        assert_eq!((second.verb, &*second.name), (Verb::Patch(PatchType::Strategic), "p.0000000000000007"));
        let more = (0..40).filter_map(|_| recorder.event(about(), "Normal", "Pulled", "x", Time(9))).count();
        assert_eq!(more, 23);
    }
}
