//! What one RBAC rule grants beside another. Models `k8s.io/component-helpers/auth/rbac/validation`.

use super::PolicyRule;

impl PolicyRule {
    /// This rule as rules of one group, resource, name and verb, or of one path and verb (`BreakdownRule`).
    pub fn parts(&self) -> Vec<PolicyRule> {
        let one = |word: &String| vec![word.clone()];
        let names: Vec<Vec<String>> = match self.resource_names.as_slice() {
            [] => vec![Vec::new()],
            names => names.iter().map(one).collect(),
        };
        let mut all = Vec::new();
        for group in &self.api_groups {
            for resource in &self.resources {
                for verb in &self.verbs {
                    all.extend(names.iter().map(|resource_names| PolicyRule {
                        verbs: one(verb),
                        api_groups: one(group),
                        resources: one(resource),
                        resource_names: resource_names.clone(),
                        ..PolicyRule::default()
                    }));
                }
            }
        }
        for path in &self.non_resource_urls {
            let path = self.verbs.iter().map(|verb| PolicyRule {
                verbs: one(verb),
                non_resource_urls: one(path),
                ..PolicyRule::default()
            });
            all.extend(path);
        }
        all
    }

    /// Whether this rule allows all that a part of another does.
    pub fn covers(&self, part: &PolicyRule) -> bool {
        let any = |all: &[String], word: &String| all.iter().any(|one| one == "*" || one == word);
        let resource = |word: &String| {
            let sub = word.split_once('/').map(|(_, sub)| format!("*/{sub}"));
            any(&self.resources, word) || sub.is_some_and(|sub| self.resources.contains(&sub))
        };
        let path = |word: &String| {
            let url = |url: &String| url == word || url.strip_suffix('*').is_some_and(|base| word.starts_with(base));
            self.non_resource_urls.iter().any(url)
        };
        let named = match part.resource_names.as_slice() {
            _ if self.resource_names.is_empty() => true,
            [] => false,
            names => names.iter().all(|name| self.resource_names.contains(name)),
        };
        named
            && part.verbs.iter().all(|verb| any(&self.verbs, verb))
            && part.api_groups.iter().all(|group| any(&self.api_groups, group))
            && part.resources.iter().all(resource)
            && part.non_resource_urls.iter().all(path)
    }
}

/// The smallest parts of rules that none of those that are held covers (`Covers`).
pub fn missing(held: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let parts = wanted.iter().flat_map(PolicyRule::parts);
    parts.filter(|part| !held.iter().any(|rule| rule.covers(part))).collect()
}
