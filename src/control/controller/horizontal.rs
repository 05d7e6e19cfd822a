//! The horizontal pod autoscaler: as many replicas as the metrics ask for.
//!
//! Models `pkg/controller/podautoscaler`.

pub mod behaviour;
pub mod calculator;
