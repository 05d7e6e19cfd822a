//! JSONPath templates: `{range .items[*]}{.metadata.name}{"\n"}{end}`.
//!
//! Models `k8s.io/client-go/util/jsonpath`: fields, `['a','b']`, `[*]`, `[1:3]`, `[?(@.x=="y")]`, `..`, text, ranges.

mod eval;

use std::cmp::Ordering;

use serde_json::Value;

use self::eval::Eval;
use super::go_json::compact;

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    text: String,
    nodes: Vec<Node>,
    strict: bool,
}

impl Template {
    /// The same, but a field that is not there is an error.
    pub fn strict(self, strict: bool) -> Template {
        Template { strict, ..self }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Node {
    Text(String),
    Path(Vec<Step>),
    Range(Vec<Step>, Vec<Node>),
    /// A word where a path should be; upstream refuses it when it comes to it.
    Identifier(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    Field(String),
    Wildcard,
    Recursive,
    Index(i64),
    Slice(Option<i64>, Option<i64>, i64),
    Union(Vec<Vec<Step>>),
    Filter(Operand, Option<(String, Operand)>),
    Root,
    Here,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Operand {
    Path(Vec<Step>),
    Text(String),
    Number(String),
    Bool(bool),
}

/// Parses a template.
pub fn parse(text: &str) -> Result<Template, String> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0 };
    let nodes = parser.nodes(false)?;
    Ok(Template { text: text.to_owned(), nodes, strict: false })
}

/// Parses the path of a `--sort-by` or a custom column, where braces and the first dot may be left out.
pub fn parse_path(text: &str) -> Result<Template, String> {
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    if inner.contains(['{', '}']) || inner.is_empty() {
        let forms = "'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'";
        return Err(format!("unexpected path string, expected a {forms}"));
    }
    parse(&relax(text))
}

fn relax(text: &str) -> String {
    // `{metadata.name}` is taken for `{.metadata.name}` where templates are relaxed.
    let inner = text.strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let text = inner.filter(|inner| !inner.contains(['{', '}'])).unwrap_or(text);
    if text.contains('{') {
        return text.to_owned();
    }
    match text.strip_prefix('.').or_else(|| text.strip_prefix('$')) {
        Some(_) => format!("{{{text}}}"),
        None if text.starts_with('[') => format!("{{{text}}}"),
        None => format!("{{.{text}}}"),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn rest_starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c))
    }

    fn nodes(&mut self, in_range: bool) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            if c != '{' {
                text.push(c);
                continue;
            }
            if !text.is_empty() {
                nodes.push(Node::Text(std::mem::take(&mut text)));
            }
            if self.action(&mut nodes, in_range)? {
                return Ok(nodes);
            }
        }
        // A range without an end goes on to the end of the template.
        if !text.is_empty() {
            nodes.push(Node::Text(text));
        }
        Ok(nodes)
    }

    /// What stands in one pair of braces; true at `{end}`.
    fn action(&mut self, nodes: &mut Vec<Node>, in_range: bool) -> Result<bool, String> {
        self.spaces();
        if self.rest_starts("range ") {
            self.at += 6;
            self.spaces();
            let path = self.path()?;
            self.close()?;
            let body = self.nodes(true)?;
            nodes.push(Node::Range(path, body));
            return Ok(false);
        }
        if self.rest_starts("end") {
            self.at += 3;
            self.close()?;
            return if in_range { Ok(true) } else { Err("not in range, nothing to end".into()) };
        }
        loop {
            self.spaces();
            match self.peek() {
                Some('}') => break,
                Some(quote @ ('"' | '\'')) => {
                    let text = self.quoted(quote)?;
                    nodes.push(Node::Text(text));
                }
                Some(c) if c.is_alphabetic() || c == '_' => {
                    let word =
                        |c: &char| !matches!(c, '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}') && !c.is_whitespace();
                    let name: String = self.chars[self.at..].iter().copied().take_while(word).collect();
                    self.at += name.chars().count();
                    nodes.push(Node::Identifier(name));
                    if matches!(self.peek(), Some('.' | '[')) {
                        self.path()?;
                    }
                }
                Some(_) => {
                    let path = self.path()?;
                    nodes.push(Node::Path(path));
                }
                None => return Err("unclosed action".into()),
            }
        }
        self.close()?;
        Ok(false)
    }

    fn spaces(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn close(&mut self) -> Result<(), String> {
        self.spaces();
        match self.peek() {
            Some('}') => {
                self.at += 1;
                Ok(())
            }
            Some(c) => Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32)),
            None => Err("unclosed action".into()),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                '\\' => {
                    let next = self.peek().ok_or("unterminated quoted string")?;
                    self.at += 1;
                    match next {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        other => text.push(other),
                    }
                }
                c if c == quote => return Ok(text),
                c => text.push(c),
            }
        }
        Err("unterminated quoted string".into())
    }

    fn path(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        let start = self.at;
        loop {
            match self.peek() {
                Some('$') if self.at == start => {
                    self.at += 1;
                    steps.push(Step::Root);
                }
                Some('@') if self.at == start => {
                    self.at += 1;
                    steps.push(Step::Here);
                }
                Some('.') if self.rest_starts("..") => {
                    self.at += 2;
                    steps.push(Step::Recursive);
                    self.field(&mut steps);
                }
                Some('.') => {
                    self.at += 1;
                    self.field(&mut steps);
                }
                Some('[') => {
                    self.at += 1;
                    steps.extend(self.bracket()?);
                }
                Some(c) if self.at == start && (c.is_alphanumeric() || c == '_' || c == '*') => self.field(&mut steps),
                Some(c) if self.at == start => {
                    return Err(format!("unrecognized character in action: U+{:04X} '{c}'", c as u32));
                }
                _ => return Ok(steps),
            }
        }
    }

    fn field(&mut self, steps: &mut Vec<Step>) {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\\' => {
                    self.at += 1;
                    name.extend(self.peek());
                }
                '.' | '[' | ']' | '}' | ' ' | '\t' | '\n' | ')' | '(' | '=' | '!' | '<' | '>' | ',' | '|' | '&'
                | '{' => break,
                c => name.push(c),
            }
            self.at += 1;
        }
        match name.as_str() {
            "" => {}
            "*" => steps.push(Step::Wildcard),
            _ => steps.push(Step::Field(name)),
        }
    }

    /// What stands after an opening bracket, to the first one that closes.
    fn bracket(&mut self) -> Result<Vec<Step>, String> {
        if self.rest_starts("?(") {
            self.at += 2;
            return Ok(vec![self.filter()?]);
        }
        let body: String = self.chars[self.at..].iter().take_while(|c| !matches!(c, ']' | '\n')).collect();
        self.at += body.chars().count() + 1;
        if self.chars.get(self.at - 1) != Some(&']') {
            return Err("unterminated array".into());
        }
        bracket_steps(&body)
    }

    fn filter(&mut self) -> Result<Step, String> {
        let left = self.operand()?;
        self.spaces();
        let mut test = None;
        if self.peek() != Some(')') {
            let mut sign = String::new();
            while let Some(c) = self.peek().filter(|c| "=!<>".contains(*c)) {
                sign.push(c);
                self.at += 1;
            }
            if !["==", "!=", "<", ">", "<=", ">="].contains(&sign.as_str()) {
                return Err(format!("unrecognized filter operator {sign}"));
            }
            test = Some((sign, self.operand()?));
            self.spaces();
        }
        if !self.rest_starts(")]") {
            return Err("unterminated filter".into());
        }
        self.at += 2;
        Ok(Step::Filter(left, test))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.spaces();
        match self.peek() {
            Some(quote @ ('"' | '\'')) => Ok(Operand::Text(self.quoted(quote)?)),
            Some('@' | '.' | '$') => Ok(Operand::Path(self.path()?)),
            Some(_) => {
                let mut word = String::new();
                while let Some(c) = self.peek().filter(|c| !" )=!<>".contains(*c)) {
                    word.push(c);
                    self.at += 1;
                }
                match word.as_str() {
                    "true" => Ok(Operand::Bool(true)),
                    "false" => Ok(Operand::Bool(false)),
                    _ if word.parse::<f64>().is_ok() => Ok(Operand::Number(word)),
                    _ => Err(format!("cannot parse filter operand {word}")),
                }
            }
            None => Err("unterminated filter".into()),
        }
    }
}

/// An index, a slice, a name between single quotes (which may be a path), or several of these with commas.
fn bracket_steps(body: &str) -> Result<Vec<Step>, String> {
    let invalid = || format!("invalid array index {body}");
    if body.contains(',') {
        let parts: Result<_, _> = body.split(',').map(|part| bracket_steps(part.trim_matches(' '))).collect();
        return Ok(vec![Step::Union(parts?)]);
    }
    if let Some(name) = body.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        if name.contains('\'') {
            return Err(invalid());
        }
        let mut parser = Parser { chars: format!(".{name}").chars().collect(), at: 0 };
        let steps = parser.path()?;
        let rest: String = parser.chars[parser.at..].iter().collect();
        return if rest.is_empty() { Ok(steps) } else { Err(format!("unrecognized identifier {}", rest.trim_start())) };
    }
    Ok(vec![match body {
        "" => Step::Slice(None, None, 1),
        "*" => Step::Wildcard,
        _ if body.contains(':') => {
            let bounds: Vec<&str> = body.split(':').collect();
            let bound = |i: usize| match bounds.get(i) {
                None | Some(&"") => Ok(None),
                Some(n) => n.parse::<i64>().map(Some).map_err(|_| invalid()),
            };
            Step::Slice(bound(0)?, bound(1)?, bound(2)?.unwrap_or(1))
        }
        _ => Step::Index(body.parse().map_err(|_| invalid())?),
    }])
}

/// All values that the paths of a template find, in order. A missing field is skipped, unless the template is strict.
///
/// # Errors
/// Upstream's words: an index that the list does not have, a field that is not there.
pub fn values(template: &Template, root: &Value) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    let eval = Eval { root, strict: template.strict };
    eval.collect(&template.nodes, root, &mut found)?;
    Ok(found)
}

/// The text of a template for a value, as `client-go/util/jsonpath` makes it.
///
/// # Errors
/// Upstream's words: `unrecognized identifier hello`.
pub fn execute(template: &Template, root: &Value) -> Result<String, String> {
    let mut out = String::new();
    let eval = Eval { root, strict: template.strict };
    eval.render(&template.nodes, root, &mut out)?;
    Ok(out)
}

/// The same as kubectl prints it.
///
/// # Errors
/// Upstream's words, with the template and the object for whoever looks for the mistake.
pub fn print(template: &Template, root: &Value) -> Result<String, String> {
    execute(template, root).map_err(|why| {
        format!(
            "error executing jsonpath {:?}: Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n\n",
            template.text,
            template.text,
            go_syntax(root),
        )
    })
}

/// A value as Go's `%#v` prints it.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".into(),
        Value::String(text) => format!("{text:?}"),
        Value::Array(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(key, value)| format!("{key:?}:{}", go_syntax(value))).collect();
            format!("map[string]interface {{}}{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

fn unrecognized(name: &str) -> String {
    format!("unrecognized identifier {name}")
}

/// A found value as text: strings bare, collections as JSON.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => compact(other),
    }
}

/// The order of two scalars of one type.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => match (x.as_i64(), y.as_i64()) {
            (Some(x), Some(y)) => Some(x.cmp(&y)),
            _ => x.as_f64()?.partial_cmp(&y.as_f64()?),
        },
        (Value::String(x), Value::String(y)) => Some(x.cmp(y)),
        (Value::Bool(x), Value::Bool(y)) => Some(x.cmp(y)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(template: &str, expected: &str) {
        let value = json!({"items": [
            {"metadata": {"name": "a", "labels": {"app.io/x": "1"}}, "n": 1, "ok": true},
            {"metadata": {"name": "b"}, "n": 2},
        ]});
        let parsed = parse(template).unwrap();
        assert_eq!(print(&parsed, &value).unwrap(), expected, "{template}");
    }

    #[test]
    fn templates_print_what_upstream_prints() {
        check("{.items[*].metadata.name}", "a b");
        check("{range .items[*]}{.metadata.name}{\"\\n\"}{end}", "a\nb\n");
        check("{.items[0].metadata.labels.app\\.io/x}", "1");
        check("{.items[?(@.n==2)].metadata.name}", "b");
        check("{.items[?(@.metadata.name!=\"b\")].n}", "1");
        check("{.items[-1:].metadata.name}", "b");
        check("{.items[0].metadata['name','labels']}", "a {\"app.io/x\":\"1\"}");
        check("{.items[0]['metadata.name','n']} {.items[1]['metadata.name']}", "a 1 b");
        check("{.items[0].metadata.labels['app\\.io/x']}", "1");
        check("{.items[0,1].n}", "1 2");
        check("{..name}", "a b");
        check("n={.items[0].n} {.items[0].nope}.", "n=1 .");
        check("{.items[?(@.ok)].metadata.name}", "a");
    }

    #[test]
    fn what_stands_in_brackets_ends_with_the_first_one() {
        for (template, words) in [
            ("{['a[0].b','c']}", "invalid array index 'a[0"),
            ("{[\"a\"]}", "invalid array index \"a\""),
            ("{.a['b,c']}", "invalid array index 'b"),
            ("{.a[ 0 ]}", "invalid array index  0 "),
            ("{.a[0", "unterminated array"),
        ] {
            assert_eq!(parse(template).unwrap_err(), words, "{template}");
        }
    }
}
