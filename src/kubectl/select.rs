//! Which objects the words of a command mean: `pods`, `deploy,rs web`, `pod/a svc/b`, `all`.
//!
//! Models `k8s.io/cli-runtime/pkg/resource` `Builder.ResourceTypeOrNameArgs`.

use super::ctx::{Ctx, Stop, fail};
use super::resource::{self, Resource};

/// One thing that the words name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The resource.
    pub resource: &'static Resource,
    /// The name of one object; `None` means all of the collection.
    pub name: Option<String>,
}

/// What upstream says when neither objects nor files are named.
pub const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// The resource that a word means.
pub fn resource_named(ctx: &Ctx<'_>, word: &str) -> Result<&'static Resource, Stop> {
    let (known, name) = (&ctx.session().discovered, word.split('.').next().unwrap_or(word));
    // A short name means what it means, whatever group stands behind it.
    match resource::named(known, word).or_else(|| resource::short(known, name)) {
        Some(resource) => Ok(resource),
        None => fail(format!("the server doesn't have a resource type {name:?}")),
    }
}

fn resources_named(ctx: &Ctx<'_>, words: &str) -> Result<Vec<&'static Resource>, Stop> {
    let mut found = Vec::new();
    for word in words.split(',') {
        if word == "all" {
            found.extend(resource::category_all(&ctx.session().discovered));
        } else {
            found.push(resource_named(ctx, word)?);
        }
    }
    Ok(found)
}

/// The targets that the words mean.
pub fn targets(ctx: &Ctx<'_>, words: &[String]) -> Result<Vec<Target>, Stop> {
    if words.iter().any(|w| w.contains('/')) {
        return pairs(ctx, words);
    }
    let Some((types, names)) = words.split_first() else { return fail(NOTHING_NAMED) };
    let resources = resources_named(ctx, types)?;
    let mut found = Vec::new();
    for resource in resources {
        if names.is_empty() {
            found.push(Target { resource, name: None });
        }
        for name in names {
            found.push(Target { resource, name: Some(name.clone()) });
        }
    }
    Ok(found)
}

fn pairs(ctx: &Ctx<'_>, words: &[String]) -> Result<Vec<Target>, Stop> {
    let mut found = Vec::new();
    for word in words {
        let parts: Vec<&str> = word.split('/').collect();
        match parts.as_slice() {
            [types, name] if !types.is_empty() && !name.is_empty() => {
                if types.contains(',') {
                    return fail("arguments in resource/name form must have a single resource and name");
                }
                let resource = resource_named(ctx, types)?;
                found.push(Target { resource, name: Some((*name).to_owned()) });
            }
            [_] => {
                return fail(
                    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
                );
            }
            _ => return fail("arguments in resource/name form must have a single resource and name"),
        }
    }
    Ok(found)
}
