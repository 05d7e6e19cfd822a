//! APIService. Models `k8s.io/kube-aggregator/pkg/apis/apiregistration/v1/types.go`.

use crate::api::{ObjectMeta, Timestamp};

api_struct! {
    /// A version of a group that another server answers for.
    APIService {
        keep { metadata: ObjectMeta, spec: APIServiceSpec }
        omit { status: APIServiceStatus }
    }

    /// Which version of which group, and the Service in front of the server; without one the API server itself.
    APIServiceSpec {
        keep { group_priority_minimum: i32, version_priority: i32 }
        omit { service: Option<ServiceReference>, group: String, version: String }
    }

    /// A Service and its port.
    ServiceReference {
        keep { namespace: String, name: String }
        omit { port: Option<i32> }
    }

    /// Whether the server can be reached.
    APIServiceStatus {
        keep {}
        omit { conditions: Vec<APIServiceCondition> }
    }

    /// A condition: Available.
    APIServiceCondition {
        keep { r#type: String, status: String }
        omit { last_transition_time: Option<Timestamp>, reason: String, message: String }
    }
}

impl APIService {
    /// The condition Available.
    pub fn availability(&self) -> Option<&APIServiceCondition> {
        self.status.conditions.iter().find(|condition| condition.r#type == "Available")
    }

    /// Whether another server answers, and can be reached.
    pub fn is_available(&self) -> bool {
        self.availability().is_some_and(|condition| condition.status == "True")
    }
}
