//! Walking the paths of a template through an object. Models `k8s.io/client-go/util/jsonpath/jsonpath.go`.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Node, Operand, Step, compare, unrecognized, value_text};

/// Walks the paths of a template through an object.
pub(super) struct Eval<'v> {
    pub root: &'v Value,
    pub strict: bool,
}

type Found<'v> = Result<Vec<&'v Value>, String>;

impl<'v> Eval<'v> {
    pub fn collect(&self, nodes: &[Node], here: &'v Value, found: &mut Vec<Value>) -> Result<(), String> {
        for node in nodes {
            match node {
                Node::Path(path) => found.extend(self.walk(path, here)?.into_iter().cloned()),
                Node::Range(path, body) => {
                    for item in self.walk(path, here)? {
                        self.collect(body, item, found)?;
                    }
                }
                Node::Identifier(name) => return Err(unrecognized(name)),
                Node::Text(_) => {}
            }
        }
        Ok(())
    }

    pub fn render(&self, nodes: &[Node], here: &'v Value, out: &mut String) -> Result<(), String> {
        for node in nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Path(path) => {
                    let texts: Vec<String> = self.walk(path, here)?.into_iter().map(value_text).collect();
                    out.push_str(&texts.join(" "));
                }
                Node::Range(path, body) => {
                    for item in self.walk(path, here)? {
                        self.render(body, item, out)?;
                    }
                }
                Node::Identifier(name) => return Err(unrecognized(name)),
            }
        }
        Ok(())
    }

    fn walk(&self, path: &[Step], here: &'v Value) -> Found<'v> {
        let mut found = vec![here];
        for step in path {
            let mut next = Vec::new();
            match step {
                // Each path of a union is gone along from all values before the next path is.
                Step::Union(paths) => {
                    for path in paths {
                        for value in &found {
                            next.extend(self.walk(path, value)?);
                        }
                    }
                }
                step => {
                    for value in found {
                        next.extend(self.one(step, value)?);
                    }
                }
            }
            if let (true, true, Step::Field(name)) = (self.strict, next.is_empty(), step) {
                return Err(format!("{name} is not found"));
            }
            found = next;
        }
        Ok(found)
    }

    fn one(&self, step: &Step, value: &'v Value) -> Found<'v> {
        Ok(match step {
            Step::Root => vec![self.root],
            Step::Here => vec![value],
            Step::Field(name) => value.get(name.as_str()).into_iter().collect(),
            Step::Wildcard => children(value),
            Step::Recursive => {
                let mut all = Vec::new();
                descend(value, &mut all);
                all
            }
            Step::Index(i) => slice(value, Some(*i), None, None)?,
            Step::Slice(from, to, by) => slice(value, *from, Some(*to), Some(*by))?,
            Step::Union(_) => unreachable!("a union is gone along by walk"),
            Step::Filter(left, test) => {
                children(value).into_iter().filter(|value| self.passes(left, test, value)).collect()
            }
        })
    }

    fn passes(&self, left: &Operand, test: &Option<(String, Operand)>, value: &'v Value) -> bool {
        let resolve = |operand: &Operand| -> Option<Value> {
            match operand {
                Operand::Path(path) => self.walk(path, value).ok()?.first().map(|v| (*v).clone()),
                Operand::Text(text) => Some(Value::String(text.clone())),
                Operand::Number(text) => serde_json::from_str(text).ok(),
                Operand::Bool(b) => Some(Value::Bool(*b)),
            }
        };
        let Some(a) = resolve(left) else { return false };
        let Some((sign, right)) = test else { return true };
        let Some(b) = resolve(right) else { return false };
        let order = compare(&a, &b);
        match sign.as_str() {
            "==" => order == Some(Ordering::Equal),
            "!=" => order != Some(Ordering::Equal),
            "<" => order == Some(Ordering::Less),
            ">" => order == Some(Ordering::Greater),
            "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// A value and all in it that have something in them: texts and numbers do not count.
fn descend<'v>(value: &'v Value, all: &mut Vec<&'v Value>) {
    if matches!(value, Value::Object(_) | Value::Array(_)) {
        all.push(value);
    }
    for child in children(value) {
        descend(child, all);
    }
}

/// A part of a list; one item where there is no second bound. What is not a list has no parts.
fn slice(value: &Value, from: Option<i64>, to: Option<Option<i64>>, by: Option<i64>) -> Found<'_> {
    let Value::Array(items) = value else { return Ok(Vec::new()) };
    let len = items.len() as i64;
    let bound = |n: i64| if n < 0 { n + len } else { n };
    let from = bound(from.unwrap_or(0));
    let to = match to {
        None => from + 1,
        Some(to) => bound(to.unwrap_or(len)),
    };
    let by = by.unwrap_or(1);
    if from == to || by <= 0 {
        return Ok(Vec::new());
    }
    let outside = |at: i64| Err(format!("array index out of bounds: index {at}, length {len}"));
    if from >= len || from < 0 {
        return outside(from);
    }
    if to > len || to < 0 {
        return outside(to - 1);
    }
    if from > to {
        return Err(format!("starting index {from} is greater than ending index {to}"));
    }
    Ok(items[from as usize..to as usize].iter().step_by(by as usize).collect())
}
