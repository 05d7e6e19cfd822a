//! `create role`, `clusterrole`, `rolebinding`, `clusterrolebinding`. Models `create_{role,clusterrole,…}.go`.

use serde_json::{Value, json};

use super::{Made, metadata, name, require};
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::resource;
use crate::sim::VecMap;

const GROUP: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

/// The verbs of resources; others draw a warning.
const RESOURCE_VERBS: &[&str] = &[
    "*",
    "get",
    "delete",
    "list",
    "create",
    "update",
    "patch",
    "watch",
    "proxy",
    "deletecollection",
    "use",
    "bind",
    "escalate",
    "impersonate",
];

/// The verbs of URLs; there are no others.
const URL_VERBS: &[&str] = &["*", "get", "post", "put", "delete", "patch", "head", "options"];

/// Verbs that only some resources have: the verb, the group, the plural.
const SPECIAL: &[(&str, &str, &str)] = &[
    ("use", "policy", "podsecuritypolicies"),
    ("use", "extensions", "podsecuritypolicies"),
    ("bind", GROUP, "roles"),
    ("bind", GROUP, "clusterroles"),
    ("escalate", GROUP, "roles"),
    ("escalate", GROUP, "clusterroles"),
    ("impersonate", "", "users"),
    ("impersonate", "", "serviceaccounts"),
    ("impersonate", "", "groups"),
    ("impersonate", "authentication.k8s.io", "userextras"),
];

/// Words in their order, each once.
fn unique(words: Vec<String>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

/// The verbs; `*` stands for all of them.
fn verbs(ctx: &Ctx<'_>) -> Vec<String> {
    let said = unique(ctx.args().list("verb"));
    if said.iter().any(|verb| verb == "*") { vec!["*".into()] } else { said }
}

/// A rule for each group of the resources that the flags name.
fn rules(ctx: &mut Ctx<'_>, verbs: &[String]) -> Result<Vec<Value>, Stop> {
    for verb in verbs.iter().filter(|verb| !RESOURCE_VERBS.contains(&verb.as_str())) {
        ctx.print_err(format!("Warning: '{verb}' is not a standard resource verb\n"));
    }
    let mut groups: VecMap<String, Vec<String>> = VecMap::new();
    for said in unique(ctx.args().list("resource")) {
        let (word, part) = said.split_once('/').map_or((said.as_str(), None), |(w, p)| (w, Some(p)));
        let (group, plural) = match word {
            "*" => (String::new(), "*".to_owned()),
            _ => of_verbs(ctx, word, verbs)?,
        };
        let shown = part.map_or(plural.clone(), |part| format!("{plural}/{part}"));
        let known = groups.entry(group).or_default();
        if !known.contains(&shown) {
            known.push(shown);
        }
    }
    let names = unique(ctx.args().list("resource-name"));
    if groups.is_empty() {
        return fail("at least one resource must be specified");
    }
    Ok(groups
        .into_iter()
        .map(|(group, resources)| {
            let mut rule = json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
            if !names.is_empty() {
                rule["resourceNames"] = json!(names);
            }
            rule
        })
        .collect())
}

/// The group and plural of a resource that has these verbs.
fn of_verbs(ctx: &Ctx<'_>, word: &str, verbs: &[String]) -> Result<(String, String), Stop> {
    let (name, group) = word.split_once('.').unwrap_or((word, ""));
    if name.is_empty() {
        return fail("resource must be specified if apiGroup/subresource specified");
    }
    let known = resource::named(&ctx.session().discovered, word).map(|known| (known.group, known.plural));
    let (group, plural) = known.unwrap_or((group, name));
    let is_special = |verb: &str| SPECIAL.iter().any(|(special, _, _)| *special == verb);
    let mut has_one = false;
    for verb in verbs.iter().filter(|verb| is_special(verb)) {
        if !SPECIAL.contains(&(verb, group, plural)) {
            return fail(format!("can not perform '{verb}' on '{plural}' in group '{group}'"));
        }
        has_one = true;
    }
    if known.is_none() && !has_one {
        let of = if group.is_empty() { String::new() } else { format!(" in group {group:?}") };
        let text = format!("the server doesn't have a resource type {plural:?}{of}\n");
        return Err(Stop::Fail(Failure { text, code: 1 }));
    }
    Ok((group.to_owned(), plural.to_owned()))
}

/// A role.
pub fn role(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let verbs = verbs(ctx);
    if verbs.is_empty() {
        return fail("at least one verb must be specified");
    }
    let rules = rules(ctx, &verbs)?;
    let object = json!({"apiVersion": VERSION, "kind": "Role", "metadata": metadata(ctx, &name, true), "rules": rules});
    Ok(Made { object, refusal: "failed to create role: " })
}

/// A cluster role: rules about resources or URLs, or an aggregation of other roles.
pub fn cluster_role(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let mut object = json!({"apiVersion": VERSION, "kind": "ClusterRole", "metadata": metadata(ctx, &name, false)});
    let refusal = "failed to create clusterrole: ";
    let aggregation = ctx.args().text("aggregation-rule").to_owned();
    let (verbs, urls) = (verbs(ctx), unique(ctx.args().list("non-resource-url")));
    if !aggregation.is_empty() {
        let others = ["resource", "resource-name"].iter().any(|flag| !ctx.args().list(flag).is_empty());
        if !verbs.is_empty() || !urls.is_empty() || others {
            return fail(
                "aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames",
            );
        }
        let mut labels = json!({});
        for (key, value) in aggregation.split(',').filter_map(|pair| pair.split_once('=')) {
            labels[key.trim()] = json!(value.trim());
        }
        object["rules"] = Value::Null;
        object["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": labels}]});
        return Ok(Made { object, refusal });
    }
    if verbs.is_empty() {
        return fail("at least one verb must be specified");
    }
    let resources = !ctx.args().list("resource").is_empty();
    if !resources && urls.is_empty() {
        return fail("one of resource or nonResourceURL must be specified");
    }
    let mut all = if resources { rules(ctx, &verbs)? } else { Vec::new() };
    if let Some(verb) = verbs.iter().find(|verb| !urls.is_empty() && !URL_VERBS.contains(&verb.as_str())) {
        return fail(format!("invalid verb: '{verb}' for nonResourceURL"));
    }
    for url in urls.iter().filter(|url| *url != "*") {
        if !url.starts_with('/') {
            return fail("nonResourceURL should start with /");
        }
        if url.strip_suffix('*').unwrap_or(url).contains('*') {
            return fail("nonResourceURL only supports wildcard matches when '*' is at the end");
        }
    }
    if !urls.is_empty() {
        all.push(json!({"verbs": verbs, "nonResourceURLs": urls}));
    }
    object["rules"] = json!(all);
    Ok(Made { object, refusal })
}

/// Users, groups and service accounts of the flags.
fn subjects(ctx: &Ctx<'_>) -> Result<Vec<Value>, Stop> {
    let mut all = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        let names = ctx.args().list(flag);
        all.extend(names.into_iter().map(|name| json!({"kind": kind, "apiGroup": GROUP, "name": name})));
    }
    for account in ctx.args().list("serviceaccount") {
        match account.split(':').collect::<Vec<_>>().as_slice() {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                all.push(json!({"kind": "ServiceAccount", "namespace": namespace, "name": name}));
            }
            _ => return fail("serviceaccount must be <namespace>:<name>"),
        }
    }
    Ok(all)
}

/// A binding in a namespace.
pub fn role_binding(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    let name = name(ctx)?;
    let (role, cluster) = (ctx.args().text("role").to_owned(), ctx.args().text("clusterrole").to_owned());
    let (kind, role) = match (role.is_empty(), cluster.is_empty()) {
        (false, true) => ("Role", role),
        (true, false) => ("ClusterRole", cluster),
        _ => return fail("exactly one of clusterrole or role must be specified"),
    };
    let object = binding(ctx, "RoleBinding", metadata(ctx, &name, true), kind, &role)?;
    Ok(Made { object, refusal: "failed to create rolebinding: " })
}

/// A binding for the cluster.
pub fn cluster_role_binding(ctx: &mut Ctx<'_>) -> Result<Made, Stop> {
    require(ctx, &["clusterrole"])?;
    let name = name(ctx)?;
    let role = ctx.args().text("clusterrole").to_owned();
    let object = binding(ctx, "ClusterRoleBinding", metadata(ctx, &name, false), "ClusterRole", &role)?;
    Ok(Made { object, refusal: "failed to create clusterrolebinding: " })
}

fn binding(ctx: &Ctx<'_>, kind: &str, metadata: Value, role_kind: &str, role: &str) -> Result<Value, Stop> {
    let mut object = json!({
        "apiVersion": VERSION, "kind": kind, "metadata": metadata,
        "roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": role},
    });
    let subjects = subjects(ctx)?;
    if !subjects.is_empty() {
        object["subjects"] = json!(subjects);
    }
    Ok(object)
}
