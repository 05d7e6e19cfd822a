//! Makes `src/api/schema/table.txt` from the source of the crate `k8s-openapi`, and fails when the table is stale.
//!
//! The crate says everything that is needed in two places of each type: its JSON schema (fields, types, what is required) and
//! its `DeepMerge` (keys of merged lists). Both are read as text, so nobody has to compile its thousand types. Write the
//! table anew with `KUBARIUM_UPDATE=1 cargo test --test schema_table`; the order of the fields is no matter here, the test
//! `protobuf_table` knows it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};

use kubarium::api::Kind;

const CRATE: &str = "k8s-openapi-0.29.0";
const VERSION: &str = "v1_36";
const TABLE: &str = "src/api/schema/table.txt";
/// Fields whose strategic merge is `retainKeys`; the crate does not say.
const RETAIN: &[(&str, &str)] =
    &[("PodSpec", "volumes"), ("PodSpec", "resourceClaims"), ("DeploymentSpec", "strategy")];
/// What requests carry that is answered and not kept.
const ANSWERED: &[&str] = &[
    "api.authentication.v1.SelfSubjectReview",
    "api.authentication.v1.TokenRequest",
    "api.authorization.v1.LocalSubjectAccessReview",
    "api.authorization.v1.SelfSubjectAccessReview",
    "api.authorization.v1.SelfSubjectRulesReview",
    "api.authorization.v1.SubjectAccessReview",
    "api.autoscaling.v1.Scale",
    "api.core.v1.Binding",
    "api.policy.v1.Eviction",
    "apimachinery.pkg.apis.meta.v1.DeleteOptions",
];
/// Types that are written as scalars.
const SCALARS: &[(&str, &str)] = &[
    ("io.k8s.apimachinery.pkg.api.resource.Quantity", "q"),
    ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "I"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.Time", "t"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "m"),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1", "a"),
    ("io.k8s.apimachinery.pkg.runtime.RawExtension", "a"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON", "a"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray", "a"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool", "a"),
    ("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray", "a"),
];

#[test]
fn the_schema_table_is_what_the_crate_says() {
    let Some(source) = source() else {
        println!("skipped: the source of {CRATE} is not on this machine");
        return;
    };
    let made = Crate::read(&source).table();
    if std::env::var_os("KUBARIUM_UPDATE").is_some() {
        std::fs::write(TABLE, &made).expect("the table can be written");
    }
    let have = std::fs::read_to_string(TABLE).expect("the table is there");
    let sorted = |table: &str| -> Vec<String> {
        let sorted = |line: &str| {
            let mut words: Vec<&str> = line.split(' ').collect();
            words[1..].sort_unstable();
            words.join(" ")
        };
        table.lines().map(sorted).collect()
    };
    let (made, have) = (sorted(&made), sorted(&have));
    let stale: Vec<&String> = made.iter().filter(|line| !have.contains(line)).take(3).collect();
    assert!(made == have, "{TABLE} is stale; KUBARIUM_UPDATE=1 writes it anew. First differences: {stale:#?}");
}

/// The source of the crate, where cargo keeps it.
fn source() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| Path::new(&h).join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries.flatten().map(|r| r.path().join(CRATE).join("src").join(VERSION)).find(|p| p.is_dir())
}

/// Whether a type belongs to no group.
fn is_machinery(definition: &str) -> bool {
    definition.starts_with("io.k8s.apimachinery.")
}

/// The types of the crate, by definition name (`io.k8s.api.core.v1.Pod`).
struct Crate {
    texts: BTreeMap<String, String>,
    by_path: BTreeMap<String, String>,
}

impl Crate {
    fn read(root: &Path) -> Crate {
        let mut all = Crate { texts: BTreeMap::new(), by_path: BTreeMap::new() };
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder of the crate").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = std::fs::read_to_string(&path)
                    && let Some(definition) = between(&text, "// Generated from definition ", "\n")
                {
                    let relative = folder.strip_prefix(root).expect("below the root");
                    let module = relative.to_string_lossy().replace('/', "::");
                    let name = definition.rsplit('.').next().unwrap_or(definition);
                    all.by_path.insert(format!("{module}::{name}"), definition.to_owned());
                    all.texts.insert(definition.to_owned(), text.clone());
                }
            }
        }
        all
    }

    /// The name of a type in the table: short, with its group where another group has one of the same name.
    fn id(&self, definition: &str) -> String {
        let parts: Vec<&str> = definition.split('.').collect();
        let name = parts[parts.len() - 1];
        let ending = format!(".v1.{name}");
        let same = self.texts.keys().filter(|d| !is_machinery(d) && d.ends_with(&ending)).count();
        let other = !is_machinery(definition) && !definition.starts_with("io.k8s.api.core.");
        if other && same > 1 { format!("{}/{name}", parts[parts.len() - 3]) } else { name.to_owned() }
    }

    fn table(&self) -> String {
        let mut todo: VecDeque<String> = Kind::ALL.iter().map(|kind| self.root(*kind)).collect();
        todo.extend(ANSWERED.iter().map(|kind| format!("io.k8s.{kind}")));
        let mut seen: BTreeSet<String> = todo.iter().cloned().collect();
        let mut lines = BTreeSet::new();
        while let Some(definition) = todo.pop_front() {
            let mut references = Vec::new();
            lines.insert(self.line(&definition, &mut references));
            for reference in references {
                if seen.insert(reference.clone()) {
                    todo.push_back(reference);
                }
            }
        }
        lines.into_iter().map(|line| line + "\n").collect()
    }

    fn root(&self, kind: Kind) -> String {
        let info = kind.info();
        let group = if info.group.is_empty() { "core" } else { info.group.split('.').next().unwrap_or("") };
        let module = match group {
            "apiextensions" => "apiextensions-apiserver.pkg.apis.apiextensions".to_owned(),
            "apiregistration" => "kube-aggregator.pkg.apis.apiregistration".to_owned(),
            group => format!("api.{group}"),
        };
        let definition = format!("io.k8s.{module}.{}.{}", info.version, info.kind);
        assert!(self.texts.contains_key(&definition), "{definition}");
        definition
    }

    /// The line of a type.
    fn line(&self, definition: &str, references: &mut Vec<String>) -> String {
        let text = &self.texts[definition];
        let name = definition.rsplit('.').next().unwrap_or(definition);
        let schema = text.find("json_schema!(").map(|at| parse(&text[at + "json_schema!(".len()..]).0);
        let schema = schema.unwrap_or(Token::Map(Vec::new()));
        let required: Vec<String> = match schema.get("required") {
            Some(Token::List(items)) => items.iter().filter_map(Token::text).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let mut fields: BTreeMap<&str, String> = BTreeMap::new();
        if let Some(Token::Map(properties)) = schema.get("properties") {
            for (field, property) in properties {
                let mut written = format!("{field}:{}", self.r#type(property, references));
                if let Some(key) = merge_key(text, name, field) {
                    written += &format!("@{key}");
                }
                if RETAIN.contains(&(name, field)) {
                    written.push('+');
                }
                if required.contains(field) {
                    written.push('!');
                }
                fields.insert(field, written);
            }
        }
        let all: Vec<String> = fields.into_values().collect();
        format!("{} {}", self.id(definition), all.join(" ")).trim_end().to_owned()
    }

    fn r#type(&self, token: &Token, references: &mut Vec<String>) -> String {
        if let Token::Code(code) = token {
            let path = between(code, "subschema_for::<crate::", ">").expect("a reference").replace("r#", "");
            let definition = &self.by_path[&path];
            if let Some((_, letter)) = SCALARS.iter().find(|(d, _)| d == definition) {
                return (*letter).to_owned();
            }
            references.push(definition.clone());
            return self.id(definition);
        }
        if token.get("x-kubernetes-int-or-string").is_some() {
            return "I".into();
        }
        let word = |name: &str| token.get(name).and_then(Token::text).unwrap_or("");
        match (word("type"), word("format")) {
            ("string", "byte") => "y".into(),
            ("string", "date-time") => "t".into(),
            ("string", _) => "s".into(),
            ("boolean", _) => "b".into(),
            ("integer", "int32") => "i".into(),
            ("integer", _) => "l".into(),
            ("number", _) => "f".into(),
            ("array", _) => format!("[{}]", self.r#type(token.get("items").expect("items"), references)),
            ("object", _) => match token.get("additionalProperties") {
                Some(values) => format!("{{{}}}", self.r#type(values, references)),
                None => "a".into(),
            },
            _ => "a".into(),
        }
    }
}

/// The key by which a list is merged; `=` for a set.
fn merge_key(text: &str, name: &str, field: &str) -> Option<String> {
    let rust = between(text, &format!("\"{field}\" => Field::Key_"), ",")?;
    let merge = between(text, &format!("impl crate::DeepMerge for {name} {{"), "\n}")?;
    let (before, after) = merge.split_once(&format!("&mut self.{rust},"))?;
    let call = before.rsplit("merge_strategies::").next()?;
    if call.trim_end() == "list::set(" {
        return Some("=".into());
    }
    if call.trim_end() != "list::map(" {
        return None;
    }
    let key = between(after, "lhs.", " ==")?.trim_end_matches('_');
    let mut words = key.split('_');
    let first = words.next()?.to_owned();
    Some(words.fold(first, |all, word| {
        let (head, tail) = word.split_at(1);
        all + &head.to_uppercase() + tail
    }))
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let start = text.find(from)? + from.len();
    Some(&text[start..start + text[start..].find(to)?])
}

/// A piece of the argument of `json_schema!`: JSON, with code in parentheses where there is a reference.
enum Token {
    Map(Vec<(String, Token)>),
    List(Vec<Token>),
    Text(String),
    Code(String),
}

impl Token {
    fn get(&self, name: &str) -> Option<&Token> {
        match self {
            Token::Map(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, t)| t),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// One piece from the beginning of a text, and what comes after it.
fn parse(text: &str) -> (Token, &str) {
    let text = text.trim_start();
    match text.as_bytes()[0] {
        b'{' => {
            let (mut fields, mut rest) = (Vec::new(), text[1..].trim_start());
            while !rest.starts_with('}') {
                let (name, after) = string(rest);
                let (value, after) = parse(after.trim_start().trim_start_matches(':'));
                fields.push((name, value));
                rest = after.trim_start().trim_start_matches(',').trim_start();
            }
            (Token::Map(fields), &rest[1..])
        }
        b'[' => {
            let (mut items, mut rest) = (Vec::new(), text[1..].trim_start());
            while !rest.starts_with(']') {
                let (item, after) = parse(rest);
                items.push(item);
                rest = after.trim_start().trim_start_matches(',').trim_start();
            }
            (Token::List(items), &rest[1..])
        }
        b'"' => {
            let (text, rest) = string(text);
            (Token::Text(text), rest)
        }
        b'(' => code(text),
        _ => {
            let end = text.find([',', '}', ']', '\n']).unwrap_or(text.len());
            let word = text[..end].to_owned();
            // A reference may stand without parentheses.
            (if word.starts_with("__gen") { Token::Code(word) } else { Token::Text(word) }, &text[end..])
        }
    }
}

fn string(text: &str) -> (String, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (text[1..at].to_owned(), &text[at + 1..]),
            _ => {}
        }
    }
    panic!("a text without end")
}

/// Code up to its closing parenthesis; texts inside may have parentheses of their own.
fn code(text: &str) -> (Token, &str) {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        match text.as_bytes()[at] {
            b'"' => {
                let (_, rest) = string(&text[at..]);
                at = text.len() - rest.len();
                continue;
            }
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    (Token::Code(text[..at].to_owned()), &text[at..])
}
