//! Schemas and levels of priority and fairness (`printFlowSchema`, `printPriorityLevelConfiguration`).

use serde_json::{Value, json};

use super::{Column, NONE, number, text};
use crate::api::{FlowSchema, PriorityLevelConfiguration};

pub(super) const SCHEMA: &[Column] = &[
    text("Name"),
    text("PriorityLevel"),
    number("MatchingPrecedence"),
    text("DistinguisherMethod"),
    text("Age"),
    text("MissingPL"),
];

pub(super) const LEVEL: &[Column] = &[
    text("Name"),
    text("Type"),
    text("NominalConcurrencyShares"),
    text("Queues"),
    text("HandSize"),
    text("QueueLengthLimit"),
    text("Age"),
];

pub(super) fn schema(schema: &FlowSchema, age: &str) -> Vec<Value> {
    let spec = &schema.spec;
    let method = spec.distinguisher_method.as_ref().map_or(NONE, |method| &method.r#type);
    let dangling = schema.status.conditions.iter().find(|condition| condition.r#type == "Dangling");
    vec![
        json!(schema.metadata.name),
        json!(spec.priority_level_configuration.name),
        json!(spec.matching_precedence),
        json!(method),
        json!(age),
        json!(dangling.map_or("?", |condition| &condition.status)),
    ]
}

pub(super) fn level(level: &PriorityLevelConfiguration, age: &str) -> Vec<Value> {
    let spec = &level.spec;
    let exempt = spec.exempt.as_ref().and_then(|exempt| exempt.nominal_concurrency_shares);
    let limited = spec.limited.as_ref().and_then(|limited| limited.nominal_concurrency_shares);
    let queuing = spec.limited.as_ref().and_then(|limited| limited.limit_response.queuing.as_ref());
    let shown = |number: Option<i32>| number.map_or_else(|| json!(NONE), |number| json!(number));
    vec![
        json!(level.metadata.name),
        json!(spec.r#type),
        shown(exempt.or(limited)),
        shown(queuing.map(|queuing| queuing.queues)),
        shown(queuing.map(|queuing| queuing.hand_size)),
        shown(queuing.map(|queuing| queuing.queue_length_limit)),
        json!(age),
    ]
}
