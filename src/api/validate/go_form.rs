//! How upstream shows a struct in an error: its internal Go types as JSON, every field there, in the order of the source.
//!
//! Models what `json.Marshal` makes of the types in `pkg/apis/*/types.go`. Those have no JSON tags, so that the names are Go's
//! and nothing is left out. The table has one line a type: its name and its fields.
//!
//! ```text
//! Name a text   Name=wire with that name on the wire   Name:n number   Name:b truth   Name:q quantity   Name:? may be null
//! Name:[] list   Name:{} map   Name:w anything   Name:T struct   Name:*T struct or null   Name:[T] list of structs
//! +T the fields of T in its place   ~name a field with a tag: left out when it is empty; ~name! never left out
//! ```
//!
//! An absent list and an empty one look the same on the wire: both are `null` here where a type's default is `null`.

use crate::sim::VecMap;
use std::fmt::Write;
use std::sync::OnceLock;

use serde::Serialize;
use serde_json::Value;

const TABLE: &str = include_str!("go_form/table.txt");

/// What a field holds.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Number,
    Truth,
    Quantity,
    Nullable,
    Map,
    List,
    Struct(&'static str),
    Pointer(&'static str),
    Structs(&'static str),
    Embedded(&'static str),
}

struct Field {
    name: &'static str,
    wire: String,
    ty: Type,
    tagged: bool,
    omitted: bool,
}

/// A value with the order of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text, number, truth or null.
    Plain(Value),
    /// A list.
    List(Vec<Form>),
    /// A struct or a map.
    Struct(Vec<(String, Form)>),
}

/// A value of the API as upstream's internal type `ty`.
pub fn of(ty: &str, value: &impl Serialize) -> Form {
    form(ty, &serde_json::to_value(value).unwrap_or(Value::Null))
}

/// A struct that may be missing.
pub fn optional(ty: &str, value: Option<&impl Serialize>) -> Form {
    value.map_or(Form::Plain(Value::Null), |value| of(ty, value))
}

/// The wire form of a struct as upstream's internal type `ty`.
pub fn form(ty: &str, value: &Value) -> Form {
    let mut fields = Vec::new();
    collect(ty, value, &mut fields);
    Form::Struct(fields)
}

/// A list of structs; `null` if it is empty.
pub fn list(ty: &str, items: &[impl Serialize]) -> Form {
    if items.is_empty() {
        return Form::Plain(Value::Null);
    }
    Form::List(items.iter().map(|item| of(ty, item)).collect())
}

fn collect(ty: &str, value: &Value, out: &mut Vec<(String, Form)>) {
    for field in table().get(ty).map(Vec::as_slice).unwrap_or_default() {
        if let Type::Embedded(inner) = field.ty {
            // On the wire the metadata has a field of its own.
            let of = if inner == "ObjectMeta" { value.get("metadata").unwrap_or(&Value::Null) } else { value };
            collect(inner, of, out);
            continue;
        }
        let given = match (ty, field.name) {
            ("PodSpec", "SecurityContext") => &pod_security(value),
            _ => value.get(&field.wire).unwrap_or(&Value::Null),
        };
        if field.tagged && field.omitted && is_empty(given) {
            continue;
        }
        let name = if field.tagged { field.wire.clone() } else { field.name.to_owned() };
        out.push((name, one(field.ty, given)));
    }
}

/// The pod's security context has the fields of the spec about the host's namespaces.
fn pod_security(spec: &Value) -> Value {
    let mut context = spec.get("securityContext").cloned().unwrap_or(Value::Null);
    for name in ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] {
        if let Some(value) = spec.get(name) {
            if context.is_null() {
                context = Value::Object(serde_json::Map::new());
            }
            context[name] = value.clone();
        }
    }
    context
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(_) => false,
    }
}

fn one(ty: Type, given: &Value) -> Form {
    let or = |zero: Value| Form::Plain(if given.is_null() { zero } else { given.clone() });
    match ty {
        Type::Text => or(Value::String(String::new())),
        Type::Number => or(Value::from(0)),
        Type::Truth => or(Value::Bool(false)),
        Type::Quantity => or(Value::String("0".into())),
        Type::Nullable => plain(given),
        Type::Map | Type::List if is_empty(given) => Form::Plain(Value::Null),
        Type::Map | Type::List => plain(given),
        Type::Struct(name) => form(name, given),
        Type::Pointer(_) if given.is_null() => Form::Plain(Value::Null),
        Type::Pointer(name) => form(name, given),
        Type::Structs(name) => match given.as_array() {
            Some(items) if !items.is_empty() => Form::List(items.iter().map(|item| form(name, item)).collect()),
            _ => Form::Plain(Value::Null),
        },
        Type::Embedded(_) => Form::Plain(Value::Null),
    }
}

/// A value as it is; maps are in the order of their keys.
pub fn plain(value: &Value) -> Form {
    match value {
        Value::Array(items) => Form::List(items.iter().map(plain).collect()),
        Value::Object(fields) => Form::Struct(fields.iter().map(|(k, v)| (k.clone(), plain(v))).collect()),
        other => Form::Plain(other.clone()),
    }
}

impl Form {
    /// On one line, as in `Invalid value: {"Rules":null}`.
    pub fn compact(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Form::Plain(value) => out.push_str(&scalar(value)),
            Form::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Form::Struct(fields) => {
                out.push('{');
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    let _ = write!(out, "{comma}{}:", scalar(&Value::String(name.clone())));
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// On many lines, indented by one blank each level.
    pub fn lines(&self) -> Vec<String> {
        let mut text = String::new();
        self.indent(0, &mut text);
        text.lines().map(str::to_owned).collect()
    }

    fn indent(&self, depth: usize, out: &mut String) {
        let (open, close, count) = match self {
            Form::List(items) if !items.is_empty() => ('[', ']', items.len()),
            Form::Struct(fields) if !fields.is_empty() => ('{', '}', fields.len()),
            Form::List(_) => return out.push_str("[]"),
            Form::Struct(_) => return out.push_str("{}"),
            Form::Plain(value) => return out.push_str(&scalar(value)),
        };
        out.push(open);
        for at in 0..count {
            let _ = write!(out, "\n{}", " ".repeat(depth + 1));
            match self {
                Form::List(items) => items[at].indent(depth + 1, out),
                Form::Struct(fields) => {
                    let _ = write!(out, "{}: ", scalar(&Value::String(fields[at].0.clone())));
                    fields[at].1.indent(depth + 1, out);
                }
                Form::Plain(_) => {}
            }
            out.push_str(if at + 1 < count { "," } else { "" });
        }
        let _ = write!(out, "\n{}{close}", " ".repeat(depth));
    }
}

/// A value without structure, escaped as Go does.
fn scalar(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn table() -> &'static VecMap<&'static str, Vec<Field>> {
    static PARSED: OnceLock<VecMap<&'static str, Vec<Field>>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let line = |line: &'static str| {
            let mut words = line.split(' ');
            (words.next().unwrap_or(""), words.map(field).collect())
        };
        TABLE.lines().map(line).collect()
    })
}

fn field(word: &'static str) -> Field {
    if let Some(inner) = word.strip_prefix('+') {
        let ty = Type::Embedded(inner);
        return Field { name: inner, wire: String::new(), ty, tagged: false, omitted: false };
    }
    let (rest, tagged) = word.strip_prefix('~').map_or((word, false), |rest| (rest, true));
    let (names, ty) = rest.split_once(':').map_or((rest, ""), |(names, ty)| (names, ty));
    let (names, omitted) = names.strip_suffix('!').map_or((names, true), |names| (names, false));
    let (name, wire) = match names.split_once('=') {
        Some((name, wire)) => (name, wire.to_owned()),
        None => (names, on_the_wire(names)),
    };
    Field { name, wire, ty: type_of(ty), tagged, omitted }
}

fn type_of(word: &'static str) -> Type {
    match word {
        "" => Type::Text,
        "n" => Type::Number,
        "b" => Type::Truth,
        "q" => Type::Quantity,
        "?" | "w" => Type::Nullable,
        "{}" => Type::Map,
        "[]" => Type::List,
        other => match (other.strip_prefix('*'), other.strip_prefix('[')) {
            (Some(name), _) => Type::Pointer(name),
            (_, Some(name)) => Type::Structs(name.trim_end_matches(']')),
            _ => Type::Struct(other),
        },
    }
}

/// `DNSPolicy` is `dnsPolicy` and `TTY` is `tty`: the capitals at the beginning become small, but for the one that begins the
/// next word.
fn on_the_wire(name: &str) -> String {
    let capitals = name.bytes().take_while(u8::is_ascii_uppercase).count();
    let small = if capitals > 1 && capitals < name.len() { capitals - 1 } else { capitals };
    name[..small].to_ascii_lowercase() + &name[small..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_on_the_wire_are_made_from_gos() {
        for (go, wire) in [
            ("DNSPolicy", "dnsPolicy"),
            ("TTY", "tty"),
            ("HTTPGet", "httpGet"),
            ("AWSElasticBlockStore", "awsElasticBlockStore"),
            ("SELinuxOptions", "seLinuxOptions"),
            ("Name", "name"),
            ("HostIP", "hostIP"),
            ("matchLabels", "matchLabels"),
        ] {
            assert_eq!(on_the_wire(go), wire);
        }
    }

    #[test]
    fn every_struct_that_the_table_names_is_in_it() {
        for (name, fields) in table() {
            for field in fields {
                if let Type::Struct(of) | Type::Pointer(of) | Type::Structs(of) | Type::Embedded(of) = field.ty {
                    assert!(table().contains_key(of), "{name}.{}: {of}", field.name);
                }
            }
        }
    }

    #[test]
    fn structs_are_shown_with_all_their_fields() {
        let strategy = form("StatefulSetUpdateStrategy", &json!({"type": "foo"}));
        assert_eq!(strategy.compact(), r#"{"Type":"foo","RollingUpdate":null}"#);
        let selector = form("LabelSelector", &json!({"matchExpressions": [{"key": "a"}], "matchLabels": {"a": "<"}}));
        assert_eq!(
            selector.compact(),
            r#"{"matchLabels":{"a":"\u003c"},"matchExpressions":[{"key":"a","operator":""}]}"#
        );
        let template = form("PersistentVolumeClaimTemplate", &json!({"metadata": {"labels": {"a": "b"}}}));
        assert!(template.compact().starts_with(r#"{"labels":{"a":"b"},"Spec":{"AccessModes":null,"#));
        let term = form("NodeSelectorTerm", &json!({"matchFields": [{"key": "k", "values": ["v"]}]}));
        let lines = [
            "{",
            " \"MatchExpressions\": null,",
            " \"MatchFields\": [",
            "  {",
            "   \"Key\": \"k\",",
            "   \"Operator\": \"\",",
            "   \"Values\": [",
            "    \"v\"",
            "   ]",
            "  }",
            " ]",
            "}",
        ];
        assert_eq!(term.lines(), lines);
    }
}
