//! API machinery: kinds, metadata, labels, quantities, schema, manifests, requests and their HTTP form.
//!
//! No time and no randomness in here: both are arguments. Models `k8s.io/api` and `k8s.io/apimachinery`.
//!
//! A kind is a slim struct (`kind/*.rs`) whose missing fields take their real defaults and whose fields that are valid but
//! not simulated are kept in `rest`, so that reading and writing an object loses nothing. [`Object`] is any of them.

#[macro_use]
pub mod define;

pub mod bearer;
pub mod client;
pub mod cron;
pub mod custom;
pub mod decode;
pub mod defaults;
pub mod duration;
pub mod fields;
pub mod go_json;
pub mod http;
pub mod jsonpath;
pub mod kind;
pub mod labels;
pub mod managed;
pub mod manifest;
pub mod meta;
pub mod object;
pub mod patch;
pub mod qos;
pub mod quantity;
pub mod request;
mod restart;
pub mod rule;
pub mod schema;
pub mod status;
pub mod time;
mod unset;
pub mod usage;
pub mod validate;
pub mod wire;
pub mod yaml;
pub mod zone;

pub use client::{Answer, Call, CallId, KubeletAnswer, KubeletRequest, Origin, Since};
pub use custom::{CustomKind, CustomResource};
pub use kind::*;
pub use meta::{LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference, ResourceVersion, Uid};
pub use object::{Kind, KindInfo, KindOf, Object, ObjectRef, strip_nulls};
pub use qos::qos;
pub use quantity::Quantity;
pub use request::{Body, Charge, Options, PatchType, Request, Response, Subresource, Verb, WatchEvent, WatchEventType};
pub use status::{FieldError, Status};
pub use time::{MicroTime, Timestamp};
