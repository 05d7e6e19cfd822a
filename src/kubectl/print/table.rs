//! Server-side tables as text.
//!
//! Models `k8s.io/cli-runtime/pkg/printers/tableprinter.go`.

use serde_json::Value;

use crate::kubectl::json::{at, entries, int_at, items, text, text_at};

/// What a table shows beyond the server's columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TableOptions {
    /// Show the columns of lower priority.
    pub wide: bool,
    /// Leave the header out.
    pub no_headers: bool,
    /// A first column with the namespace.
    pub with_namespace: bool,
    /// Print names as `kind.group/name`.
    pub with_kind: Option<String>,
    /// A last column with all labels.
    pub show_labels: bool,
    /// Columns with these labels.
    pub label_columns: Vec<String>,
}

/// Turns tables into rows of cells. A watch sends the column definitions once, so they are remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TablePrinter {
    /// What is shown.
    pub options: TableOptions,
    shown: Vec<bool>,
}

impl TablePrinter {
    /// A printer with these options.
    pub fn new(options: TableOptions) -> Self {
        TablePrinter { options, shown: Vec::new() }
    }

    /// The rows of a table as lines with tabs between the cells; the header stands before the first row ever.
    pub fn rows(&mut self, table: &Value) -> String {
        let columns = items(table, &["columnDefinitions"]);
        if !columns.is_empty() {
            let wide = self.options.wide;
            self.shown = columns.iter().map(|c| wide || int_at(c, &["priority"]).unwrap_or(0) == 0).collect();
        }
        let mut out = String::new();
        let rows = items(table, &["rows"]);
        if !self.options.no_headers && !rows.is_empty() {
            out.push_str(&header(columns, &self.shown, &self.options));
            self.options.no_headers = true;
        }
        for row in rows {
            out.push_str(&line(row, &self.shown, &self.options));
        }
        out
    }
}

fn header(columns: &[Value], shown: &[bool], options: &TableOptions) -> String {
    let mut cells = Vec::new();
    if options.with_namespace {
        cells.push("NAMESPACE".to_owned());
    }
    for (column, _) in columns.iter().zip(shown).filter(|(_, shown)| **shown) {
        cells.push(text(column, "name").to_uppercase());
    }
    for label in &options.label_columns {
        cells.push(label.rsplit('/').next().unwrap_or(label).to_uppercase());
    }
    if options.show_labels {
        cells.push("LABELS".to_owned());
    }
    format!("{}\n", cells.join("\t"))
}

fn line(row: &Value, shown: &[bool], options: &TableOptions) -> String {
    let metadata = at(row, &["object", "metadata"]);
    let mut cells = Vec::new();
    if options.with_namespace {
        cells.push(text(metadata, "namespace").to_owned());
    }
    for (i, cell) in items(row, &["cells"]).iter().enumerate() {
        if !shown.get(i).copied().unwrap_or(false) {
            continue;
        }
        let shown_cell = cell_text(cell);
        match &options.with_kind {
            Some(kind) if i == 0 => cells.push(format!("{kind}/{shown_cell}")),
            _ => cells.push(shown_cell),
        }
    }
    for label in &options.label_columns {
        cells.push(text_at(metadata, &["labels", label]).to_owned());
    }
    if options.show_labels {
        cells.push(labels(metadata));
    }
    format!("{}\n", cells.join("\t"))
}

/// Labels as one cell: `a=b,c=d`.
pub fn labels(metadata: &Value) -> String {
    let pairs: Vec<String> = entries(metadata, &["labels"])
        .into_iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")))
        .collect();
    if pairs.is_empty() { "<none>".into() } else { pairs.join(",") }
}

/// A cell, cut at the first line break and without control characters.
fn cell_text(cell: &Value) -> String {
    let text = match cell {
        Value::Null => return String::new(),
        Value::String(text) => text.as_str(),
        other => return other.to_string(),
    };
    match text.find(['\n', '\r', '\u{c}']) {
        Some(end) => format!("{}...", escape(&text[..end])),
        None => escape(text),
    }
}

fn escape(text: &str) -> String {
    text.replace('\u{1b}', "^[").replace('\t', " ")
}
