//! Event. Models `k8s.io/api/core/v1/types.go` (`core/v1.Event`; `events.k8s.io/v1` is another form of the same object).

use crate::api::kind::endpoints::ObjectReference;
use crate::api::{MicroTime, ObjectMeta, Timestamp};

api_struct! {
    /// Something that happened to an object. Events of the same object, reason and message are counted in one Event.
    Event {
        keep {
            metadata: ObjectMeta,
            involved_object: ObjectReference,
            source: EventSource,
            first_timestamp: Option<Timestamp>,
            last_timestamp: Option<Timestamp>,
            event_time: Option<MicroTime>,
            reporting_component: String,
            reporting_instance: String,
        }
        omit { reason: String, message: String, count: i32, r#type: String, action: String }
    }

    /// Who saw it.
    EventSource {
        keep {}
        omit { component: String, host: String }
    }
}
