//! Programs of images: servers and what else runs for long.

pub mod coredns;
pub mod forward;
pub mod guestbook;
pub mod hello;
pub mod ingress_nginx;
pub mod metrics_server;
pub mod outside;
pub mod php_apache;
pub mod redis;
pub mod sleep;
pub mod stress;
pub mod web;
