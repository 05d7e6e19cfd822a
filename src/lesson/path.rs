//! Paths into objects: `.status.conditions[type=Ready].status`, `.spec.containers[*].image`, `.metadata.labels["a.b/c"]`.

use serde_json::Value;

/// A path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// `.name` or `["name"]`.
    Field(String),
    /// `[3]`.
    Index(u32),
    /// `[*]`.
    All,
    /// `[name=value]`: the items of which that holds.
    Where(String, String),
}

impl Path {
    /// Reads a path; `None` if it is none.
    pub fn parse(text: &str) -> Option<Path> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix('.') {
                let end = tail.find(['.', '[']).unwrap_or(tail.len());
                parts.push(Part::Field(tail[..end].to_owned()));
                rest = &tail[end..];
                if end == 0 {
                    return None;
                }
            } else {
                let (inside, tail) = rest.strip_prefix('[')?.split_once(']')?;
                parts.push(Self::bracket(inside)?);
                rest = tail;
            }
        }
        (!parts.is_empty()).then_some(Path(parts))
    }

    fn bracket(inside: &str) -> Option<Part> {
        if inside == "*" {
            return Some(Part::All);
        }
        if let Ok(index) = inside.parse() {
            return Some(Part::Index(index));
        }
        if let Some(name) = inside.strip_prefix('"').and_then(|s| s.strip_suffix('"')) {
            return Some(Part::Field(name.to_owned()));
        }
        inside.split_once('=').map(|(name, value)| Part::Where(name.to_owned(), value.to_owned()))
    }

    /// Every value that the path leads to, as text. Objects and lists are written as JSON.
    pub fn values(&self, root: &Value) -> Vec<String> {
        let mut found = vec![root];
        for part in &self.0 {
            found = found.into_iter().flat_map(|value| part.step(value)).collect();
        }
        found.into_iter().map(text_of).collect()
    }
}

impl Part {
    fn step<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        match self {
            Part::Field(name) => value.get(name).into_iter().collect(),
            Part::Index(index) => value.get(usize::try_from(*index).unwrap_or(usize::MAX)).into_iter().collect(),
            Part::All => match value {
                Value::Array(items) => items.iter().collect(),
                Value::Object(fields) => fields.values().collect(),
                _ => Vec::new(),
            },
            Part::Where(name, wanted) => match value.as_array() {
                Some(items) => {
                    items.iter().filter(|item| item.get(name).map(text_of).as_ref() == Some(wanted)).collect()
                }
                None => Vec::new(),
            },
        }
    }
}

/// A value as text: strings without quotes.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_values() {
        let pod = json!({
            "metadata": {"labels": {"a.b/c": "d"}},
            "spec": {"containers": [{"image": "nginx"}, {"image": "tomcat"}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}], "n": 3},
        });
        for (path, values) in [
            (".status.conditions[type=Ready].status", vec!["True"]),
            (".spec.containers[*].image", vec!["nginx", "tomcat"]),
            (".spec.containers[1].image", vec!["tomcat"]),
            (".metadata.labels[\"a.b/c\"]", vec!["d"]),
            (".status.n", vec!["3"]),
            (".nope.at.all", vec![]),
        ] {
            assert_eq!(
                Path::parse(path).map(|p| p.values(&pod)),
                Some(values.into_iter().map(str::to_owned).collect()),
                "{path}"
            );
        }
        for path in ["", "status", ".", ".a[", ".a[x]"] {
            assert_eq!(Path::parse(path), None, "{path}");
        }
    }
}
