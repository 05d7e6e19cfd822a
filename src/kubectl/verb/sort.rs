//! `--sort-by`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/get/sorter.go`: numbers and amounts by size, text by natural order, what has no field first.

use std::cmp::Ordering;

use serde_json::Value;

use crate::api::Quantity;
use crate::api::jsonpath::{self, Template};
use crate::kubectl::resource::Resource;
use crate::sim::merge_sort_by;

/// Sorts the rows of a table by a field of their objects.
pub fn table(table: &mut Value, path: &str) -> Result<(), String> {
    let template = parse(path)?;
    let Some(rows) = table.get_mut("rows").and_then(Value::as_array_mut) else { return Ok(()) };
    check(rows.iter().map(|r| &r["object"]), &template, path)?;
    merge_sort_by(rows, &mut |a, b| order(&key(&template, &a["object"]), &key(&template, &b["object"])));
    Ok(())
}

/// Sorts objects by a field.
pub fn objects(objects: &mut Vec<(&'static Resource, Value)>, path: &str) -> Result<(), String> {
    let template = parse(path)?;
    check(objects.iter().map(|(_, v)| v), &template, path)?;
    merge_sort_by(objects, &mut |a, b| order(&key(&template, &a.1), &key(&template, &b.1)));
    Ok(())
}

fn parse(path: &str) -> Result<Template, String> {
    jsonpath::parse_path(path)
}

fn check<'v>(mut objects: impl Iterator<Item = &'v Value>, template: &Template, path: &str) -> Result<(), String> {
    let mut any = false;
    let found = objects.any(|object| {
        any = true;
        self::found(template, object).is_some()
    });
    if any && !found {
        return Err(format!("couldn't find any field with path {:?} in the list of objects", braced(path)));
    }
    Ok(())
}

fn braced(path: &str) -> String {
    match path {
        p if p.starts_with('{') => p.to_owned(),
        p if p.starts_with('.') => format!("{{{p}}}"),
        p => format!("{{.{p}}}"),
    }
}

/// What an object is sorted by; what is empty is the same as what is missing.
fn key(template: &Template, object: &Value) -> Option<Value> {
    found(template, object).filter(|value| !value.is_null())
}

fn found(template: &Template, object: &Value) -> Option<Value> {
    jsonpath::values(template, object).ok()?.into_iter().next()
}

fn order(a: &Option<Value>, b: &Option<Value>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(Value::String(a)), Some(Value::String(b))) => match (a.parse::<Quantity>(), b.parse::<Quantity>()) {
            (Ok(a), Ok(b)) => a.minus(b).sign().cmp(&0),
            _ => natural(a, b),
        },
        (Some(a), Some(b)) => jsonpath::compare(a, b).unwrap_or(Ordering::Equal),
    }
}

/// Text order in which runs of digits count by their value.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    while let (Some(c), Some(d)) = (x.chars().next(), y.chars().next()) {
        if c.is_ascii_digit() && d.is_ascii_digit() {
            let (n, rest_x) = digits(x);
            let (m, rest_y) = digits(y);
            let by_value = n.trim_start_matches('0').len().cmp(&m.trim_start_matches('0').len());
            let by_value = by_value.then_with(|| n.trim_start_matches('0').cmp(m.trim_start_matches('0')));
            if by_value != Ordering::Equal {
                return by_value;
            }
            (x, y) = (rest_x, rest_y);
        } else if c != d {
            return c.cmp(&d);
        } else {
            (x, y) = (&x[c.len_utf8()..], &y[d.len_utf8()..]);
        }
    }
    x.len().cmp(&y.len())
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}
