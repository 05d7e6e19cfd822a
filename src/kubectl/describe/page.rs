//! The page that a description is written on, and the blocks that many kinds share.

use serde_json::Value;

use crate::kubectl::json::{at, entries, int_at, items, text, text_at};
use crate::kubectl::print::columns::Columns;
use crate::kubectl::timestamp;

/// Lines with tabs, aligned at the end.
#[derive(Clone, Debug)]
pub struct Page {
    columns: Columns,
}

impl Default for Page {
    fn default() -> Self {
        Page { columns: Columns::for_describe() }
    }
}

/// How many characters an annotation may have on its line.
const MAX_ANNOTATION: usize = 140;

impl Page {
    /// Writes a line, two spaces deeper per level; the newline is added.
    pub fn line(&mut self, level: u32, text: impl AsRef<str>) {
        let indent = "  ".repeat(level as usize);
        self.columns.write(&format!("{indent}{}\n", text.as_ref()));
    }

    /// Writes `name:\tvalue`.
    pub fn pair(&mut self, level: u32, name: &str, value: impl AsRef<str>) {
        self.line(level, format!("{name}:\t{}", value.as_ref()));
    }

    /// Name and, if there is one, namespace.
    pub fn name(&mut self, object: &Value) {
        self.pair(0, "Name", text_at(object, &["metadata", "name"]));
        if !text_at(object, &["metadata", "namespace"]).is_empty() {
            self.pair(0, "Namespace", text_at(object, &["metadata", "namespace"]));
        }
    }

    /// A map as `key=value` lines below a title.
    pub fn labels(&mut self, indent: &str, title: &str, labels: &Value) {
        self.map_lines(indent, title, labels, "\t");
    }

    /// The same with another gap between title and value.
    pub fn map_lines(&mut self, indent: &str, title: &str, labels: &Value, gap: &str) {
        let pairs = entries(labels, &[]);
        if pairs.is_empty() {
            return self.line(0, format!("{indent}{title}:{gap}<none>"));
        }
        for (i, (key, value)) in pairs.iter().enumerate() {
            let head = if i == 0 { format!("{indent}{title}:{gap}") } else { gap.to_owned() };
            self.line(0, format!("{head}{key}={}", value.as_str().unwrap_or("")));
        }
    }

    /// Annotations, without what apply remembers.
    pub fn annotations(&mut self, indent: &str, annotations: &Value) {
        let pairs: Vec<_> = entries(annotations, &[])
            .into_iter()
            .filter(|(key, _)| *key != "kubectl.kubernetes.io/last-applied-configuration")
            .collect();
        if pairs.is_empty() {
            return self.line(0, format!("{indent}Annotations:\t<none>"));
        }
        for (i, (key, value)) in pairs.iter().enumerate() {
            let head = if i == 0 { format!("{indent}Annotations:\t") } else { "\t".to_owned() };
            let value = value.as_str().unwrap_or("").trim_end_matches('\n');
            if key.len() + value.len() + 2 < MAX_ANNOTATION && !value.contains('\n') {
                self.line(0, format!("{head}{key}: {value}"));
                continue;
            }
            self.line(0, format!("{head}{key}:"));
            for part in value.split('\n') {
                self.line(0, format!("\t  {}", shorten(part, MAX_ANNOTATION - 2)));
            }
        }
    }

    /// Tolerations of a pod or a template.
    pub fn tolerations(&mut self, indent: &str, tolerations: &[Value]) {
        let mut sorted: Vec<&Value> = tolerations.iter().collect();
        sorted.sort_by_key(|t| text(t, "key").to_owned());
        if sorted.is_empty() {
            return self.line(0, format!("{indent}Tolerations:\t<none>"));
        }
        for (i, toleration) in sorted.into_iter().enumerate() {
            let head = if i == 0 { format!("{indent}Tolerations:\t") } else { "\t".to_owned() };
            self.line(0, format!("{head}{}", toleration_text(toleration)));
        }
    }

    /// A table below a title: headers, dashes, rows.
    pub fn table(&mut self, level: u32, headers: &[&str], rows: &[Vec<String>]) {
        self.line(level, headers.join("\t"));
        // Upstream underlines "Age" with one dash too many.
        let dashes = |header: &&str| "-".repeat(header.len() + usize::from(*header == "Age"));
        self.line(level, headers.iter().map(dashes).collect::<Vec<_>>().join("\t"));
        for row in rows {
            self.line(level, row.join("\t"));
        }
    }

    /// The text with its tabs, as `rollout history` prints it.
    pub fn finish_raw(self) -> String {
        self.columns.raw()
    }

    /// The aligned text.
    pub fn finish(mut self) -> String {
        self.columns.flush()
    }
}

fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    format!("{}...", text.chars().take(max).collect::<String>())
}

fn toleration_text(toleration: &Value) -> String {
    let (key, value, effect) = (text(toleration, "key"), text(toleration, "value"), text(toleration, "effect"));
    let mut out = key.to_owned();
    if !value.is_empty() {
        out.push_str(&format!("={value}"));
    }
    if !effect.is_empty() {
        out.push_str(&format!(":{effect}"));
    }
    if text(toleration, "operator") == "Exists" && value.is_empty() {
        out.push_str(if key.is_empty() && effect.is_empty() { "op=Exists" } else { " op=Exists" });
    }
    if let Some(seconds) = int_at(toleration, &["tolerationSeconds"]) {
        out.push_str(&format!(" for {seconds}s"));
    }
    out
}

/// A point in time as descriptions print it.
pub fn time(text: &str) -> String {
    match timestamp::parse(text) {
        Some(unix) => timestamp::rfc1123z(unix),
        None => "<unset>".into(),
    }
}

/// `True` or `False`.
pub fn truth(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// `Kind/name` of the controller of an object, or the empty text.
pub fn controller(object: &Value) -> String {
    items(object, &["metadata", "ownerReferences"])
        .iter()
        .find(|owner| at(owner, &["controller"]) == &Value::Bool(true))
        .map(|owner| format!("{}/{}", text(owner, "kind"), text(owner, "name")))
        .unwrap_or_default()
}

/// A label selector on one line: `app=web,tier in (a,b)`; empty if it selects nothing by label.
pub fn selector(selector: &Value) -> String {
    let mut parts: Vec<String> = entries(selector, &["matchLabels"])
        .into_iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    for one in items(selector, &["matchExpressions"]) {
        let values: Vec<&str> = items(one, &["values"]).iter().filter_map(Value::as_str).collect();
        let (key, values) = (text(one, "key"), values.join(","));
        parts.push(match text(one, "operator") {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.sort();
    parts.join(",")
}
