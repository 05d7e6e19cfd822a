//! `describe`: what upstream tells about an object, from nothing but REST answers.
//!
//! Models `k8s.io/kubectl/pkg/describe/describe.go`, one file per kind.

pub mod container;
pub mod events;
pub mod page;
pub mod pod;
pub mod volume;

use serde_json::Value;

use super::ctx::{Ctx, Stop};
use super::resource::Resource;

/// The description of one object.
pub fn describe(ctx: &mut Ctx<'_>, resource: &'static Resource, object: &Value) -> Result<String, Stop> {
    match resource.kind {
        "Pod" => pod::describe(ctx, object),
        _ => events::generic(ctx, resource, object),
    }
}
