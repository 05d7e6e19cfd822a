//! Custom kinds as clients know them: by the definitions in their cache.

use crate::api::{CustomResourceDefinition, Kind};
use crate::control::Cache;
use crate::control::apiserver::definition::{is_true, storage};

/// The kinds that are served, each in the version in which it is stored.
pub fn kinds(cache: &Cache) -> Vec<Kind> {
    let established = cache.all::<CustomResourceDefinition>().filter(|definition| is_true(definition, "Established"));
    established.filter_map(|definition| storage(definition)).map(Kind::from).collect()
}

/// The kind of a group with that name, whether it is the server's own or a custom one.
pub fn by_kind(cache: &Cache, group: &str, kind: &str) -> Option<Kind> {
    Kind::by_kind(group, kind)
        .or_else(|| kinds(cache).into_iter().find(|known| known.info().group == group && known.info().kind == kind))
}
