//! Patches that the client computes.

pub mod lists;
pub mod three_way;
