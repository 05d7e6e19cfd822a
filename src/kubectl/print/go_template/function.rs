//! The functions that a template may call: Go's own, and kubectl's `exists` and `base64decode`.
//!
//! Models `text/template/funcs.go`.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::eval::truth;
use super::format;

/// Every function.
pub(super) const NAMES: &[&str] = &[
    "and",
    "base64decode",
    "eq",
    "exists",
    "ge",
    "gt",
    "html",
    "index",
    "js",
    "le",
    "len",
    "lt",
    "ne",
    "not",
    "or",
    "print",
    "printf",
    "println",
    "slice",
    "urlquery",
];

/// What is wrong with so many arguments, if anything is.
pub(super) fn wrong_count(name: &str, count: usize) -> Option<String> {
    let (least, exactly) = match name {
        "len" | "not" | "base64decode" => (1, true),
        "lt" | "le" | "gt" | "ge" | "ne" => (2, true),
        "and" | "or" | "eq" | "exists" | "index" | "slice" | "printf" => (1, false),
        _ => (0, false),
    };
    let wrong = if exactly { count != least } else { count < least };
    let want = if exactly { format!("{least}") } else { format!("at least {least}") };
    wrong.then(|| format!("wrong number of args for {name}: want {want} got {count}"))
}

/// Calls a function; the error is Go's.
pub(super) fn call(name: &str, args: Vec<Value>) -> Result<Value, String> {
    match name {
        // Those that decided have come back already: the last is left.
        "and" | "or" => Ok(args.into_iter().next_back().unwrap_or_default()),
        "not" => Ok(json!(!truth(&args[0]))),
        "len" => length(&args[0]),
        "index" => index(&args),
        "slice" => slice(&args),
        "eq" => equal(&args).map(Value::Bool),
        "ne" => equal(&args).map(|is| json!(!is)),
        "lt" => ordered(&args, |order| order == Ordering::Less),
        "le" => ordered(&args, |order| order != Ordering::Greater),
        "gt" => ordered(&args, |order| order == Ordering::Greater),
        "ge" => ordered(&args, |order| order != Ordering::Less),
        "print" => Ok(json!(format::sprint(&args))),
        "println" => Ok(json!(args.iter().map(format::plain).collect::<Vec<_>>().join(" ") + "\n")),
        "printf" => match &args[0] {
            Value::String(form) => Ok(json!(format::sprintf(form, &args[1..]))),
            other => Err(format!("wrong type for value; expected string; got {}", format::type_name(other))),
        },
        "html" => Ok(json!(escaped(&format::sprint(&args), HTML))),
        "js" => Ok(json!(escaped(&format::sprint(&args), JS))),
        "urlquery" => Ok(json!(url_query(&format::sprint(&args)))),
        "exists" => Ok(json!(exists(&args))),
        "base64decode" => decoded(&args[0]),
        other => Err(format!("function {other:?} not defined")),
    }
}

fn length(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(text) => Ok(json!(text.len())),
        Value::Array(items) => Ok(json!(items.len())),
        Value::Object(map) => Ok(json!(map.len())),
        Value::Null => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        other => Err(format!("len of type {}", format::type_name(other))),
    }
}

fn index(args: &[Value]) -> Result<Value, String> {
    let mut value = &args[0];
    if value.is_null() {
        return Err("index of untyped nil".into());
    }
    for key in &args[1..] {
        value = match (value, key) {
            (Value::Array(items), Value::Number(number)) => {
                let at = number.as_u64().and_then(|at| usize::try_from(at).ok());
                at.and_then(|at| items.get(at)).ok_or(format!("index out of range: {number}"))?
            }
            (Value::Array(_), Value::Null) => return Err("cannot index slice/array with nil".into()),
            (Value::Array(_), key) => {
                return Err(format!("cannot index slice/array with type {}", format::type_name(key)));
            }
            (Value::Object(map), Value::String(key)) => map.get(key).unwrap_or(&Value::Null),
            (Value::Object(_), key) => {
                return Err(format!("value has type {}; should be string", format::type_name(key)));
            }
            (Value::Null, _) => return Err("index of nil pointer".into()),
            (other, _) => return Err(format!("can't index item of type {}", format::type_name(other))),
        };
    }
    Ok(value.clone())
}

fn slice(args: &[Value]) -> Result<Value, String> {
    let length = match &args[0] {
        Value::String(text) => text.len(),
        Value::Array(items) => items.len(),
        Value::Null => return Err("slice of untyped nil".into()),
        other => return Err(format!("can't slice item of type {}", format::type_name(other))),
    };
    let mut bounds = [0, length];
    for (bound, arg) in bounds.iter_mut().zip(&args[1..]) {
        let at = arg.as_u64().and_then(|at| usize::try_from(at).ok()).filter(|at| *at <= length);
        *bound = at.ok_or_else(|| format!("index out of range: {}", format::plain(arg)))?;
    }
    let [from, to] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match &args[0] {
        Value::String(text) => Ok(json!(String::from_utf8_lossy(&text.as_bytes()[from..to]))),
        Value::Array(items) => Ok(json!(items[from..to])),
        _ => Ok(Value::Null),
    }
}

const BAD_TYPE: &str = "invalid type for comparison";
const INCOMPATIBLE: &str = "incompatible types for comparison";

/// Whether the first is equal to any of the others.
fn equal(args: &[Value]) -> Result<bool, String> {
    let (first, others) = args.split_first().expect("the count was checked");
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if first.is_null() || other.is_null() {
            if first == other {
                return Ok(true);
            }
            continue;
        }
        if format::type_name(first) != format::type_name(other) {
            return Err(INCOMPATIBLE.into());
        }
        if first.is_array() || first.is_object() {
            return Err(format!("non-comparable type {}: {}", format::plain(first), format::type_name(first)));
        }
        if first == other {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ordered(args: &[Value], test: impl Fn(Ordering) -> bool) -> Result<Value, String> {
    let order = match (&args[0], &args[1]) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() == b.is_f64() => {
            let whole = a.as_i64().zip(b.as_i64()).map(|(a, b)| a.cmp(&b));
            whole.or_else(|| a.as_f64().partial_cmp(&b.as_f64())).unwrap_or(Ordering::Equal)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(_) | Value::Object(_) | Value::Null, _)
        | (_, Value::Array(_) | Value::Object(_) | Value::Null) => {
            return Err(BAD_TYPE.into());
        }
        (Value::Bool(_), Value::Bool(_)) => return Err(BAD_TYPE.into()),
        _ => return Err(INCOMPATIBLE.into()),
    };
    Ok(json!(test(order)))
}

const HTML: &[(char, &str)] = &[('"', "&#34;"), ('\'', "&#39;"), ('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;")];
const JS: &[(char, &str)] = &[
    ('\\', "\\\\"),
    ('\'', "\\'"),
    ('"', "\\\""),
    ('<', "\\u003C"),
    ('>', "\\u003E"),
    ('&', "\\u0026"),
    ('=', "\\u003D"),
    ('\n', "\\u000A"),
    ('\t', "\\u0009"),
    ('\r', "\\u000D"),
];

fn escaped(text: &str, table: &[(char, &str)]) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match table.iter().find(|(plain, _)| *plain == c) {
            Some((_, written)) => out.push_str(written),
            None => out.push(c),
        }
    }
    out
}

fn url_query(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Whether a path of keys and positions leads anywhere.
fn exists(args: &[Value]) -> bool {
    let mut value = &args[0];
    for key in &args[1..] {
        let found = match (value, key) {
            (Value::Object(map), Value::String(key)) => map.get(key),
            (Value::Array(items), key) => {
                key.as_u64().and_then(|at| usize::try_from(at).ok()).and_then(|at| items.get(at))
            }
            _ => None,
        };
        match found {
            Some(found) => value = found,
            None => return false,
        }
    }
    true
}

fn decoded(value: &Value) -> Result<Value, String> {
    let text = match value {
        Value::String(text) => text.as_str(),
        Value::Null => return Err("value is nil; should be of type string".into()),
        other => return Err(format!("wrong type for value; expected string; got {}", format::type_name(other))),
    };
    match data_encoding::BASE64.decode(text.as_bytes()) {
        Ok(bytes) => Ok(json!(String::from_utf8_lossy(&bytes))),
        Err(why) => Err(format!("base64 decode: illegal base64 data at input byte {}", why.position)),
    }
}
