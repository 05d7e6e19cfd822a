//! YAML as kubectl reads and writes it: scalars resolved by go-yaml v2's rules, errors in libyaml's words.
//!
//! Models `sigs.k8s.io/yaml` over `go.yaml.in/yaml/v2`.

pub mod read;
pub mod resolve;
mod write;

pub use write::to_yaml;
