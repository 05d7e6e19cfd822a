//! Programs of images: servers and what else runs for long.

pub mod sleep;
pub mod web;
