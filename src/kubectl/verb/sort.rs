//! `--sort-by`.
//!
//! Models `k8s.io/kubectl/pkg/cmd/get/sorter.go`: numbers and amounts by size, text by natural order, what has no field first.

use std::cmp::Ordering;

use serde_json::Value;

use crate::api::Quantity;
use crate::api::jsonpath::{self, Template};
use crate::kubectl::ctx::{Ctx, Failure, Stop, fail};
use crate::kubectl::resource::Resource;
use crate::kubectl::timestamp;
use crate::sim::merge_sort_by;

/// Why nothing was sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsorted {
    /// The path, or what it leads to.
    Path(String),
    /// What is to be compared has no order: the program ends at once (`klog.Fatalf`).
    Type(String),
}

impl Unsorted {
    /// The end of the command.
    pub fn stop<T>(self, ctx: &Ctx<'_>) -> Result<T, Stop> {
        match self {
            Unsorted::Path(why) => fail(why),
            Unsorted::Type(why) => {
                let time = timestamp::klog(ctx.session().epoch, ctx.now());
                Err(Stop::Fail(Failure { text: format!("F{time}       1 {why}\n"), code: 1 }))
            }
        }
    }
}

/// Sorts the rows of a table by a field of their objects.
///
/// # Errors
/// The path is none, leads nowhere, or to what has no order.
pub fn table(table: &mut Value, path: &str) -> Result<(), Unsorted> {
    let template = parse(path)?;
    let Some(rows) = table.get_mut("rows").and_then(Value::as_array_mut) else { return Ok(()) };
    check(rows.iter().map(|r| &r["object"]), &template, path)?;
    has_order(rows.iter().map(|r| &r["object"]), &template, path, "sorter.go:375", "[][][]reflect.Value")?;
    merge_sort_by(rows, &mut |a, b| order(&key(&template, &a["object"]), &key(&template, &b["object"])));
    Ok(())
}

/// Sorts objects by a field.
///
/// # Errors
/// As for [`table`].
pub fn objects(objects: &mut Vec<(&'static Resource, Value)>, path: &str) -> Result<(), Unsorted> {
    let template = parse(path)?;
    check(objects.iter().map(|(_, v)| v), &template, path)?;
    has_order(objects.iter().map(|(_, v)| v), &template, path, "sorter.go:329", "*unstructured.Unstructured")?;
    merge_sort_by(objects, &mut |a, b| order(&key(&template, &a.1), &key(&template, &b.1)));
    Ok(())
}

fn parse(path: &str) -> Result<Template, Unsorted> {
    jsonpath::parse_path(path).map_err(Unsorted::Path)
}

/// Refuses lists, maps and truth values where two of them would have to be compared.
fn has_order<'v>(
    objects: impl Iterator<Item = &'v Value>,
    template: &Template,
    path: &str,
    place: &str,
    list: &str,
) -> Result<(), Unsorted> {
    let keys: Vec<Value> = objects.filter_map(|object| key(template, object)).collect();
    let unsortable = keys.iter().find_map(|key| match key {
        Value::Array(_) => Some("[]interface {}"),
        Value::Object(_) => Some("map[string]interface {}"),
        Value::Bool(_) => Some("bool"),
        _ => None,
    });
    match unsortable.filter(|_| keys.len() > 1) {
        None => Ok(()),
        Some(found) => {
            let field = braced(path);
            let why =
                format!("Field {field} in {list} is an unsortable type: interface, err: unsortable type: {found}");
            Err(Unsorted::Type(format!("{place}] {why}")))
        }
    }
}

fn check<'v>(mut objects: impl Iterator<Item = &'v Value>, template: &Template, path: &str) -> Result<(), Unsorted> {
    let mut any = false;
    let found = objects.any(|object| {
        any = true;
        self::found(template, object).is_some()
    });
    if any && !found {
        let field = braced(path);
        return Err(Unsorted::Path(format!("couldn't find any field with path {field:?} in the list of objects")));
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
