//! `describe` of ServiceAccount, Role, ClusterRole and their bindings.

use serde_json::Value;

use super::events;
use super::page::Page;
use crate::kubectl::ctx::{Ctx, Stop};
use crate::kubectl::json::{at, items, text, text_at};
use crate::sim::VecMap;

fn head(page: &mut Page, object: &Value) {
    page.labels("", "Labels", at(object, &["metadata", "labels"]));
    page.annotations("", at(object, &["metadata", "annotations"]));
}

/// Describes a ServiceAccount.
pub fn service_account(ctx: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.name(object);
    head(&mut page, object);
    let secrets = items(object, &["imagePullSecrets"]);
    if secrets.is_empty() {
        page.pair(0, "Image pull secrets", "<none>");
    }
    for (at, secret) in secrets.iter().enumerate() {
        let title = if at == 0 { "Image pull secrets:" } else { "                   " };
        page.line(0, format!("{title}\t{}", text(secret, "name")));
    }
    events::append(ctx, &mut page, "ServiceAccount", object)?;
    Ok(page.finish())
}

/// Describes a RoleBinding or ClusterRoleBinding.
pub fn binding(_: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.pair(0, "Name", text_at(object, &["metadata", "name"]));
    head(&mut page, object);
    page.line(0, "Role:");
    page.pair(1, "Kind", text_at(object, &["roleRef", "kind"]));
    page.pair(1, "Name", text_at(object, &["roleRef", "name"]));
    page.line(0, "Subjects:");
    let subjects = items(object, &["subjects"]).iter();
    let rows: Vec<Vec<String>> =
        subjects.map(|s| ["kind", "name", "namespace"].map(|field| text(s, field).to_owned()).to_vec()).collect();
    page.table(1, &["Kind", "Name", "Namespace"], &rows);
    Ok(page.finish())
}

/// Describes a Role or ClusterRole.
pub fn role(_: &mut Ctx<'_>, object: &Value) -> Result<String, Stop> {
    let mut page = Page::default();
    page.pair(0, "Name", text_at(object, &["metadata", "name"]));
    head(&mut page, object);
    page.line(0, "PolicyRule:");
    page.table(1, &RULES, &rows(items(object, &["rules"])));
    Ok(page.finish())
}

/// The columns of a table of rules.
pub const RULES: [&str; 4] = ["Resources", "Non-Resource URLs", "Resource Names", "Verbs"];

/// The rows of a table of rules.
pub fn rows(rules: &[Value]) -> Vec<Vec<String>> {
    let list = |words: &[String]| format!("[{}]", words.join(" "));
    let row = |rule: &Rule| vec![rule.shown(), list(&rule.urls), list(&rule.names), list(&rule.verbs)];
    compact(rules).iter().map(row).collect()
}

/// A rule about one resource, or about URLs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    group: Option<String>,
    resource: Option<String>,
    names: Vec<String>,
    urls: Vec<String>,
    verbs: Vec<String>,
}

impl Rule {
    /// `deployments.apps/scale`.
    fn shown(&self) -> String {
        let Some(resource) = &self.resource else { return String::new() };
        let (name, part) = resource.split_once('/').map_or((resource.as_str(), None), |(n, p)| (n, Some(p)));
        let group = self.group.as_deref().filter(|g| !g.is_empty()).map_or(String::new(), |g| format!(".{g}"));
        let part = part.map_or(String::new(), |part| format!("/{part}"));
        format!("{name}{group}{part}")
    }

    /// By what upstream sorts the rules: their form as text.
    fn order(&self) -> String {
        let list = |words: &[String]| words.join(" ");
        format!(
            "Verbs:[{}],APIGroups:[{}],Resources:[{}],ResourceNames:[{}],NonResourceURLs:[{}],",
            list(&self.verbs),
            list(self.group.as_slice()),
            list(self.resource.as_slice()),
            list(&self.names),
            list(&self.urls),
        )
    }
}

/// Rules of one group, resource and name each; those that differ in verbs alone are one. Models `BreakdownRule` and
/// `CompactRules` of `k8s.io/component-helpers/auth/rbac/validation`.
fn compact(rules: &[Value]) -> Vec<Rule> {
    let mut simple: VecMap<(String, String, Option<String>), Vec<String>> = VecMap::new();
    let mut others = Vec::new();
    for rule in rules {
        let words = |field: &str| -> Vec<String> {
            items(rule, &[field]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (names, verbs) = (words("resourceNames"), words("verbs"));
        let names: Vec<Option<String>> =
            if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
        for group in words("apiGroups") {
            for resource in words("resources") {
                for name in &names {
                    let known = simple.entry((group.clone(), resource.clone(), name.clone())).or_default();
                    known.extend(verbs.iter().cloned());
                }
            }
        }
        for url in words("nonResourceURLs") {
            for verb in &verbs {
                others.push(Rule { urls: vec![url.clone()], verbs: vec![verb.clone()], ..Rule::default() });
            }
        }
    }
    let simple = simple.into_iter().map(|((group, resource, name), verbs)| Rule {
        group: Some(group),
        resource: Some(resource),
        names: name.into_iter().collect(),
        urls: Vec::new(),
        verbs,
    });
    let mut all: Vec<Rule> = others.into_iter().chain(simple).collect();
    all.sort_by_key(Rule::order);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_are_told_one_resource_a_line_with_all_their_verbs() {
        let rules = json!([
            {"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["get", "list"]},
            {"apiGroups": [""], "resources": ["pods"], "resourceNames": ["web"], "verbs": ["get"]},
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["watch"]},
            {"nonResourceURLs": ["/healthz"], "verbs": ["get"]},
        ]);
        let told: Vec<(String, String)> =
            compact(rules.as_array().unwrap()).iter().map(|r| (r.shown(), r.verbs.join(" "))).collect();
        let want = [("pods", "get"), ("deployments.apps", "get list watch"), ("deployments.apps/scale", "get list")];
        for (resource, verbs) in want {
            assert!(told.contains(&(resource.to_owned(), verbs.to_owned())), "{resource}: {told:?}");
        }
        assert!(told.contains(&(String::new(), "get".to_owned())));
        assert_eq!(told.len(), 4);
    }
}
