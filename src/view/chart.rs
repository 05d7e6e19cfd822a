//! How a HorizontalPodAutoscaler has fared: its metrics against their targets, and the replicas, over time.

use serde::{Deserialize, Serialize};

use crate::sim::Time;

/// The chart of an autoscaler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartView {
    /// When the first thing was known.
    pub from: Time,
    /// The fewest and the most replicas that it may set.
    pub bounds: (u32, u32),
    /// The metrics.
    pub metrics: Vec<SeriesView>,
    /// Replicas that there were, and that were wanted.
    pub replicas: Vec<ReplicasPoint>,
}

/// A metric over time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesView {
    /// `cpu`, `requests-per-second`.
    pub name: String,
    /// What it should be, in thousandths: of a per cent, or of the quantity.
    pub target: i64,
    /// The same as kubectl writes it: `50%`, `10`.
    pub target_text: String,
    /// What it was, from each time on.
    pub points: Vec<MetricPoint>,
}

/// What a metric was from a time on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricPoint {
    /// From then on.
    pub at: Time,
    /// In thousandths; `None` where it was not known.
    pub value: Option<i64>,
    /// As kubectl writes it.
    pub text: String,
}

/// How many replicas there were from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicasPoint {
    /// From then on.
    pub at: Time,
    /// How many there were.
    pub current: u32,
    /// How many the autoscaler wanted.
    pub desired: u32,
}
