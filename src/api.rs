//! API machinery: kinds, metadata, labels, quantities, schema, manifests, requests and their HTTP form.
//!
//! No time and no randomness in here: both are arguments. Models `k8s.io/api` and `k8s.io/apimachinery`.

pub mod http;
