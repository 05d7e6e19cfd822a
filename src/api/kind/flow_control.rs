//! Which requests the API server lets go first. Models `k8s.io/api/flowcontrol/v1/types.go`.
//!
//! These are kept, validated and shown; the simulated server never has more requests than it can answer at once.

use crate::api::ObjectMeta;
use crate::api::define::Rest;

api_struct! {
    /// Which requests belong together, and how important they are.
    FlowSchema {
        keep { metadata: ObjectMeta, spec: FlowSchemaSpec, status: FlowSchemaStatus }
        omit {}
    }

    /// The level, the place among all schemas, and the requests.
    FlowSchemaSpec {
        keep { priority_level_configuration: PriorityLevelConfigurationReference, matching_precedence: i32 = 1000 }
        omit { distinguisher_method: Option<FlowDistinguisherMethod>, rules: Vec<Rest> }
    }

    /// A level, by its name.
    PriorityLevelConfigurationReference {
        keep { name: String }
        omit {}
    }

    /// What tells one flow from another.
    FlowDistinguisherMethod {
        keep { r#type: String }
        omit {}
    }

    /// Whether its level is there.
    FlowSchemaStatus {
        keep {}
        omit { conditions: Vec<FlowSchemaCondition> }
    }

    /// A condition: Dangling.
    FlowSchemaCondition {
        keep {}
        omit {
            r#type: String,
            status: String,
            last_transition_time: Option<crate::api::Timestamp>,
            reason: String,
            message: String,
        }
    }

    /// How many requests of a level may go at once.
    PriorityLevelConfiguration {
        keep { metadata: ObjectMeta, spec: PriorityLevelConfigurationSpec, status: Rest }
        omit {}
    }

    /// `Exempt` or `Limited`, with the limits.
    PriorityLevelConfigurationSpec {
        keep { r#type: String }
        omit {
            limited: Option<LimitedPriorityLevelConfiguration>,
            exempt: Option<ExemptPriorityLevelConfiguration>,
        }
    }

    /// The shares of a level, what it lends and borrows in percent, and what becomes of requests beyond.
    LimitedPriorityLevelConfiguration {
        keep { limit_response: LimitResponse }
        omit {
            nominal_concurrency_shares: Option<i32>,
            lendable_percent: Option<i32>,
            borrowing_limit_percent: Option<i32>,
        }
    }

    /// `Queue` or `Reject`.
    LimitResponse {
        keep { r#type: String }
        omit { queuing: Option<QueuingConfiguration> }
    }

    /// The queues of a level.
    QueuingConfiguration {
        keep { queues: i32, hand_size: i32, queue_length_limit: i32 }
        omit {}
    }

    /// The shares of a level that has no limit.
    ExemptPriorityLevelConfiguration {
        keep {}
        omit { nominal_concurrency_shares: Option<i32>, lendable_percent: Option<i32> }
    }
}
