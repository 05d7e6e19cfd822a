//! One YAML document to a JSON value, with go-yaml's errors.
//!
//! The events come from `granit-parser` (what serde-saphyr stands on), because kubectl's reading of scalars needs their
//! style and raw text. Depth and aliases are bounded as in go-yaml v2 `decode.go`, so a small file cannot grow large.

use crate::sim::VecMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Tag};
use serde_json::{Map, Value};

use super::resolve::{Scalar, resolve};

/// How deep collections may nest before the document is refused.
const MAX_DEPTH: u32 = 1_000;

/// Reads the first document of a text; an empty one is null. The error begins with `yaml:` or `json:`.
pub fn read(text: &str) -> Result<Value, String> {
    read_by(text, Builder::default())
}

/// The same by go-yaml v3's rules: of plain scalars only `true` and `false` are truth values.
pub fn read_core(text: &str) -> Result<Value, String> {
    read_by(text, Builder { core: true, ..Builder::default() })
}

fn read_by(text: &str, mut builder: Builder) -> Result<Value, String> {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(next) = parser.next_event() {
        match next {
            Ok((Event::DocumentEnd | Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.take(event, span.start.line() as u32)?,
            Err(error) => return Err(builder.syntax_error(&error, text)),
        }
    }
    Ok(builder.root.unwrap_or(Value::Null))
}

/// A collection that is being read.
enum Open {
    List(Vec<Value>),
    /// The entries so far, and the key that waits for its value; the flag says that it is a merge key.
    Map(Map<String, Value>, Option<(String, bool)>),
}

struct Frame {
    open: Open,
    anchor: u64,
    line: u32,
    nodes_before: u64,
}

#[derive(Default)]
struct Builder {
    root: Option<Value>,
    stack: Vec<Frame>,
    anchors: VecMap<u64, (Value, u64)>,
    nodes: u64,
    alias_nodes: u64,
    /// Whether scalars are read by YAML 1.2's core schema.
    core: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u32) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.nodes += 1;
                let value = scalar(&text, style, tag.as_deref(), self.core)?;
                let merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                self.anchor(anchor as u64, &value, 1);
                self.value(value, merge, line)
            }
            Event::SequenceStart(_, anchor, _) => self.open(Open::List(Vec::new()), anchor as u64, line),
            Event::MappingStart(_, anchor, _) => self.open(Open::Map(Map::new(), None), anchor as u64, line),
            Event::SequenceEnd | Event::MappingEnd => self.close(line),
            Event::Alias(id) => {
                let known = self.anchors.get(&(id as u64));
                let Some((value, size)) = known.cloned() else {
                    return Err("yaml: anchor value contains itself".into());
                };
                self.nodes += size;
                self.alias_nodes += size;
                self.check_aliases()?;
                self.value(value, false, line)
            }
            Event::UnresolvedAlias(name) => Err(format!("yaml: unknown anchor '{name}' referenced")),
            _ => Ok(()),
        }
    }

    fn anchor(&mut self, id: u64, value: &Value, size: u64) {
        if id > 0 {
            self.anchors.insert(id, (value.clone(), size));
        }
    }

    /// go-yaml's bound: the more nodes, the smaller the part of them that may come from aliases.
    fn check_aliases(&self) -> Result<(), String> {
        let (low, high) = (400_000, 4_000_000);
        let percent = match self.nodes {
            n if n <= low => 99,
            n if n >= high => 10,
            n => 99 - 89 * (n - low) / (high - low),
        };
        if self.alias_nodes > 100 && self.nodes > 1_000 && self.alias_nodes * 100 > self.nodes * percent {
            return Err("yaml: document contains excessive aliasing".into());
        }
        Ok(())
    }

    fn open(&mut self, open: Open, anchor: u64, line: u32) -> Result<(), String> {
        if self.stack.len() as u32 >= MAX_DEPTH {
            return Err("yaml: exceeded max depth of 10000".into());
        }
        self.nodes += 1;
        self.stack.push(Frame { open, anchor, line, nodes_before: self.nodes - 1 });
        Ok(())
    }

    fn close(&mut self, line: u32) -> Result<(), String> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.open {
            Open::List(items) => Value::Array(items),
            Open::Map(map, _) => Value::Object(map),
        };
        self.anchor(frame.anchor, &value, self.nodes - frame.nodes_before);
        self.value(value, false, line)
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, value: Value, merge: bool, line: u32) -> Result<(), String> {
        match self.stack.last_mut().map(|f| &mut f.open) {
            None => self.root = Some(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(map, waiting)) => match waiting.take() {
                None => *waiting = Some((key_text(&value, line)?, merge)),
                Some((_, true)) => merge_into(map, value)?,
                Some((key, false)) => {
                    map.insert(key, value);
                }
            },
        }
        Ok(())
    }

    /// The error text that libyaml and go-yaml give for the same fault.
    fn syntax_error(&self, error: &ScanError, whole: &str) -> String {
        let info = error.info();
        let problem = error.marker().line().saturating_sub(1) as u32;
        let context = self.stack.last().map_or(0, |f| f.line.saturating_sub(1));
        let last_line = whole.matches('\n').count() as u32;
        // The end of the text is on a line of its own.
        let end = last_line + u32::from(!whole.ends_with('\n'));
        let (text, line) = if info.contains("unclosed bracket") {
            let wants_item = whole.trim_end().ends_with(['[', '{', ',', ':']);
            match (wants_item, self.stack.last().map(|f| &f.open)) {
                (true, _) => ("did not find expected node content".into(), end),
                (_, Some(Open::Map(..))) => {
                    ("did not find expected ',' or '}'".into(), if context == 0 { end } else { context })
                }
                _ => ("did not find expected ',' or ']'".into(), if context == 0 { end } else { context }),
            }
        } else if info.contains("unclosed quote") || info.contains("multiline quoted scalar") {
            ("found unexpected end of stream".into(), last_line + 1)
        } else if info.contains("illegal placement of ':'") {
            let close = if matches!(self.stack.last(), Some(Frame { open: Open::Map(..), .. })) { '}' } else { ']' };
            (format!("did not find expected ',' or '{close}'"), if context == 0 { problem } else { context })
        } else {
            libyaml_words(&info, problem, context)
        };
        if line == 0 { format!("yaml: {text}") } else { format!("yaml: line {line}: {text}") }
    }
}

/// libyaml's words and go-yaml's line for an error: scanner errors name the line itself, parser errors the line before
/// (they print a line counted from zero), and of the collection's start rather than of the place.
fn libyaml_words(info: &str, problem: u32, context: u32) -> (String, u32) {
    let (_, tail) = info.split_once(", ").unwrap_or(("", info));
    let scanner = |text: &str| (text.to_owned(), if problem == 0 { 0 } else { problem + 1 });
    let parser = |text: &str| (text.to_owned(), if context == 0 { problem } else { context });
    if info.contains("mapping values are not allowed") {
        return scanner("mapping values are not allowed in this context");
    }
    if info.contains("expected key") {
        return parser("did not find expected key");
    }
    if info.contains("'-' indicator") || info.contains("block sequence entries") {
        return parser("did not find expected '-' indicator");
    }
    if info.contains("',' or ']'") {
        return parser("did not find expected ',' or ']'");
    }
    if info.contains("',' or '}'") {
        return parser("did not find expected ',' or '}'");
    }
    if info.contains("expected node content") {
        return ("did not find expected node content".into(), problem);
    }
    if info.contains("tab") || info.contains("cannot start any token") || info.contains("unexpected character") {
        return scanner("found character that cannot start any token");
    }
    if info.contains("end of stream") {
        return scanner("found unexpected end of stream");
    }
    if info.contains("expected ':'") {
        return scanner("could not find expected ':'");
    }
    scanner(tail)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, core: bool) -> Result<Value, String> {
    let word = tag.and_then(|t| t.core_suffix());
    if word == Some("str") || (style != ScalarStyle::Plain && word.is_none()) || tag.is_some_and(|t| t.suffix() == "!")
    {
        return Ok(Value::String(text.to_owned()));
    }
    Ok(match resolve(text) {
        Scalar::Null => Value::Null,
        Scalar::Bool(_) if core && !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => {
            Value::String(text.to_owned())
        }
        Scalar::Bool(b) => Value::Bool(b),
        Scalar::Number(n) => n,
        Scalar::NotFinite(name) => return Err(format!("json: unsupported value: {name}")),
        Scalar::Timestamp | Scalar::Merge | Scalar::Text => Value::String(text.to_owned()),
    })
}

/// A key as JSON writes it.
fn key_text(key: &Value, line: u32) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text.clone()),
        Value::Number(n) => Ok(n.to_string()),
        Value::Bool(b) => Ok(b.to_string()),
        Value::Null => Ok("null".into()),
        Value::Array(_) | Value::Object(_) => Err(format!("yaml: line {line}: invalid map key")),
    }
}

fn merge_into(map: &mut Map<String, Value>, value: Value) -> Result<(), String> {
    match value {
        Value::Object(other) => map.extend(other),
        Value::Array(items) => {
            for item in items.into_iter().rev() {
                let Value::Object(other) = item else {
                    return Err("yaml: map merge requires map or sequence of maps as the value".into());
                };
                map.extend(other);
            }
        }
        _ => return Err("yaml: map merge requires map or sequence of maps as the value".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_reads_as_kubectl_reads_it() {
        let text = "a: &x {b: 0644, c: \"no\"}\nd: *x\ne:\n  <<: *x\n  c: yes\nf: [1, ~, 'q']\n1: |\n  t\n";
        let expected = json!({"a": {"b": 420, "c": "no"}, "d": {"b": 420, "c": "no"}, "e": {"b": 420, "c": true}, "f": [1, null, "q"], "1": "t\n"});
        assert_eq!(read(text), Ok(expected));
        assert_eq!(read(""), Ok(Value::Null));
        assert_eq!(read("# nothing\n"), Ok(Value::Null));
    }

    #[test]
    fn faults_are_told_in_libyamls_words() {
        let table = [
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("a:\n\tb: c\n", "yaml: line 2: found character that cannot start any token"),
            ("a: \"x\n", "yaml: line 2: found unexpected end of stream"),
            ("a: *x\n", "yaml: unknown anchor 'x' referenced"),
            ("a: [1, 2\nb: 3\n", "yaml: line 1: did not find expected ',' or ']'"),
            ("foo: [\n", "yaml: line 1: did not find expected node content"),
            ("a: b\n c: d\n", "yaml: line 2: mapping values are not allowed in this context"),
            ("a: %x\n", "yaml: found character that cannot start any token"),
            ("a: @x\n", "yaml: found character that cannot start any token"),
            ("a:\n  - b\n c: d\n", "yaml: line 2: did not find expected key"),
            (
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n foo: [\n",
                "yaml: line 4: did not find expected key",
            ),
            ("a: .inf\n", "json: unsupported value: +Inf"),
        ];
        let wrong: Vec<_> = table
            .into_iter()
            .map(|(text, expected)| (text, read(text), expected))
            .filter(|(_, found, expected)| found.as_ref().err().map(String::as_str) != Some(*expected))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let refs = vec![format!("*a{}", i - 1); 9].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{refs}]\n"));
        }
        assert_eq!(read(&bomb), Err("yaml: document contains excessive aliasing".into()));
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
