//! Manifests: YAML or JSON text, several documents, and where in the text a field is.
//!
//! Alias bombs, deep nesting and endless input are refused by the reader's budget.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_yaml::Spanned;

use crate::api::{FieldError, Kind, Object, decode, defaults, schema, unset, validate, yaml};
use crate::sim::VecMap;

/// The JSON form of one YAML document.
///
/// # Errors
/// It does not parse: upstream's words (`error converting YAML to JSON: yaml: line 3: …`).
pub fn to_value(text: &str) -> Result<Value, String> {
    yaml::read::read(text).map_err(|why| format!("error converting YAML to JSON: {why}"))
}

/// What a document may ask of the reader: so many values out of aliases, so deep.
fn limits() -> serde_yaml::Options {
    let mut options = serde_yaml::Options::default();
    options.alias_limits.max_total_replayed_events = 20_000;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = 100;
    }
    options
}

/// Something wrong in a manifest, at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The words.
    pub message: String,
    /// Whether it is only a warning.
    pub warning: bool,
}

/// Where the fields of a document are: line and column by path (`spec.containers[0].image`).
pub type Places = VecMap<String, (u32, u32)>;

/// One document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its JSON form.
    pub value: Value,
    /// Where its fields are in the whole text.
    pub places: Places,
    /// The line in which it begins, from 1.
    pub line: u32,
}

/// The documents of a text, each or what is wrong with it. Documents are split at lines of `---` before they are read, as
/// kubectl does; empty ones are left out.
pub fn documents(text: &str) -> Vec<Result<Document, Problem>> {
    let mut found = Vec::new();
    for (line, part) in split(text) {
        if part.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
            continue;
        }
        match serde_yaml::from_str_with_options::<Tree>(&part, limits()) {
            Ok(tree) => {
                let mut places = Places::default();
                let value = tree.value(&mut places, "");
                if value.is_null() {
                    continue;
                }
                places.values_mut().for_each(|(l, _)| *l += line - 1);
                found.push(Ok(Document { value, places, line }));
            }
            Err(error) => {
                let (at, column) = error.location().map_or((1, 1), |l| place(&l));
                let own = error.to_string();
                let message = to_value(&part).err().unwrap_or_else(|| first_line(&own).to_owned());
                found.push(Err(Problem { line: at + line - 1, column, message, warning: false }));
            }
        }
    }
    found
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

fn place(location: &serde_yaml::Location) -> (u32, u32) {
    let clamp = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).max(1);
    (clamp(location.line()), clamp(location.column()))
}

/// The documents' texts with the lines in which they begin.
fn split(text: &str) -> Vec<(u32, String)> {
    let mut parts = vec![(1, String::new())];
    for (number, line) in (1_u32..).zip(text.split_inclusive('\n')) {
        let bare = line.trim_end();
        if bare == "---" || bare.starts_with("--- ") {
            parts.push((number + 1, String::new()));
        } else if let Some((_, part)) = parts.last_mut() {
            part.push_str(line);
        }
    }
    parts
}

/// Everything that is wrong with a manifest, each at the field that it is about: syntax, unknown kinds and fields, wrong
/// types, and what validation refuses.
pub fn check(text: &str) -> Vec<Problem> {
    documents(text)
        .into_iter()
        .flat_map(|document| match document {
            Ok(document) => check_document(&document),
            Err(problem) => vec![problem],
        })
        .collect()
}

impl Document {
    /// The place of a field, or of the nearest one around it that is there.
    pub fn place(&self, path: &str) -> (u32, u32) {
        let mut path = path;
        loop {
            if let Some(found) = self.places.get(path) {
                return *found;
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return self.places.values().min().copied().unwrap_or((self.line, 1)),
            }
        }
    }

    fn problem(&self, path: &str, message: String) -> Problem {
        let (line, column) = self.place(path);
        Problem { line, column, message, warning: false }
    }

    /// Its kind, if it is simulated.
    ///
    /// # Errors
    /// The words about a missing or unknown kind.
    pub fn kind(&self) -> Result<Kind, Problem> {
        let said = |name: &str| self.value.get(name).and_then(Value::as_str).unwrap_or("");
        let (kind, version) = (said("kind"), said("apiVersion"));
        if version.is_empty() {
            return Err(self.problem("apiVersion", "apiVersion not set".into()));
        }
        if kind.is_empty() {
            return Err(self.problem("kind", "kind not set".into()));
        }
        let (group, number) = version.split_once('/').unwrap_or(("", version));
        let group = if matches!(version, "extensions/v1beta1") { "apps" } else { group };
        let old = matches!(version, "extensions/v1beta1" | "apps/v1beta1" | "apps/v1beta2");
        Kind::by_kind(group, kind)
            .filter(|k| old || k.info().version == number)
            .ok_or_else(|| self.problem("kind", format!("no matches for kind {kind:?} in version {version:?}")))
    }
}

fn check_document(document: &Document) -> Vec<Problem> {
    let kind = match document.kind() {
        Ok(kind) => kind,
        Err(problem) => return vec![problem],
    };
    let mut value = document.value.clone();
    let found = decode::check(&mut value, &schema::of(kind));
    let mut problems: Vec<Problem> =
        found.unknown.iter().map(|path| document.problem(path, format!("unknown field {path:?}"))).collect();
    if let (Some(words), Some(path)) = (found.wrong_type, found.wrong_path) {
        problems.push(document.problem(&path, words));
        return problems;
    }
    unset::take_out(kind, &mut value);
    let Ok(mut object) = Object::from_value(kind, value) else { return problems };
    defaults::apply(&mut object);
    if kind.info().namespaced && object.meta().namespace.is_empty() {
        object.meta_mut().namespace = "default".into();
    }
    let errors: Vec<FieldError> = validate::create(&object);
    problems.extend(errors.iter().map(|e| document.problem(&e.field, format!("{}: {}", e.field, e.message))));
    problems
}

/// YAML with the place of every node.
struct Tree(Spanned<Node>);

enum Node {
    Scalar(Value),
    List(Vec<Tree>),
    Map(Vec<(Spanned<String>, Tree)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Tree)
    }
}

impl Tree {
    /// Its JSON form; every field's place goes into `places`, that of its key if it has one.
    fn value(self, places: &mut Places, path: &str) -> Value {
        let here = place(&self.0.referenced);
        places.entry(path.to_owned()).or_insert(here);
        match self.0.value {
            Node::Scalar(value) => value,
            Node::List(items) => {
                let each = items.into_iter().enumerate();
                Value::Array(each.map(|(at, item)| item.value(places, &format!("{path}[{at}]"))).collect())
            }
            Node::Map(fields) => {
                let mut map = Map::new();
                for (name, item) in fields {
                    let path = if path.is_empty() { name.value.clone() } else { format!("{path}.{}", name.value) };
                    places.insert(path.clone(), place(&name.referenced));
                    let value = item.value(places, &path);
                    map.insert(name.value, value);
                }
                Value::Object(map)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Value::Number(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Value::String(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            all.push(item);
        }
        Ok(Node::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(field) = fields.next_entry()? {
            all.push(field);
        }
        Ok(Node::Map(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "# a comment
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: nginx
";

    fn at(text: &str) -> Vec<(u32, u32, String)> {
        check(text).into_iter().map(|p| (p.line, p.column, p.message)).collect()
    }

    #[test]
    fn a_good_manifest_has_no_problems() {
        assert_eq!(at(DEPLOYMENT), []);
        assert_eq!(at(&format!("---\n{DEPLOYMENT}---\n# nothing\n---\n{DEPLOYMENT}")), []);
    }

    #[test]
    fn problems_are_told_at_the_field_that_they_are_about() {
        let text = format!("{DEPLOYMENT}        imag: x\n");
        assert_eq!(at(&text), [(15, 9, "unknown field \"spec.template.spec.containers[0].imag\"".into())]);
        let text = format!("---\n{}", DEPLOYMENT.replace("replicas: 2", "replicas: two"));
        let words = "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32";
        assert_eq!(at(&text), [(8, 3, words.into())]);
        let text = DEPLOYMENT.replace("replicas: 2", "replicas: -2");
        let words = "spec.replicas: Invalid value: -2: must be greater than or equal to 0";
        assert_eq!(at(&text), [(7, 3, words.into())]);
        let text = DEPLOYMENT.replace("kind: Deployment", "kind: Deploymint");
        assert_eq!(at(&text), [(3, 1, "no matches for kind \"Deploymint\" in version \"apps/v1\"".into())]);
    }

    #[test]
    fn bad_yaml_is_told_and_bombs_are_refused() {
        assert_eq!(check("a: [1\nb: 2\n").len(), 1);
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for n in 1..12 {
            let inner = vec![format!("*a{}", n - 1); 10].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{inner}]\n"));
        }
        assert!(check(&bomb).iter().all(|p| !p.message.is_empty()), "{:?}", check(&bomb));
        assert_eq!(check(&"[".repeat(100_000)).len(), 1);
    }
}
