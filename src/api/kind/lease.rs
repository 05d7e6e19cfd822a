//! Lease. Models `k8s.io/api/coordination/v1/types.go`.

use crate::api::{MicroTime, ObjectMeta};

api_struct! {
    /// A heartbeat or a leadership.
    Lease {
        keep { metadata: ObjectMeta, spec: LeaseSpec }
        omit {}
    }

    /// Who holds it, since when, for how long.
    LeaseSpec {
        keep {}
        omit {
            holder_identity: Option<String>,
            lease_duration_seconds: Option<i32>,
            acquire_time: Option<MicroTime>,
            renew_time: Option<MicroTime>,
            lease_transitions: Option<i32>,
        }
    }
}
