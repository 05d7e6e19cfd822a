//! `kubectl`, the client: a command line in, HTTP requests out, upstream's words on standard output and error.
//!
//! A running command is a [`Process`], a sans-IO state machine: whoever runs it delivers its [`Effect`]s and feeds the
//! answers back as [`Input`]s. A verb ([`verb`]) is a plain function that is run again from its start whenever an answer
//! arrives (see [`process`]); it works on `serde_json::Value` and knows no typed kind, so everything it shows came over
//! the wire. Models `k8s.io/kubectl` v1.36.

pub mod api_error;
pub mod args;
pub mod command;
pub mod ctx;
pub mod describe;
pub mod duration;
pub mod files;
pub mod follow;
pub mod json;
pub mod kustomize;
pub mod manifest;
pub mod object;
pub mod patch;
pub mod print;
pub mod process;
pub mod resource;
pub mod select;
pub mod session;
#[cfg(test)]
pub mod testing;
pub mod timestamp;
pub mod verb;

pub use files::{FileNode, Files, NoFiles};
pub use process::{Edited, Effect, Forward, Input, Process};
pub use resource::discovered;
pub use session::{FILE as KUBECONFIG, KubectlConfig};
