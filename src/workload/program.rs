//! Programs of images: servers and what else runs for long.

pub mod coredns;
pub mod guestbook;
pub mod hello;
pub mod redis;
pub mod sleep;
pub mod web;
