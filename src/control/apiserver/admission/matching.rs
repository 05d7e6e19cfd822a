//! Which requests a policy or webhook is about. Models `k8s.io/apiserver/pkg/admission/plugin/policy/matching` and
//! `plugin/webhook/predicates`.

use serde_json::{Value, json};

use crate::api::labels::Selector;
use crate::api::meta::Labels;
use crate::api::{Kind, LabelSelector, MatchResources, Object, RuleWithOperations};
use crate::control::apiserver::authorizer::User;
use crate::control::apiserver::registry::Env;

/// What is asked of the server.
pub struct Asked<'a> {
    /// The kind.
    pub kind: Kind,
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub operation: &'static str,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: &'a str,
    /// The name in the path.
    pub path_name: &'a str,
    /// `status`, `scale`, …; empty for the object itself.
    pub subresource: &'a str,
    /// The object as it will be; none for a deletion.
    pub object: Option<&'a Object>,
    /// The object as it is.
    pub old: Option<&'a Object>,
    /// Who asks, if not the administrator.
    pub user: Option<&'a User>,
    /// Whether nothing will be written.
    pub dry_run: bool,
}

impl Asked<'_> {
    /// The name of the object; what its name will begin with if it has none yet.
    pub fn name(&self) -> &str {
        match self.object.or(self.old).map(Object::meta) {
            Some(meta) if !meta.name.is_empty() => &meta.name,
            _ => self.path_name,
        }
    }

    /// The request as expressions see it (`AdmissionRequest`).
    pub fn request(&self) -> Value {
        let info = self.kind.info();
        let kind = json!({"group": info.group, "version": info.version, "kind": info.kind});
        let resource = json!({"group": info.group, "version": info.version, "resource": info.plural});
        let user = match self.user {
            Some(user) => json!({"username": user.name, "groups": user.groups}),
            None => json!({"username": "kubernetes-admin", "groups": ["system:masters", "system:authenticated"]}),
        };
        let mut value = json!({
            "kind": kind, "resource": resource, "requestKind": kind, "requestResource": resource,
            "name": self.name(), "operation": self.operation, "userInfo": user, "dryRun": self.dry_run,
        });
        for (name, text) in [("namespace", self.namespace), ("subResource", self.subresource)] {
            if !text.is_empty() {
                value[name] = json!(text);
            }
        }
        value
    }
}

/// The kinds that say who is asked: nobody is asked about them.
pub fn is_exempt(kind: Kind) -> bool {
    kind.info().group == "admissionregistration.k8s.io"
}

/// Whether a request is one of those that are meant.
pub fn matches(of: &MatchResources, asked: &Asked<'_>, env: &Env<'_>) -> bool {
    selects(of.namespace_selector.as_ref(), of.object_selector.as_ref(), asked, env)
        && !of.exclude_resource_rules.iter().any(|rule| is_about(rule, asked))
        && (of.resource_rules.is_empty() || of.resource_rules.iter().any(|rule| is_about(rule, asked)))
}

/// Whether the labels of the object, old or new, and of its namespace are those that are meant.
pub fn selects(
    namespaces: Option<&LabelSelector>,
    objects: Option<&LabelSelector>,
    asked: &Asked<'_>,
    env: &Env<'_>,
) -> bool {
    let holds = |selector: Option<&LabelSelector>, labels: &Labels| {
        selector.is_none_or(|selector| Selector::from(selector).matches(labels))
    };
    let own: Vec<&Labels> = [asked.object, asked.old].into_iter().flatten().map(|o| &o.meta().labels).collect();
    let of_namespace = match (asked.kind, &env.namespace) {
        (Kind::Namespace, _) => own.first().copied(),
        (_, Some(namespace)) if asked.kind.info().namespaced => Some(&namespace.meta().labels),
        _ => None,
    };
    of_namespace.is_none_or(|labels| holds(namespaces, labels)) && own.iter().any(|labels| holds(objects, labels))
}

/// Whether a rule means a request.
pub fn is_about(rule: &RuleWithOperations, asked: &Asked<'_>) -> bool {
    let has = |words: &[String], word: &str| words.iter().any(|known| known == "*" || known == word);
    let info = asked.kind.info();
    let scope = match rule.scope.as_deref() {
        Some("Cluster") => !info.namespaced,
        Some("Namespaced") => info.namespaced,
        _ => true,
    };
    let named = rule.resource_names.is_empty() || rule.resource_names.iter().any(|name| name == asked.name());
    let resource = rule.resources.iter().any(|resource| {
        let (name, sub) = resource.split_once('/').unwrap_or((resource, ""));
        (name == "*" || name == info.plural) && (sub == asked.subresource || sub == "*")
    });
    scope
        && named
        && resource
        && has(&rule.operations, asked.operation)
        && has(&rule.api_groups, info.group)
        && has(&rule.api_versions, info.version)
}
